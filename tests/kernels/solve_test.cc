#include "kernels/solve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"

namespace lowrank::solve_test {
namespace {

/// A random positive definite matrix, n x n.
std::vector<double> positive_definite(std::size_t n, std::uint64_t seed) {
  RandomStream random(seed, Purpose::user_factors);
  std::vector<double> root(n * n);
  for (double& x : root) x = random.normal();
  std::vector<double> a(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < n; ++k) a[i * n + j] += root[i * n + k] * root[j * n + k];
    }
    a[i * n + i] += 0.1;
  }
  return a;
}

TEST(SolvePositiveDefinite, SolutionFulfilsTheEquations) {
  for (std::size_t n = 0; n <= 40; ++n) {
    const std::vector<double> a = positive_definite(n, n);
    std::vector<double> factor = a;
    std::vector<double> b(n);
    for (std::size_t i = 0; i < n; ++i) b[i] = static_cast<double>(i) - 3;
    std::vector<double> x = b;
    ASSERT_TRUE(solve_positive_definite(factor.data(), x.data(), n));
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < n; ++j) sum += a[i * n + j] * x[j];
      EXPECT_NEAR(sum, b[i], 1e-6) << n;
    }
  }
}

TEST(SolvePositiveDefinite, RefusesWhatIsNot) {
  std::vector<double> indefinite = {1, 0, 2, 1};
  std::vector<double> b = {1, 1};
  EXPECT_FALSE(solve_positive_definite(indefinite.data(), b.data(), 2));
  std::vector<double> nan = {std::numeric_limits<double>::quiet_NaN()};
  EXPECT_FALSE(solve_positive_definite(nan.data(), b.data(), 1));
  std::vector<double> zero = {0.0};
  EXPECT_FALSE(solve_positive_definite(zero.data(), b.data(), 1));
}

TEST(SolveNonNegative, FulfilsTheConditionsOfOptimality) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    constexpr std::size_t kSize = 8;
    const std::vector<double> a = positive_definite(kSize, seed);
    RandomStream random(seed, Purpose::item_factors);
    std::vector<double> b(kSize);
    for (double& value : b) value = 3 * random.normal();
    std::vector<double> x(kSize);
    std::vector<double> gradients(kSize);
    solve_non_negative(a.data(), b.data(), kSize, 1000, x.data(), gradients.data());
    for (std::size_t i = 0; i < kSize; ++i) {
      double gradient = -b[i];
      for (std::size_t j = 0; j < kSize; ++j) gradient += a[i * kSize + j] * x[j];
      EXPECT_NEAR(gradients[i], gradient, 1e-9);
      EXPECT_GE(x[i], 0);
      if (x[i] > 0) {
        EXPECT_NEAR(gradient, 0, 1e-3);
      } else {
        EXPECT_GE(gradient, -1e-3);
      }
    }
  }
}

}  // namespace
}  // namespace lowrank::solve_test
