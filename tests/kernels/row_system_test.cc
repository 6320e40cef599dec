#include "kernels/row_system.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "kernels/levels.h"
#include "kernels/solve.h"

namespace lowrank {
namespace {

/// A row's problem with its parts, and its answer by the dense normal equations in double.
struct Problem {
  std::size_t rank;
  std::size_t stride;
  AlignedFloats table;
  AlignedFloats diagonal;
  std::vector<std::uint32_t> rows;
  std::vector<float> weights;
  std::vector<float> values;
  RowEquations equations;
  std::vector<double> a;
  std::vector<double> b;

  [[nodiscard]] std::size_t size() const { return b.size(); }
  [[nodiscard]] double objective(const std::vector<double>& x) const {
    double sum = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      double product = 0;
      for (std::size_t j = 0; j < size(); ++j) product += a[i * size() + j] * x[j];
      sum += x[i] * (product - 2 * b[i]);
    }
    return sum;
  }
  [[nodiscard]] std::vector<double> solution() const {
    std::vector<double> factor = a;
    std::vector<double> x = b;
    EXPECT_TRUE(solve_positive_definite(factor.data(), x.data(), size()));
    return x;
  }
};

struct Shape {
  std::size_t rank;
  std::size_t count;
  bool bias = false;
  bool weighted = false;
  bool signed_weights = false;
  float ridge = 0.5F;
  double spread = 1;  ///< the fixed rows shrink by this factor from the first column to the last
};

void fill(Problem& problem, const Shape& shape, std::uint64_t seed) {
  constexpr std::size_t kTableRows = 50;
  RandomStream random(seed, Purpose::user_factors);
  const std::size_t stride = (shape.rank + 15) / 16 * 16;
  problem.rank = shape.rank;
  problem.stride = stride;
  problem.table = AlignedFloats(kTableRows * stride);
  problem.diagonal = AlignedFloats(stride);
  for (std::size_t row = 0; row < kTableRows; ++row) {
    for (std::size_t k = 0; k < shape.rank; ++k) {
      const double shrink = std::pow(shape.spread, -static_cast<double>(k) / static_cast<double>(shape.rank));
      problem.table[row * stride + k] = static_cast<float>(random.normal() * shrink);
    }
  }
  for (std::size_t k = 0; k < stride; ++k) problem.diagonal[k] = k < shape.rank ? static_cast<float>(random.uniform()) * shape.ridge : 1;
  for (std::size_t i = 0; i < shape.count; ++i) {
    problem.rows.push_back(static_cast<std::uint32_t>(random.below(kTableRows)));
    const double weight = 0.5 + random.uniform();
    // Not so negative that there is no minimum: the other half of the ratings outweighs these.
    problem.weights.push_back(static_cast<float>(shape.signed_weights && i % 4 == 0 ? (i % 8 == 0 ? 0.0 : -0.001) : weight));
    problem.values.push_back(static_cast<float>(random.normal()));
  }
  RowEquations& row = problem.equations;
  row = {.table = {problem.table.data(), stride}, .rows = problem.rows};
  row.values = problem.values.data();
  if (shape.weighted) row.weights = problem.weights.data();
  row.diagonal = problem.diagonal.data();
  row.ridge = shape.ridge;
  row.has_bias = shape.bias;
  row.bias_damping = 0.7;

  const std::size_t size = shape.rank + (shape.bias ? 1 : 0);
  problem.a.assign(size * size, 0);
  problem.b.assign(size, 0);
  std::vector<double> q(size, 1);
  for (std::size_t i = 0; i < shape.count; ++i) {
    for (std::size_t k = 0; k < shape.rank; ++k) q[k] = double{problem.table[problem.rows[i] * stride + k]};
    const double weight = shape.weighted ? double{problem.weights[i]} : 1;
    for (std::size_t k = 0; k < size; ++k) {
      for (std::size_t j = 0; j < size; ++j) problem.a[k * size + j] += weight * q[k] * q[j];
      problem.b[k] += double{problem.values[i]} * q[k];
    }
  }
  for (std::size_t k = 0; k < size; ++k) {
    problem.a[k * size + k] += k < shape.rank ? double{problem.diagonal[k]} + double{shape.ridge} : row.bias_damping;
  }
}

/// |x - expected| / |expected|.
double relative_error(const std::vector<double>& x, const std::vector<double>& expected) {
  double error = 0;
  double size = 0;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    error += std::pow(x[k] - expected[k], 2);
    size += expected[k] * expected[k];
  }
  return std::sqrt(error) / (std::sqrt(size) + 1e-30);
}

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
    RowSystem system(shape.rank);
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
          RowSystem system(40);
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
    RowSystem first(20);
    RowSystem second(20);
    first.begin_pieces();
    second.begin_pieces();
    RowEquations piece = problem.equations;
    piece.rows = problem.equations.rows.first(300);
    first.add_piece(piece);
    piece.rows = problem.equations.rows.subspan(300);
    piece.weights += 300;
    piece.values += 300;
    second.add_piece(piece);
    first.merge(second);
    AlignedFloats x(problem.stride);
    float bias_value = 0;
    first.solve_pieces(problem.equations, false, x.data(), &bias_value);
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
      RowSystem system(shape.rank);
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
        RowSystem system(rank);
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

TEST_P(Row, OfNoUseIsZero) {
  Problem problem;
  fill(problem, {.rank = 4, .count = 3, .bias = true, .ridge = 0}, 1);
  std::fill_n(problem.table.data(), problem.table.size(), 0.0F);
  std::fill_n(problem.diagonal.data(), problem.rank, 0.0F);
  RowSystem system(4);
  AlignedFloats x(16);
  float bias = 1;
  system.solve(problem.equations, x.data(), &bias);
  for (std::size_t k = 0; k < 16; ++k) EXPECT_EQ(x[k], 0);
}

}  // namespace
}  // namespace lowrank
