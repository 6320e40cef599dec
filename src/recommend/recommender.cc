#include "lowrank/recommend/recommender.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "data/text.h"
#include "kernels/dot.h"
#include "lowrank/base/error.h"
#include "model/neighbour_sums.h"
#include "model/neighbours_code.h"
#include "recommend/candidates.h"
#include "recommend/fold_in_solver.h"
#include "recommend/popularity.h"
#include "recommend/row_similarity.h"
#include "recommend/speakers.h"
#include "recommend/top_list.h"

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

/// Room that is made when it is first needed, and lent to one thread at a time.
template <class T>
class Pool {
 public:
  /// Calls use(room). \param make  makes a room
  template <class Make, class Use>
  void with(const Make& make, const Use& use) {
    std::unique_ptr<T> room;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!idle_.empty()) {
        room = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (!room) room = make();
    use(*room);
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(std::move(room));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;
};

/// Puts `more`, which ascends, into `numbers`, which do.
void merge_into(std::vector<std::uint32_t>& numbers, std::span<const std::uint32_t> more) {
  const auto own = static_cast<std::ptrdiff_t>(numbers.size());
  numbers.insert(numbers.end(), more.begin(), more.end());
  std::inplace_merge(numbers.begin(), numbers.begin() + own, numbers.end());
}

/// Rates the rows that have a sum, so that they join the list of `query`: its vector, base and exclusions are there already.
/// \param known  of a row: its score but for the product and the sum \param most  no other row scores more
template <class Known>
void rate_summed(const RankedRows& rows, const SparseSums& sums, std::size_t top, const Known& known, double most, RankQuery& query) {
  std::vector<std::uint32_t> summed;
  const std::size_t all = rows.rows.rows();
  for (const std::uint32_t row : sums.rows()) {
    if (rows.candidates.size() == all || std::ranges::binary_search(rows.candidates, row)) summed.push_back(row);
  }
  std::vector<float> dots(summed.size());
  const std::size_t stride = rows.rows.stride();
  if (stride != 0) {
    const std::vector<std::uint32_t> first(summed.size());
    dot_pairs({query.vector, stride}, first.data(), {rows.rows.data(), stride}, summed.data(), summed.size(), dots.data());
    for (std::size_t n = 0; n < summed.size(); ++n)
      dots[n] = finite_dot(dots[n], query.vector, rows.rows.data() + summed[n] * stride, stride);
  }
  TopList list;
  list.reset(std::min(top, summed.size()));
  for (std::size_t n = 0; n < summed.size(); ++n) {
    const double own = static_cast<double>(dots[n]) + static_cast<double>(sums.of(summed[n]));
    const Scored scored{summed[n], finite_score(known(summed[n]) + own)};
    if (list.admits(scored) && !std::ranges::binary_search(query.excluded, summed[n])) list.add(scored);
  }
  list.take(query.rated);
  if (query.rated.size() == top && top != 0 && static_cast<double>(query.rated.back().score) > most) {
    query.vector = nullptr;
    query.list = std::exchange(query.rated, {});
    return;
  }
  std::ranges::sort(summed);
  merge_into(query.excluded, summed);
}

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
  const RowSimilarity similarity(side, norms, options);
  const auto prepare = [&](std::size_t position, RankQuery& query) { similarity.prepare(position, queries[position], query); };
  rank_rows(similarity.ranked(), queries.size(), options.top, options.threads, prepare, consume);
}

