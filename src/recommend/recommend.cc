#include "lowrank/recommend/recommend.h"

#include <optional>

#include "recommend/popularity.h"
#include "recommend/rank_rows.h"

namespace lowrank {

void recommend(const Model& model, std::span<const std::uint32_t> users, const RecommendOptions& options,
               const std::function<void(std::size_t position, std::span<const Scored> items)>& consume) {
  std::optional<PopularityOrder> popularity;
  if (!std::all_of(users.begin(), users.end(), [&](std::uint32_t user) { return model.knows_user(user); })) popularity.emplace(model);

  // A model of rank 0 has no vectors, but every known user has a query.
  static constexpr float kNoFactors = 0;
  const auto prepare = [&](std::size_t position, RankQuery& query) {
    const std::uint32_t user = users[position];
    query.excluded.clear();
    if (!options.include_seen) model.seen.append_items_of(user, query.excluded);
    if (model.knows_user(user)) {
      query.vector = model.rank() == 0 ? &kNoFactors : model.user_factors.row(user).data();
      query.base = model.mean + static_cast<double>(model.user_biases[user]);
    } else {
      query.vector = nullptr;
      popularity->first(options.top, query.excluded, query.list);
    }
  };
  // The sum of score(), term by term in its order: a list shows what score() gives.
  const auto rate = [&](const RankQuery& query, std::uint32_t item, float dot) {
    return finite_score(query.base + static_cast<double>(model.item_biases[item]) + static_cast<double>(dot));
  };
  const auto admit = [&](std::uint32_t item) { return model.item_ratings[item] != 0; };
  rank_rows(model.item_factors, users.size(), options.top, options.threads, prepare, rate, admit, consume);
}

}  // namespace lowrank
