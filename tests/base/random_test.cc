#include "base/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>
#include <vector>

namespace lowrank::random_test {
namespace {

TEST(RandomStream, DependsOnEveryPartOfItsKey) {
  std::set<std::uint64_t> firsts;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    for (const Purpose purpose : {Purpose::user_factors, Purpose::item_factors, Purpose::holdout}) {
      for (std::uint64_t major = 0; major < 4; ++major) {
        for (std::uint64_t minor = 0; minor < 4; ++minor) firsts.insert(RandomStream(seed, purpose, major, minor).bits());
      }
    }
  }
  EXPECT_EQ(firsts.size(), 4U * 3 * 4 * 4);
}

TEST(RandomStream, SameKeyGivesTheSameNumbers) {
  RandomStream a(7, Purpose::split, 1, 2);
  RandomStream b(7, Purpose::split, 1, 2);
  for (int n = 0; n < 100; ++n) EXPECT_EQ(a.bits(), b.bits());
}

TEST(RandomStream, NormalHasItsMoments) {
  // Over n draws the k-th sample moment is within 5 of its own standard deviations.
  constexpr int kDraws = 200'000;
  double sum = 0;
  double squares = 0;
  double fourths = 0;
  for (int row = 0; row < kDraws / 10; ++row) {
    RandomStream stream(3, Purpose::user_factors, 0, static_cast<std::uint64_t>(row));
    for (int n = 0; n < 10; ++n) {
      const double x = stream.normal();
      sum += x;
      squares += x * x;
      fourths += x * x * x * x;
    }
  }
  EXPECT_NEAR(sum / kDraws, 0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(squares / kDraws, 1, 5 * std::sqrt(2.0 / kDraws));
  EXPECT_NEAR(fourths / kDraws, 3, 5 * std::sqrt(96.0 / kDraws));
}

TEST(RandomStream, BelowIsUniform) {
  constexpr std::uint64_t kBound = 7;
  constexpr int kDraws = 70'000;
  std::vector<int> counts(kBound);
  RandomStream stream(5, Purpose::split);
  for (int n = 0; n < kDraws; ++n) ++counts[stream.below(kBound)];
  // Chi-square with 6 degrees of freedom: above 22.5 with probability 0.001.
  double chi = 0;
  for (const int count : counts) chi += std::pow(count - kDraws / 7.0, 2) / (kDraws / 7.0);
  EXPECT_LT(chi, 22.5);
  EXPECT_EQ(stream.below(1), 0U);
}

TEST(RandomStream, ShuffleKeepsAllAndReachesEveryOrder) {
  std::set<std::vector<int>> orders;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    std::vector<int> values = {0, 1, 2, 3};
    RandomStream(seed, Purpose::rating_order).shuffle(std::span(values));
    orders.insert(values);
    std::sort(values.begin(), values.end());
    EXPECT_EQ(values, (std::vector<int>{0, 1, 2, 3}));
  }
  EXPECT_EQ(orders.size(), 24U);
}

}  // namespace
}  // namespace lowrank::random_test
