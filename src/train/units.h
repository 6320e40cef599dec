#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "train/context.h"

namespace lowrank {

/// The scale-free units of training: value' = (value - mean) / scale. One set of defaults then serves stars, percentages and -10..10 alike.
struct Units {
  double mean = 0;   ///< 0 without biases
  double scale = 1;  ///< standard deviation of the ratings, without biases their root mean square; 1 where that is 0

  [[nodiscard]] float to_training(float value) const { return static_cast<float>((static_cast<double>(value) - mean) / scale); }
};

/// Mean, extent and spread of ratings.
struct RatingMoments {
  double mean = 0;
  double standard_deviation = 0;
  double root_mean_square = 0;
  double weight = 0;  ///< of all ratings: their number where they have no weights
  float least = 0;
  float most = 0;
};

/// In double, in a fixed order, each rating by its weight: does not depend on the number of threads. \param ratings at least one. O(n)
RatingMoments moments_of(const Ratings& ratings, Workers& workers);

/// Gives `frame` the mean and the range of the ratings, or the range that was asked for.
void set_range(Model& frame, const RatingMoments& moments, const TrainContext& context);

/// A bias as a model keeps it: of ratings near the greatest float it may be beyond that.
float to_bias(double bias);

/// Units for a model with or without biases.
Units training_units(const RatingMoments& moments, bool biases);

/// \name The one way between training and a model
/// A factor of training is in units of the root of the scale, a bias in units of the scale.
/// \{

/// Makes a row of training, float or double, row `row` of `side`.
template <class Number>
void row_to_model(const Units& units, std::span<const Number> factors, Number bias, Side& side, std::size_t row) {
  const auto scale = static_cast<Number>(std::sqrt(units.scale));
  std::ranges::transform(factors, side.factors.row(row).begin(), [scale](Number x) { return static_cast<float>(x * scale); });
  side.biases[row] = to_bias(static_cast<double>(bias) * units.scale);
}

/// Makes row `row` of `side` a row of training, without its bias.
template <class Number>
void factors_from_model(const Units& units, const Side& side, std::size_t row, std::span<Number> factors) {
  const auto scale = static_cast<Number>(1 / std::sqrt(units.scale));
  std::ranges::transform(side.factors.row(row), factors.begin(), [scale](float x) { return static_cast<Number>(x) * scale; });
}
/// The bias of row `row` of `side` in training. \param shift  by how much the side's biases rise where the model's mean falls to training's
double bias_from_model(const Units& units, const Side& side, std::size_t row, double shift);
/// \}

}  // namespace lowrank
