#include "kernels/normal_solver.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/levels.h"
#include "kernels/row_problem.h"

namespace lowrank::normal_solver_test {
namespace {

std::vector<double> joined(const AlignedFloats& x, std::size_t rank, const float* bias) {
  std::vector<double> all(x.data(), x.data() + rank);
  if (bias != nullptr) all.push_back(double{*bias});
  return all;
}

std::vector<Shape> many_shapes() {
  std::vector<Shape> shapes;
  for (const std::size_t rank : {1U, 2U, 8U, 17U, 64U, 100U}) {
    for (const std::size_t count : {0U, 1U, 3U, 16U, 33U, 70U, 300U}) {
      for (const bool bias : {false, true}) {
        for (const bool weighted : {false, true}) shapes.push_back({.rank = rank, .count = count, .bias = bias, .weighted = weighted});
        shapes.push_back({.rank = rank, .count = count, .bias = bias, .weighted = true, .signed_weights = true});
      }
    }
  }
  return shapes;
}

class Row : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, Row, testing::ValuesIn(available_simd_levels()), level_name);

TEST_P(Row, IsSolvedAsInDouble) {
  for (const Shape& shape : many_shapes()) {
    Problem problem;
    fill(problem, shape, shape.rank + shape.count);
    NormalSolver system(shape.rank);
    AlignedFloats x(problem.stride);
    float bias = 5;
    const double objective = system.solve(problem.equations, x.data(), &bias);
    const std::vector<double> expected = problem.solution();
    ASSERT_LT(relative_error(joined(x, shape.rank, shape.bias ? &bias : nullptr), expected), 1e-4)
        << shape.rank << " " << shape.count << " " << shape.bias << shape.weighted << shape.signed_weights;
    ASSERT_NEAR(objective, problem.objective(expected), 1e-4 * (1 + std::abs(problem.objective(expected))));
    for (std::size_t k = shape.rank; k < problem.stride; ++k) ASSERT_EQ(x[k], 0);
  }
}

TEST_P(Row, IllConditionedIsSolvedAsInDouble) {
  for (const float ridge : {1e-2F, 1e-4F, 1e-6F, 1e-7F}) {
    for (const double spread : {1.0, 1e2, 1e4}) {
      for (const std::size_t count : {5U, 30U, 40U, 64U, 120U}) {
        for (const bool bias : {false, true}) {
          Problem problem;
          fill(problem, {.rank = 40, .count = count, .bias = bias, .ridge = ridge, .spread = spread}, count);
          NormalSolver system(40);
          AlignedFloats x(problem.stride);
          float bias_value = 0;
          system.solve(problem.equations, x.data(), &bias_value);
          ASSERT_LT(relative_error(joined(x, 40, bias ? &bias_value : nullptr), problem.solution()), 1e-4)
              << ridge << " " << spread << " " << count << " " << bias;
        }
      }
    }
  }
}

TEST_P(Row, InPiecesIsTheSame) {
  for (const bool bias : {false, true}) {
    Problem problem;
    fill(problem, {.rank = 20, .count = 700, .bias = bias, .weighted = true}, 3);
    NormalSolver first(20);
    NormalSolver second(20);
    first.begin_pieces();
    second.begin_pieces();
    NormalEquations piece = problem.equations;
    piece.rows = problem.equations.rows.first(300);
    first.add_piece(piece);
    piece.rows = problem.equations.rows.subspan(300);
    piece.weights += 300;
    piece.values += 300;
    second.add_piece(piece);
    first.merge(second);
    AlignedFloats x(problem.stride);
    float bias_value = 0;
    first.solve_pieces(problem.equations, {}, x.data(), &bias_value);
    EXPECT_LT(relative_error(joined(x, 20, bias ? &bias_value : nullptr), problem.solution()), 1e-4);
  }
}

TEST_P(Row, ConjugateGradientsFallToTheMinimum) {
  for (const Shape& shape : many_shapes()) {
    if (shape.signed_weights) continue;
    Problem problem;
    fill(problem, shape, shape.rank + shape.count);
    const std::vector<double> expected = problem.solution();
    const double least = problem.objective(expected);
    double before = 1e300;
    for (const std::uint32_t steps : {0U, 1U, 2U, 4U, 200U}) {
      NormalSolver system(shape.rank);
      AlignedFloats x(problem.stride);
      for (std::size_t k = 0; k < shape.rank; ++k) x[k] = 0.3F;
      float bias = 0.2F;
      const double objective = system.solve_cg(problem.equations, steps, x.data(), &bias);
      const std::vector<double> reached = joined(x, shape.rank, shape.bias ? &bias : nullptr);
      ASSERT_NEAR(objective, problem.objective(reached), 1e-3 * (1 + std::abs(objective)));
      ASSERT_LE(objective, before + 1e-4 * (1 + std::abs(before)));
      ASSERT_GE(objective, least - 1e-3 * (1 + std::abs(least)));
      before = objective;
      if (steps != 200 || shape.count == 0) continue;
      ASSERT_LT(relative_error(reached, expected), 5e-3) << shape.rank << " " << shape.count;
    }
  }
}

TEST_P(Row, SweepsOverBlocksFallToTheMinimum) {
  for (const std::size_t rank : {10U, 32U, 70U}) {
    for (const std::size_t block : {16U, 32U}) {
      for (const std::size_t count : {0U, 5U, 60U, 300U}) {
        Problem problem;
        fill(problem, {.rank = rank, .count = count, .weighted = count == 60, .ridge = 2}, rank + count);
        const std::vector<double> expected = problem.solution();
        NormalSolver system(rank);
        AlignedFloats x(problem.stride);
        double before = 0;
        for (int sweep = 0; sweep < 300; ++sweep) {
          const double objective = system.solve_blocks(problem.equations, block, 1 + static_cast<std::uint32_t>(sweep % 3), x.data());
          ASSERT_NEAR(objective, problem.objective(joined(x, rank, nullptr)), 1e-3 * (1 + std::abs(objective)));
          ASSERT_LE(objective, before + 1e-4 * (1 + std::abs(before)));
          before = objective;
        }
        ASSERT_LT(relative_error(joined(x, rank, nullptr), expected), 5e-3) << rank << " " << block << " " << count;
      }
    }
  }
}

/// Blocks that float32 cannot factorise, or not well enough, are solved all the same.
TEST_P(Row, SweepsOverIllConditionedBlocksFall) {
  for (const float ridge : {1e-3F, 1e-7F}) {
    for (const double spread : {1e2, 1e5}) {
      Problem problem;
      fill(problem, {.rank = 40, .count = 30, .weighted = true, .ridge = ridge, .spread = spread}, 7);
      NormalSolver system(40);
      AlignedFloats x(problem.stride);
      const double least = problem.objective(problem.solution());
      double before = 0;
      for (const std::uint32_t sweeps : {1U, 2U, 5U, 50U}) {
        system.solve_blocks(problem.equations, 16, sweeps, x.data());
        const double objective = problem.objective(joined(x, 40, nullptr));
        EXPECT_LE(objective, before + 1e-4 * std::abs(least)) << ridge << " " << spread << " " << sweeps;
        before = objective;
      }
      EXPECT_LT(before, 0.9 * least);
    }
  }
}

TEST_P(Row, NonNegativeFulfilsTheConditionsOfItsMinimum) {
  for (const std::size_t rank : {1U, 8U, 40U}) {
    for (const std::size_t count : {3U, 33U, 300U}) {
      for (const bool bias : {false, true}) {
        for (const double l1 : {0.0, 2.0}) {
          Problem problem;
          fill(problem, {.rank = rank, .count = count, .bias = bias, .weighted = true}, rank + count);
          problem.equations.non_negative = true;
          problem.equations.l1 = l1;
          for (std::size_t k = 0; k < rank; ++k) problem.b[k] -= l1;
          NormalSolver solver(rank);
          AlignedFloats x(problem.stride);
          std::fill_n(x.data(), rank, 0.5F);
          float bias_value = 0;
          const double some = solver.solve_non_negative(problem.equations, 2, x.data(), &bias_value);
          const double few = problem.objective(joined(x, rank, bias ? &bias_value : nullptr));
          ASSERT_NEAR(some, few, 1e-4 * (1 + std::abs(few))) << "objective of a row on its way";
          const double objective = solver.solve(problem.equations, {}, x.data(), &bias_value);
          const std::vector<double> y = joined(x, rank, bias ? &bias_value : nullptr);
          ASSERT_NEAR(objective, problem.objective(y), 1e-4 * (1 + std::abs(objective)));
          ASSERT_LE(objective, some + 1e-6 * std::abs(some));
          for (std::size_t i = 0; i < y.size(); ++i) {
            double gradient = -problem.b[i];
            for (std::size_t j = 0; j < y.size(); ++j) gradient += problem.a[i * y.size() + j] * y[j];
            const double step = -gradient / problem.a[i * y.size() + i];
            if (i < rank) {
              ASSERT_GE(y[i], 0);
            }
            if (i < rank && y[i] == 0) {
              ASSERT_LT(step, 1e-4);
            } else {
              ASSERT_NEAR(step, 0, 1e-4) << rank << " " << count;
            }
          }
        }
      }
    }
  }
}

TEST_P(Row, OfNoUseIsZero) {
  Problem problem;
  fill(problem, {.rank = 4, .count = 3, .bias = true, .ridge = 0}, 1);
  std::fill_n(problem.table.data(), problem.table.size(), 0.0F);
  std::fill_n(problem.diagonal.data(), problem.rank, 0.0F);
  NormalSolver system(4);
  AlignedFloats x(16);
  float bias = 1;
  system.solve(problem.equations, x.data(), &bias);
  for (std::size_t k = 0; k < 16; ++k) EXPECT_EQ(x[k], 0);
}

}  // namespace
}  // namespace lowrank::normal_solver_test
