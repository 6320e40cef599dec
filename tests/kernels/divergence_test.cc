#include "kernels/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace lowrank::divergence_test {
namespace {

/// The loss that the header states.
double loss(const std::vector<double>& table, const std::vector<std::uint32_t>& rows, const std::vector<double>& values,
            const std::vector<double>& down, double l2, const std::vector<double>& x) {
  double sum = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double product = 0;
    for (std::size_t k = 0; k < x.size(); ++k) product += x[k] * table[rows[i] * x.size() + k];
    if (values[i] > 0) sum += values[i] * std::log(values[i] / product) - values[i];
  }
  for (std::size_t k = 0; k < x.size(); ++k) sum += x[k] * down[k] + l2 / 2 * x[k] * x[k];
  return sum;
}

TEST(Divergence, FallsToWhereItsGradientVanishes) {
  constexpr std::size_t kRank = 5;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    RandomStream random(seed, Purpose::user_factors);
    std::vector<double> table(20 * kRank);
    for (double& q : table) q = std::abs(random.normal());
    const std::vector<std::uint32_t> rows{3, 4, 9, 11, 19, 2};
    const std::vector<double> values{5, 1, 0, 2.5, 4, 3};
    std::vector<double> down(kRank, 0.1);
    for (const std::uint32_t row : rows) {
      for (std::size_t k = 0; k < kRank; ++k) down[k] += table[row * kRank + k];
    }
    const double l2 = seed % 3 == 0 ? 0 : 0.2;
    std::vector<double> x(kRank, 1);
    std::vector<double> up(kRank);
    double before = loss(table, rows, values, down, l2, x);
    for (int update = 0; update < 20'000; ++update) {
      std::fill(up.begin(), up.end(), 0.0);
      add_divergence(
          table.data(), kRank, rows.data(), rows.size(), [&](std::size_t i) { return values[i]; }, x.data(), up.data());
      const std::vector<double> old = x;
      const double change = update_divergence(up.data(), down.data(), l2, kRank, x.data());
      double largest = 0;
      for (std::size_t k = 0; k < kRank; ++k) largest = std::max(largest, std::abs(x[k] - old[k]));
      ASSERT_EQ(change, largest);
      const double now = loss(table, rows, values, down, l2, x);
      ASSERT_LE(now, before + 1e-12 * (1 + std::abs(before)));
      before = now;
    }
    for (std::size_t k = 0; k < kRank; ++k) {
      std::vector<double> above = x;
      above[k] += 1e-5;
      const double slope = (loss(table, rows, values, down, l2, above) - before) / 1e-5;
      EXPECT_GE(x[k], 0);
      EXPECT_GT(slope, -1e-3) << "a larger factor would be better";
      if (x[k] > 1e-3) {
        EXPECT_NEAR(slope, 0, 1e-3);
      }
    }
  }
}

TEST(Divergence, LeavesNothingWhereNothingPulls) {
  const std::vector<double> down{0, 2};
  const std::vector<double> up{0, 0};
  std::vector<double> x{3, 4};
  EXPECT_EQ(update_divergence(up.data(), down.data(), 0, 2, x.data()), 4);
  EXPECT_EQ(x, (std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace lowrank::divergence_test
