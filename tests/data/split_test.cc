#include "lowrank/data/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/data/folds.h"

namespace lowrank::split_test {
namespace {

std::size_t count_of(const std::vector<Part>& parts, Part part) {
  return static_cast<std::size_t>(std::count(parts.begin(), parts.end(), part));
}

/// `size` ratings of `user_count` users, in random order of users.
std::vector<std::uint32_t> random_users(std::size_t size, std::uint32_t user_count, std::uint64_t seed) {
  RandomStream random(seed, Purpose::rating_order);
  std::vector<std::uint32_t> users(size);
  for (std::uint32_t& user : users) user = static_cast<std::uint32_t>(random.below(user_count));
  return users;
}

TEST(ParseSplitBy, KnowsTheNames) {
  EXPECT_EQ(parse_split_by("random"), SplitBy::random);
  EXPECT_EQ(parse_split_by("user"), SplitBy::user);
  EXPECT_EQ(parse_split_by("time"), SplitBy::time);
  EXPECT_EQ(parse_split_by("last"), SplitBy::last);
  EXPECT_EQ(parse_split_by("global-time"), SplitBy::global_time);
  for (const SplitBy by : {SplitBy::random, SplitBy::user, SplitBy::time, SplitBy::last, SplitBy::global_time}) {
    EXPECT_EQ(parse_split_by(name_of(by)), by);
  }
  try {
    parse_split_by("Random");
    FAIL();
  } catch (const OptionError& error) {
    EXPECT_EQ(error.option(), "by");
    EXPECT_STREQ(error.what(), "by: must be random, user, time, last, global-time or pair, got \"Random\"");
  }
}

TEST(AssignParts, RandomTakesExactlyTheRoundedShares) {
  for (const std::size_t size : {0U, 1U, 2U, 3U, 7U, 10U, 15U, 1000U, 1234U}) {
    for (const auto& [test, validation] : std::vector<std::pair<double, double>>{{0.1, 0}, {0, 0.25}, {0.3, 0.6}, {0.5, 0.49}, {0, 0}}) {
      const std::vector<std::uint32_t> users = random_users(size, 5, 1);
      const std::vector<Part> parts = assign_parts(users, {}, {.test = test, .validation = validation});
      ASSERT_EQ(parts.size(), size);
      EXPECT_EQ(count_of(parts, Part::test), static_cast<std::size_t>(std::round(test * static_cast<double>(size)))) << size << ' ' << test;
      EXPECT_EQ(count_of(parts, Part::validation), static_cast<std::size_t>(std::round(validation * static_cast<double>(size))))
          << size << ' ' << validation;
    }
  }
}

/// Of 5 ratings, 2 in test and 1 in validation: 5! / (2! 1! 2!) = 30 assignments, all equally likely.
TEST(AssignParts, EveryChoiceIsEquallyLikely) {
  constexpr std::size_t kSeeds = 30000;
  for (const SplitBy by : {SplitBy::random, SplitBy::user}) {
    const std::vector<std::uint32_t> users(5, 3);
    std::map<std::vector<Part>, std::size_t> seen;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed)
      ++seen[assign_parts(users, {}, {.test = 0.4, .validation = 0.2, .by = by, .seed = seed})];
    ASSERT_EQ(seen.size(), 30U);
    double chi_square = 0;
    for (const auto& [parts, count] : seen) chi_square += std::pow(static_cast<double>(count) - kSeeds / 30.0, 2) / (kSeeds / 30.0);
    // 29 degrees of freedom: exceeded once in a million.
    EXPECT_LT(chi_square, 81.0);
  }
}

TEST(AssignParts, DependsOnSeedAlone) {
  const std::vector<std::uint32_t> users = random_users(500, 20, 2);
  for (const SplitBy by : {SplitBy::random, SplitBy::user}) {
    EXPECT_EQ(assign_parts(users, {}, {.by = by, .seed = 7}), assign_parts(users, {}, {.by = by, .seed = 7}));
    EXPECT_NE(assign_parts(users, {}, {.by = by, .seed = 7}), assign_parts(users, {}, {.by = by, .seed = 8}));
  }
}

TEST(AssignParts, ByUserTakesTheShareOfEveryUser) {
  const std::vector<std::uint32_t> users = random_users(3000, 100, 3);
  const std::vector<Part> parts = assign_parts(users, {}, {.test = 0.2, .validation = 0.1, .by = SplitBy::user});
  for (std::uint32_t user = 0; user < 100; ++user) {
    double all = 0;
    std::size_t test = 0;
    std::size_t validation = 0;
    for (std::size_t n = 0; n < users.size(); ++n) {
      if (users[n] != user) continue;
      ++all;
      test += parts[n] == Part::test ? 1U : 0U;
      validation += parts[n] == Part::validation ? 1U : 0U;
    }
    EXPECT_EQ(test, static_cast<std::size_t>(std::round(0.2 * all)));
    EXPECT_EQ(validation, static_cast<std::size_t>(std::round(0.1 * all)));
  }
}

TEST(AssignParts, ByUserDoesNotDependOnHowUsersAreMixed) {
  const std::vector<std::uint32_t> mixed = random_users(400, 10, 4);
  std::vector<std::size_t> order(mixed.size());
  for (std::size_t n = 0; n < order.size(); ++n) order[n] = n;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return mixed[a] < mixed[b]; });
  std::vector<std::uint32_t> grouped;
  for (const std::size_t n : order) grouped.push_back(mixed[n]);

  const SplitOptions options{.test = 0.3, .validation = 0.2, .by = SplitBy::user, .seed = 9};
  const std::vector<Part> of_mixed = assign_parts(mixed, {}, options);
  const std::vector<Part> of_grouped = assign_parts(grouped, {}, options);
  for (std::size_t n = 0; n < order.size(); ++n) EXPECT_EQ(of_grouped[n], of_mixed[order[n]]);
}

