#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/model/fold_in.h"
#include "lowrank/model/model.h"
#include "lowrank/train/implicit.h"

namespace lowrank {

/// \file
/// The weights of the loss of implicit feedback, which the methods that minimise it share: see Implicit.

/// The options with nothing left open. \param frame  with the numbers of ratings
Implicit settle_implicit(Implicit options, const Ratings& ratings, const Model& frame);

/// How a new row is solved. \param options  settled
WeightedLeastSquares implicit_fold_in(const Implicit& options, const Model& frame);

/// Of every row of a side, its factor of the unobserved weight. \param counts  ratings of each row
std::vector<double> unobserved_factors(double exponent, std::span<const std::uint32_t> counts);

/// The ridges of the rows of a side. \param options  settled \param own, other  unobserved_factors() of both sides
std::vector<double> implicit_ridges(const Implicit& options, std::span<const std::uint32_t> counts, std::span<const double> own,
                                    std::span<const double> other);

/// The weights of observed cells.
class ObservedWeights {
 public:
  /// \param options  settled
  ObservedWeights(const Implicit& options, std::span<const std::uint32_t> item_counts);

  /// \param weights  of the ratings, by position; empty for ones
  [[nodiscard]] double operator()(std::size_t item, float rating, std::span<const float> weights, std::size_t position) const {
    const double weight = (observed_weight_ + alpha_ * std::abs(static_cast<double>(rating))) * items_[item];
    return weights.empty() ? weight : weight * static_cast<double>(weights[position]);
  }

 private:
  double observed_weight_;
  double alpha_;
  std::vector<double> items_;  ///< of every item, what the weights of its observed cells are multiplied by
};

}  // namespace lowrank
