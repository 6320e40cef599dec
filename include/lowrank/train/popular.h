#pragma once

/// \file
/// Items by how many people rated them: the yardstick of every ranking.

#include <cstdint>
#include <string_view>

namespace [[gnu::visibility("default")]] lowrank {

/// Options of the popularity order. The model has rank 0 and no mean; an item's bias is the number of its training ratings, so that
///
///     score(u, i) = ratings of i,  whoever u is
///
/// known or not; an item without a rating scores 0. A rating of 0 or below does not count; all others count alike. The model predicts no
/// ratings, so it has no RMSE. It is learned in one epoch, and --init has nothing to give it. Numbers above 2^24 are rounded to float.
struct Popular {
  static constexpr std::string_view kName = "popular";
  static constexpr std::string_view kSummary = "items by their number of ratings";
  static constexpr std::string_view kClassName = "Popular";
  static constexpr std::string_view kReference =
      "Cremonesi, Koren and Turrin, Performance of recommender algorithms on top-n recommendation tasks, RecSys 2010.";

  std::uint64_t seed = 1;  ///< seed of a holdout; training draws nothing

  /// Counts are not ratings.
  [[nodiscard]] static constexpr bool predicts_ratings() { return false; }
};

}  // namespace lowrank
