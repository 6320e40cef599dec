#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/data/ratings.h"
#include "train/context_levels.h"

namespace lowrank {

/// Where ratings of one level are of the same user or the same item, which makes the normal equations of vectors of levels cheap. With the
/// regressor p + q of a rating and weights w, and y = W p / 2 + sum of w q over the ratings of a user in the level, of which W is the
/// weight,
///
///     sum of w (p + q)(p + q)^T  =  sum over users of (p y^T + y p^T)  +  sum over items of W q q^T
///
/// with an outer product for every run of a user's ratings and every item, rather than for every rating.
struct LevelRuns {
  std::vector<std::size_t> offsets;       ///< levels + 1 positions in `starts`
  std::vector<std::uint32_t> starts;      ///< of each run, a position in LevelTable::places; and the end
  std::vector<std::size_t> item_offsets;  ///< levels + 1 positions in `items`
  std::vector<std::uint32_t> items;       ///< those with ratings in each level
  std::vector<double> item_weights;       ///< W of each

  /// Whether runs and items are so many that an outer product for every rating is as cheap; there is nothing else here then.
  [[nodiscard]] bool empty() const noexcept { return offsets.empty(); }
};

/// \param table  grouped \param users  of the ratings, in their order. O(n + levels + items)
LevelRuns runs_of(const LevelTable& table, const Ratings& ratings, std::span<const std::uint32_t> users);

}  // namespace lowrank
