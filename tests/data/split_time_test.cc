#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "data/scratch_file.h"
#include "lowrank/base/error.h"
#include "lowrank/data/split.h"

namespace lowrank::split_time_test {
namespace {

struct Timed {
  std::vector<std::uint32_t> users;
  std::vector<std::int64_t> times;
};

/// Ratings of users in random order, with timestamps of `moments` kinds.
Timed random_ratings(std::size_t size, std::uint32_t users, std::uint32_t moments, std::uint64_t seed) {
  RandomStream random(seed, Purpose::rating_order);
  Timed ratings;
  for (std::size_t n = 0; n < size; ++n) {
    ratings.users.push_back(static_cast<std::uint32_t>(random.below(users)));
    ratings.times.push_back(978300000 + static_cast<std::int64_t>(random.below(moments)) * 1000);
  }
  return ratings;
}

/// Number of ratings of the same user that are later than that at `position`.
std::size_t later_ones(const Timed& ratings, std::size_t position) {
  std::size_t later = 0;
  for (std::size_t other = 0; other < ratings.users.size(); ++other) {
    if (ratings.users[other] != ratings.users[position] || other == position) continue;
    const auto at = std::pair(ratings.times[other], other);
    if (at > std::pair(ratings.times[position], position)) ++later;
  }
  return later;
}

TEST(AssignParts, ByLastTakesTheLatestOfEveryUserAndLeavesOne) {
  const Timed ratings = random_ratings(300, 60, 4, 1);
  for (const auto& [last, before] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{{1, 0}, {1, 1}, {3, 2}, {100, 1}}) {
    const std::vector<Part> parts =
        assign_parts(ratings.users, ratings.times, {.by = SplitBy::last, .last = last, .last_validation = before});
    for (std::size_t n = 0; n < parts.size(); ++n) {
      const std::size_t later = later_ones(ratings, n);
      const auto all = static_cast<std::size_t>(std::count(ratings.users.begin(), ratings.users.end(), ratings.users[n]));
      Part expected = later < last ? Part::test : later < last + before ? Part::validation : Part::train;
      if (later + 1 == all) expected = Part::train;
      EXPECT_EQ(parts[n], expected) << n;
    }
  }
}

/// All pairs of moments, tried one after another: the test part first, then the validation part.
std::optional<std::int64_t> nearest_moment(const std::vector<std::int64_t>& times, std::size_t wanted, bool leaves_two) {
  const std::set<std::int64_t> moments(times.begin(), times.end());
  std::optional<std::int64_t> best;
  std::size_t best_distance = 0;
  std::size_t rank = 0;
  for (const std::int64_t moment : moments) {
    if (rank++ < (leaves_two ? 2U : 1U)) continue;
    const auto size =
        static_cast<std::size_t>(std::count_if(times.begin(), times.end(), [moment](std::int64_t time) { return time >= moment; }));
    const std::size_t distance = size > wanted ? size - wanted : wanted - size;
    if (!best || distance <= best_distance) {
      best = moment;
      best_distance = distance;
    }
  }
  return best;
}

TEST(AssignParts, ByGlobalTimeCutsAtTheMomentsNearestToTheShares) {
  for (const std::uint32_t moments : {3U, 5U, 20U, 100000U}) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      const Timed ratings = random_ratings(60, 7, moments, seed);
      const SplitOptions options{.test = 0.2, .validation = seed % 2 == 0 ? 0.0 : 0.15, .by = SplitBy::global_time};
      const bool validates = options.validation > 0;
      const auto test = nearest_moment(ratings.times, 12, validates);
      ASSERT_TRUE(test);
      std::optional<std::int64_t> validation;
      if (validates) {
        std::vector<std::int64_t> before;
        std::copy_if(ratings.times.begin(), ratings.times.end(), std::back_inserter(before),
                     [&](std::int64_t time) { return time < *test; });
        // A validation part of 9 would begin 12 + 9 from the end.
        const std::size_t taken = ratings.times.size() - before.size();
        validation = nearest_moment(before, taken > 21 ? 0 : 21 - taken, false);
      }
      const SplitMoments found = split_moments(ratings.times, options);
      EXPECT_EQ(found.test, test);
      EXPECT_EQ(found.validation, validation);
      const std::vector<Part> parts = assign_parts(ratings.users, ratings.times, options);
      for (std::size_t n = 0; n < parts.size(); ++n) {
        const Part expected = ratings.times[n] >= *test                       ? Part::test
                              : validation && ratings.times[n] >= *validation ? Part::validation
                                                                              : Part::train;
        EXPECT_EQ(parts[n], expected);
      }
    }
  }
}

TEST(SplitMoments, ReadDatesInTheUnitOfTheTimestamps) {
  const std::int64_t second = 1577923200;  // 2020-01-02 by `date -u -d 2020-01-02 +%s`
  for (const std::int64_t unit : {1LL, 1000LL, 1000000LL, 1000000000LL}) {
    const std::vector<std::int64_t> times{(second - 1) * unit, second * unit, (second + 86400) * unit};
    for (const char* at : {"2020-01-02", " 2020-01-02T00:00 ", "2020-01-02T02:00+02:00"}) {
      const SplitMoments moments = split_moments(times, {.by = SplitBy::global_time, .at = at});
      EXPECT_EQ(moments.test, second * unit) << at;
      EXPECT_FALSE(moments.validation);
    }
    EXPECT_EQ(split_moments(times, {.by = SplitBy::global_time, .at = std::to_string(second * unit)}).test, second * unit);
    // A rating at the second before .5 is not at or after .5.
    EXPECT_EQ(split_moments(times, {.by = SplitBy::global_time, .at = "2020-01-02T00:00:00.5"}).test,
              unit == 1 ? second + 1 : second * unit + unit / 2);
  }
  const std::vector<std::int64_t> numbers{1, 2, 3, 4};
  const SplitMoments moments = split_moments(numbers, {.validation = 0.25, .by = SplitBy::global_time, .at = "3"});
  EXPECT_EQ(moments.test, 3);
  EXPECT_EQ(moments.validation, 2);
}

