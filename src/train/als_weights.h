#pragma once

#include <algorithm>

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/train/als.h"
#include "train/bias_damping.h"
#include "train/context.h"
#include "train/units.h"

namespace lowrank {

/// The weights of the loss, in the units of training.
struct AlsWeights {
  double factors = 0;  ///< of a row, times its number of ratings where `per_rating`
  double prior = 0;    ///< added to that number
  bool per_rating = true;
  double least = 0;  ///< of a row: what keeps its equations solvable without regularisation
  bool bias_as_factors = false;
  BiasDamping bias;  ///< else

  /// \param ratings  the weights of the row's ratings, added up
  [[nodiscard]] double row(double ratings) const { return std::max(least, per_rating ? factors * (ratings + prior) : factors); }
  /// Added to the damping of a bias per rating of its row, where rows have features: what these let expect is then fitted to rows with many
  /// ratings rather than to as many that have few, as ratings of new rows will be.
  [[nodiscard]] double bias_per_rating(bool features) const { return features && per_rating && !bias_as_factors ? factors : 0; }
};

/// What alternating least squares begins with.
struct AlsStart {
  Units units;
  AlsWeights weights;
  LeastSquares fold_in;  ///< the weights in rating units: factors are in units of the root of the scale, a bias in units of the scale
};

/// \param options  what they leave open is settled \param[in,out] frame  learns the range of its ratings, and whether it has biases
AlsStart begin_als(const Als& options, const Ratings& ratings, Model& frame, const TrainContext& context, Workers& workers);

}  // namespace lowrank
