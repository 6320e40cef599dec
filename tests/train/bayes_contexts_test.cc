// Contexts in Bayesian factorization: several columns, missing levels, chains.

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "fixtures.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/model/contexts.h"
#include "lowrank/train/bayes.h"
#include "lowrank/train/train.h"
#include "train/by_level.h"

namespace lowrank::bayes_contexts_test {
namespace {

constexpr std::uint32_t kUsers = 60;
constexpr std::uint32_t kItems = 40;

Bayes options(ContextChain chain = ContextChain::none) {
  Bayes options;
  options.rank = 4;
  options.samples = 40;
  options.burn_in = 15;
  options.chain = chain;
  return options;
}

/// Ratings for training, and others of the same tensor.
struct Parts {
  Dataset train;
  Pairs held;
};

/// Items that two contexts lift and lower, each in a way of its own; a level in ten is missing. \param steps  levels of the first, which
/// change a little from each to the next \param one_in  so many cells is for training
Parts planted(std::uint16_t steps, std::size_t one_in) {
  std::mt19937_64 random(7);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> effects(2);
  std::vector<std::vector<float>> tastes(2, std::vector<float>(kItems));
  float walk = 0;
  for (std::uint16_t level = 0; level < steps; ++level) effects[0].push_back(walk += 0.3F * normal(random));
  for (int level = 0; level < 3; ++level) effects[1].push_back(normal(random));
  for (std::vector<float>& taste : tastes) {
    for (float& x : taste) x = normal(random);
  }
  Situations situations;
  situations.columns.resize(2);
  situations.columns[0].name = "step";
  situations.columns[1].name = "mood";
  // As a file may have them: not in their order.
  for (std::uint16_t level = 0; level < steps; ++level) situations.columns[0].levels.add(std::to_string((level * 7 + 3) % steps));
  for (const char* mood : {"calm", "gay", "sad"}) situations.columns[1].levels.add(mood);
  RatingsBuilder builder;
  Parts parts;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) {
      const auto step = static_cast<std::uint16_t>(random() % steps);
      const auto mood = static_cast<std::uint16_t>(random() % 3);
      const bool missing = random() % 10 == 0;
      float value = 3 + 0.2F * static_cast<float>(user % 5) + tastes[0][item] * effects[0][(step * 7U + 3U) % steps];
      value += (missing ? 0 : tastes[1][item] * effects[1][mood]) + 0.3F * normal(random);
      const std::uint32_t situation = situations.number(std::vector<std::uint16_t>{step, missing ? Situations::kMissing : mood});
      if (random() % one_in == 0) {
        builder.add_in_situation(user, item, value, situation);
      } else if (random() % 4 == 0) {
        parts.held.users.push_back(user);
        parts.held.items.push_back(item);
        parts.held.values.push_back(value);
        parts.held.situation.push_back(situation);
      }
    }
  }
  parts.train.ratings = builder.build(kUsers, kItems);
  parts.train.situations = situations;
  for (std::uint32_t user = 0; user < kUsers; ++user) parts.train.users.add(std::to_string(user));
  for (std::uint32_t item = 0; item < kItems; ++item) parts.train.items.add(std::to_string(item));
  parts.held.situations = situations;
  parts.held.known_users = kUsers;
  parts.held.known_items = kItems;
  return parts;
}

Trained trained_on(const Dataset& data, const Bayes& options, int threads = 1) {
  TrainSettings settings;
  settings.threads = threads;
  return train({.data = data}, options, {}, TrainingObserver::silent(), settings);
}

TEST(BayesContexts, AreFoundWhereRatingsDependOnThem) {
  const Parts parts = planted(4, 2);
  const Model model = trained_on(parts.train, options()).model;
  ASSERT_EQ(model.contexts.size(), 2U);
  EXPECT_EQ(model.contexts[0].name, "step");
  EXPECT_EQ(model.contexts[1].levels.size(), 3U);
  const double rmse = score_ratings(model, parts.held).rmse;
  EXPECT_LT(rmse, 0.45);
  // Without them, contexts are averages.
  Pairs without = parts.held;
  without.situation.clear();
  without.situations = {};
  EXPECT_GT(score_ratings(model, without).rmse, 1.3 * rmse);
}

TEST(BayesContexts, ABoundModelPredictsAsThePairsInTheirContexts) {
  const Parts parts = planted(4, 2);
  const Model model = trained_on(parts.train, options()).model;
  std::vector<double> scores(parts.held.size());
  predict_pairs(model, parts.held, scores, 1);
  for (std::size_t n = 0; n < 50; ++n) {
    const std::span<const std::uint16_t> levels = parts.held.situations.levels(parts.held.situation[n]);
    std::vector<ContextValue> context;
    for (std::size_t column = 0; column < 2; ++column) {
      if (levels[column] == Situations::kMissing) continue;
      context.emplace_back(model.contexts[column].name, std::string(model.contexts[column].levels.id(levels[column])));
    }
    const Model bound = bind_context(model, context);
    EXPECT_NEAR(predict(bound, parts.held.users[n], parts.held.items[n]), scores[n], 1e-4);
  }
}

TEST(BayesContexts, OneSampleScoresAsTheSampler) {
  Bayes settings = options();
  settings.samples = 1;
  const Parts parts = planted(4, 2);
  const Trained one = trained_on(parts.train, settings);
  EXPECT_NEAR(one.train_rmse.value(), one.history.back().train_rmse.value(), 1e-3);
}

