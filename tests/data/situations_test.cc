// Situations of ratings, and ratings that keep them.

#include "lowrank/data/situations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/data/ratings.h"
#include "lowrank/data/split.h"

namespace lowrank::situations_test {
namespace {

using Levels = std::vector<std::uint16_t>;
constexpr std::uint16_t kNone = Situations::kMissing;

Situations two_columns() {
  Situations situations;
  situations.columns.push_back({"daytime", Period::none, {}});
  situations.columns.push_back({"hour", Period::hour, {}});
  for (const char* level : {"morning", "noon", "evening"}) situations.columns[0].levels.add(level);
  for (const char* level : {"07", "12", "21"}) situations.columns[1].levels.add(level);
  return situations;
}

Levels levels_of(const Situations& situations, std::uint32_t number) {
  const auto levels = situations.levels(number);
  return {levels.begin(), levels.end()};
}

TEST(Situations, AreNumberedByAppearance) {
  Situations situations = two_columns();
  EXPECT_EQ(situations.number(Levels{2, 1}), 0U);
  EXPECT_EQ(situations.number(Levels{2, kNone}), 1U);
  EXPECT_EQ(situations.number(Levels{2, 1}), 0U);
  EXPECT_EQ(situations.number(Levels{258, 1}), 2U);
  EXPECT_EQ(situations.number(Levels{1, 258}), 3U);
  EXPECT_EQ(situations.size(), 4U);
  EXPECT_EQ(levels_of(situations, 1), (Levels{2, kNone}));
  EXPECT_EQ(levels_of(situations, 2), (Levels{258, 1}));
}

TEST(Situations, OfSomeRatingsHaveTheirLevelsOnly) {
  Situations all = two_columns();
  all.number(Levels{0, 0});
  all.number(Levels{2, 2});
  all.number(Levels{1, 1});
  all.number(Levels{kNone, 1});
  std::vector<std::uint32_t> numbers = {1, 3, 2, 1};
  const Situations own = own_situations(all, numbers);
  EXPECT_EQ(numbers, (std::vector<std::uint32_t>{0, 1, 2, 0}));
  ASSERT_EQ(own.columns[0].levels.size(), 2U);
  // By appearance: evening, noon. By the clock: 12, 21.
  EXPECT_EQ(own.columns[0].levels.id(0), "evening");
  ASSERT_EQ(own.columns[1].levels.size(), 2U);
  EXPECT_EQ(own.columns[1].levels.id(0), "12");
  EXPECT_EQ(levels_of(own, 0), (Levels{0, 1}));
  EXPECT_EQ(levels_of(own, 1), (Levels{kNone, 0}));
  EXPECT_EQ(levels_of(own, 2), (Levels{1, 0}));
}

TEST(Situations, InColumnsOfAModelLackWhatItDoesNotKnow) {
  Situations all = two_columns();
  all.number(Levels{0, 0});
  all.number(Levels{2, 2});
  all.number(Levels{1, kNone});
  std::vector<ContextColumn> columns(2);
  columns[0].name = "weather";
  columns[1].name = "daytime";
  columns[1].levels.add("evening");
  columns[1].levels.add("morning");
  std::vector<std::uint32_t> numbers = {0, 1, 2, 0};
  const Situations in = situations_in(all, columns, numbers);
  EXPECT_EQ(in.columns[1].levels.size(), 2U);
  EXPECT_EQ(levels_of(in, numbers[0]), (Levels{kNone, 1}));
  EXPECT_EQ(levels_of(in, numbers[1]), (Levels{kNone, 0}));
  EXPECT_EQ(levels_of(in, numbers[2]), (Levels{kNone, kNone}));
  EXPECT_EQ(numbers[3], numbers[0]);
}

struct Added {
  std::uint32_t user;
  std::uint32_t item;
  std::uint32_t situation;
  float value;
  std::int64_t time;
};

std::vector<Added> random_ratings(std::uint32_t situations, bool coded, std::uint64_t seed) {
  RandomStream random(seed, Purpose::split);
  std::vector<Added> added(6000);
  for (Added& one : added) {
    one.user = static_cast<std::uint32_t>(random.below(300));
    one.item = static_cast<std::uint32_t>(random.below(12));
    // Few small numbers, so that some triples repeat, and some great ones.
    one.situation = static_cast<std::uint32_t>(random.below(2) == 0 ? random.below(3) : random.below(situations));
    one.value = coded ? static_cast<float>(random.below(9)) : static_cast<float>(random.normal());
    one.time = static_cast<std::int64_t>(random.below(1000));
  }
  return added;
}

class SituatedRatings : public testing::TestWithParam<std::tuple<Duplicates, std::uint32_t, bool, bool>> {};

// The oracle is a map of lists: what is kept of each list is told by the rule alone.
TEST_P(SituatedRatings, AreGroupedAsAMapGroupsThem) {
  const auto [rule, situations, coded, timed] = GetParam();
  const std::vector<Added> added = random_ratings(situations, coded, situations);
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::vector<Added>> lists;
  for (const Added& one : added) lists[{one.user, one.item, one.situation}].push_back(one);
  RatingsBuilder builder;
  for (const Added& one : added) {
    builder.add_in_situation(one.user, one.item, one.value, one.situation, timed ? std::optional(one.time) : std::nullopt);
  }
  std::size_t removed = 0;
  const Ratings ratings = builder.build(301, 12, rule, &removed, 3);
  ASSERT_TRUE(ratings.has_situations());
  ASSERT_EQ(ratings.size(), lists.size());
  EXPECT_EQ(removed, added.size() - lists.size());
  EXPECT_EQ(ratings.has_times(), timed);
  auto list = lists.begin();
  for (std::uint32_t user = 0; user < 301; ++user) {
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at, ++list) {
      ASSERT_EQ(std::make_tuple(user, ratings.items()[at], ratings.situation(at)), list->first);
      double sum = 0;
      std::int64_t latest = 0;
      for (const Added& one : list->second) {
        sum += static_cast<double>(one.value);
        latest = std::max(latest, one.time);
      }
      const bool merged = rule == Duplicates::mean;
      const float expected = merged                      ? static_cast<float>(sum / static_cast<double>(list->second.size()))
                             : rule == Duplicates::first ? list->second.front().value
                                                         : list->second.back().value;
      ASSERT_EQ(ratings.value(at), expected);
      if (!timed) continue;
      ASSERT_EQ(ratings.times()[at], merged ? latest : rule == Duplicates::first ? list->second.front().time : list->second.back().time);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SituatedRatings,
                         testing::Combine(testing::Values(Duplicates::last, Duplicates::first, Duplicates::mean),
                                          testing::Values(256U, 65536U, 4000000U), testing::Bool(), testing::Bool()));

TEST(SituatedRatings, AreAsWideAsTheirGreatestNumber) {
  for (const std::uint32_t most : {0U, 255U, 256U, 65535U, 65536U, 0xFFFFFFFFU}) {
    RatingsBuilder builder;
    builder.add_in_situation(0, 0, 1, most);
    builder.add_in_situation(0, 1, 1, 0);
    Ratings ratings = builder.build(2, 2);
    EXPECT_EQ(ratings.situation(0), most);
    EXPECT_EQ(ratings.situation(1), 0U);
    ratings.extend(5, 7);
    EXPECT_EQ(ratings.situation(0), most);
    const Ratings copy = ratings;
    EXPECT_EQ(copy.situation(0), most);
  }
}

TEST(SituatedRatings, RepeatsAreErrorsOnlyInOneSituation) {
  RatingsBuilder builder;
  builder.add_in_situation(3, 1, 1, 0);
  builder.add_in_situation(3, 1, 2, 1);
  EXPECT_EQ(builder.build(4, 2, Duplicates::error).size(), 2U);
  builder.add_in_situation(3, 1, 1, 5);
  builder.add_in_situation(3, 1, 2, 5);
  try {
    builder.build(4, 2, Duplicates::error);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "user number 3 rated item number 1 more than once in the same context");
  }
}

TEST(SituatedRatings, WeightsTravelWithThem) {
  RatingsBuilder builder;
  builder.add_weighted_in_situation(0, 1, 4, 0.5F, 300);
  builder.add_weighted_in_situation(0, 1, 1, 1.5F, 300);
  builder.add_weighted_in_situation(0, 1, 2, 3, 7);
  const Ratings ratings = builder.build(1, 2, Duplicates::mean);
  ASSERT_EQ(ratings.size(), 2U);
  EXPECT_EQ(ratings.situation(0), 7U);
  EXPECT_EQ(ratings.weights()[0], 3);
  EXPECT_EQ(ratings.situation(1), 300U);
  EXPECT_EQ(ratings.value(1), 1.75F);
  EXPECT_EQ(ratings.weights()[1], 2);
}

TEST(Situations, UnknownLevelsAreCounted) {
  Situations situations = two_columns();
  std::vector<std::uint32_t> numbers;
  for (const std::uint16_t daytime : {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{2}, kNone}) {
    numbers.push_back(situations.number(Levels{daytime, 1}));
  }
  Vocabulary known;
  known.add("noon");
  // Hours are a period, whose levels may be new, and a column that nobody knows does not count.
  const auto levels_of_all = [&known](const std::string& /*name*/) { return &known; };
  const std::vector<UnknownLevels> unknown = unknown_levels(situations, numbers, levels_of_all);
  ASSERT_EQ(unknown.size(), 1U);
  EXPECT_EQ(unknown[0].column, "daytime");
  EXPECT_EQ(unknown[0].ratings, 3U);
  EXPECT_TRUE(unknown_levels(situations, numbers, [](const std::string& /*name*/) -> const Vocabulary* { return nullptr; }).empty());
  EXPECT_EQ(description(unknown, numbers.size(), "lines"),
            "3 of 5 lines have a level of daytime that the model has not met; they are taken as without one");
  const std::vector<UnknownLevels> two = {{"daytime", 1}, {"mood", 4}};
  EXPECT_EQ(description(two, 5, "ratings"),
            "1 of 5 ratings has a level of daytime, 4 of mood, that the model has not met; they are taken as without one");
  EXPECT_EQ(description({}, 5, "lines"), "");
}

TEST(SituatedRatings, AreKeptOnlyWhereAllHaveOne) {
  RatingsBuilder builder;
  builder.add_in_situation(0, 0, 1, 4);
  builder.add(0, 1, 2);
  const Ratings ratings = builder.build(1, 2);
  EXPECT_FALSE(ratings.has_situations());
  EXPECT_EQ(ratings.size(), 2U);
  EXPECT_EQ(ratings.situation(0), 0U);
}

TEST(SituatedRatings, HoldoutKeepsSituations) {
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < 40; ++user) {
    for (std::uint32_t item = 0; item < 10; ++item) builder.add_in_situation(user, item, 3, user * 10 + item);
  }
  const Holdout parts = hold_out(builder.build(40, 10), 0.25, 1);
  ASSERT_EQ(parts.held.size(), 100U);
  ASSERT_EQ(parts.held.situation.size(), 100U);
  for (std::size_t n = 0; n < 100; ++n) EXPECT_EQ(parts.held.situation[n], parts.held.users[n] * 10 + parts.held.items[n]);
  ASSERT_EQ(parts.train.size(), 300U);
  for (std::uint32_t user = 0; user < 40; ++user) {
    for (std::size_t at = parts.train.row_offsets()[user]; at < parts.train.row_offsets()[user + 1]; ++at) {
      EXPECT_EQ(parts.train.situation(at), user * 10 + parts.train.items()[at]);
    }
  }
}

}  // namespace
}  // namespace lowrank::situations_test
