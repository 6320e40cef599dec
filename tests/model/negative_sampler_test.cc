#include "model/negative_sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace lowrank::negative_sampler_test {
namespace {

TEST(NegativeSampler, DrawsInProportionToAPowerOfTheCounts) {
  const std::vector<std::uint32_t> counts{1, 0, 4, 100, 9, 25};
  std::vector<std::uint32_t> items(counts.size());
  std::iota(items.begin(), items.end(), 0U);
  for (const double exponent : {0.0, 0.5, 1.0, 2.0}) {
    const NegativeSampler sampler(items, counts, exponent);
    RandomStream random(3, Purpose::negatives);
    std::vector<double> drawn(counts.size());
    constexpr int kDraws = 200'000;
    for (int n = 0; n < kDraws; ++n) ++drawn[sampler.draw(random, {})];
    double sum = 0;
    for (const std::uint32_t count : counts) sum += count == 0 ? 0 : std::pow(count, exponent);
    for (std::size_t item = 0; item < counts.size(); ++item) {
      const double expected = counts[item] == 0 ? 0 : std::pow(counts[item], exponent) / sum;
      EXPECT_NEAR(drawn[item] / kDraws, expected, 5 * std::sqrt(expected / kDraws)) << item << " of exponent " << exponent;
    }
  }
}

TEST(NegativeSampler, LeavesOutWhatIsTaken) {
  const std::vector<std::uint32_t> counts{5, 5, 5, 5};
  const NegativeSampler sampler(std::vector<std::uint32_t>{0, 1, 3}, counts, 0);
  RandomStream random(1, Purpose::negatives);
  for (int n = 0; n < 100; ++n) EXPECT_EQ(sampler.draw(random, std::vector<std::uint32_t>{0, 2, 3}), 1U);
  EXPECT_EQ(sampler.draw(random, std::vector<std::uint32_t>{0, 1, 3}), NegativeSampler::kNone);
}

TEST(NegativeSampler, NothingToDrawFrom) {
  RandomStream random(1, Purpose::negatives);
  EXPECT_TRUE(NegativeSampler().empty());
  EXPECT_EQ(NegativeSampler().draw(random, {}), NegativeSampler::kNone);
  const std::vector<std::uint32_t> counts{0, 0};
  EXPECT_TRUE(NegativeSampler(std::vector<std::uint32_t>{0, 1}, counts, 1).empty());
}

}  // namespace
}  // namespace lowrank::negative_sampler_test