TEST(AssignParts, ByTimeTakesTheLatestAndBreaksTiesByPosition) {
  constexpr Part kTrain = Part::train;
  constexpr Part kValid = Part::validation;
  constexpr Part kTest = Part::test;
  const std::vector<std::uint32_t> users{1, 0, 1, 0, 1, 0, 1, 0, 0};
  const std::vector<std::int64_t> times{9, 5, -3, 5, 9, 5, 0, 1, 5};
  // User 0: time 1 at 7, then 5 at 1, 3, 5, 8. User 1: -3 at 2, 0 at 6, 9 at 0 and 4.
  const std::vector<Part> parts = assign_parts(users, times, {.test = 0.4, .validation = 0.2, .by = SplitBy::time});
  EXPECT_EQ(parts, (std::vector<Part>{kTest, kTrain, kTrain, kValid, kTest, kTest, kValid, kTrain, kTest}));
  EXPECT_THROW(assign_parts(users, times, {.by = SplitBy::time, .seed = 2}), OptionError);
}

TEST(AssignParts, ByTimeNeedsTimes) {
  const std::vector<std::uint32_t> users{0, 0};
  EXPECT_THROW(assign_parts(users, {}, {.by = SplitBy::time}), DataError);
}

TEST(AssignParts, RefusesSharesOutOfRange) {
  const std::vector<std::uint32_t> users{0, 0};
  const auto option_of = [&](double test, double validation) -> std::string {
    try {
      assign_parts(users, {}, {.test = test, .validation = validation});
    } catch (const OptionError& error) {
      return error.option();
    }
    return "none";
  };
  EXPECT_EQ(option_of(1, 0), "test");
  EXPECT_EQ(option_of(-0.1, 0), "test");
  EXPECT_EQ(option_of(std::nan(""), 0), "test");
  EXPECT_EQ(option_of(0.1, 1.5), "validation");
  EXPECT_EQ(option_of(0.5, 0.5), "validation");
  EXPECT_EQ(option_of(0.5, 0.4), "none");
}

