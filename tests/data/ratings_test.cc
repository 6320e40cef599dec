#include "lowrank/data/ratings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "base/random.h"
#include "lowrank/base/error.h"

namespace lowrank::ratings_test {
namespace {

struct Added {
  std::uint32_t user;
  std::uint32_t item;
  float value;
  std::int64_t time;
};

struct Shape {
  std::size_t count;
  std::uint32_t users;
  std::uint32_t items;
  int distinct_values;  ///< 0 for any
  bool timed;
};

std::vector<Added> random_ratings(const Shape& shape, std::uint64_t seed) {
  RandomStream random(seed, Purpose::split);
  std::vector<Added> added(shape.count);
  for (Added& rating : added) {
    rating.user = static_cast<std::uint32_t>(random.below(shape.users));
    rating.item = static_cast<std::uint32_t>(random.below(shape.items));
    rating.value = shape.distinct_values == 0
                       ? static_cast<float>(random.normal())
                       : static_cast<float>(random.below(static_cast<std::uint64_t>(shape.distinct_values))) * 0.5F - 3;
    rating.time = static_cast<std::int64_t>(random.below(1000));
  }
  return added;
}

/// The slow way: a map from pair to all ratings of it in their order, each pair settled by itself.
struct Cell {
  float value;
  std::int64_t time;
};
using Cells = std::map<std::pair<std::uint32_t, std::uint32_t>, Cell>;

Cells settle(const std::vector<Added>& added, Duplicates duplicates) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<Cell>> all;
  for (const Added& rating : added) all[{rating.user, rating.item}].push_back({rating.value, rating.time});
  Cells cells;
  for (const auto& [pair, list] : all) {
    Cell cell = duplicates == Duplicates::first ? list.front() : list.back();
    if (duplicates == Duplicates::mean || duplicates == Duplicates::sum || duplicates == Duplicates::count) {
      double sum = 0;
      for (const Cell& one : list) {
        sum += static_cast<double>(one.value);
        cell.time = std::max(cell.time, one.time);
      }
      const auto count = static_cast<double>(list.size());
      cell.value = static_cast<float>(duplicates == Duplicates::mean ? sum / count : duplicates == Duplicates::sum ? sum : count);
    }
    cells[pair] = cell;
  }
  return cells;
}

void expect_same(const Ratings& ratings, const Cells& cells, bool timed) {
  ASSERT_EQ(ratings.size(), cells.size());
  ASSERT_EQ(ratings.has_times(), timed && !cells.empty());
  std::vector<float> distinct;
  auto cell = cells.begin();
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at, ++cell) {
      ASSERT_EQ(std::make_pair(user, ratings.items()[at]), cell->first);
      ASSERT_EQ(ratings.value(at), cell->second.value);
      if (timed) {
        ASSERT_EQ(ratings.times()[at], cell->second.time);
      }
      distinct.push_back(ratings.value(at));
    }
  }
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  EXPECT_EQ(ratings.coded(), distinct.size() <= 256 && !distinct.empty());
  if (ratings.coded()) {
    EXPECT_TRUE(std::equal(distinct.begin(), distinct.end(), ratings.value_table().begin(), ratings.value_table().end()));
    EXPECT_EQ(ratings.codes().size(), ratings.size());
    EXPECT_TRUE(ratings.values().empty());
  } else {
    EXPECT_EQ(ratings.values().size(), ratings.size());
    EXPECT_TRUE(ratings.codes().empty());
  }
}

class BuilderTest : public testing::TestWithParam<std::tuple<int, Duplicates>> {};

TEST_P(BuilderTest, GroupsAsAMapDoes) {
  static constexpr Shape kShapes[] = {
      {1, 1, 1, 10, false},       {0, 3, 3, 10, false},          {500, 1, 20, 10, false},        {3000, 40, 1, 0, true},
      {5000, 700, 90, 10, false}, {90000, 1000, 300, 10, false}, {90000, 300, 70000, 200, true}, {70000, 900, 20000000, 10, false},
      {4000, 60, 60, 300, false}, {40000, 500, 500, 0, true},    {2000, 100000, 50, 5, false},   {6000, 20, 20, 255, false},
  };
  const Shape& shape = kShapes[std::get<0>(GetParam())];
  const Duplicates duplicates = std::get<1>(GetParam());
  const std::vector<Added> added = random_ratings(shape, 1 + static_cast<std::uint64_t>(std::get<0>(GetParam())));
  const Cells cells = settle(added, duplicates);
  for (const int threads : {1, 2, 3, 8}) {
    RatingsBuilder builder;
    for (const Added& one : added) {
      if (shape.timed) builder.add(one.user, one.item, one.value, one.time);
      if (!shape.timed) builder.add(one.user, one.item, one.value);
    }
    ASSERT_EQ(builder.size(), added.size());
    std::size_t repeats = 12345;
    const Ratings ratings = builder.build(shape.users + 5, shape.items + 2, duplicates, &repeats, threads);
    EXPECT_EQ(builder.size(), 0U);
    EXPECT_EQ(ratings.user_count(), shape.users + 5);
    EXPECT_EQ(ratings.item_count(), shape.items + 2);
    EXPECT_EQ(repeats, added.size() - cells.size());
    expect_same(ratings, cells, shape.timed);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, BuilderTest,
                         testing::Combine(testing::Range(0, 12), testing::Values(Duplicates::last, Duplicates::first, Duplicates::mean,
                                                                                 Duplicates::sum, Duplicates::count)));

TEST(RatingsBuilder, ManyAtOnceAreTheSameAsOneByOne) {
  for (const int distinct : {10, 300, 0}) {
    const std::vector<Added> added = random_ratings({300000, 900, 700, distinct, false}, 3);
    std::vector<std::uint32_t> users;
    std::vector<std::uint32_t> items;
    std::vector<float> values;
    for (const Added& one : added) {
      users.push_back(one.user);
      items.push_back(one.item);
      values.push_back(one.value == 0 ? -0.0F : one.value);
    }
    const Cells cells = settle(added, Duplicates::last);
    for (const int threads : {1, 2, 5}) {
      RatingsBuilder builder;
      builder.add(added[0].user, added[0].item, added[0].value);
      const std::span all_users(users);
      const std::span all_items(items);
      const std::span all_values(values);
      builder.add_many(all_users.subspan(1, 100), all_items.subspan(1, 100), all_values.subspan(1, 100), threads);
      builder.add_many({}, {}, {}, threads);
      builder.add_many(all_users.subspan(101), all_items.subspan(101), all_values.subspan(101), threads);
      EXPECT_EQ(builder.size(), added.size());
      const Ratings ratings = builder.build(900, 700, Duplicates::last, nullptr, threads);
      expect_same(ratings, cells, false);
      for (std::size_t at = 0; at < ratings.size(); ++at) ASSERT_FALSE(ratings.value(at) == 0 && std::signbit(ratings.value(at)));
    }
  }
}

TEST(RatingsBuilder, FindsTheFirstRepeatWhenItIsAnError) {
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < 1000; ++user) builder.add(user, user % 7, 1);
  builder.add(900, 900 % 7, 2);
  builder.add(300, 300 % 7, 1);
  try {
    builder.build(1000, 7, Duplicates::error);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "user number 300 rated item number 6 more than once");
  }
  builder.add(0, 0, 1);
  EXPECT_EQ(builder.build(1, 1, Duplicates::error).size(), 1U);
}

