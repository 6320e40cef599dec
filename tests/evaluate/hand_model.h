#pragma once

#include "lowrank/model/model.h"

namespace lowrank {

/// Three users and three items of rank 1, the last of each without a training rating; mean 3, scores clipped to [1, 5].
///
///     score(user, item)   item 0 (q 1, b -1)   item 1 (q 2, b .5)
///     user 0 (p .5, b 0)         2.5                  4.5
///     user 1 (p -1, b 1)         2                    2.5
inline Model hand_model() {
  Model model;
  model.user_factors = FactorMatrix(3, 1);
  model.item_factors = FactorMatrix(3, 1);
  model.user_factors.row(0)[0] = 0.5F;
  model.user_factors.row(1)[0] = -1.0F;
  model.item_factors.row(0)[0] = 1.0F;
  model.item_factors.row(1)[0] = 2.0F;
  model.user_biases = {0.0F, 1.0F, 0.0F};
  model.item_biases = {-1.0F, 0.5F, 0.0F};
  model.mean = 3;
  model.rating_mean = 3;
  model.min_rating = 1;
  model.max_rating = 5;
  model.user_ratings = {2, 2, 0};
  model.item_ratings = {2, 2, 0};
  return model;
}

}  // namespace lowrank
