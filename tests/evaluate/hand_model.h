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
  model.users.factors = FactorMatrix(3, 1);
  model.items.factors = FactorMatrix(3, 1);
  model.users.factors.row(0)[0] = 0.5F;
  model.users.factors.row(1)[0] = -1.0F;
  model.items.factors.row(0)[0] = 1.0F;
  model.items.factors.row(1)[0] = 2.0F;
  model.users.biases = {0.0F, 1.0F, 0.0F};
  model.items.biases = {-1.0F, 0.5F, 0.0F};
  model.centre.mean = 3;
  model.centre.rating_mean = 3;
  model.centre.min_rating = 1;
  model.centre.max_rating = 5;
  model.users.counts = {2, 2, 0};
  model.items.counts = {2, 2, 0};
  return model;
}

}  // namespace lowrank