TEST(RatingsBuilder, DropsTimesWhenOneIsMissing) {
  RatingsBuilder builder;
  for (std::uint32_t item = 0; item < 100000; ++item) builder.add(item % 300, item / 300, 1, item);
  builder.add(0, 5000, 2);
  builder.add(1, 5000, 2, 7);
  const Ratings ratings = builder.build(300, 5001);
  EXPECT_FALSE(ratings.has_times());
  EXPECT_EQ(ratings.size(), 100002U);
}

TEST(Ratings, KeepsWeights) {
  for (const std::size_t values : {3U, 1000U}) {
    RatingsBuilder builder;
    for (std::uint32_t n = 0; n < 5000; ++n) {
      builder.add_weighted(n % 70, n / 70, static_cast<float>(n % values), 0.5F + static_cast<float>(n));
    }
    const Ratings ratings = builder.build(70, 72, Duplicates::error);
    ASSERT_TRUE(ratings.has_weights());
    EXPECT_FALSE(ratings.has_times());
    ASSERT_EQ(ratings.weights().size(), 5000U);
    for (std::uint32_t user = 0; user < 70; ++user) {
      for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
        ASSERT_EQ(ratings.weights()[at], 0.5F + static_cast<float>(ratings.items()[at] * 70 + user));
      }
    }
  }
}

TEST(Ratings, WeightsOfRepeats) {
  const auto build = [](Duplicates rule) {
    RatingsBuilder builder;
    const std::vector<std::uint32_t> zeros(4, 0);
    builder.add_many_weighted(zeros, std::vector<std::uint32_t>{0, 1, 1, 1}, std::vector<float>{3, 5, 2, 4},
                              std::vector<float>{2, 1, 0, 3});
    return builder.build(1, 2, rule);
  };
  const Ratings last = build(Duplicates::last);
  EXPECT_EQ(last.value(1), 4.0F);
  EXPECT_TRUE(std::ranges::equal(last.weights(), std::vector<float>{2, 3}));
  EXPECT_EQ(build(Duplicates::first).weights()[1], 1.0F);
  const Ratings mean = build(Duplicates::mean);
  EXPECT_EQ(mean.value(1), 4.25F);  // (5 + 3 * 4) / 4, the rating of weight 0 left out
  EXPECT_TRUE(std::ranges::equal(mean.weights(), std::vector<float>{2, 4}));
  EXPECT_THROW(build(Duplicates::sum), OptionError);
  EXPECT_THROW(build(Duplicates::count), OptionError);
  RatingsBuilder builder;
  builder.add_weighted(0, 0, 1, 3e38F);
  builder.add_weighted(0, 0, 1, 3e38F);
  EXPECT_THROW(builder.build(1, 1, Duplicates::mean), DataError);
}

TEST(Ratings, CopiesAndGivesItsFrontBack) {
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < 100; ++user) {
    for (std::uint32_t item = 0; item < 500; ++item) builder.add(user, item, static_cast<float>(item % 10));
  }
  Ratings ratings = builder.build(100, 500);
  const Ratings copy = ratings;
  ratings.release_front(60);
  EXPECT_EQ(ratings.size(), 50000U);
  for (std::uint32_t user = 60; user < 100; ++user) {
    ASSERT_TRUE(std::ranges::equal(ratings.items_of(user), copy.items_of(user)));
    const std::size_t at = ratings.row_offsets()[user];
    ASSERT_EQ(ratings.value(at + 13), 3.0F);
  }
  EXPECT_EQ(copy.items_of(0)[499], 499U);
  ratings.release_front(100);
  EXPECT_EQ(Ratings().size(), 0U);
  EXPECT_EQ(Ratings().user_count(), 0U);
}

}  // namespace
}  // namespace lowrank::ratings_test
