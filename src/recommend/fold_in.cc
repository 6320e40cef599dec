#include "lowrank/recommend/fold_in.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/parallel.h"
#include "recommend/row_solver.h"

namespace lowrank {

namespace {

/// Puts a row in order: items that the model knows, ascending, of repeats the last.
void tidy(const Model& model, std::vector<Observation>& row) {
  std::erase_if(row, [&](const Observation& observation) { return !model.knows_item(observation.item); });
  std::stable_sort(row.begin(), row.end(), [](const Observation& a, const Observation& b) { return a.item < b.item; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i + 1 == row.size() || row[i + 1].item != row[i].item) row[kept++] = row[i];
  }
  row.resize(kept);
}

/// The pairs of each new user, in the order given; new users are numbered by first appearance.
struct Grouped {
  std::vector<std::uint32_t> users;  ///< the number in `pairs` of each new user
  std::vector<std::size_t> offsets;
  std::vector<std::size_t> positions;  ///< in `pairs`
};

Grouped group_by_user(const Pairs& pairs) {
  Grouped grouped;
  std::vector<std::uint32_t> number(std::size_t{pairs.known_users} + pairs.unknown_users.size(), Vocabulary::kUnknown);
  grouped.offsets.push_back(0);
  for (const std::uint32_t user : pairs.users) {
    if (number[user] == Vocabulary::kUnknown) {
      number[user] = static_cast<std::uint32_t>(grouped.users.size());
      grouped.users.push_back(user);
      grouped.offsets.push_back(0);
    }
    ++grouped.offsets[number[user] + 1];
  }
  for (std::size_t user = 0; user < grouped.users.size(); ++user) grouped.offsets[user + 1] += grouped.offsets[user];
  std::vector<std::size_t> next(grouped.offsets.begin(), grouped.offsets.end() - 1);
  grouped.positions.resize(pairs.size());
  for (std::size_t position = 0; position < pairs.size(); ++position) grouped.positions[next[number[pairs.users[position]]]++] = position;
  return grouped;
}

/// All of `model` but its users.
Model without_users(const Model& model) {
  Model result;
  result.items = model.items;
  result.item_factors = model.item_factors;
  result.item_biases = model.item_biases;
  result.item_ratings = model.item_ratings;
  result.mean = model.mean;
  result.rating_mean = model.rating_mean;
  result.min_rating = model.min_rating;
  result.max_rating = model.max_rating;
  result.clips = model.clips;
  result.has_biases = model.has_biases;
  result.row_problem = model.row_problem;
  result.record = model.record;
  return result;
}

}  // namespace

FoldedUser fold_in_user(const Model& model, std::span<const std::uint32_t> items, std::span<const float> values) {
  std::vector<Observation> row;
  row.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) row.push_back({items[i], values[i]});
  tidy(model, row);
  const std::vector<double> all_items = item_sums(model, 1);
  FoldedUser user;
  user.factors.resize(model.rank());
  user.bias = RowSolver(model, all_items).solve(row, user.factors);
  return user;
}

Model fold_in(const Model& model, const Pairs& pairs, int threads) {
  constexpr std::size_t kUsersATask = 16;
  const Grouped grouped = group_by_user(pairs);
  const std::size_t users = grouped.users.size();
  Model result = without_users(model);
  result.user_factors = FactorMatrix(users, model.rank());
  result.user_biases.assign(users, 0);
  result.user_ratings.assign(users, 0);

  RatingsBuilder seen;
  for (std::size_t user = 0; user < users; ++user) {
    result.users.add(pairs.user_id(model.users, grouped.users[user]));
    for (std::size_t k = grouped.offsets[user]; k < grouped.offsets[user + 1]; ++k) {
      const std::uint32_t item = pairs.items[grouped.positions[k]];
      if (item < model.items.size()) seen.add(static_cast<std::uint32_t>(user), item, 1);
    }
  }
  result.users.shrink_to_fit();
  result.seen = SeenItems(seen.build(static_cast<std::uint32_t>(users), model.items.size(), Duplicates::last, nullptr, threads));

  const std::vector<double> all_items = item_sums(model, threads);
  Workers workers(threads);
  std::vector<std::unique_ptr<RowSolver>> solvers(static_cast<std::size_t>(workers.count()));
  workers.for_ranges(users, kUsersATask, [&](std::size_t begin, std::size_t end, int slot) {
    auto& solver = solvers[static_cast<std::size_t>(slot)];
    if (!solver) solver = std::make_unique<RowSolver>(model, all_items);
    std::vector<Observation> row;
    for (std::size_t user = begin; user < end; ++user) {
      row.clear();
      for (std::size_t k = grouped.offsets[user]; k < grouped.offsets[user + 1]; ++k) {
        const std::size_t position = grouped.positions[k];
        row.push_back({pairs.items[position], pairs.values.empty() ? 1.0F : pairs.values[position]});
      }
      tidy(model, row);
      result.user_biases[user] = solver->solve(row, result.user_factors.row(user));
      result.user_ratings[user] = static_cast<std::uint32_t>(row.size());
    }
  });
  return result;
}

}  // namespace lowrank
