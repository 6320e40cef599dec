#include "lowrank/evaluate/user_figures.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/random.h"
#include "evaluate/random_pairs.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "model/models.h"

namespace lowrank::user_figures_test {
namespace {

using testing_models::random_model;

/// Figures of `count` users whose numbers of ratings and errors have long tails, as in real data: half have at most 7 ratings, one in
/// fifty more than 55. The RMSE of endless such users is 0.9254, the mean of the lists 0.1.
UserFigures planted(std::size_t count, std::uint64_t seed) {
  RandomStream random(seed, Purpose::generate_users);
  UserFigures figures;
  figures.figures = {{.name = "rmse", .is_root = true, .sums = {}}, {.name = "ndcg@20", .higher_is_better = true, .sums = {}}};
  for (std::size_t user = 0; user < count; ++user) {
    const double ratings = std::ceil(std::exp(2 + random.normal()));
    const double deviation = std::exp(-0.2 + 0.35 * random.normal());
    double squares = 0;
    for (double n = 0; n < ratings; ++n) {
      const double error = deviation * random.normal();
      squares += error * error;
    }
    figures.users.push_back(static_cast<std::uint32_t>(user));
    figures.weights.push_back(ratings);
    figures.figures[0].sums.push_back(squares);
    // Most lists hit nothing.
    const double list = random.uniform() < 0.6 ? 0 : 0.5 * random.uniform();
    figures.figures[1].sums.push_back(list * ratings);
  }
  return figures;
}

TEST(UserFigures, OfRatingsAreSumsOfErrors) {
  const Model model = random_model(60, 40, 4, 3, 0.2);
  const Pairs pairs = random_pairs(model, 3000, 1);
  std::map<std::uint32_t, std::array<double, 3>> sums;
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    const double error = predict(model, pairs.users[n], pairs.items[n]) - static_cast<double>(pairs.values[n]);
    sums[pairs.users[n]][0] += error * error;
    sums[pairs.users[n]][1] += std::abs(error);
    sums[pairs.users[n]][2] += 1;
  }
  for (const int threads : {1, 2, 5}) {
    UserFigures found;
    const RatingScores scores = score_ratings(model, pairs, threads, &found);
    EXPECT_EQ(scores.rmse, score_ratings(model, pairs).rmse);
    ASSERT_EQ(found.users.size(), sums.size());
    ASSERT_EQ(found.figures.size(), 2U);
    EXPECT_NEAR(found.value(found.find("rmse")), scores.rmse, 1e-12);
    EXPECT_NEAR(found.value(found.find("mae")), scores.mae, 1e-12);
    std::size_t position = 0;
    for (const auto& [user, own] : sums) {
      EXPECT_EQ(found.users[position], user);
      EXPECT_EQ(found.figures[0].sums[position], own[0]);
      EXPECT_EQ(found.figures[1].sums[position], own[1]);
      EXPECT_EQ(found.weights[position], own[2]);
      EXPECT_DOUBLE_EQ(found.value(0, position), std::sqrt(own[0] / own[2]));
      ++position;
    }
  }
}

TEST(UserFigures, OfListsAreThoseOfEachUserAlone) {
  const Model model = random_model(40, 50, 4, 7, 0.2);
  const Pairs pairs = random_pairs(model, 400, 2);
  const std::array<std::size_t, 2> tops{3, 10};
  UserFigures found;
  const RankingTest test(pairs, model.history);
  const auto all = test.score(model, tops, 2, &found);
  ASSERT_EQ(found.users.size(), test.user_count());
  ASSERT_EQ(found.figures.size(), 12U);
  EXPECT_THROW(static_cast<void>(found.find("coverage@3")), OptionError);
  for (std::size_t position = 0; position < found.users.size(); ++position) {
    Pairs own = pairs;
    own.users.clear();
    own.items.clear();
    own.values.clear();
    for (std::size_t n = 0; n < pairs.size(); ++n) {
      if (pairs.users[n] != found.users[position]) continue;
      own.users.push_back(pairs.users[n]);
      own.items.push_back(pairs.items[n]);
    }
    const auto alone = RankingTest(own, model.history).score(model, tops);
    for (std::size_t n = 0; n < tops.size(); ++n) {
      for (const std::string_view name : {"recall", "precision", "ndcg", "map", "mrr", "hit_rate"}) {
        const std::size_t figure = found.find(std::string(name) + "@" + std::to_string(tops[n]));
        EXPECT_EQ(found.value(figure, position), ranking_metric(alone[n], name)) << name;
        EXPECT_DOUBLE_EQ(found.value(figure), ranking_metric(all[n], name)) << name;
        EXPECT_TRUE(found.figures[figure].higher_is_better);
      }
    }
  }
}

TEST(UserFigures, OfSeveralTestsAreThoseOfOne) {
  const Model model = random_model(60, 40, 4, 3, 0.2);
  const Pairs pairs = random_pairs(model, 500, 4);
  UserFigures whole;
  score_ratings(model, pairs, 0, &whole);
  std::array<UserFigures, 3> parts;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    Pairs own;
    for (std::size_t n = 0; n < pairs.size(); ++n) {
      if (n % 3 != part) continue;
      own.users.push_back(pairs.users[n]);
      own.items.push_back(pairs.items[n]);
      own.values.push_back(pairs.values[n]);
    }
    score_ratings(model, own, 0, &parts[part]);
  }
  const UserFigures found = pooled(parts);
  EXPECT_EQ(found.users, whole.users);
  EXPECT_EQ(found.weights, whole.weights);
  for (std::size_t figure = 0; figure < 2; ++figure) {
    EXPECT_EQ(found.figures[figure].name, whole.figures[figure].name);
    EXPECT_EQ(found.figures[figure].is_root, figure == 0);
    EXPECT_DOUBLE_EQ(found.value(figure), whole.value(figure));
    for (std::size_t n = 0; n < found.users.size(); ++n) {
      EXPECT_NEAR(found.figures[figure].sums[n], whole.figures[figure].sums[n], 1e-12);
    }
  }
  EXPECT_EQ(pooled(std::span(parts).first(1)), parts[0]);
  parts[1].figures.pop_back();
  EXPECT_THROW(pooled(parts), DataError);
  EXPECT_THROW(pooled({}), DataError);
}

