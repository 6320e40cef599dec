#pragma once

#include <memory>

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/train/bayes.h"
#include "train/context.h"
#include "train/epoch_loop.h"

namespace lowrank {

/// The chain of Bayes, whose epochs are sweeps. save_state() has all of its state: a learner of the same ratings and options that loads it
/// after sweep n and runs the sweeps n + 1, n + 2 ... stores the models that the first one would, byte for byte, with any number of
/// threads. \param ratings  at least one \param[in,out] frame  with the numbers of ratings of users and items; gets what a model has of the
/// ratings besides rows and biases \param context, workers  must outlive the learner
std::unique_ptr<EpochLearner> bayes_learner(Ratings ratings, const Bayes& options, Model& frame, const TrainContext& context,
                                            Workers& workers);

}  // namespace lowrank
