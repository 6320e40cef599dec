#include "lowrank/model/context_effects.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// The mean of the factors of the rows with ratings.
std::vector<double> mean_row(const Side& side, std::size_t rank) {
  std::vector<double> mean(rank);
  std::size_t rows = 0;
  for (std::uint32_t number = 0; number < side.size(); ++number) {
    if (!side.rated(number)) continue;
    ++rows;
    const std::span<const float> row = side.factors.row(number);
    for (std::size_t k = 0; k < rank; ++k) mean[k] += static_cast<double>(row[k]);
  }
  for (double& x : mean) x /= static_cast<double>(std::max<std::size_t>(rows, 1));
  return mean;
}

/// What the factors of every row of one side are multiplied with in a level. \param others  mean_row() of the other side, read where there
/// are scales
std::vector<double> vector_of(const FactorMatrix& factors, const FactorMatrix& scales, std::span<const double> others, std::size_t level) {
  const std::span<const float> row = factors.row(level);
  std::vector<double> vector(row.begin(), row.end());
  if (scales.rows() == 0) return vector;
  for (std::size_t k = 0; k < vector.size(); ++k) vector[k] += others[k] * (static_cast<double>(scales.row(level)[k]) - 1);
  return vector;
}

std::vector<double> others_of(const Model& model, const ContextVectors& context, RowsOf side) {
  if (context.scales.rows() == 0) return {};
  return mean_row(side == RowsOf::items ? model.users : model.items, model.rank());
}

}  // namespace

LevelEffects level_effects(const Model& model, std::size_t context, std::uint32_t level, std::size_t count, std::uint32_t least_ratings) {
  if (context >= model.contexts.size() || level >= model.contexts[context].levels.size())
    throw OptionError("context", "the model has no level " + std::to_string(level) + " of context " + std::to_string(context));
  const ContextVectors& own = model.contexts[context];
  const std::vector<double> vector = vector_of(own.item_factors, own.scales, others_of(model, own, RowsOf::items), level);
  std::vector<std::pair<double, std::uint32_t>> effects;
  double mean = 0;
  for (std::uint32_t item = 0; item < model.items.size(); ++item) {
    if (model.items.counts[item] < std::max(least_ratings, 1U)) continue;
    const std::span<const float> row = model.items.factors.row(item);
    double effect = own.item_biases.empty() ? 0.0 : static_cast<double>(own.item_biases.at(item, level));
    for (std::size_t k = 0; k < vector.size(); ++k) effect += static_cast<double>(row[k]) * vector[k];
    effects.emplace_back(effect, item);
    mean += effect;
  }
  mean /= static_cast<double>(std::max<std::size_t>(effects.size(), 1));
  std::ranges::sort(effects);
  LevelEffects result;
  for (std::size_t n = 0; n < effects.size() && result.lowered.size() < count; ++n) {
    const auto effect = static_cast<float>(effects[n].first - mean);
    if (effect < 0) result.lowered.push_back({effects[n].second, effect});
  }
  for (std::size_t n = effects.size(); n-- != 0 && result.lifted.size() < count;) {
    const auto effect = static_cast<float>(effects[n].first - mean);
    if (effect > 0) result.lifted.push_back({effects[n].second, effect});
  }
  return result;
}

FactorMatrix level_vectors(const Model& model, std::size_t context, RowsOf side) {
  if (context >= model.contexts.size()) throw OptionError("context", "the model has no context " + std::to_string(context));
  const ContextVectors& own = model.contexts[context];
  const std::vector<double> others = others_of(model, own, side);
  FactorMatrix vectors(own.levels.size(), model.rank());
  for (std::size_t level = 0; level < vectors.rows(); ++level) {
    const std::vector<double> vector = vector_of(side == RowsOf::items ? own.item_factors : own.user_factors, own.scales, others, level);
    std::ranges::transform(vector, vectors.row(level).begin(), [](double x) { return static_cast<float>(x); });
  }
  return vectors;
}

}  // namespace lowrank
