#pragma once

/// \file
/// Folds of ratings, for cross-validation.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lowrank/data/split.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Options of assign_folds().
struct FoldOptions {
  static constexpr std::uint32_t kMostFolds = 100;

  std::uint32_t folds = 5;  ///< number of folds, 2 to kMostFolds
  SplitBy by = SplitBy::random;
  std::uint64_t seed = 1;  ///< seed of the random choice. Only with SplitBy::random, user and pair
  /// Names of the options of SplitOptions that were stated. One that is not read is an error.
  std::vector<std::string> stated = {};
};

/// Folds: what each of them trains on and tests on.
///
/// With SplitBy::random, user and pair, every rating is tested in one fold and trained on in all others. With SplitBy::last and global_time
/// the origin rolls forward: fold f tests window f and trains on all windows before it, so that no fold learns from what is later than its
/// test ratings (Tashman: Out-of-sample tests of forecasting accuracy, International Journal of Forecasting 16, 2000).
struct Folds {
  std::uint32_t count = 0;
  bool rolls = false;                  ///< whether a fold trains only on the windows before its own
  std::vector<std::uint16_t> windows;  ///< the fold that tests each rating, 1 to count; 0 for a rating that only trains
  std::vector<std::int64_t> moments;   ///< with SplitBy::global_time: the first moment of each fold's test ratings

  /// Whether the rating at `position` is a test rating of fold `fold`, 1 to count.
  [[nodiscard]] bool tests(std::size_t position, std::uint32_t fold) const noexcept { return windows[position] == fold; }
  /// Whether it is a training rating of that fold.
  [[nodiscard]] bool trains(std::size_t position, std::uint32_t fold) const noexcept { return trains_on(windows[position], fold); }
  /// Whether the ratings of a window are training ratings of a fold.
  [[nodiscard]] bool trains_on(std::uint32_t window, std::uint32_t fold) const noexcept { return rolls ? window < fold : window != fold; }
};

/// The options of folds from those of a split: what is stated there is not read here, but for `by` and `seed`.
FoldOptions fold_options(const SplitOptions& split, std::uint32_t folds);

/// Checks the values of the options, and that those that are stated are read. \throws OptionError
void check_folds(const FoldOptions& options);

/// Divides ratings into K folds.
///
/// - `random`: the sizes of folds differ by at most one, and every such division is equally likely.
/// - `user`: the same of the ratings of each user as well.
/// - `pair`: as `random`, of the pairs of a user and an item rather than the ratings; all ratings of a pair are in one fold.
/// - `last`: the last fold tests the latest rating of each user, the one before it the second latest, and so on. The earliest rating of a
///   user is never tested.
/// - `global_time`: K + 1 windows of time with numbers of ratings as equal as moments allow, of which the first only trains. The sizes are
///   those of scikit-learn's TimeSeriesSplit: floor(n / (K + 1)) per test window.
///
/// \param users, times, items  as in assign_parts(). \throws OptionError as check_folds(), DataError as assign_parts(), and where a fold
/// would have nothing to test or nothing to train on. O(n log n)
Folds assign_folds(std::span<const std::uint32_t> users, std::span<const std::int64_t> times, const FoldOptions& options,
                   std::span<const std::uint32_t> items = {});

}  // namespace lowrank
