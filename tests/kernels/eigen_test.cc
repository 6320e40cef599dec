#include "kernels/eigen.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace lowrank {
namespace {

TEST(SymmetricEigen, TakesAMatrixApart) {
  for (const std::size_t n : {0U, 1U, 2U, 3U, 17U, 64U, 130U}) {
    RandomStream random(n, Purpose::user_factors);
    std::vector<double> a(n * n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = i; j < n; ++j) a[i * n + j] = a[j * n + i] = random.normal();
    }
    std::vector<double> v = a;
    // What stands below the diagonal is not read.
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) v[i * n + j] = 1e9;
    }
    const std::vector<double> values = symmetric_eigen(v, n);
    ASSERT_EQ(values.size(), n);
    for (std::size_t i = 0; i < n; ++i) {
      if (i > 0) {
        EXPECT_LE(values[i - 1], values[i]);
      }
      for (std::size_t j = 0; j < n; ++j) {
        double product = 0;
        double inner = 0;
        for (std::size_t k = 0; k < n; ++k) {
          product += v[i * n + k] * values[k] * v[j * n + k];
          inner += v[k * n + i] * v[k * n + j];
        }
        EXPECT_NEAR(product, a[i * n + j], 1e-10 * static_cast<double>(n));
        EXPECT_NEAR(inner, i == j ? 1 : 0, 1e-11 * static_cast<double>(n));
      }
    }
  }
}

}  // namespace
}  // namespace lowrank
