#include "kernels/dual_batch.h"

#include <gtest/gtest.h>

#include <deque>
#include <numeric>

#include "kernels/levels.h"
#include "kernels/row_problem.h"

namespace lowrank::dual_batch_test {
namespace {

class Short : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, Short, testing::ValuesIn(available_simd_levels()), level_name);

/// Rows of every number of ratings in turn, with and without weights and values; some so badly conditioned that double has to help.
std::deque<Problem> many_rows(std::size_t rank, std::size_t rows) {
  std::deque<Problem> problems;
  for (std::size_t row = 0; row < rows; ++row) {
    Problem& problem = problems.emplace_back();
    const bool hard = row % 7 == 6;
    const std::size_t count = 1 + row * 5 % 24;
    fill(problem, {.rank = rank, .count = count, .weighted = row % 3 != 0, .ridge = hard ? 1e-6F : 0.5F, .spread = hard ? 1e3 : 1.0}, row);
    if (row % 4 != 1) continue;
    problem.equations.values = nullptr;
    for (std::size_t k = 0; k < rank; ++k) {
      problem.b[k] = 0;
      for (const std::uint32_t picked : problem.rows) problem.b[k] += double{problem.table[picked * problem.stride + k]};
    }
  }
  return problems;
}

TEST_P(Short, RowsAreSolvedAsInDouble) {
  for (const std::size_t rank : {25U, 64U, 100U}) {
    for (const std::size_t rows : {1U, 5U, 203U}) {
      const std::deque<Problem> problems = many_rows(rank, rows);
      DualBatch dual_batch(rank);
      NormalSolver system(rank);
      std::deque<AlignedFloats> x;
      std::deque<double> objectives;
      double expected_objective = 0;
      for (const Problem& problem : problems) {
        x.emplace_back(problem.stride);
        ASSERT_TRUE(batch_takes(problem.equations, rank));
        // Weights and values may go as soon as they were added.
        std::vector<float> weights = problem.weights;
        std::vector<float> values = problem.values;
        NormalEquations row = problem.equations;
        if (row.weights != nullptr) row.weights = weights.data();
        if (row.values != nullptr) row.values = values.data();
        dual_batch.add(row, 0.25, x.back().data(), &objectives.emplace_back(), system);
        expected_objective += 0.25 * problem.objective(problem.solution());
      }
      dual_batch.finish(system);
      const double objective = std::accumulate(objectives.begin(), objectives.end(), 0.0);
      EXPECT_NEAR(objective, expected_objective, 1e-4 * std::abs(expected_objective));
      for (std::size_t i = 0; i < rows; ++i) {
        const std::vector<double> solution(x[i].data(), x[i].data() + rank);
        ASSERT_LT(relative_error(solution, problems[i].solution()), 1e-4) << rank << " " << i;
        for (std::size_t k = rank; k < problems[i].stride; ++k) ASSERT_EQ(x[i][k], 0);
      }
    }
  }
}

// Nor on the batches before it, which is why there are so many that memory is used again.
TEST_P(Short, RowsDoNotDependOnTheirBatch) {
  const std::deque<Problem> problems = many_rows(40, 400);
  NormalSolver system(40);
  DualBatch together(40);
  std::deque<AlignedFloats> x;
  std::deque<double> objectives;
  for (const Problem& problem : problems) {
    together.add(problem.equations, 1, x.emplace_back(problem.stride).data(), &objectives.emplace_back(), system);
  }
  together.finish(system);
  for (std::size_t i = 0; i < problems.size(); ++i) {
    DualBatch alone(40);
    AlignedFloats expected(problems[i].stride);
    double objective = 0;
    alone.add(problems[i].equations, 1, expected.data(), &objective, system);
    alone.finish(system);
    ASSERT_EQ(objective, objectives[i]);
    for (std::size_t k = 0; k < 40; ++k) ASSERT_EQ(x[i][k], expected[k]);
  }
}

TEST(BatchTakes, ShortRowsWithoutBias) {
  const auto takes = [&](const Shape& shape) {
    Problem problem;
    fill(problem, shape, 1);
    return batch_takes(problem.equations, shape.rank);
  };
  EXPECT_TRUE(takes({.rank = 40, .count = 24, .weighted = true}));
  EXPECT_FALSE(takes({.rank = 40, .count = 25}));
  EXPECT_FALSE(takes({.rank = 40, .count = 0}));
  EXPECT_FALSE(takes({.rank = 40, .count = 5, .bias = true}));
  EXPECT_FALSE(takes({.rank = 40, .count = 5, .weighted = true, .signed_weights = true}));
  Problem problem;
  fill(problem, {.rank = 8, .count = 8}, 1);
  EXPECT_FALSE(batch_takes(problem.equations, 8));
}

}  // namespace
}  // namespace lowrank::dual_batch_test