/// The definition as it is written down: users drawn one by one, sums over them, the sorted figures.
Interval slow_interval(const UserFigures& figures, std::size_t figure, const IntervalOptions& options) {
  std::vector<double> values;
  for (std::size_t draw = 0; draw < options.draws; ++draw) {
    RandomStream random(options.seed, Purpose::bootstrap, draw);
    double sum = 0;
    double weight = 0;
    for (std::size_t n = 0; n < figures.users.size(); ++n) {
      const std::size_t user = random.below(figures.users.size());
      sum += figures.figures[figure].sums[user];
      weight += figures.weights[user];
    }
    values.push_back(figures.figures[figure].is_root ? std::sqrt(sum / weight) : sum / weight);
  }
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const double position = share * static_cast<double>(values.size() - 1);
    const double below = std::floor(position);
    const double upper = values[static_cast<std::size_t>(std::ceil(position))];
    const double lower = values[static_cast<std::size_t>(below)];
    return lower + (position - below) * (upper - lower);
  };
  return {at((1 - options.level) / 2), at((1 + options.level) / 2)};
}

TEST(Intervals, AreThoseOfASlowLoop) {
  const UserFigures figures = planted(301, 5);
  for (const IntervalOptions& options :
       {IntervalOptions{}, {.level = 0.8, .draws = 77, .seed = 3}, {.level = 0.99, .draws = 2}, {.draws = 1}}) {
    const std::vector<Interval> expected{slow_interval(figures, 0, options), slow_interval(figures, 1, options)};
    for (const int threads : {1, 2, 3, 8}) {
      IntervalOptions with = options;
      with.threads = threads;
      const std::vector<Interval> found = intervals(figures, with);
      EXPECT_EQ(found, intervals(figures, options)) << threads;
      ASSERT_EQ(found.size(), 2U);
      for (std::size_t figure = 0; figure < 2; ++figure) {
        EXPECT_DOUBLE_EQ(found[figure].low, expected[figure].low);
        EXPECT_DOUBLE_EQ(found[figure].high, expected[figure].high);
        EXPECT_EQ(found[figure].low<found[figure].high, options.draws> 1);
      }
    }
  }
  EXPECT_NE(intervals(figures, {.seed = 1}), intervals(figures, {.seed = 2}));
}

TEST(Intervals, HoldTheTruthAsOftenAsTheySay) {
  constexpr std::size_t kSets = 200;
  // E[n s^2] / E[n] for a number of ratings n and a deviation s that are independent; a list is above 0 with probability .4.
  const std::array<double, 2> truth{std::sqrt(std::exp(-0.4 + 2 * 0.35 * 0.35)), 0.4 * 0.25};
  std::array<std::size_t, 2> held{};
  for (std::size_t set = 0; set < kSets; ++set) {
    const std::vector<Interval> found = intervals(planted(1000, 100 + set), {.seed = set});
    for (std::size_t figure = 0; figure < 2; ++figure) {
      held[figure] += found[figure].low <= truth[figure] && truth[figure] <= found[figure].high ? 1U : 0U;
    }
  }
  for (const std::size_t count : held) {
    EXPECT_GE(count, kSets * 93 / 100);
    EXPECT_LE(count, kSets * 97 / 100);
  }
}

TEST(Intervals, NeedTwoUsersAndALevel) {
  EXPECT_TRUE(intervals({}).empty());
  EXPECT_TRUE(intervals(planted(1, 1)).empty());
  EXPECT_EQ(intervals(planted(2, 1)).size(), 2U);
  for (const double level : {0.0, 1.0, -0.5, 95.0, std::nan("")}) EXPECT_THROW(intervals(planted(5, 1), {.level = level}), OptionError);
  EXPECT_THROW(intervals(planted(5, 1), {.draws = 0}), OptionError);
}

}  // namespace
}  // namespace lowrank::user_figures_test
