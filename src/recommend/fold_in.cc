#include "lowrank/recommend/fold_in.h"

#include <algorithm>
#include <utility>

#include "base/parallel.h"
#include "data/text.h"
#include "lowrank/base/error.h"
#include "recommend/explain.h"
#include "recommend/fold_in_solver.h"

namespace lowrank {

namespace {

/// The ratings of `pairs` by new user, of known items and unknown ones that the model has a row for; adds the users, in order of first
/// appearance, to `ids`.
Ratings by_new_user(const Model& model, const Pairs& pairs, Vocabulary& ids, int threads) {
  std::vector<std::uint32_t> numbers(std::size_t{pairs.known_users} + pairs.unknown_users.size(), Vocabulary::kUnknown);
  if (pairs.items.size() != pairs.size() || (!pairs.values.empty() && pairs.values.size() != pairs.size())) {
    throw DataError("the pairs have different numbers of users, items and values");
  }
  RatingsBuilder builder;
  for (std::size_t position = 0; position < pairs.size(); ++position) {
    if (pairs.users[position] >= numbers.size()) throw DataError("the pairs have users that are not among those they are numbered by");
    std::uint32_t& user = numbers[pairs.users[position]];
    if (user == Vocabulary::kUnknown) user = ids.add(pairs.user_id(model.users.ids, pairs.users[position]));
    const std::uint32_t item = pairs.items[position];
    if (item < model.items.ids.size()) builder.add(user, item, pairs.values.empty() ? 1.0F : pairs.values[position]);
  }
  ids.shrink_to_fit();
  return builder.build(ids.size(), model.items.ids.size(), Duplicates::last, nullptr, threads);
}

/// The features of every user of `ids`, to which those of `features` that are new are added.
std::vector<FeatureRow> rows_by_id(const NewFeatures& features, Vocabulary& ids) {
  std::vector<FeatureRow> rows(ids.size());
  for (std::uint32_t row = 0; row < features.features.rows(); ++row) {
    const std::uint32_t user = ids.add(features.ids.id(row));
    if (user == rows.size()) rows.emplace_back();
    rows[user] = {.columns = features.features.columns_of(row), .values = features.features.values_of(row)};
  }
  return rows;
}

/// The values of ratings that scores read.
HistoryValues values_read(const Model& model) {
  const bool ratings = reads_values(model.fold_in) || (model.neighbours && model.neighbours->is_mean());
  return ratings ? HistoryValues::kept : HistoryValues::if_disliked;
}

}  // namespace

const FeatureDescription& description_of(FeatureSide side, const Model& model) {
  const bool users = side == FeatureSide::users;
  const std::optional<FeatureVectors>& features = users ? model.users.features : model.items.features;
  if (features) return features->description;
  throw OptionError(users ? "user_features" : "item_features",
                    std::string("cannot be given: the model has no features of ") + (users ? "users" : "items"));
}

FoldedRow fold_in_user(const Model& model, std::span<const std::uint32_t> items, std::span<const float> values,
                       const FeatureRow& features) {
  Workers alone(1);
  return fold_in_row(FoldInSolver(model, FoldInSide::users, alone), model.items, items, values, &model, features);
}

FoldedRow fold_in_item(const Model& model, std::span<const std::uint32_t> users, std::span<const float> values,
                       const FeatureRow& features) {
  Workers alone(1);
  return fold_in_row(FoldInSolver(model, FoldInSide::items, alone), model.users, users, values, nullptr, features);
}

Model fold_in(const Model& model, const Pairs& pairs, int threads, const NewFeatures* features) {
  Model result;
  result.items = model.items;
  result.centre = model.centre;
  result.fold_in = model.fold_in;
  result.history_factors = model.history_factors;
  result.contexts = model.contexts;
  result.users.prior = model.users.prior;
  if (result.items.prior) result.items.prior->history = {};  // of users who are not in the result
  result.record = model.record;
  result.users.ids.set_kind(pairs.unknown_users.kind());

  FoldInRows rows;
  std::vector<FeatureRow> feature_rows;
  {
    Ratings ratings = by_new_user(model, pairs, result.users.ids, threads);
    if (features != nullptr) {
      feature_rows = rows_by_id(*features, result.users.ids);
      ratings.extend(result.users.ids.size(), 0);
    }
    for (std::size_t user = 0; user < ratings.user_count(); ++user) {
      for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
        if (model.items.knows(ratings.items()[at])) rows.add(ratings.items()[at], ratings.value(at));
      }
      rows.end_row();
      result.users.counts.push_back(static_cast<std::uint32_t>(rows.offsets[user + 1] - rows.offsets[user]));
    }
    // Who speaks for a new user is not known.
    result.neighbours = model.neighbours && model.neighbours->of_users()
                            ? Neighbours(std::vector<std::uint64_t>(ratings.user_count() + 1), {}, {}, model.neighbours->rule())
                            : model.neighbours;
    result.history = History(ratings, values_read(model), threads);
  }
  result.users.factors = FactorMatrix(rows.size(), model.rank());
  result.users.biases.assign(rows.size(), 0);
  Workers workers(threads);
  const FoldInSolver solver(model, FoldInSide::users, workers);
  if (features != nullptr) {
    solver.check_features();
    result.users.features = model.users.features;
    result.users.features->rows.clear();
    for (const FeatureRow& row : feature_rows) result.users.features->rows.push_back(row.columns.empty() ? 0 : 1);
  }
  solver.solve(rows, workers, result.users.factors, result.users.biases, feature_rows);
  if (solver.has_variances()) {
    // The last rows are those of users and items that nobody knows.
    const RowVariances& before = model.uncertainty->users;
    RowVariances users{.factors = FactorMatrix(rows.size() + 1, model.rank()), .biases = std::vector<float>(rows.size() + 1), .noise = {}};
    if (!before.noise.empty()) users.noise.assign(rows.size() + 1, before.noise.back());
    solver.variances(rows, workers, users.factors, users.biases);
    std::ranges::copy(before.factors.row(before.biases.size() - 1), users.factors.row(rows.size()).begin());
    users.biases.back() = before.biases.back();
    result.uncertainty = Uncertainty{.noise = model.uncertainty->noise,
                                     .scale = model.uncertainty->scale,
                                     .users = std::move(users),
                                     .items = model.uncertainty->items,
                                     .quantiles = model.uncertainty->quantiles};
  }
  for (std::uint32_t user = 0; user < result.users.size(); ++user) {
    if (is_finite(result.users.factors.row(user), result.users.biases[user])) continue;
    fail_to_fold_in("of user " + quoted(result.users.ids.id(user)));
  }
  return result;
}

NewFeatures read_new_features(const std::string& path, FeatureSide side, const Model& model, const std::string& encoding,
                              FeatureGaps& gaps) {
  const FeatureDescription& description = description_of(side, model);
  const FeatureReadOptions options{.side = side, .encoding = encoding};
  return new_features(read_feature_table(path, options, &description), side, model, gaps);
}

NewFeatures new_features(const FeatureTable& table, FeatureSide side, const Model& model, FeatureGaps& gaps) {
  NewFeatures rows;
  rows.features = apply_features(table, description_of(side, model), rows.ids, gaps);
  return rows;
}

}  // namespace lowrank