/// 40 users x 30 items, about half of the cells; `distinct` values, timestamps if asked for.
Ratings some_ratings(std::uint32_t distinct, bool times) {
  RandomStream random(5, Purpose::rating_order);
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < 40; ++user) {
    for (std::uint32_t item = 0; item < 30; ++item) {
      if (random.below(2) == 0 || user == 17) continue;
      const float value = static_cast<float>(random.below(distinct)) * 0.5F;
      if (times) {
        builder.add(user, item, value, user * 1000 + item);
      } else {
        builder.add(user, item, value);
      }
    }
  }
  return builder.build(41, 32);
}

using Triple = std::array<double, 3>;

std::vector<Triple> triples_of(const Ratings& ratings) {
  std::vector<Triple> triples;
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t n = ratings.row_offsets()[user]; n < ratings.row_offsets()[user + 1]; ++n) {
      triples.push_back({static_cast<double>(user), static_cast<double>(ratings.items()[n]), static_cast<double>(ratings.value(n))});
    }
  }
  return triples;
}

std::vector<Triple> triples_of(const Pairs& pairs) {
  std::vector<Triple> triples;
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    triples.push_back({static_cast<double>(pairs.users[n]), static_cast<double>(pairs.items[n]), static_cast<double>(pairs.values[n])});
  }
  return triples;
}

TEST(HoldOut, CutsTheRatingsInTwo) {
  for (const std::uint32_t distinct : {10U, 5000U}) {
    const Ratings ratings = some_ratings(distinct, false);
    for (const double fraction : {0.001, 0.1, 0.5, 0.9}) {
      const Holdout holdout = hold_out(ratings, fraction, 3);
      EXPECT_EQ(holdout.held.size(), static_cast<std::size_t>(std::round(fraction * static_cast<double>(ratings.size()))));
      EXPECT_EQ(holdout.train.user_count(), 41U);
      EXPECT_EQ(holdout.train.item_count(), 32U);
      EXPECT_EQ(holdout.held.known_users, 41U);
      EXPECT_EQ(holdout.held.known_items, 32U);
      EXPECT_EQ(holdout.train.coded(), ratings.coded() || holdout.train.size() <= 256);
      EXPECT_FALSE(holdout.train.has_times());
      const std::vector<Triple> held = triples_of(holdout.held);
      EXPECT_TRUE(std::is_sorted(held.begin(), held.end()));
      std::vector<Triple> both = triples_of(holdout.train);
      both.insert(both.end(), held.begin(), held.end());
      std::sort(both.begin(), both.end());
      EXPECT_EQ(both, triples_of(ratings));
    }
  }
}

TEST(HoldOut, KeepsTimes) {
  const Ratings ratings = some_ratings(10, true);
  const Ratings train = hold_out(ratings, 0.3, 3).train;
  ASSERT_TRUE(train.has_times());
  for (std::uint32_t user = 0; user < train.user_count(); ++user) {
    for (std::size_t n = train.row_offsets()[user]; n < train.row_offsets()[user + 1]; ++n) {
      EXPECT_EQ(train.times()[n], user * 1000 + train.items()[n]);
    }
  }
}

TEST(HoldOut, ChoosesBySeed) {
  const Ratings ratings = some_ratings(10, false);
  EXPECT_EQ(triples_of(hold_out(ratings, 0.2, 1).held), triples_of(hold_out(ratings, 0.2, 1).held));
  EXPECT_NE(triples_of(hold_out(ratings, 0.2, 1).held), triples_of(hold_out(ratings, 0.2, 2).held));
}

TEST(HoldOut, RefusesWhatLeavesNothing) {
  RatingsBuilder builder;
  builder.add(0, 0, 1);
  const Ratings one = builder.build(1, 1);
  EXPECT_THROW(hold_out(one, 0.5, 1), DataError);
  EXPECT_EQ(hold_out(one, 0.4, 1).train.size(), 1U);
  EXPECT_THROW(hold_out(Ratings(), 0.1, 1), DataError);
  for (const double fraction : {0.0, 1.0, -1.0, std::nan("")}) {
    try {
      hold_out(one, fraction, 1);
      ADD_FAILURE() << fraction;
    } catch (const OptionError& error) {
      EXPECT_EQ(error.option(), "holdout");
    }
  }
}

