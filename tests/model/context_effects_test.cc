#include "lowrank/model/context_effects.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <span>
#include <vector>

#include "lowrank/base/error.h"

namespace lowrank::context_effects_test {
namespace {

constexpr std::size_t kRank = 4;
constexpr std::uint32_t kUsers = 9;
constexpr std::uint32_t kItems = 12;

/// A model of all terms; the last user and the last item have no rating.
Model model_of() {
  std::mt19937 random(7);
  std::normal_distribution<float> draw;
  const auto fill = [&](FactorMatrix& rows, std::size_t count) {
    rows = FactorMatrix(count, kRank);
    for (std::size_t row = 0; row < count; ++row) {
      for (float& x : rows.row(row)) x = draw(random);
    }
  };
  Model model;
  for (const auto& [side, count] : {std::pair(&model.users, kUsers), std::pair(&model.items, kItems)}) {
    fill(side->factors, count);
    for (std::uint32_t row = 0; row < count; ++row) {
      side->ids.add("r" + std::to_string(row));
      side->counts.push_back(row + 1 == count ? 0 : row + 1);
      side->biases.push_back(draw(random));
    }
  }
  ContextVectors& context = model.contexts.emplace_back();
  context.name = "company";
  for (const char* const level : {"alone", "family"}) context.levels.add(level);
  fill(context.user_factors, 2);
  fill(context.item_factors, 2);
  fill(context.scales, 2);
  context.biases = {0.1F, -0.2F};
  context.counts = {5, 6};
  context.item_biases.offsets.push_back(0);
  for (std::uint32_t item = 0; item < kItems; ++item) {
    if (item % 3 == 0) {
      context.item_biases.levels.push_back(1);
      context.item_biases.values.push_back(draw(random));
    }
    context.item_biases.offsets.push_back(context.item_biases.levels.size());
  }
  return model;
}

/// The score of a user in the level less the score without, by the formula of ContextVectors.
double added(const Model& model, std::uint32_t user, std::uint32_t item, std::uint32_t level) {
  const ContextVectors& context = model.contexts.front();
  double sum = static_cast<double>(context.biases[level]) + static_cast<double>(context.item_biases.at(item, level));
  for (std::size_t k = 0; k < kRank; ++k) {
    const auto p = static_cast<double>(model.users.factors.row(user)[k]);
    const auto q = static_cast<double>(model.items.factors.row(item)[k]);
    sum += p * static_cast<double>(context.user_factors.row(level)[k]) + q * static_cast<double>(context.item_factors.row(level)[k]) +
           p * q * (static_cast<double>(context.scales.row(level)[k]) - 1);
  }
  return sum;
}

/// The effects of a level on items, from the scores of all pairs.
std::map<std::uint32_t, double> expected(const Model& model, std::uint32_t level, std::uint32_t least) {
  std::map<std::uint32_t, double> effects;
  double mean = 0;
  for (std::uint32_t item = 0; item < kItems; ++item) {
    if (model.items.counts[item] < least) continue;
    for (std::uint32_t user = 0; user + 1 < kUsers; ++user) effects[item] += added(model, user, item, level) / (kUsers - 1);
    mean += effects[item];
  }
  for (auto& [item, effect] : effects) effect -= mean / static_cast<double>(effects.size());
  return effects;
}

TEST(LevelEffects, AreMeanChangesOfScoresOverUsers) {
  const Model model = model_of();
  for (const std::uint32_t least : {1U, 4U}) {
    for (const std::uint32_t level : {0U, 1U}) {
      std::map<std::uint32_t, double> expect = expected(model, level, least);
      const LevelEffects effects = level_effects(model, 0, level, kItems, least);
      EXPECT_EQ(effects.lifted.size() + effects.lowered.size(), expect.size());
      for (const auto* const list : {&effects.lifted, &effects.lowered}) {
        for (const ItemEffect& own : *list) {
          ASSERT_TRUE(expect.contains(own.item));
          EXPECT_NEAR(static_cast<double>(own.effect), expect[own.item], 1e-5);
        }
      }
      EXPECT_TRUE(std::ranges::is_sorted(effects.lifted, std::greater{}, &ItemEffect::effect));
      EXPECT_TRUE(std::ranges::is_sorted(effects.lowered, std::less{}, &ItemEffect::effect));
    }
  }
}

TEST(LevelEffects, AreAsManyAsAskedFor) {
  const Model model = model_of();
  const LevelEffects all = level_effects(model, 0, 1, kItems);
  const LevelEffects two = level_effects(model, 0, 1, 2);
  EXPECT_EQ(two.lifted, std::vector<ItemEffect>(all.lifted.begin(), all.lifted.begin() + 2));
  EXPECT_EQ(two.lowered, std::vector<ItemEffect>(all.lowered.begin(), all.lowered.begin() + 2));
}

TEST(LevelEffects, RefuseLevelsThatAreNot) {
  const Model model = model_of();
  EXPECT_THROW(level_effects(model, 1, 0, 2), OptionError);
  EXPECT_THROW(level_effects(model, 0, 2, 2), OptionError);
}

TEST(LevelVectors, AddToScoresWhatLevelsDo) {
  Model model = model_of();
  std::ranges::fill(model.contexts.front().item_biases.values, 0.0F);
  for (const std::uint32_t level : {0U, 1U}) {
    const FactorMatrix of_items = level_vectors(model, 0, RowsOf::items);
    const FactorMatrix of_users = level_vectors(model, 0, RowsOf::users);
    // Means over the rows with ratings of what is added to scores; differences between rows, for the level's other terms are constant.
    const auto mean_of_item = [&](std::uint32_t item) {
      double sum = 0;
      for (std::uint32_t user = 0; user + 1 < kUsers; ++user) sum += added(model, user, item, level);
      return sum / (kUsers - 1);
    };
    const auto mean_of_user = [&](std::uint32_t user) {
      double sum = 0;
      for (std::uint32_t item = 0; item + 1 < kItems; ++item) sum += added(model, user, item, level);
      return sum / (kItems - 1);
    };
    const auto product = [](std::span<const float> a, std::span<const float> b) {
      double sum = 0;
      for (std::size_t k = 0; k < a.size(); ++k) sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
      return sum;
    };
    for (std::uint32_t item = 1; item < kItems; ++item) {
      EXPECT_NEAR(product(of_items.row(level), model.items.factors.row(item)) - product(of_items.row(level), model.items.factors.row(0)),
                  mean_of_item(item) - mean_of_item(0), 1e-5);
    }
    for (std::uint32_t user = 1; user < kUsers; ++user) {
      EXPECT_NEAR(product(of_users.row(level), model.users.factors.row(user)) - product(of_users.row(level), model.users.factors.row(0)),
                  mean_of_user(user) - mean_of_user(0), 1e-5);
    }
  }
  EXPECT_THROW(level_vectors(model, 1, RowsOf::items), OptionError);
}

}  // namespace
}  // namespace lowrank::context_effects_test
