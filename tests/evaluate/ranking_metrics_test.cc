#include "lowrank/evaluate/ranking_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "base/random.h"
#include "evaluate/hand_model.h"
#include "evaluate/random_pairs.h"
#include "kernels/levels.h"
#include "lowrank/base/error.h"
#include "model/models.h"

namespace lowrank::ranking_metrics_test {
namespace {

using testing_models::random_model;
using Pair = std::pair<std::uint32_t, std::uint32_t>;

Pairs pairs_of(const std::vector<std::array<std::uint32_t, 3>>& triples, const Model& model) {
  Pairs pairs;
  for (const auto& [user, item, value] : triples) {
    pairs.users.push_back(user);
    pairs.items.push_back(item);
    pairs.values.push_back(static_cast<float>(value));
  }
  pairs.known_users = static_cast<std::uint32_t>(model.users.counts.size());
  pairs.known_items = static_cast<std::uint32_t>(model.items.counts.size());
  return pairs;
}

/// The definitions as they are written down, user by user, with sets and full sorts. \param rated  who rated what in training
RankingScores slow_scores(const Model& model, const Pairs& test, const std::set<Pair>& rated, std::size_t top, float relevant_from) {
  std::map<std::uint32_t, std::set<std::uint32_t>> relevant;
  for (std::size_t n = 0; n < test.size(); ++n) {
    if (test.values[n] >= relevant_from && !rated.contains({test.users[n], test.items[n]})) relevant[test.users[n]].insert(test.items[n]);
  }
  RankingScores sums{.top = top};
  std::set<std::uint32_t> listed;
  std::size_t known_items = 0;
  for (const std::uint32_t ratings : model.items.counts) known_items += ratings != 0 ? 1U : 0U;
  for (const auto& [user, wanted] : relevant) {
    std::vector<std::pair<double, std::uint32_t>> all;
    for (std::uint32_t item = 0; item < model.items.counts.size(); ++item) {
      if (model.items.counts[item] == 0 || rated.contains({user, item})) continue;
      // As floats, which is what lists are ordered by.
      const double value =
          model.users.knows(user) ? double{static_cast<float>(score(model, user, item))} : static_cast<double>(model.items.counts[item]);
      all.emplace_back(-value, item);
    }
    std::sort(all.begin(), all.end());
    const double ideal = static_cast<double>(std::min(top, wanted.size()));
    double hits = 0;
    double gain = 0;
    double precisions = 0;
    double first = 0;
    for (std::size_t place = 1; place <= std::min(top, all.size()); ++place) {
      listed.insert(all[place - 1].second);
      if (!wanted.contains(all[place - 1].second)) continue;
      hits += 1;
      gain += std::log(2.0) / std::log(static_cast<double>(place) + 1);
      precisions += hits / static_cast<double>(place);
      if (first == 0) first = 1 / static_cast<double>(place);
    }
    double best_gain = 0;
    for (double place = 1; place <= ideal; ++place) best_gain += std::log(2.0) / std::log(place + 1);
    ++sums.users;
    sums.recall += hits / static_cast<double>(wanted.size());
    sums.precision += hits / static_cast<double>(top);
    sums.ndcg += gain / best_gain;
    sums.map += precisions / ideal;
    sums.mrr += first;
    sums.hit_rate += hits > 0 ? 1 : 0;
  }
  for (double RankingScores::*figure : {&RankingScores::recall, &RankingScores::precision, &RankingScores::ndcg, &RankingScores::map,
                                        &RankingScores::mrr, &RankingScores::hit_rate}) {
    sums.*figure /= static_cast<double>(sums.users);
  }
  sums.coverage = static_cast<double>(listed.size()) / static_cast<double>(known_items);
  return sums;
}

std::set<Pair> pairs_in(const History& seen) {
  std::set<Pair> pairs;
  for (std::uint32_t user = 0; user < seen.user_count(); ++user) {
    for (const std::uint32_t item : seen.items_of(user)) pairs.insert({user, item});
  }
  return pairs;
}

void expect_near(const RankingScores& found, const RankingScores& expected) {
  EXPECT_EQ(found.top, expected.top);
  EXPECT_EQ(found.users, expected.users);
  for (const std::string_view name : ranking_metric_names()) {
    EXPECT_NEAR(ranking_metric(found, name), ranking_metric(expected, name), 1e-12) << name << "@" << found.top;
  }
}

constexpr float kAll = -1e30F;
const std::vector<std::size_t> kTops{1, 3, 10, 59, 60, 1000};

class RankingMetrics : public AtEveryLevel {};

TEST_P(RankingMetrics, AreWhatTheirDefinitionsSay) {
  for (const std::size_t rank : {0U, 4U, 17U}) {
    for (const double density : {0.03, 0.3, 0.9}) {
      const Model model = random_model(50, 60, rank, 3 + rank, density);
      const Pairs test = random_pairs(model, 400, 8);
      const RankingTest lists(test, model.history);
      const auto found = lists.score(model, kTops, 2);
      ASSERT_EQ(found.size(), kTops.size());
      for (std::size_t n = 0; n < kTops.size(); ++n) {
        const RankingScores expected = slow_scores(model, test, pairs_in(model.history), kTops[n], kAll);
        expect_near(found[n], expected);
        EXPECT_EQ(lists.user_count(), expected.users);
      }
    }
  }
}

TEST_P(RankingMetrics, WithWhatCountsAsRelevant) {
  const Model model = random_model(50, 60, 5, 1, 0.1);
  const Pairs test = random_pairs(model, 300, 2);
  for (const float from : {1.0F, 3.5F, 5.0F}) {
    expect_near(RankingTest(test, model.history, from).score(model, kTops, 2)[2],
                slow_scores(model, test, pairs_in(model.history), kTops[2], from));
  }
}

TEST_P(RankingMetrics, OfPairsThatWereHeldOut) {
  Model model = random_model(50, 60, 5, 1, 0.3);
  // A third of what was seen is held out; the model does not carry what was seen while it is trained.
  const History seen = model.history;
  model.history = {};
  std::set<Pair> trained;
  std::vector<std::array<std::uint32_t, 3>> held;
  RandomStream random(1, Purpose::holdout);
  for (const Pair& pair : pairs_in(seen)) {
    if (random.below(3) != 0) {
      trained.insert(pair);
    } else {
      held.push_back({pair.first, pair.second, 1});
    }
  }
  const Pairs test = pairs_of(held, model);
  const auto found = RankingTest::of_held_out(test, seen).score(model, kTops, 2);
  for (std::size_t n = 0; n < kTops.size(); ++n) expect_near(found[n], slow_scores(model, test, trained, kTops[n], kAll));
}

INSTANTIATE_TEST_SUITE_P(Levels, RankingMetrics, testing::ValuesIn(available_simd_levels()), level_name);

/// Scores 5, 4, 3, 2, 1 for items 0 to 4, whoever asks; user 0 has seen item 0, user 2 is unknown, and so is item 5.
Model descending_model() {
  Model model;
  model.users.factors = FactorMatrix(3, 0);
  model.items.factors = FactorMatrix(6, 0);
  model.users.biases = {0, 0, 0};
  model.items.biases = {5, 4, 3, 2, 1, 9};
  model.users.counts = {1, 1, 0};
  model.items.counts = {1, 1, 2, 1, 1, 0};
  RatingsBuilder builder;
  builder.add(0, 0, 1);
  model.history = History(builder.build(3, 6));
  return model;
}

TEST(RankingScoresByHand, OneUser) {
  const Model model = descending_model();
  // The list is 1, 2, 3, 4; relevant are 2, 4 and 5, which no list can hold; 0 was seen.
  const Pairs test = pairs_of({{0, 2, 1}, {0, 4, 1}, {0, 5, 1}, {0, 0, 1}, {0, 2, 1}}, model);
  const auto found = RankingTest(test, model.history).score(model, std::array<std::size_t, 3>{2, 4, 10});
  const double second = 1 / std::log2(3.0);
  const double fourth = 1 / std::log2(5.0);
  EXPECT_EQ(found[0].users, 1U);
  EXPECT_DOUBLE_EQ(found[0].recall, 1.0 / 3);
  EXPECT_DOUBLE_EQ(found[0].precision, 1.0 / 2);
  EXPECT_DOUBLE_EQ(found[0].ndcg, second / (1 + second));
  EXPECT_DOUBLE_EQ(found[0].map, (1.0 / 2) / 2);
  EXPECT_DOUBLE_EQ(found[0].mrr, 1.0 / 2);
  EXPECT_DOUBLE_EQ(found[0].hit_rate, 1);
  EXPECT_DOUBLE_EQ(found[0].coverage, 2.0 / 5);
  EXPECT_DOUBLE_EQ(found[1].recall, 2.0 / 3);
  EXPECT_DOUBLE_EQ(found[1].precision, 2.0 / 4);
  EXPECT_DOUBLE_EQ(found[1].ndcg, (second + fourth) / (1 + second + 1 / std::log2(4.0)));
  EXPECT_DOUBLE_EQ(found[1].map, (1.0 / 2 + 2.0 / 4) / 3);
  EXPECT_DOUBLE_EQ(found[2].precision, 2.0 / 10);
  EXPECT_DOUBLE_EQ(found[2].recall, 2.0 / 3);
  EXPECT_DOUBLE_EQ(found[2].coverage, 4.0 / 5);
}

TEST(RankingScoresByHand, UnknownUsersGetThePopularityOrder) {
  const Model model = descending_model();
  // 2 has most ratings; then 0, 1, 3, 4 in vocabulary order.
  const Pairs test = pairs_of({{2, 1, 1}, {7, 2, 1}}, model);
  const auto found = RankingTest(test, model.history).score(model, std::array<std::size_t, 2>{1, 3});
  EXPECT_EQ(found[0].users, 2U);
  EXPECT_DOUBLE_EQ(found[0].hit_rate, 0.5);
  EXPECT_DOUBLE_EQ(found[1].mrr, (1.0 / 3 + 1) / 2);
  EXPECT_DOUBLE_EQ(found[1].coverage, 3.0 / 5);
}

TEST(RankingScoresByHand, UsersWithoutARelevantItemAreLeftOut) {
  const Model model = descending_model();
  const Pairs test = pairs_of({{0, 0, 5}, {1, 0, 5}, {1, 1, 2}, {2, 2, 1}}, model);
  EXPECT_EQ(RankingTest(test, model.history).user_count(), 2U);
  EXPECT_EQ(RankingTest(test, model.history, 2.0F).user_count(), 1U);
  EXPECT_EQ(RankingTest(test, model.history, 6.0F).user_count(), 0U);
}

TEST(RankingTest, ARepeatIsAsRelevantAsItsBestRating) {
  const Model model = descending_model();
  for (const auto& values : {std::pair(1U, 5U), std::pair(5U, 1U)}) {
    const Pairs test = pairs_of({{1, 1, values.first}, {1, 1, values.second}}, model);
    EXPECT_EQ(RankingTest(test, model.history, 4.0F).user_count(), 1U);
  }
}

TEST(RankingTest, SaysWhatIsWrong) {
  const Model model = descending_model();
  const Pairs test = pairs_of({{0, 1, 1}}, model);
  const std::array<std::size_t, 2> zero{3, 0};
  EXPECT_THROW(static_cast<void>(RankingTest(test, model.history).score(model, zero)), OptionError);
  EXPECT_TRUE(RankingTest(test, model.history).score(model, {}).empty());
  const std::array<std::size_t, 1> ten{10};
  EXPECT_THROW(static_cast<void>(RankingTest(Pairs(), model.history).score(model, ten)), DataError);
  EXPECT_THROW(static_cast<void>(RankingTest(pairs_of({{0, 0, 1}}, model), model.history).score(model, ten)), DataError);
  Pairs bare = test;
  bare.values.clear();
  EXPECT_EQ(RankingTest(bare, model.history).user_count(), 1U);
  EXPECT_THROW(RankingTest(bare, model.history, 3.0F), DataError);
  EXPECT_THROW(static_cast<void>(ranking_metric({}, "recalls")), OptionError);
}

TEST(RankingTest, FiguresDoNotDependOnThreadsOrOtherLengths) {
  const Model model = random_model(900, 300, 12, 6, 0.1);
  const Pairs test = random_pairs(model, 5000, 5);
  const RankingTest lists(test, model.history);
  const auto expected = lists.score(model, kTops, 1);
  for (const int threads : {0, 2, 3, 8}) {
    const auto found = lists.score(model, kTops, threads);
    for (std::size_t n = 0; n < kTops.size(); ++n) {
      const auto alone = lists.score(model, std::span(kTops).subspan(n, 1), threads).front();
      for (const std::string_view name : ranking_metric_names()) {
        EXPECT_EQ(ranking_metric(found[n], name), ranking_metric(expected[n], name)) << name << ' ' << threads;
        EXPECT_EQ(ranking_metric(alone, name), ranking_metric(expected[n], name)) << name << ' ' << threads;
      }
    }
  }
}

TEST(RankingTest, AnyLengthIsFine) {
  const Model model = descending_model();
  const Pairs test = pairs_of({{0, 1, 1}}, model);
  const std::array<std::size_t, 1> most{SIZE_MAX};
  EXPECT_DOUBLE_EQ(RankingTest(test, model.history).score(model, most).front().recall, 1);
}

}  // namespace
}  // namespace lowrank::ranking_metrics_test
