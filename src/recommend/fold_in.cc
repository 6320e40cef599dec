#include "lowrank/recommend/fold_in.h"

#include <algorithm>
#include <utility>

#include "base/parallel.h"
#include "data/text.h"
#include "lowrank/base/error.h"
#include "lowrank/recommend/fold_in_items.h"
#include "model/context_scores.h"
#include "recommend/explain.h"
#include "recommend/fold_in_solver.h"

namespace lowrank {

namespace {

/// The rating of a pair that counts where there are several: the mean of those in several contexts, as a history has it.
Duplicates rule_of(const Model& model) { return trained_in_contexts(model) ? Duplicates::mean : Duplicates::last; }

/// The ratings of `pairs` by new row of one side, with known rows of the other and those that the model has an id for; adds the new rows,
/// in order of first appearance, to `ids`.
Ratings by_new_row(const Model& model, FoldInSide which, const Pairs& pairs, Vocabulary& ids, int threads) {
  const bool of_users = which == FoldInSide::users;
  if (pairs.items.size() != pairs.size() || (!pairs.values.empty() && pairs.values.size() != pairs.size())) {
    throw DataError("the pairs have different numbers of users, items and values");
  }
  const std::vector<std::uint32_t>& own = of_users ? pairs.users : pairs.items;
  const std::vector<std::uint32_t>& others = of_users ? pairs.items : pairs.users;
  const std::uint32_t known = (of_users ? model.items : model.users).ids.size();
  std::vector<std::uint32_t> numbers(
      of_users ? std::size_t{pairs.known_users} + pairs.unknown_users.size() : std::size_t{pairs.known_items} + pairs.unknown_items.size(),
      Vocabulary::kUnknown);
  RatingsBuilder builder;
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    if (own[n] >= numbers.size()) {
      throw DataError(std::string("the pairs have ") + (of_users ? "users" : "items") + " that are not among those they are numbered by");
    }
    std::uint32_t& row = numbers[own[n]];
    if (row == Vocabulary::kUnknown) {
      row = ids.add(of_users ? pairs.user_id(model.users.ids, own[n]) : pairs.item_id(model.items.ids, own[n]));
    }
    if (others[n] >= known) continue;
    builder.add(of_users ? row : others[n], of_users ? others[n] : row, pairs.values.empty() ? 1.0F : pairs.values[n]);
  }
  return builder.build(of_users ? ids.size() : known, of_users ? known : ids.size(), rule_of(model), nullptr, threads);
}

/// One row's ratings.
struct RowRatings {
  std::vector<std::uint32_t> others;
  std::vector<float> values;
};

/// One row's ratings without repeats; nothing where the last of them counts, which the solver sees to.
/// \param fixed  the side of `others`, of which those that it does not know are left out
std::optional<RowRatings> merged(const Model& model, const Side& fixed, std::span<const std::uint32_t> others,
                                 std::span<const float> values) {
  const Duplicates rule = rule_of(model);
  if (rule == Duplicates::last || others.size() != values.size()) return std::nullopt;
  RatingsBuilder builder;
  for (std::size_t n = 0; n < others.size(); ++n) {
    if (fixed.knows(others[n])) builder.add(0, others[n], values[n]);
  }
  const Ratings ratings = builder.build(1, fixed.size(), rule, nullptr, 1);
  RowRatings row{{ratings.items().begin(), ratings.items().end()}, {}};
  for (std::size_t at = 0; at < ratings.size(); ++at) row.values.push_back(ratings.value(at));
  return row;
}

/// The rows of the users: their items, ascending.
FoldInRows rows_by_user(const Model& model, const Ratings& ratings) {
  FoldInRows rows;
  for (std::size_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
      if (model.items.knows(ratings.items()[at])) rows.add(ratings.items()[at], ratings.value(at));
    }
    rows.end_row();
  }
  return rows;
}

/// The rows of the items: their users, ascending.
FoldInRows rows_by_item(const Model& model, const Ratings& ratings) {
  std::vector<std::vector<std::pair<std::uint32_t, float>>> of_items(ratings.item_count());
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    if (!model.users.knows(user)) continue;
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
      of_items[ratings.items()[at]].emplace_back(user, ratings.value(at));
    }
  }
  FoldInRows rows;
  for (const auto& item : of_items) {
    for (const auto& [user, value] : item) rows.add(user, value);
    rows.end_row();
  }
  return rows;
}

/// The features of every row of `ids`, to which those of `features` that are new are added.
std::vector<FeatureRow> rows_by_id(const NewFeatures& features, Vocabulary& ids) {
  std::vector<FeatureRow> rows(ids.size());
  for (std::uint32_t row = 0; row < features.features.rows(); ++row) {
    const std::uint32_t own = ids.add(features.ids.id(row));
    if (own == rows.size()) rows.emplace_back();
    rows[own] = {.columns = features.features.columns_of(row), .values = features.features.values_of(row)};
  }
  return rows;
}

