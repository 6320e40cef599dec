#include "kernels/batched_cholesky.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"
#include "kernels/aligned_floats.h"
#include "kernels/elimination.h"
#include "kernels/levels.h"

namespace lowrank::batched_cholesky_test {
namespace {

class BatchedCholesky : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, BatchedCholesky, testing::ValuesIn(available_simd_levels()), level_name);

/// Matrices X^T X + I one after the other, their lower triangles spoilt, and right-hand sides, interleaved.
struct Systems {
  Systems(std::size_t n, std::size_t count) : matrices(n * n * kBatchSystems), sides(n * kBatchSystems) {
    RandomStream random(n, Purpose::user_factors);
    std::vector<double> x(n * n);
    for (std::size_t s = 0; s < count; ++s) {
      for (double& number : x) number = random.normal();
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          double sum = i == j ? 1 : 0;
          for (std::size_t p = 0; p < n; ++p) sum += x[p * n + i] * x[p * n + j];
          matrices[(s * n + i) * n + j] = j >= i ? static_cast<float>(sum) : 1e30F;
        }
        sides[i * kBatchSystems + s] = static_cast<float>(random.normal());
      }
    }
  }

  AlignedFloats matrices;
  AlignedFloats sides;
};

struct Solved {
  Solved(const Systems& systems, std::size_t n, std::size_t count) : x(n * kBatchSystems), ratios(kBatchSystems) {
    AlignedFloats a(n * n * kBatchSystems);
    interleave(systems.matrices.data(), n, count, a.data());
    solve_batch(a.data(), n, count, systems.sides.data(), x.data(), ratios.data());
  }

  AlignedFloats x;
  AlignedFloats ratios;
};

TEST_P(BatchedCholesky, SolvesEverySystemAsDoubleDoes) {
  for (std::size_t n = 4; n <= 32; n += 4) {
    for (const std::size_t count : {1U, 3U, 4U, 9U, 16U}) {
      const Systems systems(n, count);
      const Solved solved(systems, n, count);
      for (std::size_t s = 0; s < count; ++s) {
        std::vector<double> a(n * n);
        std::vector<double> b(n);
        for (std::size_t i = 0; i < n; ++i) {
          for (std::size_t j = i; j < n; ++j) a[j * n + i] = a[i * n + j] = double{systems.matrices[(s * n + i) * n + j]};
          b[i] = double{systems.sides[i * kBatchSystems + s]};
        }
        b = eliminate(a, b);
        double error = 0;
        double size = 0;
        for (std::size_t i = 0; i < n; ++i) {
          error += std::pow(double{solved.x[i * kBatchSystems + s]} - b[i], 2);
          size += b[i] * b[i];
        }
        ASSERT_LT(std::sqrt(error / size), 1e-4) << n << " " << s;
        ASSERT_GE(solved.ratios[s], 1);
        ASSERT_LT(solved.ratios[s], 1e3F);
      }
    }
  }
}

TEST_P(BatchedCholesky, TellsWhichSystemsHaveNoAnswer) {
  constexpr std::size_t kSize = 8;
  for (const float bad : {0.0F, -1.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Systems systems(kSize, 16);
    systems.matrices[(5 * kSize + 3) * kSize + 3] = bad;
    const Systems sound(kSize, 16);
    const Solved solved(systems, kSize, 16);
    const Solved expected(sound, kSize, 16);
    for (std::size_t s = 0; s < kBatchSystems; ++s) {
      EXPECT_EQ(solved.ratios[s] == std::numeric_limits<float>::infinity(), s == 5) << bad;
      for (std::size_t i = 0; i < kSize && s != 5; ++i) ASSERT_EQ(solved.x[i * kBatchSystems + s], expected.x[i * kBatchSystems + s]);
    }
  }
}

/// The ratio of the roots of the pivots, of a diagonal matrix those of its numbers.
TEST_P(BatchedCholesky, ReportsTheRatioOfThePivots) {
  constexpr std::size_t kSize = 4;
  Systems systems(kSize, 1);
  for (std::size_t i = 0; i < kSize; ++i) {
    for (std::size_t j = i; j < kSize; ++j) systems.matrices[i * kSize + j] = i == j ? static_cast<float>(1 + i) : 0.0F;
  }
  EXPECT_FLOAT_EQ(Solved(systems, kSize, 1).ratios[0], 2);
}

}  // namespace
}  // namespace lowrank::batched_cholesky_test
