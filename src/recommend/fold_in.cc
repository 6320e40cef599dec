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
  std::erase_if(row, [&](const Observation& observation) { return !model.items.knows(observation.item); });
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
  Model result;
  result.items = model.items;
  result.centre = model.centre;
  result.fold_in = model.fold_in;
  result.record = model.record;
  result.users.factors = FactorMatrix(users, model.rank());
  result.users.biases.assign(users, 0);
  result.users.counts.assign(users, 0);
  result.users.ids.set_kind(pairs.unknown_users.kind());

  RatingsBuilder seen;
  for (std::size_t user = 0; user < users; ++user) {
    result.users.ids.add(pairs.user_id(model.users.ids, grouped.users[user]));
    for (std::size_t k = grouped.offsets[user]; k < grouped.offsets[user + 1]; ++k) {
      const std::uint32_t item = pairs.items[grouped.positions[k]];
      if (item < model.items.ids.size()) seen.add(static_cast<std::uint32_t>(user), item, 1);
    }
  }
  result.users.ids.shrink_to_fit();
  result.history = History(seen.build(static_cast<std::uint32_t>(users), model.items.ids.size(), Duplicates::last, nullptr, threads),
                           HistoryValues::dropped, threads);

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
      result.users.biases[user] = solver->solve(row, result.users.factors.row(user));
      result.users.counts[user] = static_cast<std::uint32_t>(row.size());
    }
  });
  return result;
}

}  // namespace lowrank