TEST(BayesContexts, PairsMayBeRatedInManyContexts) {
  // Forty users rate thirty items, each in all of four contexts.
  std::mt19937_64 random(5);
  std::normal_distribution<float> normal;
  Dataset data;
  data.situations.columns.resize(1);
  data.situations.columns[0].name = "place";
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < 40; ++user) {
    data.users.add(std::to_string(user));
    for (std::uint32_t item = 0; item < 30; ++item) {
      if (user == 0) data.items.add(std::to_string(item));
      for (std::uint16_t place = 0; place < 4; ++place) {
        if (user == 0 && item == 0) data.situations.columns[0].levels.add(std::to_string(place));
        const float value = 3 + 0.4F * static_cast<float>(item % 3) + 0.5F * static_cast<float>(place) + normal(random);
        builder.add_in_situation(user, item, value, data.situations.number(std::vector<std::uint16_t>{place}));
      }
    }
  }
  data.ratings = builder.build(40, 30);
  Bayes settings = options();
  settings.samples = 150;
  const Trained trained = trained_on(data, settings);
  EXPECT_NEAR(trained.train_rmse.value(), 1, 0.05);
  EXPECT_NEAR(trained.history.back().train_rmse.value(), 1, 0.1);
}

TEST(BayesContexts, ChainsHelpWhereLevelsFollowOneAnother) {
  const Parts parts = planted(240, 2);
  const double apart = score_ratings(trained_on(parts.train, options()).model, parts.held).rmse;
  const double chained = score_ratings(trained_on(parts.train, options(ContextChain::all)).model, parts.held).rmse;
  EXPECT_LT(chained, 0.97 * apart);
}

TEST(BayesContexts, SameBytesForAnyNumberOfThreads) {
  const Parts parts = planted(9, 3);
  for (const ContextChain chain : {ContextChain::none, ContextChain::all}) {
    Bayes settings = options(chain);
    settings.samples = 8;
    settings.burn_in = 4;
    settings.noise = NoiseOf::both;
    const Model model = trained_on(parts.train, settings, 1).model;
    for (const int threads : {2, 3, 8}) EXPECT_EQ(trained_on(parts.train, settings, threads).model, model) << threads;
  }
}

TEST(BayesContexts, RefusesContextsThatAreNotThere) {
  const Parts parts = planted(4, 3);
  const auto refusal = [&](const Bayes& settings, bool with_contexts) -> std::string {
    Dataset data = parts.train;
    if (!with_contexts) {
      RatingsBuilder builder;
      builder.add(0, 0, 3);
      builder.add(1, 1, 4);
      data.ratings = builder.build(kUsers, kItems);
      data.situations = {};
    }
    try {
      trained_on(data, settings);
    } catch (const OptionError& error) {
      return error.what();
    }
    return "trained";
  };
  EXPECT_EQ(refusal(options(ContextChain::month), true), "chain: the ratings have no context month: give time_contexts=month");
  EXPECT_EQ(refusal(options(ContextChain::all), false), "chain: needs ratings with contexts");
  Bayes timed = options();
  timed.time = Period::month;
  EXPECT_NE(refusal(timed, true), "trained");
}

TEST(ChainParts, HaveEachPlaceOnceAndNoNeighboursTogether) {
  for (std::size_t length = 1; length < 12; ++length) {
    const ChainParts chain{length};
    const auto bounds = chain.bounds();
    std::vector<int> seen(length);
    const auto part = [&](std::size_t row) { return row < bounds[1] ? 0 : row < bounds[2] ? 1 : 2; };
    for (std::size_t place = 0; place < length; ++place) {
      ASSERT_LT(chain.row(place), length);
      ++seen[chain.row(place)];
      if (place == 0) continue;
      EXPECT_NE(part(chain.row(place)), part(chain.row(place - 1)));
    }
    EXPECT_EQ(seen, std::vector<int>(length, 1));
    EXPECT_EQ(chain.row(length - 1), length - 1);
  }
}

TEST(ByLevel, OrdersChainsByTheNumbersThatLevelsBeginWithOrTheirTexts) {
  const auto rows_of = [](const std::vector<const char*>& levels) {
    Situations situations;
    situations.columns.resize(1);
    situations.columns[0].name = "age";
    RatingsBuilder builder;
    for (std::uint16_t level = 0; level < levels.size(); ++level) {
      situations.columns[0].levels.add(levels[level]);
      builder.add_in_situation(0, level, 1, situations.number(std::vector<std::uint16_t>{level}));
    }
    const Ratings ratings = builder.build(1, static_cast<std::uint32_t>(levels.size()));
    Workers workers(1);
    const std::vector<std::string> chained = {"age"};
    return by_level(ratings, transpose(ratings, workers), situations, chained).columns[0].rows;
  };
  const auto rows_at = [](const std::vector<std::size_t>& places) {
    std::vector<std::uint32_t> rows;
    for (const std::size_t place : places) rows.push_back(static_cast<std::uint32_t>(ChainParts{places.size()}.row(place)));
    return rows;
  };
  std::vector<const char*> numbers;
  for (const char* level :
       {"20", "19", "18", "17", "16", "15", "14", "13", "12", "11", "10", "9", "8", "7", "6", "5", "4", "3", "2", "nano"})
    numbers.push_back(level);
  EXPECT_EQ(rows_of(numbers).size(), numbers.size());
  EXPECT_EQ(rows_of({"18-24", "9-12", "65+", "2"}), rows_at({2, 1, 3, 0}));
  EXPECT_EQ(rows_of({"18-24", "9-12", "65+", "never", "2"}), rows_at({0, 3, 2, 4, 1}));
}

}  // namespace
}  // namespace lowrank::bayes_contexts_test
