#pragma once

/// \file
/// Whether the intervals of predicted ratings hold what they say.

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"

namespace [[gnu::visibility("default")]] lowrank {

/// How well a model knows how far ratings lie from its predictions.
struct Calibration {
  /// The levels of intervals that are looked at.
  static constexpr std::array<double, 4> kLevels = {0.5, 0.8, 0.9, 0.95};
  /// Share of the ratings within the interval of each level, ends included.
  std::array<double, 4> coverage{};
  /// Mean of the continuous ranked probability score (Gneiting and Raftery 2007), in the unit of the ratings: the integral over x of
  /// (P(rating <= x) - [rating <= x])^2, which is the absolute error where a prediction is certain. On an ordinal scale it is the ranked
  /// probability score: the sum over the steps between levels, times their lengths.
  double crps = 0;
  /// The same where every rating has the same normal distribution around its prediction, with the mean squared error of the ratings scored
  /// as variance.
  double constant_crps = 0;
};

/// Shares of the ratings of `pairs`, which are as for score_ratings(), that lie within their intervals of each level, ends included.
/// \param levels  each above 0 and below 1. \throws as calibration_of(), and OptionError("interval") for another level
std::vector<double> coverage_of(const Model& model, const Pairs& pairs, std::span<const double> levels, int threads = 0);

/// Looks at the intervals of `pairs`, which are as for score_ratings(). \throws DataError for a model without uncertainty. O(n rank)
Calibration calibration_of(const Model& model, const Pairs& pairs, int threads = 0);

/// The fewest ratings that quantiles are taken from.
inline constexpr std::size_t kLeastConformal = 99;

/// The quantiles of Uncertainty::quantiles from ratings that the model was not trained on: with n of them, quantile k is the number
/// ceil((n + 1) k / 100) of the ascending distances, in standard deviations, so that intervals hold a new rating as often as they say or
/// more, whatever the distribution (split conformal prediction; Papadopoulos et al. 2002). \throws DataError for a model without
/// uncertainty, for one with an ordinal scale, and for fewer than kLeastConformal pairs. O(n (rank + log n))
std::vector<float> conformal_quantiles(const Model& model, const Pairs& pairs, int threads = 0);

}  // namespace lowrank
