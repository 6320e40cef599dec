#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/pipeline/update.h"
#include "lowrank/train/train.h"

namespace lowrank::testing_update {

/// One rating by ids.
struct Line {
  std::string user;
  std::string item;
  float value = 1;
};

/// The lines as pairs in the numbering of `model`.
inline Pairs pairs_of(const Model& model, const std::vector<Line>& lines) {
  Pairs pairs;
  pairs.known_users = model.users.ids.size();
  pairs.known_items = model.items.ids.size();
  const auto number = [](const Vocabulary& known, Vocabulary& unknown, const std::string& id) {
    const std::uint32_t there = known.find(id);
    return there != Vocabulary::kUnknown ? there : known.size() + unknown.add(id);
  };
  for (const Line& line : lines) {
    pairs.users.push_back(number(model.users.ids, pairs.unknown_users, line.user));
    pairs.items.push_back(number(model.items.ids, pairs.unknown_items, line.item));
    pairs.values.push_back(line.value);
  }
  return pairs;
}

inline Dataset dataset_of(const std::vector<Line>& lines) {
  Dataset data;
  RatingsBuilder builder;
  for (const Line& line : lines) builder.add(data.users.add(line.user), data.items.add(line.item), line.value);
  data.ratings = builder.build(data.users.size(), data.items.size());
  return data;
}

/// Ratings of planted factors of rank 2 with noise, from 1 to 5 in halves, `share` of all cells.
inline std::vector<Line> planted_lines(std::uint32_t users, std::uint32_t items, double share, std::uint64_t seed = 1) {
  RandomStream random(seed, Purpose::user_factors);
  std::vector<double> p(2 * std::size_t{users});
  std::vector<double> q(2 * std::size_t{items});
  for (double& x : p) x = random.normal();
  for (double& x : q) x = random.normal();
  std::vector<Line> lines;
  for (std::uint32_t user = 0; user < users; ++user) {
    for (std::uint32_t item = 0; item < items; ++item) {
      if (random.uniform() >= share) continue;
      const double score = 3 + 0.7 * (p[2 * user] * q[2 * item] + p[2 * user + 1] * q[2 * item + 1]) + 0.2 * random.normal();
      lines.push_back(
          {"u" + std::to_string(user), "i" + std::to_string(item), static_cast<float>(std::clamp(std::round(2 * score) / 2, 1.0, 5.0))});
    }
  }
  return lines;
}

/// A small model by the method of this name.
inline Model small_model(const std::string& name, const std::vector<Line>& lines, HistoryValues history = HistoryValues::automatic) {
  Method method = method_by_name(name);
  for (const OptionInfo& info : options_of(method)) {
    if (info.name == "rank") set_option(method, "rank", "3");
    if (info.name == "epochs") set_option(method, "epochs", "12");
    if (info.name == "burn_in") set_option(method, "burn_in", "4");
  }
  return train({.data = dataset_of(lines), .history = history}, method).model;
}

inline Updated updated(const Model& model, const std::vector<Line>& ratings, const std::vector<Line>& removed = {},
                       const UpdateOptions& options = {}) {
  UpdateInput input;
  input.ratings = pairs_of(model, ratings);
  input.removed = pairs_of(model, removed);
  return update(model, input, options);
}

}  // namespace lowrank::testing_update
