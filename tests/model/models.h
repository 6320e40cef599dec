#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"

namespace lowrank::testing_models {

/// Ratings of a `users` x `items` matrix, each cell with probability `density`, values 1 to 5.
inline Ratings random_ratings(std::uint32_t users, std::uint32_t items, double density, std::uint64_t seed) {
  RandomStream random(seed, Purpose::split);
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < users; ++user) {
    for (std::uint32_t item = 0; item < items; ++item) {
      if (random.uniform() < density) builder.add(user, item, static_cast<float>(1 + random.below(5)));
    }
  }
  return builder.build(users, items);
}

/// Weights between each pair of items with probability `density`.
inline Neighbours random_neighbours(std::uint32_t items, double density, std::uint64_t seed) {
  RandomStream random(seed, Purpose::split, 1);
  std::vector<std::uint64_t> offsets{0};
  std::vector<std::uint32_t> others;
  std::vector<float> weights;
  for (std::uint32_t item = 0; item < items; ++item) {
    for (std::uint32_t other = 0; other < items; ++other) {
      if (other == item || random.uniform() >= density) continue;
      others.push_back(other);
      weights.push_back(static_cast<float>(random.normal()));
    }
    offsets.push_back(others.size());
  }
  return Neighbours(std::move(offsets), std::move(others), std::move(weights));
}

/// A model of random factors over the ratings: every part filled with something that the next one does not have.
inline Model random_model(std::uint32_t users, std::uint32_t items, std::size_t rank, std::uint64_t seed = 1, double density = 0.3) {
  RandomStream random(seed, Purpose::user_factors);
  const Ratings ratings = random_ratings(users, items, density, seed);
  Model model;
  for (std::uint32_t user = 0; user < users; ++user) model.users.ids.add("user " + std::to_string(user));
  for (std::uint32_t item = 0; item < items; ++item) model.items.ids.add("\xC3\xA9-" + std::to_string(item));
  model.users.factors = FactorMatrix(users, rank);
  model.items.factors = FactorMatrix(items, rank);
  const auto fill = [&](auto&& values) {
    for (float& value : values) value = static_cast<float>(random.normal());
  };
  for (std::uint32_t user = 0; user < users; ++user) fill(model.users.factors.row(user));
  for (std::uint32_t item = 0; item < items; ++item) fill(model.items.factors.row(item));
  fill(model.users.biases = std::vector<float>(users));
  fill(model.items.biases = std::vector<float>(items));
  model.centre.mean = 3.0 + random.uniform();
  model.centre.rating_mean = 3.0 + random.uniform();
  model.centre.min_rating = 0.1F;
  model.centre.max_rating = 4.9F;
  model.users.counts.assign(users, 0);
  model.items.counts.assign(items, 0);
  for (std::uint32_t user = 0; user < users; ++user) {
    for (const std::uint32_t item : ratings.items_of(user)) {
      ++model.users.counts[user];
      ++model.items.counts[item];
    }
  }
  model.history = History(ratings);
  model.fold_in = LeastSquares{.users = {.l2 = 0.07, .l2_constant = 3.5, .bias = 0.03, .bias_constant = 2.25},
                               .items = {.l2 = 0.06, .l2_constant = 1.5, .bias = 0.02, .bias_constant = 1.0 / 3}};
  model.record.options = R"({"rank":3,"name":"a \"b\" c"})";
  model.record.seed = 0xFFFFFFFFFFFFFFFFULL - seed;
  model.record.ratings = ratings.size();
  model.record.epochs = 17;
  model.record.fingerprint = "0123456789abcdef";
  model.record.metrics = {{"train_rmse", 0.1 + random.uniform()}, {"validation_rmse", 1.0 / 3.0}};
  return model;
}

/// random_model() with the values of its ratings, and random neighbours in the mean form.
inline Model random_mean_model(std::uint32_t users, std::uint32_t items, std::size_t rank, NeighbourSide side, double density = 0.3,
                               std::uint64_t seed = 1) {
  Model model = random_model(users, items, rank, seed, density);
  model.history = History(random_ratings(users, items, density, seed), HistoryValues::kept);
  const Neighbours drawn = random_neighbours(side == NeighbourSide::users ? users : items, density, seed);
  model.neighbours = Neighbours({drawn.offsets().begin(), drawn.offsets().end()}, {drawn.items().begin(), drawn.items().end()},
                                {drawn.weights().begin(), drawn.weights().end()},
                                {.form = NeighbourForm::mean, .side = side, .damping = 0.25, .scale = 0.75});
  return model;
}

}  // namespace lowrank::testing_models
