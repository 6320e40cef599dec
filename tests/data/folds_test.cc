#include "lowrank/data/folds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "data/scratch_file.h"
#include "lowrank/base/error.h"

namespace lowrank::folds_test {
namespace {

std::vector<std::uint32_t> random_users(std::size_t size, std::uint32_t users, std::uint64_t seed) {
  RandomStream random(seed, Purpose::rating_order);
  std::vector<std::uint32_t> drawn(size);
  for (std::uint32_t& user : drawn) user = static_cast<std::uint32_t>(random.below(users));
  return drawn;
}

std::vector<std::size_t> sizes_of(const Folds& folds) {
  std::vector<std::size_t> sizes(folds.count + std::size_t{1}, 0);
  for (const std::uint16_t window : folds.windows) ++sizes[window];
  return sizes;
}

TEST(AssignFolds, RandomOnesAreDisjointCompleteAndEven) {
  for (const SplitBy by : {SplitBy::random, SplitBy::user}) {
    for (const std::uint32_t count : {2U, 3U, 5U, 10U, 100U}) {
      const std::vector<std::uint32_t> users = random_users(1234, 50, count);
      const Folds folds = assign_folds(users, {}, {.folds = count, .by = by, .seed = 3});
      ASSERT_EQ(folds.windows.size(), users.size());
      std::vector<std::size_t> sizes = sizes_of(folds);
      EXPECT_EQ(sizes[0], 0U);
      EXPECT_LE(*std::max_element(sizes.begin() + 1, sizes.end()) - *std::min_element(sizes.begin() + 1, sizes.end()), 1U);
      for (std::size_t n = 0; n < users.size(); ++n) {
        std::size_t tested = 0;
        for (std::uint32_t fold = 1; fold <= count; ++fold) {
          tested += folds.tests(n, fold) ? 1U : 0U;
          EXPECT_NE(folds.tests(n, fold), folds.trains(n, fold));
        }
        EXPECT_EQ(tested, 1U);
      }
    }
  }
}

TEST(AssignFolds, ByUserDealsTheRatingsOfEachUserEvenly) {
  const std::vector<std::uint32_t> users = random_users(900, 120, 8);
  const Folds folds = assign_folds(users, {}, {.folds = 4, .by = SplitBy::user});
  std::map<std::uint32_t, std::vector<std::size_t>> of_user;
  for (std::size_t n = 0; n < users.size(); ++n) {
    of_user[users[n]].resize(4);
    ++of_user[users[n]][folds.windows[n] - 1U];
  }
  for (const auto& [user, counts] : of_user) EXPECT_LE(*std::ranges::max_element(counts) - *std::ranges::min_element(counts), 1U) << user;
}

/// 5 ratings in 2 folds of sizes 3 and 2: 10 divisions, all equally likely. By user as well, of one user and of five.
TEST(AssignFolds, EveryDivisionIsEquallyLikely) {
  constexpr std::uint64_t kSeeds = 20000;
  const std::vector<std::pair<SplitBy, std::vector<std::uint32_t>>> cases = {
      {SplitBy::random, {0, 0, 1, 1, 2}}, {SplitBy::user, {0, 0, 0, 0, 0}}, {SplitBy::user, {0, 1, 2, 3, 4}}};
  for (const auto& [by, users] : cases) {
    std::map<std::vector<std::uint16_t>, std::size_t> seen;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) ++seen[assign_folds(users, {}, {.folds = 2, .by = by, .seed = seed}).windows];
    ASSERT_EQ(seen.size(), 10U);
    double chi_square = 0;
    for (const auto& [windows, count] : seen) chi_square += std::pow(static_cast<double>(count) - kSeeds / 10.0, 2) / (kSeeds / 10.0);
    // 9 degrees of freedom: exceeded once in a million.
    EXPECT_LT(chi_square, 46.0);
  }
}

TEST(AssignFolds, ByLastRollsBackOneRatingPerFold) {
  RandomStream random(2, Purpose::rating_order);
  const std::vector<std::uint32_t> users = random_users(300, 70, 5);
  std::vector<std::int64_t> times;
  for (std::size_t n = 0; n < users.size(); ++n) times.push_back(static_cast<std::int64_t>(random.below(5)));
  const Folds folds = assign_folds(users, times, {.folds = 3, .by = SplitBy::last});
  EXPECT_TRUE(folds.rolls);
  for (std::size_t n = 0; n < users.size(); ++n) {
    std::size_t later = 0;
    std::size_t earlier = 0;
    for (std::size_t other = 0; other < users.size(); ++other) {
      if (users[other] != users[n] || other == n) continue;
      ++(std::pair(times[other], other) > std::pair(times[n], n) ? later : earlier);
    }
    for (std::uint32_t fold = 1; fold <= 3; ++fold) {
      EXPECT_EQ(folds.tests(n, fold), later == 3 - fold && earlier > 0);
      EXPECT_EQ(folds.trains(n, fold), later > 3 - fold || earlier == 0);
    }
  }
}

TEST(AssignFolds, ByGlobalTimeTrainsOnWhatIsEarlier) {
  // Without ties the sizes are those of scikit-learn's TimeSeriesSplit: floor(n / (K + 1)) per test window, the rest first.
  std::vector<std::int64_t> times;
  for (std::size_t n = 0; n < 107; ++n) times.push_back(static_cast<std::int64_t>(n * 37 % 107));
  const std::vector<std::uint32_t> users = random_users(107, 9, 1);
  const Folds folds = assign_folds(users, times, {.folds = 4, .by = SplitBy::global_time});
  EXPECT_EQ(folds.moments, (std::vector<std::int64_t>{23, 44, 65, 86}));
  EXPECT_EQ(sizes_of(folds), (std::vector<std::size_t>{23, 21, 21, 21, 21}));
  for (std::uint32_t fold = 1; fold <= 4; ++fold) {
    for (std::size_t n = 0; n < times.size(); ++n) {
      EXPECT_EQ(folds.trains(n, fold), times[n] < folds.moments[fold - 1]);
      EXPECT_EQ(folds.tests(n, fold), times[n] >= folds.moments[fold - 1] && (fold == 4 || times[n] < folds.moments[fold]));
    }
  }
}

TEST(AssignFolds, ByGlobalTimeFindsMomentsWhereverThereAreEnough) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    RandomStream random(seed, Purpose::rating_order);
    std::vector<std::int64_t> times;
    for (std::size_t n = 0; n < 40; ++n) times.push_back(static_cast<std::int64_t>(random.below(1 + random.below(6))));
    const std::set<std::int64_t> moments(times.begin(), times.end());
    const std::vector<std::uint32_t> users(times.size(), 0);
    for (const std::uint32_t count : {2U, 3U, 4U}) {
      const auto divide = [&] { return assign_folds(users, times, {.folds = count, .by = SplitBy::global_time}); };
      if (moments.size() <= count) {
        EXPECT_THROW(divide(), DataError);
        continue;
      }
      const Folds folds = divide();
      EXPECT_TRUE(std::is_sorted(folds.moments.begin(), folds.moments.end(), std::less_equal<>()) || folds.moments.size() < 2);
      const std::vector<std::size_t> sizes = sizes_of(folds);
      EXPECT_EQ(std::count(sizes.begin(), sizes.end(), 0U), 0);
    }
  }
}

