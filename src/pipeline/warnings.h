#pragma once

#include <optional>
#include <string>

#include "lowrank/data/ratings.h"
#include "lowrank/model/history.h"
#include "lowrank/train/trained.h"

namespace lowrank {

/// \file
/// Warnings about a run. Each function returns one sentence without a full stop, or nothing, and reads every rating at most once.

/// For a method that predicts ratings: values that look like counts, whole numbers of which the greatest is over 100 times the median.
std::optional<std::string> warning_of_counts(const Ratings& ratings, const std::string& method);

/// Pairs of a validation or test set that are in the training data. \param name  of the set, as the message calls it
std::optional<std::string> warning_of_shared_pairs(const Pairs& pairs, const History& training, const std::string& name);

/// Levels of contexts of a validation or test set that are not in the training data. \param name  of the set, as the message calls it
std::optional<std::string> warning_of_unknown_levels(const Pairs& pairs, const Situations& training, const std::string& name);

/// For a model of ratings with biases and factors: factors that explain less than 1 % of the variance that biases leave. That variance is
/// the squared training error plus the variance of the factors' part of the predictions, over a sample of `training`.
std::optional<std::string> warning_of_idle_factors(const Trained& trained, const History& training);

}  // namespace lowrank
