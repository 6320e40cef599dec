#pragma once

/// \file
/// Several models on one test: their figures, their differences, and whether chance explains them. See docs/comparing.md.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/evaluate/user_figures.h"
#include "lowrank/model/model.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Options of a comparison.
struct CompareOptions {
  std::vector<std::size_t> tops = {};       ///< lengths of lists to compare, each at least 1; none: ratings only
  std::optional<float> relevant_from = {};  ///< lowest rating of a relevant item, only together with `tops`; default: all are relevant
  IntervalOptions intervals = {};           ///< of figures and differences; its `threads` counts for everything
  std::size_t permutations = 10000;         ///< draws of the permutation test, at least 1
};

/// \throws OptionError for options that are out of range, or not read
void check_comparison(const CompareOptions& options);

/// One figure of one model.
struct ComparedFigure {
  double value = 0;
  std::optional<Interval> interval;  ///< as intervals() gives it; nothing with fewer than two users
  friend bool operator==(const ComparedFigure&, const ComparedFigure&) = default;
};

/// One figure of a model compared with that of the first model.
struct Difference {
  double value = 0;                  ///< figure of the model - figure of the first
  std::optional<Interval> interval;  ///< paired: each draw takes the same users of both models; nothing with fewer than two users
  /// Probability of a difference at least as great in size if it were chance which of the two models a user's figures come from: the share
  /// of draws in which they are exchanged for a random half of the users (sign flips), (1 + draws at least as great) / (1 + draws).
  double p = 1;
  double p_holm = 1;  ///< `p` after Holm's correction (1979) over all metrics and models of the comparison
  double better = 0;  ///< share of users whose own figure is better than with the first model
  double worse = 0;   ///< share of users whose own figure is worse; the rest are equal
  friend bool operator==(const Difference&, const Difference&) = default;
};

/// One metric of all models.
struct ComparedMetric {
  std::string name;  ///< `rmse`, `mae`, or METRIC@K
  bool higher_is_better = false;
  std::size_t users = 0;                     ///< users that the metric is of
  std::vector<ComparedFigure> models = {};   ///< one per model
  std::vector<Difference> differences = {};  ///< one per model after the first
  friend bool operator==(const ComparedMetric&, const ComparedMetric&) = default;
};

/// Scores `models` on the same test, and compares each with the first.
///
/// Ids are matched by name: the models may have different users and items. `rmse` and `mae` are compared if every model predicts ratings
/// and the test has them; unknown ids are predicted as by score_ratings(). Lists are compared as RankingTest compares them, with the same
/// relevant items for every model: an item that a user has in the training data of ANY of the models is neither relevant nor in a list, so
/// that no model is rewarded or punished for what another was trained on. Each model lists the items that it knows itself; a relevant item
/// that it does not know counts as missed. Models of the same training data have exactly the figures and intervals that they have alone.
///
/// \param models  at least two, none null
/// \param test    pairs numbered in the vocabularies of the first model, with values unless `tops` are given
/// \return `rmse` and `mae`, then each metric of lists at each length. The same bytes on any number of threads
/// \throws DataError for fewer than two models, no pairs or no relevant item; OptionError as check_comparison(), and without `tops` if a
///         model does not predict ratings. O(permutations * users * figures) besides the cost of the scores
std::vector<ComparedMetric> compare(std::span<const Model* const> models, const Pairs& test, const CompareOptions& options = {});

/// The comparison of figures that are known already. \param tests  one per model; of the same users with the same weights
/// \throws DataError if they are not
std::vector<ComparedMetric> compare(std::span<const UserFigures> tests, const CompareOptions& options = {});

/// Corrects p values for their number (Holm: A simple sequentially rejective multiple test procedure, 1979): the n-th smallest of m is
/// multiplied by m - n + 1, limited to 1 and to at least the one before it. O(m log m)
std::vector<double> holm(std::span<const double> p);

}  // namespace lowrank