TEST(SplitByPair, KeepsTheRatingsOfAPairTogether) {
  std::vector<std::uint32_t> users;
  std::vector<std::uint32_t> items;
  for (std::uint32_t n = 0; n < 3000; ++n) {
    users.push_back(n * 7 % 10);
    items.push_back(n * 11 % 20);
  }
  std::set<std::pair<std::uint32_t, std::uint32_t>> all;
  for (std::size_t n = 0; n < users.size(); ++n) all.emplace(users[n], items[n]);
  const SplitOptions options{.test = 0.25, .validation = 0.1, .by = SplitBy::pair};
  const std::vector<Part> parts = assign_parts(users, {}, options, items);
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::set<Part>> of_pairs;
  for (std::size_t n = 0; n < users.size(); ++n) of_pairs[{users[n], items[n]}].insert(parts[n]);
  std::map<Part, std::size_t> sizes;
  for (const auto& [pair, own] : of_pairs) {
    ASSERT_EQ(own.size(), 1U);
    ++sizes[*own.begin()];
  }
  const auto pairs = static_cast<double>(all.size());
  EXPECT_EQ(sizes[Part::test], static_cast<std::size_t>(std::llround(0.25 * pairs)));
  EXPECT_EQ(sizes[Part::validation], static_cast<std::size_t>(std::llround(0.1 * pairs)));
  EXPECT_NE(parts, assign_parts(users, {}, {.test = 0.25, .validation = 0.1, .by = SplitBy::pair, .seed = 2}, items));
  EXPECT_THROW(assign_parts(users, {}, options), DataError);
}

TEST(SplitByPair, FoldsKeepThemTogetherToo) {
  const std::vector<std::uint32_t> users = {0, 0, 0, 1, 1, 0, 2, 2, 1, 3};
  const std::vector<std::uint32_t> items = {5, 6, 5, 5, 5, 5, 1, 2, 6, 3};
  const Folds folds = assign_folds(users, {}, {.folds = 3, .by = SplitBy::pair}, items);
  EXPECT_EQ(folds.windows[0], folds.windows[2]);
  EXPECT_EQ(folds.windows[0], folds.windows[5]);
  EXPECT_EQ(folds.windows[3], folds.windows[4]);
  EXPECT_FALSE(folds.rolls);
  // Seven pairs: 3, 2 and 2 of them.
  std::map<std::uint16_t, std::set<std::pair<std::uint32_t, std::uint32_t>>> sizes;
  for (std::size_t n = 0; n < users.size(); ++n) sizes[folds.windows[n]].emplace(users[n], items[n]);
  EXPECT_EQ(sizes[1].size(), 3U);
  EXPECT_EQ(sizes[2].size(), 2U);
  EXPECT_EQ(sizes[3].size(), 2U);
}

TEST(HoldOut, TakesAllSituationsOfAPair) {
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < 40; ++user) {
    for (std::uint32_t item = 0; item < 10; ++item) {
      for (std::uint32_t situation = 0; situation <= item % 3; ++situation) builder.add_in_situation(user, item, 3, situation);
    }
  }
  const Ratings ratings = builder.build(40, 10);
  const Holdout parts = hold_out(ratings, 0.25, 1);
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> held;
  for (std::size_t n = 0; n < parts.held.size(); ++n) ++held[{parts.held.users[n], parts.held.items[n]}];
  EXPECT_EQ(held.size(), 100U);
  for (const auto& [pair, count] : held) EXPECT_EQ(count, pair.second % 3 + 1);
  EXPECT_EQ(parts.train.size() + parts.held.size(), ratings.size());
}

}  // namespace
}  // namespace lowrank::split_test
