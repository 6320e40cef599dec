#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/random.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"

namespace lowrank {

/// Test pairs of a model, in any order of users; it does not know some of their ids.
inline Pairs random_pairs(const Model& model, std::size_t count, std::uint64_t seed) {
  RandomStream random(seed, Purpose::split);
  Pairs pairs;
  pairs.known_users = model.users.size();
  pairs.known_items = model.items.size();
  for (std::uint32_t n = 0; n < 5; ++n) {
    pairs.unknown_users.add("new user " + std::to_string(n));
    pairs.unknown_items.add("new item " + std::to_string(n));
  }
  for (std::size_t n = 0; n < count; ++n) {
    pairs.users.push_back(static_cast<std::uint32_t>(random.below(pairs.known_users + 5)));
    pairs.items.push_back(static_cast<std::uint32_t>(random.below(pairs.known_items + 5)));
    pairs.values.push_back(static_cast<float>(1 + random.below(5)));
  }
  return pairs;
}

}  // namespace lowrank
