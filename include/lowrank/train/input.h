#pragma once

/// \file
/// What training takes besides a method's options.

#include <optional>

#include "lowrank/data/features.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"

namespace [[gnu::visibility("default")]] lowrank {

/// What a model is learned from. It is handed over: training may turn the ratings into blocks of its own without holding both.
struct TrainInput {
  Dataset data;                 ///< ratings and ids; an empty vocabulary stands for the numbers of the rows as ids
  const Model* init = nullptr;  ///< warm start from the rows that this model knows: same numbering and rank; other rows start fresh
  /// What is known of users and items besides ratings, in the numbering of `data`; where there are more rows than users or items with ids,
  /// or fewer, it is an error. Only for methods that read features (see reads_features()).
  std::optional<Features> user_features = {};
  std::optional<Features> item_features = {};
  HistoryValues history = HistoryValues::automatic;  ///< whether the model keeps the values of the ratings beside the items
};

/// What holds for every method, and does not go into the model's record.
struct TrainSettings {
  int threads = 0;                  ///< 0 for all; the model does not depend on it
  std::optional<float> min_rating;  ///< predictions are clipped to [min_rating, max_rating]; default: the range of the ratings
  std::optional<float> max_rating;
  bool clips = true;  ///< false: predictions are not clipped
};

}  // namespace lowrank
