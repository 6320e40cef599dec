#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lowrank/data/generate.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/model/model_file.h"
#include "train/train_ratings.h"

namespace lowrank {

struct Triple {
  std::uint32_t user;
  std::uint32_t item;
  float value;
};

inline Ratings make_ratings(const std::vector<Triple>& triples, std::uint32_t users, std::uint32_t items) {
  RatingsBuilder builder;
  for (const Triple& triple : triples) builder.add(triple.user, triple.item, triple.value);
  return builder.build(users, items);
}

/// Synthetic ratings like real ones; `change` maps each value.
inline std::vector<Triple> synthetic(std::uint32_t users, std::uint32_t items, std::uint64_t count, std::uint64_t seed) {
  GenerateOptions options;
  options.users = users;
  options.items = items;
  options.ratings = count;
  options.rank = 4;
  options.seed = seed;
  std::vector<Triple> triples;
  generate(options, [&](const GeneratedRating& rating) { triples.push_back({rating.user, rating.item, rating.value}); });
  return triples;
}

/// Every tenth of `triples` taken out.
inline std::vector<Triple> take_tenth(std::vector<Triple>& triples) {
  std::vector<Triple> kept;
  std::vector<Triple> taken;
  for (std::size_t n = 0; n < triples.size(); ++n) (n % 10 == 9 ? taken : kept).push_back(triples[n]);
  triples = kept;
  return taken;
}

inline double rmse_of(const Model& model, const std::vector<Triple>& test) {
  double sum = 0;
  for (const Triple& triple : test) sum += std::pow(static_cast<double>(triple.value) - predict(model, triple.user, triple.item), 2);
  return std::sqrt(sum / static_cast<double>(test.size()));
}

inline Trained train_quietly(Ratings ratings, const Method& method, int threads = 1, const Validation& validation = {}) {
  TrainingObserver observer;
  return train_ratings(std::move(ratings), method, validation, observer,
                       {.threads = threads, .init = nullptr, .min_rating = {}, .max_rating = {}});
}

/// The bytes of the model's file, its rows called by their numbers.
inline std::string bytes_of(Model model, const Ratings& ratings) {
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) model.users.ids.add(std::to_string(user));
  for (std::uint32_t item = 0; item < ratings.item_count(); ++item) model.items.ids.add(std::to_string(item));
  model.history = History(ratings);
  model.record.fingerprint = fingerprint(model.users.ids, model.items.ids, ratings);
  return serialize_model(model);
}

inline bool all_finite(const Model& model) {
  bool finite = std::isfinite(model.centre.mean);
  for (std::size_t user = 0; user < model.users.factors.rows(); ++user) {
    for (const float x : model.users.factors.row(user)) finite = finite && std::isfinite(x);
    finite = finite && std::isfinite(model.users.biases[user]);
  }
  for (std::size_t item = 0; item < model.items.factors.rows(); ++item) {
    for (const float x : model.items.factors.row(item)) finite = finite && std::isfinite(x);
    finite = finite && std::isfinite(model.items.biases[item]);
  }
  return finite;
}

/// The article's example: 5 users, 4 items, 13 ratings.
inline std::vector<Triple> article() {
  constexpr float kTable[5][4] = {{5, 3, 0, 1}, {4, 0, 0, 1}, {1, 1, 0, 5}, {1, 0, 0, 4}, {0, 1, 5, 4}};
  std::vector<Triple> triples;
  for (std::uint32_t user = 0; user < 5; ++user) {
    for (std::uint32_t item = 0; item < 4; ++item) {
      if (kTable[user][item] != 0) triples.push_back({user, item, kTable[user][item]});
    }
  }
  return triples;
}

}  // namespace lowrank
