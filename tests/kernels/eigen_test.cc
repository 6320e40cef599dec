#include "kernels/eigen.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "levels.h"

namespace lowrank::eigen_test {
namespace {

class SymmetricEigen : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, SymmetricEigen, testing::ValuesIn(available_simd_levels()), level_name);

/// a = V^T diag(values) V, V orthogonal, values ascending.
void expect_apart(const std::vector<double>& a, std::size_t n, double size) {
  std::vector<double> v = a;
  // What stands below the diagonal is not read.
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) v[i * n + j] = 1e9;
  }
  Workers workers(2);
  const std::vector<double> values = symmetric_eigen(v, n, workers);
  ASSERT_EQ(values.size(), n);
  for (std::size_t i = 0; i < n; ++i) {
    if (i > 0) {
      EXPECT_LE(values[i - 1], values[i]);
    }
    for (std::size_t j = 0; j < n; ++j) {
      double product = 0;
      double inner = 0;
      for (std::size_t k = 0; k < n; ++k) {
        product += v[k * n + i] * values[k] * v[k * n + j];
        inner += v[i * n + k] * v[j * n + k];
      }
      ASSERT_NEAR(product, a[i * n + j], 1e-12 * size * static_cast<double>(n)) << n;
      ASSERT_NEAR(inner, i == j ? 1 : 0, 1e-12 * static_cast<double>(n)) << n;
    }
  }
}

TEST_P(SymmetricEigen, TakesAMatrixApart) {
  for (const std::size_t n : {0U, 1U, 2U, 3U, 8U, 17U, 33U, 64U, 130U}) {
    RandomStream random(n, Purpose::user_factors);
    std::vector<double> a(n * n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = i; j < n; ++j) a[i * n + j] = a[j * n + i] = random.normal();
    }
    expect_apart(a, n, 10);
  }
}

TEST_P(SymmetricEigen, OfOneOrFewDirections) {
  constexpr std::size_t kSize = 40;
  for (const std::size_t rank : {0U, 1U, 3U}) {
    RandomStream random(rank, Purpose::user_factors);
    std::vector<double> a(kSize * kSize);
    for (std::size_t n = 0; n < rank; ++n) {
      std::vector<double> x(kSize);
      for (double& one : x) one = 1e6 * random.normal();
      for (std::size_t i = 0; i < kSize; ++i) {
        for (std::size_t j = 0; j < kSize; ++j) a[i * kSize + j] += x[i] * x[j];
      }
    }
    expect_apart(a, kSize, 1e14);
  }
}

TEST_P(SymmetricEigen, OfADiagonalAndOfManyScales) {
  constexpr std::size_t kSize = 30;
  std::vector<double> a(kSize * kSize);
  for (std::size_t i = 0; i < kSize; ++i) a[i * kSize + i] = static_cast<double>(i % 4);
  expect_apart(a, kSize, 4);
  for (std::size_t i = 0; i < kSize; ++i) {
    for (std::size_t j = 0; j < kSize; ++j) a[i * kSize + j] = std::pow(0.3, static_cast<double>(i + j)) + (i == j ? 1e-12 : 0);
  }
  expect_apart(a, kSize, 2);
}

TEST(SymmetricEigenThreads, DoNotChangeABit) {
  constexpr std::size_t kSize = 150;
  RandomStream random(5, Purpose::user_factors);
  std::vector<double> a(kSize * kSize);
  for (double& one : a) one = random.normal();
  std::vector<double> b = a;
  Workers one(1);
  Workers three(3);
  EXPECT_EQ(symmetric_eigen(a, kSize, one), symmetric_eigen(b, kSize, three));
  EXPECT_EQ(a, b);
}

/// Numbers that ran away end in numbers that are not finite, not in a loop without end.
TEST(SymmetricEigenOfNoNumbers, Ends) {
  std::vector<double> a(100, std::nan(""));
  Workers workers(1);
  EXPECT_EQ(symmetric_eigen(a, 10, workers).size(), 10U);
}

}  // namespace
}  // namespace lowrank::eigen_test
