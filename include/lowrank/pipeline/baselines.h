#pragma once

/// \file
/// The simplest predictors of ratings, as models: what a factorization has to beat.

#include <cstdint>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"

namespace lowrank {

/// Which simple predictor.
enum class Baseline : std::uint8_t {
  global_mean,  ///< the mean of all training ratings, for every pair
  item_mean,    ///< the mean of the item's training ratings; the global mean for an item without any
};

/// A model of rank 0 that predicts as `kind` says, clipped to the range of `ratings`, with the numbering of `ratings` and without ids.
/// Means are summed in double, in the order of positions. \throws DataError when there are no ratings. O(n)
Model baseline_model(const Ratings& ratings, Baseline kind);

}  // namespace lowrank
