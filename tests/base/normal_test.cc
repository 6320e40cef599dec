#include "base/normal.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lowrank::normal_test {
namespace {

// Values of tables (Abramowitz and Stegun 1964, 26.1 and 26.2).
TEST(Normal, HasTheKnownProbabilities) {
  EXPECT_DOUBLE_EQ(normal_below(0), 0.5);
  EXPECT_NEAR(normal_below(1), 0.841344746068543, 1e-15);
  EXPECT_NEAR(normal_below(-3), 0.001349898031630, 1e-15);
  EXPECT_NEAR(normal_density(2), 0.053990966513188, 1e-15);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-14);
  EXPECT_NEAR(normal_quantile(0.01), -2.326347874040841, 1e-14);
}

TEST(Normal, QuantilesUndoProbabilities) {
  for (double z = -37; z < 8; z += 0.0625) {
    EXPECT_NEAR(normal_quantile(normal_below(z)), z, 1e-12 * (1 + std::abs(z)) + 1e-16 / normal_density(z)) << z;
    EXPECT_NEAR(normal_quantile_near(normal_below(z)), z, 2e-8 * (1 + std::abs(z)) + 1e-16 / normal_density(z)) << z;
  }
  EXPECT_TRUE(std::isinf(normal_quantile(0)) && normal_quantile(0) < 0);
  EXPECT_TRUE(std::isinf(normal_quantile(1)) && normal_quantile(1) > 0);
}

}  // namespace
}  // namespace lowrank::normal_test