/// The values of ratings that scores read.
HistoryValues values_read(const Model& model) {
  const bool ratings = reads_values(model.fold_in) || (model.neighbours && model.neighbours->is_mean());
  return ratings ? HistoryValues::kept : HistoryValues::if_disliked;
}

/// `model` with the rows of one side replaced by those of `pairs`.
Model fold_in_side(const Model& model, FoldInSide which, const Pairs& pairs, int threads, const NewFeatures* features) {
  const bool of_users = which == FoldInSide::users;
  const Side& before = of_users ? model.users : model.items;
  Model result;
  Side& side = of_users ? result.users : result.items;
  Side& fixed = of_users ? result.items : result.users;
  fixed = of_users ? model.items : model.users;
  if (fixed.prior) fixed.prior->history = {};  // of rows that are not in the result
  side.prior = before.prior;
  side.ids.set_kind((of_users ? pairs.unknown_users : pairs.unknown_items).kind());
  result.centre = model.centre;
  result.fold_in = model.fold_in;
  result.contexts = model.contexts;
  // Of rows that are not in the result.
  for (ContextVectors& context : result.contexts) (of_users ? context.user_biases : context.item_biases) = {};
  result.record = model.record;

  FoldInRows rows;
  std::vector<FeatureRow> feature_rows;
  {
    Ratings ratings = by_new_row(model, which, pairs, side.ids, threads);
    if (features != nullptr) feature_rows = rows_by_id(*features, side.ids);
    side.ids.shrink_to_fit();
    ratings.extend(of_users ? side.ids.size() : 0, of_users ? 0 : side.ids.size());
    rows = of_users ? rows_by_user(model, ratings) : rows_by_item(model, ratings);
    result.history = History(ratings, values_read(model), threads);
  }
  const std::size_t count = rows.size();
  for (std::size_t row = 0; row < count; ++row) {
    side.counts.push_back(static_cast<std::uint32_t>(rows.offsets[row + 1] - rows.offsets[row]));
  }
  if (of_users) {
    result.history_factors = model.history_factors;
  } else if (model.history_factors.rows() != 0) {
    result.history_factors = FactorMatrix(count, model.rank());
  }
  // Who speaks for a new row is not known.
  result.neighbours = model.neighbours && model.neighbours->of_users() == of_users
                          ? Neighbours(std::vector<std::uint64_t>(count + 1), {}, {}, model.neighbours->rule())
                          : model.neighbours;
  side.factors = FactorMatrix(count, model.rank());
  side.biases.assign(count, 0);
  Workers workers(threads);
  const FoldInSolver solver(model, which, workers);
  if (features != nullptr) {
    solver.check_features();
    side.features = before.features;
    side.features->rows.clear();
    for (const FeatureRow& row : feature_rows) side.features->rows.push_back(row.columns.empty() ? 0 : 1);
  }
  solver.solve(rows, workers, side.factors, side.biases, feature_rows);
  if (solver.has_variances()) {
    result.uncertainty = model.uncertainty;
    const RowVariances& old = of_users ? model.uncertainty->users : model.uncertainty->items;
    RowVariances& own = of_users ? result.uncertainty->users : result.uncertainty->items;
    // The last row is that of whom nobody knows.
    own = {.factors = FactorMatrix(count + 1, model.rank()), .biases = std::vector<float>(count + 1), .noise = {}};
    if (!old.noise.empty()) own.noise.assign(count + 1, old.noise.back());
    solver.variances(rows, workers, own.factors, own.biases);
    std::ranges::copy(old.factors.row(old.biases.size() - 1), own.factors.row(count).begin());
    own.biases.back() = old.biases.back();
  }
  for (std::uint32_t row = 0; row < count; ++row) {
    if (!is_finite(side.factors.row(row), side.biases[row])) {
      fail_to_fold_in((of_users ? "of user " : "of item ") + quoted(side.ids.id(row)));
    }
  }
  return result;
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
  const FoldInSolver solver(model, FoldInSide::users, alone);
  if (const auto row = merged(model, model.items, items, values)) {
    return fold_in_row(solver, model.items, row->others, row->values, &model, features);
  }
  return fold_in_row(solver, model.items, items, values, &model, features);
}

FoldedRow fold_in_item(const Model& model, std::span<const std::uint32_t> users, std::span<const float> values,
                       const FeatureRow& features) {
  Workers alone(1);
  const FoldInSolver solver(model, FoldInSide::items, alone);
  if (const auto row = merged(model, model.users, users, values)) {
    return fold_in_row(solver, model.users, row->others, row->values, nullptr, features);
  }
  return fold_in_row(solver, model.users, users, values, nullptr, features);
}

Model fold_in(const Model& model, const Pairs& pairs, int threads, const NewFeatures* features) {
  return fold_in_side(model, FoldInSide::users, pairs, threads, features);
}

Model fold_in_items(const Model& model, const Pairs& pairs, int threads, const NewFeatures* features) {
  return fold_in_side(model, FoldInSide::items, pairs, threads, features);
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
