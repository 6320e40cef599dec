#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "kernels/aligned_floats.h"
#include "kernels/elimination.h"
#include "kernels/normal_equations.h"

namespace lowrank {

/// The equations of a row with all that they point to, and the same as a dense system in double.
struct Problem {
  std::size_t rank;
  std::size_t stride;
  AlignedFloats table;
  AlignedFloats diagonal;
  std::vector<std::uint32_t> rows;
  std::vector<float> weights;
  std::vector<float> values;
  NormalEquations equations;
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
  [[nodiscard]] std::vector<double> solution() const { return eliminate(a, b); }
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

inline void fill(Problem& problem, const Shape& shape, std::uint64_t seed) {
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
  NormalEquations& row = problem.equations;
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
inline double relative_error(const std::vector<double>& x, const std::vector<double>& expected) {
  double error = 0;
  double size = 0;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    error += std::pow(x[k] - expected[k], 2);
    size += expected[k] * expected[k];
  }
  return std::sqrt(error) / (std::sqrt(size) + 1e-30);
}

}  // namespace lowrank
