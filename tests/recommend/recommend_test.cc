#include "lowrank/recommend/recommend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <stdexcept>

#include "model/models.h"
#include "recommend/rank_rows.h"

namespace lowrank::recommend_test {
namespace {

using Lists = std::vector<std::vector<Scored>>;
using testing_models::random_model;

Lists recommend_all(const Model& model, const std::vector<std::uint32_t>& users, const RecommendOptions& options) {
  Lists lists;
  recommend(model, users, options, [&](std::size_t position, std::span<const Scored> items) {
    EXPECT_EQ(position, lists.size()) << "in the order of the users";
    lists.emplace_back(items.begin(), items.end());
  });
  return lists;
}

std::vector<std::uint32_t> everybody(const Model& model, std::uint32_t more = 0) {
  std::vector<std::uint32_t> users(model.users.ids.size() + more);
  std::iota(users.begin(), users.end(), 0U);
  return users;
}

/// By score() alone and a full sort.
std::vector<Scored> slow_list(const Model& model, std::uint32_t user, const RecommendOptions& options) {
  const std::vector<std::uint32_t> seen = model.history.items_of(user);
  std::vector<Scored> all;
  for (std::uint32_t item = 0; item < model.items.ids.size(); ++item) {
    if (model.items.counts[item] < std::max(options.min_count, 1U)) continue;
    if (!options.include_seen && std::binary_search(seen.begin(), seen.end(), item)) continue;
    if (options.items && std::find(options.items->begin(), options.items->end(), item) == options.items->end()) continue;
    if (std::find(options.excluded.begin(), options.excluded.end(), item) != options.excluded.end()) continue;
    const bool known = user < model.users.ids.size() && model.users.counts[user] > 0;
    all.push_back({item, known ? static_cast<float>(score(model, user, item)) : static_cast<float>(model.items.counts[item])});
  }
  std::stable_sort(all.begin(), all.end(), [](const Scored& a, const Scored& b) { return a.score > b.score; });
  all.resize(std::min(all.size(), options.top));
  return all;
}

void expect_slow_lists(const Model& model, const RecommendOptions& options) {
  const auto users = everybody(model, 3);
  const Lists lists = recommend_all(model, users, options);
  ASSERT_EQ(lists.size(), users.size());
  for (const std::uint32_t user : users) EXPECT_EQ(lists[user], slow_list(model, user, options)) << "user " << user;
}

TEST(Recommend, GivesWhatScoreAndASortGive) {
  for (const std::size_t rank : {0U, 1U, 16U, 33U}) {
    for (const std::size_t top : {0U, 1U, 10U, 1000U}) {
      for (const bool include_seen : {false, true}) {
        // A density at which some users and items have no rating.
        expect_slow_lists(random_model(40, 60, rank, 11 + rank, 0.03), {top, include_seen, 2});
        expect_slow_lists(random_model(20, 60, rank, 5, 0.6), {top, include_seen, 2});
      }
    }
  }
}

TEST(Recommend, ManyTilesAndBatches) {
  // More rows than a tile (64 at this rank) and a batch limited by the length of the lists.
  const Model model = random_model(300, 5000, 130, 3, 0.02);
  expect_slow_lists(model, {5000, false, 2});
}

TEST(Recommend, FewUsersGetWhatManyGet) {
  const Model model = random_model(100, 3000, 20, 4, 0.05);
  const Lists many = recommend_all(model, everybody(model), {10, false, 2});
  for (const std::uint32_t user : {0U, 57U, 99U}) EXPECT_EQ(recommend_all(model, {user}, {10, false, 2}), Lists(1, many[user]));
}

TEST(Recommend, AmongSomeItemsOnly) {
  const Model model = random_model(40, 200, 9, 4, 0.1);
  RecommendOptions options{.top = 7, .threads = 2};
  // In any order, with repeats, and with items that there are none of.
  options.items = {150, 3, 3, 77, 200, 4294967295U, 12, 13, 14, 15, 16, 0};
  expect_slow_lists(model, options);
  options.excluded = {77, 13, 13, 500};
  expect_slow_lists(model, options);
  options.include_seen = true;
  expect_slow_lists(model, options);
  options.items.reset();
  expect_slow_lists(model, options);
  for (const std::uint32_t least : {0U, 4U, 6U, 1000U}) {
    options.min_count = least;
    expect_slow_lists(model, options);
  }
  options.items.emplace();
  EXPECT_EQ(recommend_all(model, everybody(model, 2), options), Lists(42));
}

TEST(Recommend, WithoutBiases) {
  Model model = random_model(20, 30, 4);
  model.centre.has_biases = false;
  model.centre.mean = 0;
  std::fill(model.users.biases.begin(), model.users.biases.end(), 0.0F);
  std::fill(model.items.biases.begin(), model.items.biases.end(), 0.0F);
  expect_slow_lists(model, {10, false, 1});
}

TEST(Recommend, TiesGoByTheVocabulary) {
  Model model = random_model(4, 50, 3, 2, 0.5);
  std::fill_n(model.items.factors.data(), 50 * model.items.factors.stride(), 0.0F);
  for (std::size_t item = 0; item < 50; ++item) model.items.biases[item] = static_cast<float>(item % 3);
  expect_slow_lists(model, {20, false, 2});
  const auto list = recommend_all(model, {0}, {100, true, 1})[0];
  for (std::size_t i = 1; i < list.size(); ++i) {
    EXPECT_TRUE(list[i - 1].score > list[i].score || list[i - 1].index < list[i].index);
  }
}

TEST(Recommend, AListIsShortWhereNothingElseIsLeft) {
  const Model model = random_model(3, 8, 2, 1, 1.0);
  for (const auto& list : recommend_all(model, {0, 1, 2}, {5, false, 1})) EXPECT_TRUE(list.empty()) << "everything is seen";
  for (const auto& list : recommend_all(model, {0, 1, 2}, {50, true, 1})) EXPECT_EQ(list.size(), 8U);
}

TEST(Recommend, AnyOrderAndRepeatsOfUsers) {
  const Model model = random_model(10, 20, 3);
  const std::vector<std::uint32_t> users{7, 7, 0, 4294967295U, 9, 0};
  const Lists lists = recommend_all(model, users, {});
  ASSERT_EQ(lists.size(), users.size());
  for (std::size_t i = 0; i < users.size(); ++i) EXPECT_EQ(lists[i], slow_list(model, users[i], {}));
  EXPECT_TRUE(recommend_all(model, {}, {}).empty());
  EXPECT_EQ(recommend_all(Model(), {0}, {}), Lists(1));
}

TEST(Recommend, ListsDoNotDependOnThreads) {
  const Model model = random_model(700, 300, 20, 9, 0.1);
  const Lists expected = recommend_all(model, everybody(model, 5), {10, false, 1});
  for (const int threads : {0, 2, 3, 8}) EXPECT_EQ(recommend_all(model, everybody(model, 5), {10, false, threads}), expected);
}

TEST(Recommend, AnErrorOfTheConsumerArrives) {
  const Model model = random_model(10, 20, 3);
  EXPECT_THROW(recommend(model, everybody(model), {}, [](std::size_t, std::span<const Scored>) { throw std::out_of_range("full"); }),
               std::out_of_range);
}

TEST(Recommend, ScoresBeyondFloatStayInOrder) {
  Model model = random_model(1, 3, 2, 1, 1.0);
  const float huge = 3e38F;
  for (std::size_t k = 0; k < 2; ++k) {
    model.users.factors.row(0)[k] = huge;
    model.items.factors.row(0)[k] = huge;
    model.items.factors.row(1)[k] = k == 0 ? huge : -huge;
    model.items.factors.row(2)[k] = 0;
  }
  const auto list = recommend_all(model, {0}, {10, true, 1})[0];
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0], (Scored{0, std::numeric_limits<float>::max()}));
  // Infinity minus infinity in float32, and 0 but for the baseline: after no other.
  EXPECT_EQ(std::set<std::uint32_t>({list[1].index, list[2].index}), std::set<std::uint32_t>({1, 2}));
  for (const Scored& item : list) EXPECT_EQ(item.score, finite_score(score(model, 0, item.index)));
}

