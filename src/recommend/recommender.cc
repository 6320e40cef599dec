#include "lowrank/recommend/recommender.h"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "data/text.h"
#include "lowrank/base/error.h"
#include "recommend/candidates.h"
#include "recommend/fold_in_solver.h"
#include "recommend/popularity.h"
#include "recommend/row_similarity.h"

namespace lowrank {

namespace {

using Consume = std::function<void(std::size_t position, std::span<const Scored> rows)>;

/// What is computed when it is first asked for.
template <class T>
class Lazy {
 public:
  template <class Make>
  const T& get(const Make& make) {
    std::call_once(once_, [&] { value_.emplace(make()); });
    return *value_;
  }

 private:
  std::once_flag once_;
  std::optional<T> value_;
};

std::vector<std::uint32_t> numbers_of(const Side& side, std::span<const std::string> ids, const char* kind, bool refuses) {
  constexpr std::size_t kNamed = 10;
  std::vector<std::uint32_t> numbers;
  std::string unknown;
  std::set<std::string_view> unknown_ids;
  for (const std::string& id : ids) {
    numbers.push_back(side.ids.find(id));
    if (!refuses || side.knows(numbers.back())) continue;
    if (unknown_ids.insert(id).second && unknown_ids.size() <= kNamed) unknown += (unknown.empty() ? " " : ", ") + quoted(id);
  }
  if (unknown_ids.empty()) return numbers;
  if (unknown_ids.size() > kNamed) unknown += " and " + std::to_string(unknown_ids.size() - kNamed) + " more";
  throw UnknownIdError("the model does not know " + std::string(kind) + (unknown_ids.size() > 1 ? "s" : "") + unknown);
}

/// Lists of the rows of a side that are similar to others of it.
void list_similar(const Side& side, std::span<const double> norms, std::span<const std::uint32_t> queries, const SimilarOptions& options,
                  const Consume& consume) {
  const RowSimilarity similarity(side.factors, side.counts, norms, options);
  const auto prepare = [&](std::size_t position, RankQuery& query) { similarity.prepare(position, queries[position], query); };
  rank_rows(similarity.ranked(), queries.size(), options.top, options.threads, prepare, consume);
}

bool filters(const RecommendOptions& options) { return options.items || !options.excluded.empty() || options.min_count > 1; }

/// The users that rated each item, ascending: of item i those from starts[i] to starts[i + 1].
struct Raters {
  explicit Raters(const Model& model) : starts(std::size_t{model.items.size()} + 1) {
    std::vector<std::uint32_t> items;
    const auto each = [&](const auto& use) {
      for (std::uint32_t user = 0; user < model.history.user_count(); ++user) {
        items.clear();
        model.history.append_items_of(user, items);
        for (const std::uint32_t item : items) use(user, item);
      }
    };
    each([&](std::uint32_t /*user*/, std::uint32_t item) { ++starts[item + 1]; });
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    users.resize(starts.back());
    std::vector<std::size_t> next(starts.begin(), starts.end());
    each([&](std::uint32_t user, std::uint32_t item) { users[next[item]++] = user; });
  }
  [[nodiscard]] std::span<const std::uint32_t> of(std::uint32_t item) const {
    return std::span(users).subspan(starts[item], starts[item + 1] - starts[item]);
  }

  std::vector<std::size_t> starts;
  std::vector<std::uint32_t> users;
};

}  // namespace

struct Recommender::Prepared {
  explicit Prepared(const Model& model) : items(lowrank::known_items(model)) {
    // The sum of score(), term by term in its order: a list shows what score() gives.
    rate = [&biases = model.items.biases](const RankQuery& query, std::span<const std::uint32_t> indices, std::span<const float> dots,
                                          std::span<float> scores) {
      for (std::size_t n = 0; n < indices.size(); ++n) {
        scores[n] = finite_score(query.base + static_cast<double>(biases[indices[n]]) + static_cast<double>(dots[n]));
      }
    };
  }

  /// The items that the options admit, and how they are scored. \param filtered  room for them where they are not all
  [[nodiscard]] RankedRows ranked(const Model& model, const RecommendOptions& options, std::vector<std::uint32_t>& filtered) const {
    RankedRows rows{.rows = model.items.factors, .candidates = items, .offsets = model.items.biases, .rate = rate};
    if (!filters(options)) return rows;
    filtered = candidates_of(model.items.counts, options.items, options.excluded, options.min_count);
    rows.candidates = filtered;
    return rows;
  }

