#pragma once

#include <optional>

#include "lowrank/data/features.h"
#include "lowrank/data/situations.h"
#include "lowrank/model/model.h"

namespace lowrank {

class NeighbourCache;

/// What a method needs besides ratings and its options: TrainInput and TrainSettings, without the data.
struct TrainContext {
  int threads = 0;              ///< 0 for all; the model does not depend on it
  const Model* init = nullptr;  ///< start from the rows that this model knows (same numbering; others start fresh); must have the same rank
  std::optional<float> min_rating;  ///< predictions are clipped to [min_rating, max_rating]; default the range of the training ratings
  std::optional<float> max_rating;
  bool clips = true;
  const Features* user_features = nullptr;  ///< a row per user; null without, and for a method that does not read them
  const Features* item_features = nullptr;  ///< a row per item
  /// The contexts of the ratings, whose situations are numbers in it; null without, and for a method that does not read them.
  const Situations* situations = nullptr;
  /// Neighbours that other trainings on the same ratings have found, or null.
  NeighbourCache* found = nullptr;
  /// Whether the training error of a model with neighbours is asked for, which takes as long as an epoch or two.
  bool measures_corrected = true;
};

}  // namespace lowrank
