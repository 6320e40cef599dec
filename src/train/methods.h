#pragma once

#include "lowrank/train/train.h"

namespace lowrank {

/// \name What each method implements, one overload a method
/// \param ratings  at least one. \param frame  a model with everything that no method decides: shapes, zero rows, numbers of ratings.
/// \{
Trained train_method(Ratings ratings, const Sgd& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context);
/// \}

}  // namespace lowrank