  std::vector<std::uint32_t> items;  ///< those that may be recommended
  decltype(RankedRows::rate) rate;
  Lazy<PopularityOrder> popularity;
  Lazy<std::vector<double>> user_norms;
  Lazy<std::vector<double>> item_norms;
  Lazy<FoldInSolver> new_users;
  Lazy<FoldInSolver> new_items;
  Lazy<Raters> raters;
};

Recommender::Recommender(const Model& model) : model_(model), prepared_(std::make_unique<Prepared>(model)) {}

Recommender::~Recommender() = default;

UnknownIds parse_unknown_ids(std::string_view name) {
  if (name == "error") return UnknownIds::refused;
  if (name == "popular") return UnknownIds::popular;
  throw OptionError("unknown", "must be error or popular, got \"" + std::string(name) + "\"");
}

std::vector<std::uint32_t> Recommender::users_of(std::span<const std::string> ids, UnknownIds unknown) const {
  return numbers_of(model_.users, ids, "user", unknown == UnknownIds::refused);
}

std::vector<std::uint32_t> Recommender::items_of(std::span<const std::string> ids) const {
  return numbers_of(model_.items, ids, "item", true);
}

std::vector<std::uint32_t> Recommender::known_users() const {
  std::vector<std::uint32_t> users;
  for (std::uint32_t user = 0; user < model_.users.size(); ++user) {
    if (model_.users.knows(user)) users.push_back(user);
  }
  return users;
}

std::span<const std::uint32_t> Recommender::known_items() const noexcept { return prepared_->items; }

void Recommender::recommend(std::span<const std::uint32_t> users, const RecommendOptions& options, const Consume& consume) const {
  std::vector<std::uint32_t> filtered;
  std::optional<PopularityOrder> filtered_popularity;
  const PopularityOrder* popularity = nullptr;
  const RankedRows items = prepared_->ranked(model_, options, filtered);
  const bool needs_popularity = !std::ranges::all_of(users, [&](std::uint32_t user) { return model_.users.knows(user); });
  if (needs_popularity && filters(options)) {
    popularity = &filtered_popularity.emplace(model_, filtered);
  } else if (needs_popularity) {
    popularity = &prepared_->popularity.get([&] { return PopularityOrder(model_, prepared_->items); });
  }

  // Both lists ascend, and so must the one that they become.
  const auto add_seen = [&](std::uint32_t user, std::vector<std::uint32_t>& list) {
    const auto own = static_cast<std::ptrdiff_t>(list.size());
    model_.history.append_items_of(user, list);
    std::inplace_merge(list.begin(), list.begin() + own, list.end());
  };
  // A model of rank 0 has no vectors, but every known user has a query.
  static constexpr float kNoFactors = 0;
  const auto prepare = [&](std::size_t position, RankQuery& query) {
    const std::uint32_t user = users[position];
    query.excluded.clear();
    if (options.excluded_for) options.excluded_for(position, query.excluded);
    if (!options.include_seen) add_seen(user, query.excluded);
    if (model_.users.knows(user)) {
      query.vector = model_.rank() == 0 ? &kNoFactors : model_.users.factors.row(user).data();
      query.base = model_.centre.mean + static_cast<double>(model_.users.biases[user]);
    } else {
      query.vector = nullptr;
      popularity->first(options.top, query.excluded, query.list);
    }
  };
  rank_rows(items, users.size(), options.top, options.threads, prepare, consume);
}

std::vector<Scored> Recommender::recommend(const FoldedRow& user, std::span<const std::uint32_t> seen,
                                           const RecommendOptions& options) const {
  if (user.factors.size() != model_.rank()) {
    throw DataError("the user has " + std::to_string(user.factors.size()) + " factors, but the model has rank " +
                    std::to_string(model_.rank()));
  }
  std::vector<std::uint32_t> filtered;
  const RankedRows items = prepared_->ranked(model_, options, filtered);
  RankQuery query;
  query.own = FactorMatrix(1, std::max<std::size_t>(model_.rank(), 1));
  std::ranges::copy(user.factors, query.own.row(0).begin());
  query.vector = query.own.data();
  query.base = model_.centre.mean + static_cast<double>(user.bias);
  query.excluded.assign(seen.begin(), seen.end());
  rank_directly(items, query, options.top);
  return std::move(query.list);
}

void Recommender::recommend_users(std::span<const std::uint32_t> items, const RecommendUsersOptions& options,
                                  const Consume& consume) const {
  const Side& users = model_.users;
  const std::vector<std::uint32_t> candidates = candidates_of(users.counts, options.users, options.excluded, options.min_count);
  RankedRows rows{.rows = users.factors, .candidates = candidates, .offsets = users.biases};
  // The sum of score(), term by term in its order.
  rows.rate = [&users, mean = model_.centre.mean](const RankQuery& query, std::span<const std::uint32_t> indices,
                                                  std::span<const float> dots, std::span<float> scores) {
    for (std::size_t n = 0; n < indices.size(); ++n) {
      scores[n] = finite_score(mean + static_cast<double>(users.biases[indices[n]]) + query.bias + static_cast<double>(dots[n]));
    }
  };
  const Raters* const raters = options.include_seen ? nullptr : &prepared_->raters.get([&] { return Raters(model_); });
  static constexpr float kNoFactors = 0;
  const auto prepare = [&](std::size_t position, RankQuery& query) {
    const std::uint32_t item = items[position];
    query.list.clear();
    query.excluded.clear();
    query.vector = nullptr;
    if (!model_.items.knows(item)) return;
    if (options.excluded_for) options.excluded_for(position, query.excluded);
    if (raters != nullptr) {
      const auto own = static_cast<std::ptrdiff_t>(query.excluded.size());
      const auto seen = raters->of(item);
      query.excluded.insert(query.excluded.end(), seen.begin(), seen.end());
      std::inplace_merge(query.excluded.begin(), query.excluded.begin() + own, query.excluded.end());
    }
    query.vector = model_.rank() == 0 ? &kNoFactors : model_.items.factors.row(item).data();
    query.bias = static_cast<double>(model_.items.biases[item]);
    query.base = model_.centre.mean + query.bias;
  };
  rank_rows(rows, items.size(), options.top, options.threads, prepare, consume);
}

void Recommender::predict(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> scores,
                          int threads) const {
  predict_pairs(model_, users, items, scores, threads);
}

FoldedRow Recommender::fold_in_user(std::span<const std::uint32_t> items, std::span<const float> values) const {
  const auto make = [&] {
    Workers workers;
    return FoldInSolver(model_, FoldInSide::users, workers);
  };
  return fold_in_row(prepared_->new_users.get(make), model_.items, items, values);
}

FoldedRow Recommender::fold_in_item(std::span<const std::uint32_t> users, std::span<const float> values) const {
  const auto make = [&] {
    Workers workers;
    return FoldInSolver(model_, FoldInSide::items, workers);
  };
  return fold_in_row(prepared_->new_items.get(make), model_.users, users, values);
}

void Recommender::similar_items(std::span<const std::uint32_t> queries, const SimilarOptions& options, const Consume& consume) const {
  const auto& norms = prepared_->item_norms.get([&] { return norms_of(model_.items.factors); });
  list_similar(model_.items, norms, queries, options, consume);
}

void Recommender::similar_users(std::span<const std::uint32_t> queries, const SimilarOptions& options, const Consume& consume) const {
  const auto& norms = prepared_->user_norms.get([&] { return norms_of(model_.users.factors); });
  list_similar(model_.users, norms, queries, options, consume);
}

void recommend(const Model& model, std::span<const std::uint32_t> users, const RecommendOptions& options, const Consume& consume) {
  Recommender(model).recommend(users, options, consume);
}

void recommend_users(const Model& model, std::span<const std::uint32_t> items, const RecommendUsersOptions& options,
                     const Consume& consume) {
  Recommender(model).recommend_users(items, options, consume);
}

void similar_items(const Model& model, std::span<const std::uint32_t> queries, const SimilarOptions& options, const Consume& consume) {
  Recommender(model).similar_items(queries, options, consume);
}

void similar_users(const Model& model, std::span<const std::uint32_t> queries, const SimilarOptions& options, const Consume& consume) {
  Recommender(model).similar_users(queries, options, consume);
}

}  // namespace lowrank
