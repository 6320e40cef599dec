#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "lowrank/data/ratings.h"
#include "lowrank/data/situations.h"

namespace lowrank {

/// A rating in a situation.
struct TensorCell {
  std::uint32_t user;
  std::uint32_t item;
  std::uint32_t situation;
  float value;
  float weight = 1;
};

/// Users x items x levels, of which some cells are known.
struct Tensor {
  std::uint32_t users = 0;
  std::uint32_t items = 0;
  Situations situations;
  std::vector<TensorCell> cells;

  /// \param levels  of each column
  Tensor(std::uint32_t user_count, std::uint32_t item_count, const std::vector<std::uint32_t>& levels)
      : users(user_count), items(item_count) {
    for (std::size_t n = 0; n < levels.size(); ++n) {
      ContextColumn column;
      column.name = "context" + std::to_string(n);
      for (std::uint32_t level = 0; level < levels[n]; ++level) column.levels.add("level" + std::to_string(level));
      situations.columns.push_back(std::move(column));
    }
  }

  [[nodiscard]] Dataset dataset(bool weighted = false) const {
    RatingsBuilder builder;
    for (const TensorCell& cell : cells) {
      if (weighted) {
        builder.add_weighted_in_situation(cell.user, cell.item, cell.value, cell.weight, cell.situation);
      } else {
        builder.add_in_situation(cell.user, cell.item, cell.value, cell.situation);
      }
    }
    Dataset data;
    data.ratings = builder.build(users, items);
    data.situations = situations;
    return data;
  }
  /// The same cells as pairs to predict.
  [[nodiscard]] Pairs pairs() const {
    Pairs pairs;
    for (const TensorCell& cell : cells) {
      pairs.users.push_back(cell.user);
      pairs.items.push_back(cell.item);
      pairs.values.push_back(cell.value);
      pairs.situation.push_back(cell.situation);
    }
    pairs.situations = situations;
    pairs.known_users = users;
    pairs.known_items = items;
    return pairs;
  }
};

/// Ratings at random in contexts at random, a level in eight missing: some cells of a pair in several situations. The last user and the
/// last item have none. \param sizes  levels of each column \param ratings  with repeats
inline Tensor random_tensor(std::uint64_t seed = 5, const std::vector<std::uint32_t>& sizes = {4, 1, 3}, int ratings = 420) {
  Tensor tensor(23, 14, sizes);
  RandomStream stream(seed, Purpose::generate_ratings);
  for (int n = 0; n < ratings; ++n) {
    std::vector<std::uint16_t> levels;
    for (const ContextColumn& column : tensor.situations.columns) {
      const bool missing = stream.below(8) == 0;
      const auto level = static_cast<std::uint16_t>(stream.below(column.levels.size()));
      levels.push_back(missing ? Situations::kMissing : level);
    }
    const auto user = static_cast<std::uint32_t>(stream.below(22));
    const auto item = static_cast<std::uint32_t>(stream.below(13));
    const std::uint32_t situation = tensor.situations.number(levels);
    const auto value = static_cast<float>(stream.normal() + 0.3 * levels[0] * (levels[0] < 9 ? 1 : 0) + 3);
    tensor.cells.push_back({user, item, situation, value, static_cast<float>(0.5 + stream.uniform())});
  }
  return tensor;
}

}  // namespace lowrank
