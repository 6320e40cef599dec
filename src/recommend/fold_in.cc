#include "lowrank/recommend/fold_in.h"

#include <algorithm>

#include "base/parallel.h"
#include "recommend/fold_in_solver.h"

namespace lowrank {

namespace {

/// Adds a row of the given ratings of `fixed`: of those that the model knows, ascending, the last of repeats.
void add_row(const Side& fixed, std::span<const std::uint32_t> others, std::span<const float> values, FoldInRows& rows) {
  std::vector<std::size_t> order;
  order.reserve(others.size());
  for (std::size_t i = 0; i < others.size(); ++i) {
    if (fixed.knows(others[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return others[a] < others[b]; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i + 1 == order.size() || others[order[i + 1]] != others[order[i]]) rows.add(others[order[i]], values[order[i]]);
  }
  rows.end_row();
}

FoldedRow fold_in_row(const Model& model, FoldInSide side, std::span<const std::uint32_t> others, std::span<const float> values) {
  FoldInRows rows;
  add_row(side == FoldInSide::users ? model.items : model.users, others, values, rows);
  Workers alone(1);
  FactorMatrix factors(1, model.rank());
  FoldedRow folded;
  FoldInSolver(model, side, alone).solve(rows, alone, factors, {&folded.bias, 1});
  folded.factors.assign(factors.row(0).begin(), factors.row(0).end());
  return folded;
}

/// The ratings of `pairs` by new user, of known items and unknown ones that the model has a row for; adds the users, in order of first
/// appearance, to `ids`.
Ratings by_new_user(const Model& model, const Pairs& pairs, Vocabulary& ids, int threads) {
  std::vector<std::uint32_t> numbers(std::size_t{pairs.known_users} + pairs.unknown_users.size(), Vocabulary::kUnknown);
  RatingsBuilder builder;
  for (std::size_t position = 0; position < pairs.size(); ++position) {
    std::uint32_t& user = numbers[pairs.users[position]];
    if (user == Vocabulary::kUnknown) user = ids.add(pairs.user_id(model.users.ids, pairs.users[position]));
    const std::uint32_t item = pairs.items[position];
    if (item < model.items.ids.size()) builder.add(user, item, pairs.values.empty() ? 1.0F : pairs.values[position]);
  }
  ids.shrink_to_fit();
  return builder.build(ids.size(), model.items.ids.size(), Duplicates::last, nullptr, threads);
}

}  // namespace

FoldedRow fold_in_user(const Model& model, std::span<const std::uint32_t> items, std::span<const float> values) {
  return fold_in_row(model, FoldInSide::users, items, values);
}

FoldedRow fold_in_item(const Model& model, std::span<const std::uint32_t> users, std::span<const float> values) {
  return fold_in_row(model, FoldInSide::items, users, values);
}

Model fold_in(const Model& model, const Pairs& pairs, int threads) {
  Model result;
  result.items = model.items;
  result.centre = model.centre;
  result.fold_in = model.fold_in;
  result.record = model.record;
  result.users.ids.set_kind(pairs.unknown_users.kind());

  FoldInRows rows;
  {
    const Ratings ratings = by_new_user(model, pairs, result.users.ids, threads);
    for (std::size_t user = 0; user < ratings.user_count(); ++user) {
      for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
        if (model.items.knows(ratings.items()[at])) rows.add(ratings.items()[at], ratings.value(at));
      }
      rows.end_row();
      result.users.counts.push_back(static_cast<std::uint32_t>(rows.offsets[user + 1] - rows.offsets[user]));
    }
    result.history = History(ratings, HistoryValues::dropped, threads);
  }
  result.users.factors = FactorMatrix(rows.size(), model.rank());
  result.users.biases.assign(rows.size(), 0);
  Workers workers(threads);
  FoldInSolver(model, FoldInSide::users, workers).solve(rows, workers, result.users.factors, result.users.biases);
  return result;
}

}  // namespace lowrank
