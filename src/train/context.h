#pragma once

#include <optional>

#include "lowrank/model/model.h"

namespace lowrank {

/// What a method needs besides ratings and its options: TrainInput and TrainSettings, without the data.
struct TrainContext {
  int threads = 0;              ///< 0 for all; the model does not depend on it
  const Model* init = nullptr;  ///< start from the rows that this model knows (same numbering; others start fresh); must have the same rank
  std::optional<float> min_rating;  ///< predictions are clipped to [min_rating, max_rating]; default the range of the training ratings
  std::optional<float> max_rating;
  bool clips = true;
};

}  // namespace lowrank
