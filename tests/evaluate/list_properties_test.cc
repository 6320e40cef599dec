#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "evaluate/random_pairs.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/recommend/recommend.h"
#include "model/models.h"

namespace lowrank::list_properties_test {
namespace {

using testing_models::random_model;

std::set<std::uint32_t> users_of(const Model& model, std::uint32_t item) {
  std::set<std::uint32_t> users;
  for (std::uint32_t user = 0; user < model.users.size(); ++user) {
    const std::vector<std::uint32_t> items = model.history.items_of(user);
    if (std::ranges::find(items, item) != items.end()) users.insert(user);
  }
  return users;
}

/// The definitions as they are written down.
BeyondAccuracy slow_properties(const Model& model, const Pairs& test, std::size_t top) {
  std::map<std::uint32_t, std::set<std::uint32_t>> relevant;
  for (std::size_t n = 0; n < test.size(); ++n) {
    const std::vector<std::uint32_t> seen = model.history.items_of(test.users[n]);
    if (std::ranges::find(seen, test.items[n]) == seen.end()) relevant[test.users[n]].insert(test.items[n]);
  }
  std::vector<double> exposure(model.items.size(), 0.0);
  BeyondAccuracy sums;
  for (const auto& [user, wanted] : relevant) {
    std::vector<std::uint32_t> list;
    recommend(model, std::array{user}, {.top = top}, [&](std::size_t, std::span<const Scored> items) {
      for (const Scored& one : items) list.push_back(one.index);
    });
    double surprise = 0;
    double popularity = 0;
    double distance = 0;
    for (const std::uint32_t item : list) {
      exposure[item] += 1;
      surprise += std::log2(static_cast<double>(model.users.known()) / static_cast<double>(model.items.counts[item]));
      popularity += model.items.counts[item];
      for (const std::uint32_t other : list) {
        if (other == item) continue;
        const std::set<std::uint32_t> of_item = users_of(model, item);
        const std::set<std::uint32_t> of_other = users_of(model, other);
        double both = 0;
        for (const std::uint32_t one : of_item) both += of_other.contains(one) ? 1 : 0;
        distance += 1 - both / std::sqrt(static_cast<double>(of_item.size() * of_other.size()));
      }
    }
    const auto length = static_cast<double>(list.size());
    sums.novelty += surprise / length;
    sums.popularity += popularity / length;
    if (list.size() > 1) sums.diversity += distance / (length * (length - 1));
    double chosen = 0;
    for (const std::uint32_t item : wanted) chosen += item < model.items.size() ? model.items.counts[item] : 0;
    sums.test_popularity += chosen / static_cast<double>(wanted.size());
  }
  const auto users = static_cast<double>(relevant.size());
  BeyondAccuracy found{sums.novelty / users, sums.diversity / users, sums.popularity / users, sums.test_popularity / users, 0};
  // Half the mean difference between two items, relative to the mean (Gini 1912).
  double differences = 0;
  double total = 0;
  double known = 0;
  for (std::uint32_t a = 0; a < model.items.size(); ++a) {
    if (!model.items.knows(a)) continue;
    ++known;
    total += exposure[a];
    for (std::uint32_t b = 0; b < model.items.size(); ++b) {
      if (model.items.knows(b)) differences += std::abs(exposure[a] - exposure[b]);
    }
  }
  found.gini = differences / (2 * known * total);
  return found;
}

TEST(BeyondAccuracy, IsThatOfASlowLoop) {
  const Model model = random_model(40, 50, 4, 7, 0.2);
  const Pairs test = random_pairs(model, 300, 2);
  const std::array<std::size_t, 4> tops{1, 2, 10, 1000};
  const RankingTest lists(test, model.history);
  const auto plain = lists.score(model, tops);
  for (const int threads : {1, 3}) {
    UserFigures by_user;
    const auto found = lists.score(model, tops, {.threads = threads, .beyond_accuracy = true, .by_user = &by_user});
    for (std::size_t n = 0; n < tops.size(); ++n) {
      EXPECT_FALSE(plain[n].beyond);
      ASSERT_TRUE(found[n].beyond);
      const BeyondAccuracy expected = slow_properties(model, test, tops[n]);
      for (const std::string_view name : beyond_accuracy_names()) {
        EXPECT_NEAR(beyond_accuracy(*found[n].beyond, name), beyond_accuracy(expected, name), 1e-9) << name << '@' << tops[n];
        if (name == "gini") continue;
        EXPECT_NEAR(by_user.value(by_user.find(std::string(name) + "@" + std::to_string(tops[n]))), beyond_accuracy(expected, name), 1e-9);
      }
      for (const std::string_view name : ranking_metric_names()) {
        EXPECT_EQ(ranking_metric(found[n], name), ranking_metric(plain[n], name)) << name;
      }
    }
  }
  EXPECT_THROW(static_cast<void>(beyond_accuracy(BeyondAccuracy(), "surprise")), OptionError);
}

TEST(BeyondAccuracy, ByHand) {
  // Four users; item 0 has all of them, item 1 the users 0 and 1, item 2 user 2, item 3 none and is unknown. Lists in order 0, 1, 2.
  Model model;
  model.users.factors = FactorMatrix(4, 0);
  model.items.factors = FactorMatrix(4, 0);
  model.users.biases = {0, 0, 0, 0};
  model.items.biases = {3, 2, 1, 9};
  model.users.counts = {2, 2, 2, 1};
  model.items.counts = {4, 2, 1, 0};
  RatingsBuilder builder;
  for (const auto& [user, item] :
       std::vector<std::pair<std::uint32_t, std::uint32_t>>{{0, 0}, {1, 0}, {2, 0}, {3, 0}, {0, 1}, {1, 1}, {2, 2}}) {
    builder.add(user, item, 1);
  }
  model.history = History(builder.build(4, 4));
  Pairs test;
  test.users = {3, 0};
  test.items = {1, 2};
  const auto found = RankingTest(test, model.history).score(model, std::array<std::size_t, 1>{2}, {.beyond_accuracy = true});
  // User 3 gets 1, 2: one bit and two bits, no user in common. User 0 gets 2 alone.
  EXPECT_DOUBLE_EQ(found[0].beyond->novelty, (1.5 + 2) / 2);
  EXPECT_DOUBLE_EQ(found[0].beyond->diversity, (1.0 + 0) / 2);
  EXPECT_DOUBLE_EQ(found[0].beyond->popularity, (1.5 + 1) / 2);
  EXPECT_DOUBLE_EQ(found[0].beyond->test_popularity, (2.0 + 1) / 2);
  // Exposure 0, 1, 2: differences 1 + 1 + 2 of each order, of 3 items with 3 places.
  EXPECT_DOUBLE_EQ(found[0].beyond->gini, 8.0 / (2 * 3 * 3));
}

}  // namespace
}  // namespace lowrank::list_properties_test
