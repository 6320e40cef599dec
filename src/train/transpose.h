#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "lowrank/data/page_array.h"
#include "lowrank/data/ratings.h"

namespace lowrank {

/// Ratings grouped by item, each item's in ascending order of user: the other view of the same cells. A rating takes 4 bytes for its user
/// and as much for its value as in Ratings (1 byte where values are coded). The values' table is that of the ratings, copied.
struct ByItem {
  /// item_count + 1 positions: the ratings of item i stand at [offsets[i], offsets[i + 1]).
  std::vector<std::size_t> offsets;
  PageArray<std::uint32_t> users;  ///< of every rating, by position
  std::vector<float> value_table;  ///< empty when values are not coded
  PageArray<std::uint8_t> codes;   ///< into value_table; empty when values are not coded
  PageArray<float> values;         ///< empty when values are coded
  PageArray<float> weights;        ///< empty when ratings have no weights

  /// The users that rated `item`, ascending.
  [[nodiscard]] std::span<const std::uint32_t> users_of(std::uint32_t item) const noexcept {
    return {users.data() + offsets[item], offsets[item + 1] - offsets[item]};
  }
  /// The value of the rating at `position`.
  [[nodiscard]] float value(std::size_t position) const noexcept {
    return value_table.empty() ? values[position] : value_table[codes[position]];
  }
};

/// The ratings by item. The same for any number of threads. O(n), and 8 bytes an item and piece of the work while it runs.
ByItem transpose(const Ratings& ratings, Workers& workers);

}  // namespace lowrank
