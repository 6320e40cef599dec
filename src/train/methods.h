#pragma once

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/train/context.h"
#include "lowrank/train/observer.h"
#include "lowrank/train/trained.h"
#include "lowrank/train/validation.h"

namespace lowrank {

/// Trains by one method; each method's source specialises it for its options struct.
/// \param ratings  at least one
/// \param frame    a model with what no method decides: the numbers of ratings of users and items, the record
template <class Options>
Trained train_method(Ratings ratings, const Options& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context);

}  // namespace lowrank
