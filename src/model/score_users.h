#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "model/context_scores.h"
#include "model/neighbour_sums.h"

namespace lowrank {

/// Calls visit(user, position, prediction) for every rating of the users [first, last), in order; predictions are clipped where the model
/// clips. Rows are scored in batches, so that scratch memory does not grow with the ratings. \param contexts  of
/// all ratings \param by_item  see PairSums
template <class Visit>
void score_users(const Model& model, const Ratings& ratings, std::size_t first, std::size_t last, const ContextScores& contexts,
                 const Visit& visit, const Neighbours* by_item = nullptr) {
  constexpr std::size_t kBatch = 512;
  std::array<std::uint32_t, kBatch> users{};
  std::array<double, kBatch> scores{};
  std::array<std::uint32_t, kBatch> situations{};
  const std::span<const std::size_t> offsets = ratings.row_offsets();
  auto user = static_cast<std::uint32_t>(first);
  for (std::size_t begin = offsets[first]; begin < offsets[last]; begin += kBatch) {
    const std::size_t count = std::min(kBatch, offsets[last] - begin);
    for (std::size_t n = 0; n < count; ++n) {
      while (offsets[user + 1] <= begin + n) ++user;
      users[n] = user;
    }
    const std::span<const std::uint32_t> items = ratings.items().subspan(begin, count);
    score_pairs(model, by_item, std::span(users).first(count), items, std::span(scores).first(count));
    if (!contexts.empty()) {
      if (ratings.has_situations()) {
        for (std::size_t n = 0; n < count; ++n) situations[n] = ratings.situation(begin + n);
      }
      const std::span<const std::int64_t> times = ratings.has_times() ? ratings.times().subspan(begin, count) : ratings.times();
      contexts.add(std::span(users).first(count), items, times, situations, std::span(scores).first(count));
    }
    for (std::size_t n = 0; n < count; ++n) visit(users[n], begin + n, model.centre.rating(scores[n]));
  }
}

}  // namespace lowrank