TEST(SplitMoments, SayWhatIsWrong) {
  const std::vector<std::int64_t> numbers{1, 2, 3};
  const std::vector<std::int64_t> seconds{978300760, 978300761};
  const auto at = [](const std::vector<std::int64_t>& times, const std::string& moment) {
    return error_of<Error>([&] { split_moments(times, {.by = SplitBy::global_time, .at = moment}); });
  };
  EXPECT_EQ(at(numbers, "2020-01-01"), "at: the timestamps are numbers that count no known unit; give a number like them");
  EXPECT_EQ(at(numbers, "Monday"), "at: expected a date such as 2020-01-31 or 2020-01-31T12:00, or a number, found \"Monday\"");
  EXPECT_EQ(at(numbers, "1"), "at: no rating is before 1; the first is at 1, the last at 3");
  EXPECT_EQ(at(seconds, "2001-01-01"),
            "at: no rating is at or after 2001-01-01; the first is at 2000-12-31T22:12:40Z (978300760), the last at 2000-12-31T22:12:41Z "
            "(978300761)");
  const std::vector<std::int64_t> same{5, 5, 5, 5};
  EXPECT_EQ(error_of<Error>([&] { split_moments(same, {.test = 0.5, .by = SplitBy::global_time}); }),
            "the ratings have too few different timestamps to divide them by one moment");
  EXPECT_EQ(error_of<Error>([&] { split_moments(numbers, {.test = 0.9, .validation = 0.05, .by = SplitBy::global_time}); }), "");
}

TEST(CheckSplit, RefusesOptionsThatAreNotRead) {
  const auto problem = [](SplitOptions options) { return error_of<Error>([&] { check_split(options); }); };
  EXPECT_EQ(problem({.by = SplitBy::global_time, .seed = 2}), "seed: is not read with by=global-time");
  EXPECT_EQ(problem({.by = SplitBy::last, .stated = {"seed"}}), "seed: is not read with by=last");
  EXPECT_EQ(problem({.test = 0.2, .by = SplitBy::last}), "test: is not read with by=last; last is the number of ratings per user");
  EXPECT_EQ(problem({.validation = 0.2, .by = SplitBy::last}),
            "validation: is not read with by=last; last_validation is the number of ratings per user");
  EXPECT_EQ(problem({.last = 2}), "last: needs by=last");
  EXPECT_EQ(problem({.by = SplitBy::time, .last_validation = 2}), "last_validation: needs by=last");
  EXPECT_EQ(problem({.at = "2020-01-01"}), "at: needs by=global-time");
  EXPECT_EQ(problem({.by = SplitBy::global_time, .at = "7", .stated = {"test"}}), "test: is not read with at");
  EXPECT_EQ(problem({.by = SplitBy::last, .last = 0}), "last: must be at least 1, got 0");
  EXPECT_EQ(problem({.test = 0.5, .validation = 0.5}), "validation: together with test leaves nothing to train on");
  EXPECT_EQ(problem({.by = SplitBy::last, .last = 2, .last_validation = 3}), "");
}

TEST(AssignParts, NeedsTimesWhereTheyOrder) {
  const std::vector<std::uint32_t> users{0, 0};
  for (const SplitBy by : {SplitBy::time, SplitBy::last, SplitBy::global_time}) {
    EXPECT_EQ(error_of<Error>([&] { assign_parts(users, {}, {.by = by}); }),
              "a split by " + std::string(name_of(by)) + " needs a timestamp for every rating");
    EXPECT_TRUE(needs_times(by));
  }
}

TEST(CountSharedPairs, CountsPairsWithTwoLabels) {
  RandomStream random(4, Purpose::rating_order);
  std::vector<std::uint32_t> users;
  std::vector<std::uint32_t> items;
  std::vector<std::uint16_t> labels;
  for (std::size_t n = 0; n < 400; ++n) {
    users.push_back(static_cast<std::uint32_t>(random.below(20)));
    items.push_back(static_cast<std::uint32_t>(random.below(15)));
    labels.push_back(static_cast<std::uint16_t>(random.below(3)));
  }
  std::set<std::pair<std::uint32_t, std::uint32_t>> shared;
  for (std::size_t a = 0; a < users.size(); ++a) {
    for (std::size_t b = 0; b < users.size(); ++b) {
      if (users[a] == users[b] && items[a] == items[b] && labels[a] != labels[b]) shared.emplace(users[a], items[a]);
    }
  }
  EXPECT_GT(shared.size(), 50U);
  EXPECT_EQ(count_shared_pairs(users, items, labels), shared.size());
  EXPECT_EQ(count_shared_pairs(users, items, std::vector<std::uint16_t>(400, 1)), 0U);
}

}  // namespace
}  // namespace lowrank::split_time_test
