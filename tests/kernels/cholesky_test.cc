#include "kernels/cholesky.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"
#include "kernels/aligned.h"
#include "kernels/elimination.h"
#include "kernels/levels.h"

namespace lowrank::cholesky_test {
namespace {

class Cholesky : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, Cholesky, testing::ValuesIn(available_simd_levels()), level_name);

/// X^T X + ridge I for random X of 2 n rows: positive definite, in double.
std::vector<double> positive_definite(std::size_t n, double ridge) {
  RandomStream random(n, Purpose::user_factors);
  std::vector<double> a(n * n);
  std::vector<double> row(n);
  for (std::size_t p = 0; p < 2 * n; ++p) {
    for (double& x : row) x = random.normal();
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) a[i * n + j] += row[i] * row[j] / static_cast<double>(n);
    }
  }
  for (std::size_t i = 0; i < n; ++i) a[i * n + i] += ridge;
  return a;
}

TEST_P(Cholesky, SolvesAsDoubleDoes) {
  for (std::size_t n = 1; n <= 200; n += n < 70 ? 1 : 13) {
    for (const std::size_t sides : {1U, 2U}) {
      const std::vector<double> a = positive_definite(n, 0.1);
      RandomStream random(n, Purpose::item_factors);
      const std::size_t ld = row_stride(n + sides);
      AlignedVector work(row_stride(n) * ld, 1e30F);
      std::vector<std::vector<double>> expected(sides, std::vector<double>(n));
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = i; j < n; ++j) work[i * ld + j] = static_cast<float>(a[i * n + j]);
        for (std::size_t side = 0; side < sides; ++side) {
          expected[side][i] = random.normal();
          work[i * ld + n + side] = static_cast<float>(expected[side][i]);
        }
      }
      ASSERT_TRUE(factor_cholesky(work.data(), ld, n, sides)) << n;
      for (std::size_t side = 0; side < sides; ++side) {
        expected[side] = eliminate(a, expected[side]);
        std::vector<float> x(n + 1, -1.0F);
        solve_upper(work.data(), ld, n, n + side, x.data());
        double error = 0;
        double size = 0;
        for (std::size_t i = 0; i < n; ++i) {
          error += std::pow(double{x[i]} - expected[side][i], 2);
          size += expected[side][i] * expected[side][i];
        }
        ASSERT_LT(std::sqrt(error / size), 1e-4) << n;
        ASSERT_EQ(x[n], -1.0F);
      }
    }
  }
}

TEST_P(Cholesky, RefusesWhatIsNotPositiveDefinite) {
  for (const std::size_t n : {1U, 5U, 16U, 17U, 40U}) {
    for (const float bad : {0.0F, -1.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      const std::size_t ld = row_stride(n + 1);
      AlignedVector a(row_stride(n) * ld);
      for (std::size_t i = 0; i < n; ++i) a[i * ld + i] = i + 1 == n ? bad : 2.0F;
      EXPECT_FALSE(factor_cholesky(a.data(), ld, n, 1)) << n << " " << bad;
    }
  }
}

}  // namespace
}  // namespace lowrank::cholesky_test