TEST(FiniteScore, IsANumber) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(finite_score(1.5), 1.5F);
  EXPECT_EQ(finite_score(infinity), std::numeric_limits<float>::max());
  EXPECT_EQ(finite_score(-1e300), -std::numeric_limits<float>::max());
  EXPECT_EQ(finite_score(std::numeric_limits<double>::quiet_NaN()), -std::numeric_limits<float>::max());
}

TEST(PopularItems, MostRatingsFirst) {
  Model model = random_model(3, 6, 1);
  model.items.counts = {3, 0, 5, 3, 16777217, 16777218};
  EXPECT_EQ(popular_items(model, 10), (std::vector<Scored>{{5, 16777218}, {4, 16777216}, {2, 5}, {0, 3}, {3, 3}}));
  EXPECT_EQ(popular_items(model, 2), (std::vector<Scored>{{5, 16777218}, {4, 16777216}}));
  const std::vector<std::uint32_t> excluded{0, 1, 5};
  EXPECT_EQ(popular_items(model, 2, excluded), (std::vector<Scored>{{4, 16777216}, {2, 5}}));
  EXPECT_TRUE(popular_items(model, 0).empty());
  EXPECT_TRUE(popular_items(Model(), 5).empty());
}

}  // namespace
}  // namespace lowrank::recommend_test
