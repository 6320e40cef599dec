#pragma once

#include <string>

#include "lowrank/train/train.h"
#include "train/context.h"

namespace lowrank {

/// The part of train() that learns. The model lacks what is known without learning: see complete().
Trained train_ratings(Ratings ratings, const Method& method, const Validation& validation = {},
                      TrainingObserver& observer = TrainingObserver::silent(), const TrainContext& context = {});

/// Checks what holds for every method: the range of predictions, which only a method that predicts ratings has.
/// \param starts  whether there is a model to start from. \throws OptionError
void check_settings(const Method& method, const TrainSettings& settings, bool starts);

/// The values of ratings that a model keeps: what was asked for, or more where its scores or its fold-in read more.
HistoryValues values_to_keep(const Method& method, HistoryValues asked);

/// Checks that the method reads weights of ratings. \throws OptionError naming `option`
void check_weights(const Method& method, const std::string& option);

/// Adds to a model what train_ratings() does not know, and the training error to its record.
/// \param data_fingerprint  of the ratings trained on
void complete(Trained& trained, Vocabulary users, Vocabulary items, History history, std::string data_fingerprint);

}  // namespace lowrank