bool filters(const RecommendOptions& options) { return options.items || !options.excluded.empty() || options.min_count > 1; }

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
    filtered = candidates_of(model.items, options.items, options.excluded, options.min_count);
    rows.candidates = filtered;
    return rows;
  }

  /// Gives a query of a user what neighbours add to the scores, and the scores themselves where it adds something.
  /// \param most  not less than the score of any other item
  /// \param gather  (SparseSums&) takes what is added
  template <class Gather>
  void speak(const Model& model, const RankedRows& admitted, const Gather& gather, std::size_t top, double most, RankQuery& query) {
    const auto make = [&] { return std::make_unique<SparseSums>(model.items.counts.size()); };
    const auto known = [&, base = query.base](std::uint32_t item) { return base + static_cast<double>(model.items.biases[item]); };
    item_sums.with(make, [&](SparseSums& sums) {
      gather(sums);
      rate_summed(admitted, sums, top, known, most, query);
    });
  }

  std::vector<std::uint32_t> items;  ///< those that may be recommended
  decltype(RankedRows::rate) rate;
  Lazy<PopularityOrder> popularity;
  Lazy<std::vector<double>> user_norms;
  Lazy<std::vector<double>> item_norms;
  Pool<SparseSums> item_sums;
  Pool<SparseSums> user_sums;
  Lazy<Neighbours> speakers;
  Lazy<FoldInSolver> new_users;
  Lazy<FoldInSolver> new_items;
  Lazy<Raters> raters;
  Lazy<Raters> heard;
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

  // Not less than the score of an item that the history does not speak for, by Cauchy and Schwarz.
  double most_length = 0;
  double most_bias = 0;
  if (model_.neighbours) {
    const std::vector<double>& lengths = item_norms();
    for (const std::uint32_t item : items.candidates) {
      most_length = std::max(most_length, lengths[item]);
      most_bias = std::max(most_bias, static_cast<double>(model_.items.biases[item]));
    }
  }
  const auto most_of = [&](const RankQuery& query) {
    if (model_.rank() == 0) return query.base + most_bias;
    double squares = 0;
    for (const float x : std::span(query.vector, model_.rank())) squares += static_cast<double>(x) * static_cast<double>(x);
    const double product = std::sqrt(squares) * most_length;
    return query.base + most_bias + product + 1e-5 * (product + most_bias + std::abs(query.base));
  };
  // A model of rank 0 has no vectors, but every known user has a query.
  static constexpr float kNoFactors = 0;
  const auto prepare = [&](std::size_t position, RankQuery& query) {
    const std::uint32_t user = users[position];
    query.excluded.clear();
    if (options.excluded_for) options.excluded_for(position, query.excluded);
    if (!options.include_seen) merge_into(query.excluded, model_.history.items_of(user));
    query.rated.clear();
    if (model_.users.knows(user)) {
      query.vector = model_.rank() == 0 ? &kNoFactors : model_.users.factors.row(user).data();
      query.base = model_.centre.mean + static_cast<double>(model_.users.biases[user]);
      const auto gather = [&](SparseSums& sums) { gather_neighbours(model_, user, sums); };
      if (model_.neighbours) prepared_->speak(model_, items, gather, options.top, most_of(query), query);
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
  if (model_.neighbours) {
    if (model_.neighbours->is_mean() && user.residuals.size() != user.history.size()) {
      throw DataError("the user has " + std::to_string(user.history.size()) + " items that speak, but " +
                      std::to_string(user.residuals.size()) + " residuals");
    }
    const HistoryTerms terms{.items = user.history, .values = user.residuals};
    const auto gather = [&](SparseSums& sums) { gather_neighbours(model_, terms, sums); };
    prepared_->speak(model_, items, gather, options.top, std::numeric_limits<double>::infinity(), query);
  }
  rank_directly(items, query, options.top);
  return std::move(query.list);
}

void Recommender::recommend_users(std::span<const std::uint32_t> items, const RecommendUsersOptions& options,
                                  const Consume& consume) const {
  const Side& users = model_.users;
  const std::vector<std::uint32_t> candidates = candidates_of(users, options.users, options.excluded, options.min_count);
  RankedRows rows{.rows = users.factors, .candidates = candidates, .offsets = users.biases};
  // The sum of score(), term by term in its order.
  rows.rate = [&users, mean = model_.centre.mean](const RankQuery& query, std::span<const std::uint32_t> indices,
                                                  std::span<const float> dots, std::span<float> scores) {
    for (std::size_t n = 0; n < indices.size(); ++n) {
      scores[n] = finite_score(mean + static_cast<double>(users.biases[indices[n]]) + query.bias + static_cast<double>(dots[n]));
    }
  };
  // Where no values are kept, all who rated an item hear of it.
  const bool differ = model_.history.has_values();
  const bool needs_raters = !options.include_seen || (model_.neighbours && !differ);
  const Raters* const raters = needs_raters ? &prepared_->raters.get([&] { return Raters::all(model_); }) : nullptr;
  const Raters* const heard = model_.neighbours && differ ? &prepared_->heard.get([&] { return Raters::heard(model_); }) : raters;
  const Neighbours* const speakers = model_.neighbours ? &prepared_->speakers.get([&] { return transposed(*model_.neighbours); }) : nullptr;
  const auto make_user_sums = [&] { return std::make_unique<SparseSums>(users.counts.size()); };
  static constexpr float kNoFactors = 0;
  const auto prepare = [&](std::size_t position, RankQuery& query) {
    const std::uint32_t item = items[position];
    query.list.clear();
    query.excluded.clear();
    query.vector = nullptr;
    if (!model_.items.knows(item)) return;
    if (options.excluded_for) options.excluded_for(position, query.excluded);
    if (!options.include_seen) merge_into(query.excluded, raters->of(item));
    query.vector = model_.rank() == 0 ? &kNoFactors : model_.items.factors.row(item).data();
    query.bias = static_cast<double>(model_.items.biases[item]);
    query.base = model_.centre.mean + query.bias;
    query.rated.clear();
    if (speakers == nullptr) return;
    prepared_->user_sums.with(make_user_sums, [&](SparseSums& sums) {
      gather_listeners(*speakers, *heard, item, sums);
      const auto known = [&, bias = query.bias](std::uint32_t user) {
        return model_.centre.mean + static_cast<double>(users.biases[user]) + bias;
      };
      rate_summed(rows, sums, options.top, known, std::numeric_limits<double>::infinity(), query);
    });
  };
  rank_rows(rows, items.size(), options.top, options.threads, prepare, consume);
}

void Recommender::predict(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> scores,
                          int threads) const {
  predict_pairs(model_, users, items, scores, threads);
}

void Recommender::predict_variances(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> variances,
                                    int threads) const {
  lowrank::predict_variances(model_, users, items, variances, threads);
}

const FoldInSolver& Recommender::new_users() const {
  return prepared_->new_users.get([&] {
    Workers workers;
    return FoldInSolver(model_, FoldInSide::users, workers);
  });
}

FoldedRow Recommender::fold_in_user(std::span<const std::uint32_t> items, std::span<const float> values, const FeatureRow& features) const {
  return fold_in_row(new_users(), model_.items, items, values, &model_, features);
}

FoldedRow Recommender::fold_in_item(std::span<const std::uint32_t> users, std::span<const float> values, const FeatureRow& features) const {
  const auto make = [&] {
    Workers workers;
    return FoldInSolver(model_, FoldInSide::items, workers);
  };
  return fold_in_row(prepared_->new_items.get(make), model_.users, users, values, nullptr, features);
}

const std::vector<double>& Recommender::item_norms() const {
  return prepared_->item_norms.get([&] { return norms_of(model_.items.factors); });
}

void Recommender::similar_items(std::span<const std::uint32_t> queries, const SimilarOptions& options, const Consume& consume) const {
  if (options.by == Similarity::neighbours) {
    if (!model_.neighbours) throw OptionError("by", "neighbours: the model has none");
    if (model_.neighbours->of_users()) throw OptionError("by", "neighbours: only users have them");
    const bool is_mean = model_.neighbours->is_mean();
    const Neighbours& rows = is_mean ? prepared_->speakers.get([&] { return transposed(*model_.neighbours); }) : *model_.neighbours;
    list_neighbours(model_.items, rows, queries, options, consume);
    return;
  }
  list_similar(model_.items, item_norms(), queries, options, consume);
}

void Recommender::similar_users(std::span<const std::uint32_t> queries, const SimilarOptions& options, const Consume& consume) const {
  if (options.by == Similarity::neighbours) {
    if (!model_.neighbours || !model_.neighbours->of_users()) throw OptionError("by", "neighbours: only items have them");
    list_neighbours(model_.users, *model_.neighbours, queries, options, consume);
    return;
  }
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
