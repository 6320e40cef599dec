#pragma once

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/data/situations.h"
#include "lowrank/model/model.h"

namespace lowrank {

/// Root of the mean squared error of predict() over the ratings that a model was trained on, each by its weight. The same for any number of
/// threads. O(n rank) \param situations  of the ratings; null for none
double training_rmse(const Model& model, const Ratings& ratings, Workers& workers, const Situations* situations = nullptr);

}  // namespace lowrank
