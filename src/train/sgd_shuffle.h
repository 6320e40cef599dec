#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/sgd.h"
#include "lowrank/data/ratings.h"
#include "train/sgd_grid.h"
#include "train/units.h"

namespace lowrank {

/// The ratings of small data, or such as have weights, visited in a new random order in every epoch, as in the article. Items keep their
/// numbers.
class SgdShuffle {
 public:
  /// The most ratings without weights that are trained this way; larger data are cut into blocks.
  static constexpr std::size_t kMost = 200'000;

  SgdShuffle(const Ratings& ratings, const Units& units);

  /// One pass, rating by rating. \return the sum of weight e^2; not finite where training diverges
  double pass(const SgdTables& tables, const SgdStep& step, std::uint64_t seed, std::size_t epoch);

  /// The errors of the tables over all ratings, with predictions clipped to [least, most].
  [[nodiscard]] SgdErrors errors(const SgdTables& tables, float least, float most) const;

 private:
  std::vector<std::uint32_t> users_;
  std::vector<std::uint32_t> items_;
  std::vector<float> values_;
  std::vector<float> weights_;  ///< empty for ones
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> shuffled_users_;
  std::vector<std::uint32_t> shuffled_items_;
  std::vector<float> shuffled_values_;
  std::vector<float> shuffled_weights_;
};

}  // namespace lowrank
