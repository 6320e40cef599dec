#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "data/value_table.h"
#include "lowrank/data/page_array.h"
#include "lowrank/data/ratings.h"

namespace lowrank {

/// Ratings side by side, in the order in which they were added.
struct StagedPiece {
  std::size_t count = 0;
  const std::uint32_t* users = nullptr;
  const std::uint32_t* items = nullptr;
  const std::uint8_t* codes = nullptr;  ///< of the value table, or null:
  const float* values = nullptr;        ///< then these
  const std::int64_t* times = nullptr;  ///< null when some have none
};

/// How a rating is packed while it waits to be grouped: user within its partition, item, value, time, one after another.
struct EntryFormat {
  std::uint8_t item_bytes = 2;  ///< 2 to 4
  bool coded = true;
  bool timed = false;

  [[nodiscard]] std::size_t stride() const noexcept { return 1U + item_bytes + (coded ? 1U : 4U) + (timed ? 8U : 0U); }
  friend bool operator==(const EntryFormat&, const EntryFormat&) = default;
};

/// What grouping yields.
struct Grouped {
  Ratings ratings;
  std::size_t duplicates = 0;  ///< repeats taken out
  /// With Duplicates::error: the user and item of a pair that is there twice, the first by number. Then there are no ratings.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> repeated;
};

/// Ratings in 4 to 6 bytes each (coded, without times), cut into partitions of 256 users as they come, so that grouping works on one
/// partition after another in a core's cache and gives the memory of each back before the next: the ratings are never there twice.
class Staging {
 public:
  static constexpr unsigned kPartitionBits = 8;

  /// Adds pieces in their order. \param user_bound, item_bound  above every number in them \param piece  called once for each, by any
  /// thread \param values  what codes stand for
  void append(std::size_t pieces, std::uint32_t user_bound, std::uint32_t item_bound, const std::function<StagedPiece(std::size_t)>& piece,
              const ValueTable& values, Workers& workers);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Groups what was added; nothing is left here. The result depends on the order of what was added alone, not on its pieces or threads.
  Grouped group(std::uint32_t user_count, std::uint32_t item_count, Duplicates duplicates, const ValueTable& values, Workers& workers);

  /// Packed ratings of one partition, in their order.
  struct Block {
    std::uint8_t* data = nullptr;
    std::size_t bytes = 0;
    EntryFormat format;
    std::size_t capacity = 0;  ///< ratings
    std::size_t count = 0;
    std::size_t first = 0;  ///< ratings of the partition before this block
  };
  struct Partition {
    std::vector<Block> blocks;
    std::size_t count = 0;
  };

 private:
  void extend(Partition& partition, std::size_t count, EntryFormat format);
  std::uint8_t* take_pages(std::size_t bytes);

  std::vector<Partition> partitions_;
  std::vector<PageArray<std::uint8_t>> slabs_;
  std::size_t slab_used_ = 0;
  std::size_t size_ = 0;
  bool times_complete_ = true;
};

}  // namespace lowrank
