#include "lowrank/model/context_effects.h"

#include <algorithm>
#include <span>

#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// The mean of the factors of the users with ratings.
std::vector<double> mean_user(const Model& model) {
  std::vector<double> mean(model.rank());
  std::size_t users = 0;
  for (std::uint32_t user = 0; user < model.users.size(); ++user) {
    if (!model.users.rated(user)) continue;
    ++users;
    const std::span<const float> row = model.users.factors.row(user);
    for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += static_cast<double>(row[k]);
  }
  for (double& x : mean) x /= static_cast<double>(std::max<std::size_t>(users, 1));
  return mean;
}

}  // namespace

LevelEffects level_effects(const Model& model, std::size_t context, std::uint32_t level, std::size_t count, std::uint32_t least_ratings) {
  if (context >= model.contexts.size() || level >= model.contexts[context].levels.size())
    throw OptionError("context", "the model has no level " + std::to_string(level) + " of context " + std::to_string(context));
  const ContextVectors& own = model.contexts[context];
  // An item's factors are multiplied with the same vector for all items.
  std::vector<double> vector(model.rank());
  for (std::size_t k = 0; k < vector.size(); ++k) vector[k] = static_cast<double>(own.item_factors.row(level)[k]);
  if (own.scales.rows() != 0) {
    const std::vector<double> user = mean_user(model);
    for (std::size_t k = 0; k < vector.size(); ++k) vector[k] += user[k] * (static_cast<double>(own.scales.row(level)[k]) - 1);
  }
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

}  // namespace lowrank
