#include "lowrank/recommend/fold_in.h"

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

/// The values of ratings that scores read.
HistoryValues values_read(const Model& model) {
  const bool ratings = reads_values(model.fold_in) || (model.neighbours && model.neighbours->is_mean());
  return ratings ? HistoryValues::kept : HistoryValues::if_disliked;
}

}  // namespace

FoldedRow fold_in_user(const Model& model, std::span<const std::uint32_t> items, std::span<const float> values) {
  Workers alone(1);
  return fold_in_row(FoldInSolver(model, FoldInSide::users, alone), model.items, items, values, &model);
}

FoldedRow fold_in_item(const Model& model, std::span<const std::uint32_t> users, std::span<const float> values) {
  Workers alone(1);
  return fold_in_row(FoldInSolver(model, FoldInSide::items, alone), model.users, users, values, nullptr);
}

Model fold_in(const Model& model, const Pairs& pairs, int threads) {
  Model result;
  result.items = model.items;
  result.centre = model.centre;
  result.fold_in = model.fold_in;
  result.history_factors = model.history_factors;
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
    // Who speaks for a new user is not known.
    result.neighbours = model.neighbours && model.neighbours->of_users()
                            ? Neighbours(std::vector<std::uint64_t>(ratings.user_count() + 1), {}, {}, model.neighbours->rule())
                            : model.neighbours;
    result.history = History(ratings, values_read(model), threads);
  }
  result.users.factors = FactorMatrix(rows.size(), model.rank());
  result.users.biases.assign(rows.size(), 0);
  Workers workers(threads);
  FoldInSolver(model, FoldInSide::users, workers).solve(rows, workers, result.users.factors, result.users.biases);
  for (std::uint32_t user = 0; user < result.users.size(); ++user) {
    if (is_finite(result.users.factors.row(user), result.users.biases[user])) continue;
    fail_to_fold_in("of user " + quoted(result.users.ids.id(user)));
  }
  return result;
}

}  // namespace lowrank
