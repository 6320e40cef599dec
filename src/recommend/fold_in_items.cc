#include "lowrank/recommend/fold_in_items.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "data/text.h"
#include "lowrank/base/error.h"
#include "recommend/explain.h"
#include "recommend/fold_in_solver.h"

namespace lowrank {

namespace {

/// The ratings of new items by known users, of whom those without a rating are kept; adds the items, in order of first appearance, to
/// `ids`.
Ratings by_new_item(const Model& model, const Pairs& pairs, Vocabulary& ids, int threads) {
  std::vector<std::uint32_t> numbers(std::size_t{pairs.known_items} + pairs.unknown_items.size(), Vocabulary::kUnknown);
  if (pairs.items.size() != pairs.size() || (!pairs.values.empty() && pairs.values.size() != pairs.size())) {
    throw DataError("the pairs have different numbers of users, items and values");
  }
  RatingsBuilder builder;
  for (std::size_t position = 0; position < pairs.size(); ++position) {
    if (pairs.items[position] >= numbers.size()) throw DataError("the pairs have items that are not among those they are numbered by");
    std::uint32_t& item = numbers[pairs.items[position]];
    if (item == Vocabulary::kUnknown) item = ids.add(pairs.item_id(model.items.ids, pairs.items[position]));
    const std::uint32_t user = pairs.users[position];
    if (user < model.users.ids.size()) builder.add(user, item, pairs.values.empty() ? 1.0F : pairs.values[position]);
  }
  return builder.build(model.users.ids.size(), ids.size(), Duplicates::last, nullptr, threads);
}

/// The rows of the items: their users, ascending.
FoldInRows rows_by_item(const Model& model, const Ratings& ratings) {
  std::vector<std::vector<std::pair<std::uint32_t, float>>> of_items(ratings.item_count());
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    if (!model.users.knows(user)) continue;
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at)
      of_items[ratings.items()[at]].emplace_back(user, ratings.value(at));
  }
  FoldInRows rows;
  for (const auto& item : of_items) {
    for (const auto& [user, value] : item) rows.add(user, value);
    rows.end_row();
  }
  return rows;
}

}  // namespace

Model fold_in_items(const Model& model, const Pairs& pairs, int threads, const NewFeatures* features) {
  Model result;
  result.users = model.users;
  result.centre = model.centre;
  result.fold_in = model.fold_in;
  result.items.prior = model.items.prior;
  if (result.users.prior) result.users.prior->history = {};  // of items that are not in the result
  result.record = model.record;
  result.items.ids.set_kind(pairs.unknown_items.kind());
  Ratings ratings = by_new_item(model, pairs, result.items.ids, threads);
  std::vector<FeatureRow> feature_rows;
  if (features != nullptr) {
    feature_rows.resize(result.items.ids.size());
    for (std::uint32_t row = 0; row < features->features.rows(); ++row) {
      const std::uint32_t item = result.items.ids.add(features->ids.id(row));
      if (item == feature_rows.size()) feature_rows.emplace_back();
      feature_rows[item] = {.columns = features->features.columns_of(row), .values = features->features.values_of(row)};
    }
  }
  result.items.ids.shrink_to_fit();
  const std::uint32_t count = result.items.ids.size();
  ratings.extend(model.users.ids.size(), count);
  const FoldInRows rows = rows_by_item(model, ratings);
  for (std::uint32_t item = 0; item < count; ++item)
    result.items.counts.push_back(static_cast<std::uint32_t>(rows.offsets[item + 1] - rows.offsets[item]));
  if (model.history_factors.rows() != 0) result.history_factors = FactorMatrix(count, model.rank());
  if (model.neighbours && !model.neighbours->of_users()) {
    result.neighbours = Neighbours(std::vector<std::uint64_t>(std::size_t{count} + 1), {}, {}, model.neighbours->rule());
  } else {
    result.neighbours = model.neighbours;
  }
  const bool reads = reads_values(model.fold_in) || (model.neighbours && model.neighbours->is_mean());
  result.history = History(ratings, reads ? HistoryValues::kept : HistoryValues::if_disliked, threads);
  result.items.factors = FactorMatrix(count, model.rank());
  result.items.biases.assign(count, 0);
  Workers workers(threads);
  const FoldInSolver solver(model, FoldInSide::items, workers);
  if (features != nullptr) {
    solver.check_features();
    result.items.features = model.items.features;
    result.items.features->rows.clear();
    for (const FeatureRow& row : feature_rows) result.items.features->rows.push_back(row.columns.empty() ? 0 : 1);
  }
  solver.solve(rows, workers, result.items.factors, result.items.biases, feature_rows);
  if (solver.has_variances()) {
    result.uncertainty = model.uncertainty;
    // The last row is that of items that nobody knows.
    RowVariances& items = result.uncertainty->items;
    const RowVariances& before = model.uncertainty->items;
    items = {
        .factors = FactorMatrix(std::size_t{count} + 1, model.rank()), .biases = std::vector<float>(std::size_t{count} + 1), .noise = {}};
    if (!before.noise.empty()) items.noise.assign(std::size_t{count} + 1, before.noise.back());
    solver.variances(rows, workers, items.factors, items.biases);
    std::ranges::copy(before.factors.row(before.biases.size() - 1), items.factors.row(count).begin());
    items.biases.back() = before.biases.back();
  }
  for (std::uint32_t item = 0; item < count; ++item) {
    if (!is_finite(result.items.factors.row(item), result.items.biases[item]))
      fail_to_fold_in("of item " + quoted(result.items.ids.id(item)));
  }
  return result;
}

}  // namespace lowrank
