#include "tune/sobol.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "tune/oracles.h"

namespace lowrank::sobol_test {
namespace {

TEST(Sobol, UnscrambledPointsAreThoseOfScipy) {
  const auto expected = oracles().at("sobol").get<std::vector<std::vector<double>>>();
  Sobol sobol(Sobol::kMostDimensions);
  for (const std::vector<double>& point : expected) EXPECT_EQ(sobol.next(), point);
}

/// Owen's scrambling keeps the net: every interval of length 1/64 of every coordinate has one of 64 points, and every 8 x 8 box of the
/// first two has one.
TEST(Sobol, ScrambledPointsAreANet) {
  for (const std::uint64_t seed : {1U, 2U, 77U}) {
    Sobol sobol(Sobol::kMostDimensions, seed, 0);
    std::vector<std::set<int>> taken(Sobol::kMostDimensions);
    std::set<std::array<int, 2>> boxes;
    for (int n = 0; n < 64; ++n) {
      const std::vector<double> point = sobol.next();
      for (std::size_t dimension = 0; dimension < point.size(); ++dimension) {
        EXPECT_GE(point[dimension], 0);
        EXPECT_LT(point[dimension], 1);
        taken[dimension].insert(static_cast<int>(point[dimension] * 64));
      }
      boxes.insert({static_cast<int>(point[0] * 8), static_cast<int>(point[1] * 8)});
    }
    for (const std::set<int>& intervals : taken) EXPECT_EQ(intervals.size(), 64U);
    EXPECT_EQ(boxes.size(), 64U);
  }
}

/// The mean of a product over many scramblings is the integral: scrambled points are uniform, and coordinates independent.
TEST(Sobol, ScrambledPointsAreUniform) {
  double first = 0;
  double product = 0;
  constexpr int kSeeds = 4000;
  for (int seed = 0; seed < kSeeds; ++seed) {
    Sobol sobol(3, static_cast<std::uint64_t>(seed), 5);
    sobol.next();
    const std::vector<double> point = sobol.next();
    first += point[0];
    product += point[1] * point[2];
  }
  EXPECT_NEAR(first / kSeeds, 0.5, 4 * 0.289 / std::sqrt(kSeeds));
  EXPECT_NEAR(product / kSeeds, 0.25, 4 * 0.22 / std::sqrt(kSeeds));
}

TEST(Sobol, SeedsAndStreamsDiffer) {
  EXPECT_EQ(Sobol(4, 1, 0).next(), Sobol(4, 1, 0).next());
  EXPECT_NE(Sobol(4, 1, 0).next(), Sobol(4, 2, 0).next());
  EXPECT_NE(Sobol(4, 1, 0).next(), Sobol(4, 1, 1).next());
}

}  // namespace
}  // namespace lowrank::sobol_test
