#pragma once

/// \file
/// Figures of a test user by user, and what they leave open: intervals by bootstrap over users. See docs/comparing.md.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace [[gnu::visibility("default")]] lowrank {

/// One figure of a test, as what each user adds to it.
struct UserFigure {
  std::string name;               ///< `rmse`, `mae`, or METRIC@K, such as `ndcg@20`
  bool higher_is_better = false;  ///< whether a greater figure is better
  bool is_root = false;           ///< whether the figure is the square root of the mean, as RMSE is
  std::vector<double> sums = {};  ///< one per user, in the order of UserFigures::users: what is averaged, summed over the user's weight
  friend bool operator==(const UserFigure&, const UserFigure&) = default;
};

/// The figures of a test, user by user. A figure is sum(sums) / sum(weights) over the users, or the square root of it. Rating metrics have
/// the user's squared or absolute errors as sums, and their number of ratings as weight; metrics of lists have the metric of the user's
/// list, and 1. Takes 8 bytes per user and figure, and 12 per user.
struct UserFigures {
  std::vector<std::uint32_t> users;  ///< distinct, ascending
  std::vector<double> weights;       ///< one per user, above 0
  std::vector<UserFigure> figures = {};

  /// The figure number `figure`, over all users. Sums are in the order of the users. O(users)
  [[nodiscard]] double value(std::size_t figure) const;
  /// The figure of one user alone. \param position  of the user in `users`
  [[nodiscard]] double value(std::size_t figure, std::size_t position) const;
  /// The position in `figures` of the figure called `name`. \throws OptionError("metric") that lists the names
  [[nodiscard]] std::size_t find(std::string_view name) const;

  friend bool operator==(const UserFigures&, const UserFigures&) = default;
};

/// Several tests as one, for example the folds of a cross-validation: sums and weights of a user who is in several are added, in the order
/// of `tests`. \param tests  at least one; their users are numbered in one vocabulary, and their figures have the same names in the same
/// order. \throws DataError if they do not. O(n log n) for n users in all
UserFigures pooled(std::span<const UserFigures> tests);

/// The ends of an interval; low <= high.
struct Interval {
  double low = 0;
  double high = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// Options of intervals.
struct IntervalOptions {
  double level = 0.95;       ///< share of the draws that lie within the interval, above 0 and below 1
  std::size_t draws = 1000;  ///< resamples of the users, at least 1
  std::uint64_t seed = 1;    ///< seed of the draws
  int threads = 0;           ///< 0 for all; no influence on the result
};

/// \throws OptionError("interval") for a level that is not above 0 and below 1, OptionError("draws") for 0 draws
void check_interval(const IntervalOptions& options);

/// An interval for every figure, by percentile bootstrap (Efron 1979) over users: the users are drawn with replacement, all ratings or
/// lists of a user together, because they are not independent of each other. The ends are quantiles of the figures of the draws, with
/// linear interpolation, as scipy.stats.bootstrap(method="percentile") takes them. Draw n is the same for every figure, and depends on
/// `seed`, n and the number of users alone. \return one interval per figure; empty if there are fewer than two users, who tell nothing
/// about others \throws as check_interval(). O(draws * users * figures), about 40 ms for 6,000 users on one core
std::vector<Interval> intervals(const UserFigures& figures, const IntervalOptions& options = {});

}  // namespace lowrank
