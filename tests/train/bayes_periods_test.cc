// Periods of the calendar in Bayesian factorization.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "fixtures.h"
#include "lowrank/base/error.h"
#include "lowrank/data/split.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/evaluate/validation.h"
#include "lowrank/model/contexts.h"
#include "lowrank/train/bayes.h"

namespace lowrank::bayes_periods_test {
namespace {

constexpr std::uint32_t kUsers = 150;
constexpr std::uint32_t kItems = 60;
constexpr std::int64_t kFirst = 978307200;  // 2001-01-01

Bayes options(Period time) {
  Bayes options;
  options.rank = 4;
  options.samples = 30;
  options.burn_in = 10;
  options.time = time;
  return options;
}

/// Ratings of which each item's change from month to month, each in a way of its own.
Ratings seasonal() {
  std::mt19937_64 random(4);
  std::normal_distribution<float> normal;
  std::vector<float> taste(kItems);
  std::vector<float> season(12);
  for (float& x : taste) x = normal(random);
  for (float& x : season) x = 0.8F * normal(random);
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) {
      if ((user * 7 + item * 3) % 5 > 2) continue;
      const auto month = static_cast<unsigned>(random() % 12);
      const auto day = static_cast<unsigned>(random() % 28);
      const std::chrono::sys_days date = std::chrono::year(2001) / std::chrono::month(month + 1) / std::chrono::day(day + 1);
      const float score = 3 + 0.3F * static_cast<float>(user % 4) + taste[item] * season[month] + 0.3F * normal(random);
      builder.add(user, item, score, date.time_since_epoch().count() * 86400LL);
    }
  }
  return builder.build(kUsers, kItems);
}

TEST(BayesPeriods, AreFoundWhereRatingsDependOnThem) {
  const Holdout parts = hold_out(seasonal(), 0.2, 1);
  ASSERT_EQ(parts.held.times.size(), parts.held.size());
  const auto error_of = [&](const Model& model) { return score_ratings(model, parts.held).rmse; };
  const double plain = error_of(train_quietly(parts.train, options(Period::none)).model);
  const Model model = train_quietly(parts.train, options(Period::month)).model;
  ASSERT_EQ(model.contexts.size(), 1U);
  EXPECT_EQ(model.contexts[0].name, "month");
  EXPECT_EQ(model.contexts[0].levels.size(), 12U);
  EXPECT_LT(error_of(model), 0.35);
  EXPECT_LT(error_of(train_quietly(parts.train, options(Period::week)).model), 0.8 * plain);
  // Without times, months are averages.
  Pairs timeless = parts.held;
  timeless.times.clear();
  EXPECT_LT(score_ratings(model, timeless).rmse, 1.01 * plain);
  EXPECT_GT(score_ratings(model, timeless).rmse, 0.8 * plain);
}

TEST(BayesPeriods, OneSampleScoresAsTheSampler) {
  for (const Likelihood likelihood : {Likelihood::gaussian, Likelihood::ordinal}) {
    Bayes settings = options(Period::week);
    settings.samples = 1;
    settings.burn_in = 3;
    settings.likelihood = likelihood;
    Ratings data = seasonal();
    if (likelihood == Likelihood::ordinal) {
      RatingsBuilder builder;
      for (std::uint32_t user = 0; user < kUsers; ++user) {
        for (std::size_t at = data.row_offsets()[user]; at < data.row_offsets()[user + 1]; ++at) {
          builder.add(user, data.items()[at], std::clamp(std::round(data.value(at)), 1.0F, 6.0F), data.times()[at]);
        }
      }
      data = builder.build(kUsers, kItems);
    }
    const Trained trained = train_quietly(data, settings, 2);
    const double own = trained.history.back().train_rmse.value();
    // The sampler's ordinal error has no uncertainty of scores in it.
    EXPECT_NEAR(trained.train_rmse.value(), own, likelihood == Likelihood::gaussian ? 1e-4 : 0.03);
  }
}

TEST(BayesPeriods, SameBytesForAnyNumberOfThreads) {
  const Ratings data = seasonal();
  for (const NoiseOf noise : {NoiseOf::all, NoiseOf::both}) {
    Bayes settings = options(Period::day);
    settings.noise = noise;
    const std::string bytes = bytes_of(train_quietly(data, settings, 1).model, data);
    for (const int threads : {2, 3, 8}) EXPECT_EQ(bytes_of(train_quietly(data, settings, threads).model, data), bytes) << threads;
    settings.time = Period::month;
    EXPECT_NE(bytes_of(train_quietly(data, settings, 1).model, data), bytes);
  }
}

TEST(BayesPeriods, ValidationKnowsTheTimes) {
  const Holdout parts = hold_out(seasonal(), 0.2, 1);
  const Trained trained = train_quietly(parts.train, options(Period::month), 1, validate_on(parts.held, "rmse", 1));
  double best = 1e9;
  for (const EpochReport& report : trained.history) best = std::min(best, report.validation.value_or(1e9));
  EXPECT_NEAR(score_ratings(trained.model, parts.held).rmse, best, 1e-9);
  EXPECT_LT(best, 0.45);
}

TEST(BayesPeriods, NeedTimes) {
  const auto refusal = [](Ratings ratings) -> std::string {
    try {
      train_quietly(std::move(ratings), options(Period::day));
    } catch (const Error& error) {
      return error.what();
    }
    return "trained";
  };
  EXPECT_EQ(refusal(make_ratings({{0, 0, 3}, {1, 1, 4}}, 2, 2)), "time: needs a timestamp with each rating");
  RatingsBuilder builder;
  builder.add(0, 0, 3, 1);
  builder.add(1, 1, 4, 2);
  EXPECT_EQ(refusal(builder.build(2, 2)), "the timestamps, 2 at most, count no seconds, milliseconds or microseconds since 1970");
  builder.add(0, 0, 3, kFirst);
  builder.add(1, 1, 4, kFirst);
  EXPECT_EQ(refusal(builder.build(2, 2)), "trained");
}

}  // namespace
}  // namespace lowrank::bayes_periods_test
