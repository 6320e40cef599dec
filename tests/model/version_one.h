#pragma once

#include "lowrank/model/model.h"

namespace lowrank::testing_models {

/// What tests/model/data/v1.safetensors and v2.safetensors hold, stated number by number. The Python test states the same in its own words.
inline Model version_one_model() {
  Model model;
  for (const char* id : {"ann", "7", "007"}) model.users.ids.add(id);
  for (const char* id : {"\xC3\x9C"
                         "ber",
                         "b \"2\"", "c,d", "\xE6\x98\xA0\xE7\x94\xBB"})
    model.items.ids.add(id);
  model.users.factors = FactorMatrix(3, 2);
  model.items.factors = FactorMatrix(4, 2);
  for (std::size_t user = 0; user < 3; ++user) {
    for (std::size_t k = 0; k < 2; ++k) model.users.factors.row(user)[k] = static_cast<float>(user * 2 + k + 1) / 8.0F;
  }
  for (std::size_t item = 0; item < 4; ++item) {
    for (std::size_t k = 0; k < 2; ++k) model.items.factors.row(item)[k] = -static_cast<float>(item * 2 + k + 1) / 16.0F;
  }
  model.users.biases = {0.5F, -0.25F, 0.125F};
  model.items.biases = {1, -1, 0.1F, 0};
  model.centre.mean = 3.7;
  model.centre.rating_mean = 3.6;
  model.centre.min_rating = 0.5F;
  model.centre.max_rating = 4.7F;
  model.centre.clips = false;
  model.users.counts = {2, 3, 0};
  model.items.counts = {2, 1, 1, 1};
  RatingsBuilder seen;
  for (const std::uint32_t item : {0U, 3U}) seen.add(0, item, 1);
  for (const std::uint32_t item : {0U, 1U, 2U}) seen.add(1, item, 1);
  model.history = History(seen.build(3, 4));
  const RowPenalty penalty{.l2 = 0.05, .l2_constant = 3.4, .bias = 0.1, .bias_constant = 4.5};
  model.fold_in = WeightedLeastSquares{.users = penalty,
                                       .items = penalty,
                                       .observed_weight = 1.5,
                                       .alpha = 40,
                                       .unobserved_weight = 0.25,
                                       .unobserved_includes_seen = false,
                                       .non_negative = true,
                                       .size_exponent = 1};
  model.record.method = "sgd";
  model.record.options = R"({"rank":2,"learning_rate":0.05})";
  model.record.seed = 18446744073709551615ULL;
  model.record.ratings = 5;
  model.record.epochs = 20;
  model.record.fingerprint = "00112233445566ff";
  model.record.metrics = {{"train_rmse", 0.1}, {"validation_rmse", 0.9375}};
  return model;
}

}  // namespace lowrank::testing_models
