#pragma once

#include <functional>

#include "lowrank/train/trained.h"
#include "train/methods.h"

namespace lowrank {

/// Trains a model of rank 0 whose scores are the neighbours that `find` returns: one epoch.
/// \param find  called once, with a model that has the numbers of ratings of users and items
Trained train_neighbours(const Ratings& ratings, const std::function<Neighbours(const Model& frame)>& find, Model frame,
                         const Validation& validation, TrainingObserver& observer, const TrainContext& context);

}  // namespace lowrank
