#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/rows.h"
#include "recommend/fold_in_solver.h"

namespace lowrank {

using Kind = FoldInTerms::Kind;

double FoldInSolver::penalty_of(std::size_t ratings, std::span<const float> factors, float bias) const {
  const double size = size_of(ratings);
  const RowPenalty& penalty = terms_.penalty;
  double squares = 0;
  double lengths = 0;
  for (const float x : factors) {
    squares += static_cast<double>(x) * static_cast<double>(x);
    lengths += std::abs(static_cast<double>(x));
  }
  const double square = static_cast<double>(bias) * static_cast<double>(bias);
  return (penalty.l2 * size + penalty.l2_constant) * squares + 2 * (penalty.l1 * size + penalty.l1_constant) * lengths +
         (penalty.bias * size + penalty.bias_constant) * square;
}

double FoldInSolver::loss_of(std::uint32_t other, float rating, std::size_t ratings, double product, float bias) const {
  const auto count = static_cast<std::uint32_t>(ratings);
  const double share = shared_ ? row_unobserved_(count) : 1;
  const Cell own = cell(other, rating, share, row_observed_(count));
  const double taken = terms_.unobserved_weight == 0 || terms_.unobserved_includes_seen
                           ? 0
                           : terms_.unobserved_weight * share * fixed_unobserved_(fixed_.counts[other]);
  const double weight = own.weight + taken;
  if (weight == 0) return 0;
  const double score = product + static_cast<double>(bias);
  const double error = own.value / weight - score;
  return weight * error * error - taken * score * score;
}

std::vector<double> FoldInSolver::unobserved_weights() const {
  if (terms_.unobserved_weight == 0) return {};
  std::vector<double> weights(fixed_.counts.size(), 1);
  if (terms_.fixed_unobserved.exponent != 0) weights = fixed_unobserved_.of(fixed_.counts);
  for (double& weight : weights) weight *= terms_.unobserved_weight;
  return weights;
}

std::vector<double> FoldInSolver::vectors_of(std::span<const std::uint32_t> others) const {
  const FactorMatrix& table = fixed_.factors;
  const std::size_t rank = table.rank();
  const std::size_t size = unknowns();
  std::vector<double> vectors(others.size() * size, 1.0);
  if (rank == 0 || others.empty()) return vectors;
  // gather_rows() writes a multiple of four rows.
  FactorMatrix rows((others.size() + 3) / 4 * 4, rank);
  gather_rows({table.data(), table.stride()}, others.data(), others.size(), table.stride(), nullptr, nullptr, rows.data(), rows.stride());
  Workers alone(1);
  if (basis_) rotate(rows.data(), rows.stride(), rows.rows(), rank, basis_->vectors, alone);
  for (std::size_t n = 0; n < others.size(); ++n) std::ranges::copy(rows.row(n), vectors.begin() + static_cast<std::ptrdiff_t>(n * size));
  return vectors;
}

std::optional<LinearTerms> FoldInSolver::linear_terms(const FoldInRows& row) const {
  if (terms_.kind != Kind::least_squares && terms_.kind != Kind::sum) return {};
  // What is expected without any rating is of no rating.
  if (means_of(row, {})) return {};
  const std::size_t rank = fixed_.factors.rank();
  const std::size_t size = unknowns();
  if (terms_.non_negative) {
    FactorMatrix factors(1, rank);
    float bias = 0;
    Workers alone(1);
    solve(row, alone, factors, {&bias, 1});
    if (!std::ranges::all_of(factors.row(0), [](float factor) { return factor > 0; })) return {};
  }
  const RowNumbers numbers = numbers_of(row);
  const double share = numbers.shares[0];
  LinearProblem problem{.size = size, .rows = vectors_of(row.others)};
  for (std::size_t k = 0; k < rank; ++k) problem.diagonal.push_back(share * static_cast<double>(diagonal_[k]) + numbers.ridges[0]);
  if (terms_.solves_bias) problem.diagonal.push_back(numbers.bias_dampings[0]);
  if (!gramian_.empty()) {
    problem.shared.assign(size * size, 0);
    for (std::size_t k = 0; k < rank; ++k) {
      for (std::size_t l = 0; l < rank; ++l) problem.shared[k * size + l] = share * gramian_[k * rank + l];
    }
  }
  if (terms_.non_negative && numbers.l1[0] != 0) {
    problem.l1.assign(size, 0);
    std::fill_n(problem.l1.begin(), rank, numbers.l1[0] * share);
  }
  const double observed = row_observed_(static_cast<std::uint32_t>(row.others.size()));
  for (std::size_t n = 0; n < row.others.size(); ++n) {
    const Cell own = cell(row.others[n], row.values[n], share, observed);
    problem.weights.push_back(own.weight);
    problem.values.push_back(own.value);
  }
  if (terms_.sums) {
    problem.rank = rank;
    problem.solves_first = terms_.kind == Kind::least_squares;
    const double scale = std::pow(static_cast<double>(row.others.size()), -terms_.sum_exponent);
    for (const std::uint32_t other : row.others) {
      for (const float number : history_factors_.row(other)) problem.sums.push_back(scale * static_cast<double>(number));
    }
  }
  LinearTerms terms(std::move(problem));
  if (!terms.hold()) return {};
  return terms;
}

}  // namespace lowrank
