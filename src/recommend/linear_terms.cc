#include "recommend/linear_terms.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "kernels/solve.h"

namespace lowrank {

namespace {

bool all_positive(std::span<const double> numbers) {
  return std::ranges::all_of(numbers, [](double number) { return number > 0; });
}

}  // namespace

LinearTerms::LinearTerms(LinearProblem problem)
    : problem_(std::move(problem)),
      dual_(problem_.values.size() < problem_.size && problem_.shared.empty() && problem_.l1.empty() && all_positive(problem_.weights) &&
            all_positive(problem_.diagonal)),
      holds_(factor()) {}

bool LinearTerms::factor() {
  if (!problem_.solves_first) return true;
  return dual_ ? factor_dual() : factor_primal();
}

bool LinearTerms::factor_primal() {
  // As in training: what nothing else holds down gets a ridge far below what float factors resolve.
  constexpr double kRidge = 1e-10;
  const std::size_t size = problem_.size;
  if (problem_.shared.empty()) {
    matrix_.assign(size * size, 0);
  } else {
    matrix_ = problem_.shared;
  }
  for (std::size_t row = 0; row < problem_.values.size(); ++row) {
    const double* q = problem_.rows.data() + row * size;
    for (std::size_t k = 0; k < size; ++k) {
      const double scaled = problem_.weights[row] * q[k];
      double* to = matrix_.data() + k * size;
      for (std::size_t l = 0; l <= k; ++l) to[l] += scaled * q[l];
    }
  }
  double trace = 0;
  for (std::size_t k = 0; k < size; ++k) trace += matrix_[k * size + k];
  const double least = kRidge * trace / static_cast<double>(std::max<std::size_t>(size, 1));
  for (std::size_t k = 0; k < size; ++k) matrix_[k * size + k] += std::max(problem_.diagonal[k], least);
  return factor_positive_definite(matrix_.data(), size);
}

bool LinearTerms::factor_dual() {
  const std::size_t n = problem_.values.size();
  const std::size_t size = problem_.size;
  matrix_.assign(n * n, 0);
  std::vector<double> scaled(size);
  for (std::size_t row = 0; row < n; ++row) {
    const double* q = problem_.rows.data() + row * size;
    for (std::size_t k = 0; k < size; ++k) scaled[k] = q[k] / problem_.diagonal[k];
    for (std::size_t other = 0; other <= row; ++other) {
      const double product = std::inner_product(scaled.begin(), scaled.end(), problem_.rows.data() + other * size, 0.0);
      matrix_[row * n + other] = product * std::sqrt(problem_.weights[row] * problem_.weights[other]) + (row == other ? 1 : 0);
    }
  }
  return factor_positive_definite(matrix_.data(), n);
}

double LinearTerms::respond(std::span<const double> q, std::span<double> responses) const {
  const std::size_t n = problem_.values.size();
  const std::size_t size = problem_.size;
  const auto row = [&](std::size_t j) { return problem_.rows.data() + j * size; };
  if (!problem_.solves_first) {
    // A bias at most, which is an average.
    const bool bias = size > problem_.rank;
    const double weight = bias ? std::accumulate(problem_.weights.begin(), problem_.weights.end(), problem_.diagonal.back()) : 0;
    std::ranges::fill(responses, weight > 0 ? 1 / weight : 0);
    return 0;
  }
  std::vector<double> x(q.begin(), q.end());
  if (dual_) {
    // q^T A^-1 Q^T C^1/2 = (q^T D^-1 Q^T C^1/2) S^-1 for the dual matrix S.
    for (std::size_t k = 0; k < size; ++k) x[k] /= problem_.diagonal[k];
    for (std::size_t j = 0; j < n; ++j) {
      responses[j] = std::sqrt(problem_.weights[j]) * std::inner_product(x.begin(), x.end(), row(j), 0.0);
    }
    solve_factored(matrix_.data(), responses.data(), n);
    for (std::size_t j = 0; j < n; ++j) responses[j] /= std::sqrt(problem_.weights[j]);
    return 0;
  }
  solve_factored(matrix_.data(), x.data(), size);
  for (std::size_t j = 0; j < n; ++j) responses[j] = std::inner_product(x.begin(), x.end(), row(j), 0.0);
  return problem_.l1.empty() ? 0 : -std::inner_product(x.begin(), x.end(), problem_.l1.begin(), 0.0);
}

double LinearTerms::of(std::span<const double> q, std::span<double> terms) const {
  const std::size_t n = problem_.values.size();
  const double rest = respond(q, terms);
  const std::size_t rank = problem_.sums.empty() ? 0 : problem_.rank;
  // What is left of q when the solution has answered the sums.
  std::vector<double> left(q.begin(), q.begin() + static_cast<std::ptrdiff_t>(rank));
  for (std::size_t j = 0; rank != 0 && j < n; ++j) {
    for (std::size_t k = 0; k < rank; ++k) left[k] -= problem_.weights[j] * terms[j] * problem_.rows[j * problem_.size + k];
  }
  for (std::size_t j = 0; j < n; ++j) {
    terms[j] *= problem_.values[j];
    terms[j] = std::inner_product(left.begin(), left.end(), problem_.sums.begin() + static_cast<std::ptrdiff_t>(j * rank), terms[j]);
  }
  return rest;
}

}  // namespace lowrank