TEST(AssignFolds, SaysWhatIsWrong) {
  const std::vector<std::uint32_t> users{0, 1, 2};
  const std::vector<std::int64_t> times{1, 1, 2};
  const auto problem = [&](FoldOptions options) { return error_of<Error>([&] { assign_folds(users, times, options); }); };
  EXPECT_EQ(problem({.folds = 1}), "folds: must be at least 2 and at most 100, got 1");
  EXPECT_EQ(problem({.folds = 101}), "folds: must be at least 2 and at most 100, got 101");
  EXPECT_EQ(problem({.by = SplitBy::time}), "by: time has no folds; they are by random, user, last, global-time or pair");
  EXPECT_EQ(problem({.folds = 4}), "fold 4 of 4 would have no ratings to test; use fewer folds");
  EXPECT_EQ(problem({.folds = 2, .by = SplitBy::last}), "fold 1 of 2 would have no ratings to test; use fewer folds");
  EXPECT_EQ(problem({.folds = 2, .by = SplitBy::global_time}), "2 folds by time need ratings of at least 3 different times");
  EXPECT_EQ(problem({.by = SplitBy::last, .seed = 4}), "seed: is not read with by=last");
  EXPECT_EQ(problem({.by = SplitBy::last, .stated = {"seed"}}), "seed: is not read with by=last");
  EXPECT_EQ(problem({.stated = {"validation"}}), "validation: is not read with folds");
  EXPECT_EQ(error_of<Error>([&] { assign_folds(users, {}, {.by = SplitBy::last}); }), "a split by last needs a timestamp for every rating");
}

}  // namespace
}  // namespace lowrank::folds_test
