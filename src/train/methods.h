#pragma once

#include "lowrank/train/train.h"

namespace lowrank {

/// \name What each method implements, one overload a method
/// \param ratings  at least one. \param frame  a model with what no method decides: the numbers of ratings of users and items, the record.
/// \{
Trained train_method(Ratings ratings, const Sgd& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context);
Trained train_method(Ratings ratings, const Als& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context);
Trained train_method(Ratings ratings, const Implicit& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context);
Trained train_method(Ratings ratings, const Popular& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context);
Trained train_method(Ratings ratings, const Baseline& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context);
Trained train_method(Ratings ratings, const Nmf& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context);
/// \}

}  // namespace lowrank
