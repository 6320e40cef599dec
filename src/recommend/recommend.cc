#include "lowrank/recommend/recommend.h"

#include <algorithm>
#include <optional>

#include "recommend/popularity.h"
#include "recommend/recommend_excluding.h"

namespace lowrank {

namespace {

/// The items that may be recommended, ascending.
std::vector<std::uint32_t> candidates_of(const Model& model, const RecommendOptions& options) {
  constexpr std::uint8_t kWanted = 1;
  std::vector<std::uint8_t> marks(model.items.counts.size(), options.items ? 0 : kWanted);
  if (options.items) {
    for (const std::uint32_t item : *options.items) {
      if (item < marks.size()) marks[item] = kWanted;
    }
  }
  for (const std::uint32_t item : options.excluded) {
    if (item < marks.size()) marks[item] = 0;
  }
  std::vector<std::uint32_t> candidates = known_items(model);
  std::erase_if(candidates, [&](std::uint32_t item) { return marks[item] == 0 || model.items.counts[item] < options.min_count; });
  return candidates;
}

}  // namespace

void recommend_excluding(const Model& model, std::span<const std::uint32_t> users, const RecommendOptions& options,
                         const std::function<void(std::size_t, std::vector<std::uint32_t>&)>& exclude,
                         const std::function<void(std::size_t, std::span<const Scored>)>& consume, const RankLimits& limits) {
  RankedRows items{.rows = model.items.factors, .candidates = candidates_of(model, options), .offsets = model.items.biases};
  // The sum of score(), term by term in its order: a list shows what score() gives.
  items.rate = [&](const RankQuery& query, std::span<const std::uint32_t> indices, std::span<const float> dots, std::span<float> scores) {
    for (std::size_t n = 0; n < indices.size(); ++n) {
      scores[n] = finite_score(query.base + static_cast<double>(model.items.biases[indices[n]]) + static_cast<double>(dots[n]));
    }
  };
  std::optional<PopularityOrder> popularity;
  if (!std::all_of(users.begin(), users.end(), [&](std::uint32_t user) { return model.users.knows(user); })) {
    popularity.emplace(model, items.candidates);
  }

  // A model of rank 0 has no vectors, but every known user has a query.
  static constexpr float kNoFactors = 0;
  const auto prepare = [&](std::size_t position, RankQuery& query) {
    const std::uint32_t user = users[position];
    query.excluded.clear();
    exclude(position, query.excluded);
    if (model.users.knows(user)) {
      query.vector = model.rank() == 0 ? &kNoFactors : model.users.factors.row(user).data();
      query.base = model.centre.mean + static_cast<double>(model.users.biases[user]);
    } else {
      query.vector = nullptr;
      popularity->first(options.top, query.excluded, query.list);
    }
  };
  rank_rows(items, users.size(), options.top, options.threads, prepare, consume, limits);
}

void recommend(const Model& model, std::span<const std::uint32_t> users, const RecommendOptions& options,
               const std::function<void(std::size_t position, std::span<const Scored> items)>& consume) {
  const auto exclude = [&](std::size_t position, std::vector<std::uint32_t>& items) {
    if (!options.include_seen) model.history.append_items_of(users[position], items);
  };
  recommend_excluding(model, users, options, exclude, consume);
}

}  // namespace lowrank
