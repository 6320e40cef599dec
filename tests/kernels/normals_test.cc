#include "kernels/normals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "levels.h"

namespace lowrank::normals_test {
namespace {

RandomStream stream(std::uint64_t seed) { return {seed, Purpose::gibbs}; }

class Normals : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, Normals, testing::ValuesIn(available_simd_levels()), level_name);

// The largest distance of the draws' distribution from the normal one (Kolmogorov and Smirnov), and that of their pairs' from independence.
TEST_P(Normals, AreStandardNormalAndIndependent) {
  constexpr std::size_t kDraws = 400'000;
  std::vector<float> draws(kDraws);
  RandomStream random = stream(3);
  draw_normals(random, draws);
  double sum = 0;
  double squares = 0;
  double fourths = 0;
  std::vector<double> lags(130);
  for (std::size_t n = 0; n < kDraws; ++n) {
    const auto x = static_cast<double>(draws[n]);
    sum += x;
    squares += x * x;
    fourths += x * x * x * x;
    for (std::size_t lag = 1; lag < lags.size() && n + lag < kDraws; ++lag) lags[lag] += x * static_cast<double>(draws[n + lag]);
  }
  const double error = 4.5 / std::sqrt(static_cast<double>(kDraws));
  EXPECT_NEAR(sum / kDraws, 0, error);
  EXPECT_NEAR(squares / kDraws, 1, error * std::sqrt(2));
  EXPECT_NEAR(fourths / kDraws, 3, error * std::sqrt(96));
  for (std::size_t lag = 1; lag < lags.size(); ++lag) EXPECT_NEAR(lags[lag] / kDraws, 0, error) << lag;
  std::ranges::sort(draws);
  double farthest = 0;
  for (std::size_t n = 0; n < kDraws; ++n) {
    const double below = 0.5 * std::erfc(-static_cast<double>(draws[n]) / std::sqrt(2.0));
    farthest = std::max(farthest, std::abs(below - (static_cast<double>(n) + 0.5) / kDraws));
  }
  EXPECT_LT(farthest, 1.95 / std::sqrt(static_cast<double>(kDraws)));
  EXPECT_LT(draws.back(), 6.8F);
  EXPECT_GT(draws.back(), 4.0F);
  EXPECT_LT(draws.front(), -4.0F);
}

TEST_P(Normals, OfAnySizeBeginAlikeAndAreThoseOfTheScalarCode) {
  for (std::size_t size = 0; size < 300; ++size) {
    std::vector<float> draws(size + 2, 77.0F);
    RandomStream random = stream(size);
    draw_normals(random, std::span(draws).first(size));
    EXPECT_EQ(draws[size], 77.0F);
    EXPECT_EQ(draws[size + 1], 77.0F);
    const SimdLevel level = active_simd_level();
    set_simd_level(SimdLevel::scalar);
    std::vector<float> plain(size);
    RandomStream again = stream(size);
    draw_normals(again, plain);
    set_simd_level(level);
    for (std::size_t n = 0; n < size; ++n) EXPECT_NEAR(draws[n], plain[n], 2e-5F) << size << " " << n;
    EXPECT_EQ(random.bits(), again.bits());
  }
}

}  // namespace
}  // namespace lowrank::normals_test
