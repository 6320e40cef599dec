#include "train/normal_sums.h"

#include <algorithm>
#include <limits>

#include "kernels/gramian.h"
#include "kernels/solve.h"

namespace lowrank {

void NormalSums::add_squares(const RowTable& table, std::size_t count, std::span<const double> weights, Workers& workers) {
  const std::vector<double> sums = gramian(table, count, rank_, weights, workers);
  for (std::size_t n = 0; n < squares_.size(); ++n) squares_[n] += sums[n];
}

void NormalSums::add_rest(std::span<const double> sums) {
  for (std::size_t k = 0; k < rank_; ++k) {
    rows_[k] += sums[k];
    pulls_[k] += sums[rank_ + k];
  }
  weight_ += sums[2 * rank_];
  pull_ += sums[2 * rank_ + 1];
}

void NormalSums::solve(double ridge, double damping, std::span<float> x, float* bias, std::span<const float> diagonal,
                       double factor) const {
  // Squares are added in float32: a matrix of lower rank has eigenvalues of either sign about as large as that.
  constexpr double kRounding = 2e-6;
  const std::size_t unknowns = rank_ + (bias != nullptr ? 1 : 0);
  std::vector<double> matrix(unknowns * unknowns);
  std::vector<double> solution(pulls_);
  double most = 0;
  for (std::size_t k = 0; k < rank_; ++k) most = std::max(most, squares_[k * rank_ + k]);
  for (std::size_t k = 0; k < rank_; ++k) {
    std::copy_n(squares_.begin() + static_cast<std::ptrdiff_t>(k * rank_), rank_,
                matrix.begin() + static_cast<std::ptrdiff_t>(k * unknowns));
    const double own = ridge + (diagonal.empty() ? 0 : factor * static_cast<double>(diagonal[k]));
    matrix[k * unknowns + k] += std::max(own, kRounding * most);
  }
  if (bias != nullptr) {
    // Only the lower triangle is read.
    std::ranges::copy(rows_, matrix.begin() + static_cast<std::ptrdiff_t>(rank_ * unknowns));
    matrix.back() = weight_ + std::max(damping, kRounding * weight_);
    solution.push_back(pull_);
  }
  if (!solve_positive_definite(matrix.data(), solution.data(), unknowns))
    std::ranges::fill(solution, std::numeric_limits<double>::quiet_NaN());
  std::ranges::transform(std::span(solution).first(rank_), x.begin(), [](double number) { return static_cast<float>(number); });
  if (bias != nullptr) *bias = static_cast<float>(solution.back());
}

}  // namespace lowrank
