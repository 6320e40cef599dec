#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "lowrank/recommend/fold_in.h"

namespace lowrank {

namespace {

/// `rows` with as many rows as asked for, the new ones 0.
FactorMatrix widened(const FactorMatrix& rows, std::size_t count) {
  FactorMatrix wider(count, rows.rank());
  std::copy_n(rows.data(), rows.rows() * rows.stride(), wider.data());
  return wider;
}

/// New rows are as far from what is expected as unknown ones; so is the last, which moves back.
void widen(RowVariances& variances, std::size_t count) {
  const std::size_t last = variances.biases.size() - 1;
  FactorMatrix wider(count + 1, variances.factors.rank());
  std::copy_n(variances.factors.data(), last * variances.factors.stride(), wider.data());
  for (std::size_t row = last; row <= count; ++row) std::ranges::copy(variances.factors.row(last), wider.row(row).begin());
  variances.factors = std::move(wider);
  variances.biases.resize(count + 1, variances.biases.back());
  if (!variances.noise.empty()) variances.noise.resize(count + 1, variances.noise.back());
}

/// Starts of rows, with the new ones at the end.
std::vector<std::uint64_t> longer(std::span<const std::uint64_t> offsets, std::size_t count) {
  std::vector<std::uint64_t> more(offsets.begin(), offsets.end());
  more.resize(count + 1, more.empty() ? 0 : more.back());
  return more;
}

void widen(LevelBiases& biases, std::size_t count) {
  if (!biases.empty()) biases.offsets = longer(biases.offsets, count);
}

void widen_neighbours(Model& model, std::size_t count) {
  const Neighbours& before = *model.neighbours;
  model.neighbours = Neighbours(longer(before.offsets(), count), {before.items().begin(), before.items().end()},
                                {before.weights().begin(), before.weights().end()}, before.rule());
}

/// Adds rows for the ids that are new, and sets those without ratings to what their features let expect.
/// \param other  prior of the other side, whose history has rows of this one
void add_rows(Side& side, std::optional<RowPrior>& other, RowVariances* variances, bool has_biases, const NewFeatures& rows) {
  for (std::uint32_t row = 0; row < rows.features.rows(); ++row) side.ids.add(rows.ids.id(row));
  const std::uint32_t count = side.ids.size();
  side.factors = widened(side.factors, count);
  side.biases.resize(count);
  side.counts.resize(count);
  side.features->rows.resize(count);
  if (other && other->history.rows() != 0) other->history = widened(other->history, count);
  if (variances != nullptr) widen(*variances, count);
  for (std::uint32_t row = 0; row < rows.features.rows(); ++row) {
    const std::uint32_t number = side.ids.find(rows.ids.id(row));
    if (side.counts[number] != 0 || rows.features.entries(row) == 0) continue;
    const float bias = side.features->expect(rows.features.columns_of(row), rows.features.values_of(row), side.factors.row(number));
    side.biases[number] = has_biases ? bias : 0;
    side.features->rows[number] = 1;
  }
}

}  // namespace

Model add_items(Model model, const NewFeatures& items) {
  description_of(FeatureSide::items, model);
  RowVariances* variances = model.uncertainty ? &model.uncertainty->items : nullptr;
  add_rows(model.items, model.users.prior, variances, model.centre.has_biases, items);
  const std::uint32_t count = model.items.size();
  if (model.history_factors.rows() != 0) model.history_factors = widened(model.history_factors, count);
  if (model.neighbours && !model.neighbours->of_users()) widen_neighbours(model, count);
  for (ContextVectors& context : model.contexts) widen(context.item_biases, count);
  return model;
}

Model add_users(Model model, const NewFeatures& users) {
  description_of(FeatureSide::users, model);
  RowVariances* variances = model.uncertainty ? &model.uncertainty->users : nullptr;
  add_rows(model.users, model.items.prior, variances, model.centre.has_biases, users);
  const std::uint32_t count = model.users.size();
  const History& seen = model.history;
  model.history = History({seen.bytes().begin(), seen.bytes().end()}, longer(seen.offsets(), count), model.items.size(),
                          {seen.codes().begin(), seen.codes().end()}, {seen.values().begin(), seen.values().end()});
  if (model.neighbours && model.neighbours->of_users()) widen_neighbours(model, count);
  for (ContextVectors& context : model.contexts) widen(context.user_biases, count);
  return model;
}

}  // namespace lowrank
