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

/// Whether all ratings that the method takes are alike to it.
bool ignores_values(const Method& method);
/// Whether the method takes a rating of this value for one.
bool takes_rating(const Method& method, float value);

/// Checks that the method reads weights of ratings. \throws OptionError naming `option`
void check_weights(const Method& method, const std::string& option);

/// Checks that features fit the method and the rows of the data, where there are any. \throws OptionError naming user_features or
/// item_features, DataError for features that are not sound
void check_features(const Method& method, const Features* users, std::uint32_t user_count, const Features* items, std::uint32_t item_count);

/// \throws OptionError("contexts") for contexts of ratings that the method does not read
void check_reads_contexts(const Method& method, const Situations& situations);

/// Adds to a model what train_ratings() does not know, and the training error to its record.
/// \param data_fingerprint  of the ratings trained on
void complete(Trained& trained, Vocabulary users, Vocabulary items, History history, std::string data_fingerprint);

}  // namespace lowrank
