#include "kernels/block_sweep.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/levels.h"
#include "kernels/row_policy.h"
#include "kernels/row_problem.h"

namespace lowrank::block_sweep_test {
namespace {

class BlockSweepOf : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, BlockSweepOf, testing::ValuesIn(available_simd_levels()), level_name);

/// One sweep in double: every block of 16 to the minimum of the dense normal equations, the others fixed.
void sweep_densely(const Problem& problem, std::vector<double>& x) {
  const std::size_t size = problem.size();
  for (std::size_t begin = 0; begin < size; begin += BlockSweep::kWidth) {
    const std::size_t width = std::min(BlockSweep::kWidth, size - begin);
    std::vector<double> a(width * width);
    std::vector<double> b(width);
    for (std::size_t k = 0; k < width; ++k) {
      b[k] = problem.b[begin + k];
      for (std::size_t j = 0; j < size; ++j) {
        const double number = problem.a[(begin + k) * size + j];
        if (j >= begin && j < begin + width) {
          a[k * width + j - begin] = number;
        } else {
          b[k] -= number * x[j];
        }
      }
    }
    b = eliminate(a, b);
    std::copy(b.begin(), b.end(), x.begin() + static_cast<std::ptrdiff_t>(begin));
  }
}

TEST_P(BlockSweepOf, SweepAsTheDenseEquationsDo) {
  for (const std::size_t rank : {5U, 16U, 40U, 300U}) {
    for (const std::size_t count : {1U, 17U, 18U, 19U, 100U}) {
      for (const bool weighted : {false, true}) {
        Problem problem;
        fill(problem, {.rank = rank, .count = count, .weighted = weighted, .ridge = 1}, rank + count);
        BlockSweep blocks(rank);
        ASSERT_TRUE(block_sweep_takes(problem.equations, rank));
        // The same scratch memory for one row after another.
        for (const std::uint32_t sweeps : {0U, 1U, 2U, 3U}) {
          AlignedFloats x(problem.stride);
          std::vector<double> expected(rank);
          for (std::size_t k = 0; k < rank; ++k) expected[k] = double{x[k] = 0.1F * static_cast<float>(k % 7)};
          for (std::uint32_t sweep = 0; sweep < sweeps; ++sweep) sweep_densely(problem, expected);
          const std::optional<double> objective = blocks.solve(problem.equations, sweeps, x.data());
          ASSERT_TRUE(objective.has_value());
          const std::vector<double> reached(x.data(), x.data() + rank);
          ASSERT_LT(relative_error(reached, expected), 1e-4) << rank << " " << count << " " << sweeps;
          ASSERT_NEAR(*objective, problem.objective(expected), 1e-3 * (1 + std::abs(*objective)));
          for (std::size_t k = rank; k < problem.stride; ++k) ASSERT_EQ(x[k], 0);
        }
      }
    }
  }
}

TEST_P(BlockSweepOf, LeaveWhatFloatDoesNotInvert) {
  Problem problem;
  fill(problem, {.rank = 40, .count = 30, .ridge = 1e-7F, .spread = 1e5}, 7);
  BlockSweep blocks(40);
  AlignedFloats x(problem.stride);
  std::fill_n(x.data(), 40, 0.5F);
  EXPECT_FALSE(blocks.solve(problem.equations, 2, x.data()).has_value());
  for (std::size_t k = 0; k < 40; ++k) EXPECT_EQ(x[k], 0.5F);
}

TEST(BlockSweep, TakeNeitherBiasesNorWeightsOfZero) {
  for (const Shape& shape : {Shape{.rank = 20, .count = 9, .bias = true},
                             Shape{.rank = 20, .count = 9, .weighted = true, .signed_weights = true}, Shape{.rank = 20, .count = 0}}) {
    Problem problem;
    fill(problem, shape, 1);
    EXPECT_FALSE(block_sweep_takes(problem.equations, 20));
  }
}

}  // namespace
}  // namespace lowrank::block_sweep_test
