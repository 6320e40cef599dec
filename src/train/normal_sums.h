#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/dot.h"

namespace lowrank {

/// Sums of the normal equations of one row with many ratings, of regressors z, values v and weights w.
class NormalSums {
 public:
  explicit NormalSums(std::size_t rank) : rank_(rank), squares_(rank * rank), rows_(rank), pulls_(rank) {}

  /// Adds sum of c z z^T over the first `count` rows of a table. O(count rank^2 / 2) \param weights  empty for ones
  void add_squares(const RowTable& table, std::size_t count, std::span<const double> weights, Workers& workers);
  /// Adds what else there is. \param sums  sum of w z, of w v z, of w and of w v, one after another: 2 rank + 2 numbers
  void add_rest(std::span<const double> sums);
  /// x that minimises sum of w (v - <z, x> - bias)^2 + sum_k (ridge + factor diagonal_k) x_k^2 + damping bias^2, in double. Ridges are at
  /// least what rounding makes of the sums, and x is not a number where these overflow. O(rank^3 / 6)
  /// \param bias  null without one \param diagonal  rank numbers at least 0; empty for zeros
  void solve(double ridge, double damping, std::span<float> x, float* bias, std::span<const float> diagonal = {}, double factor = 1) const;

 private:
  std::size_t rank_;
  std::vector<double> squares_;
  std::vector<double> rows_;
  std::vector<double> pulls_;
  double weight_ = 0;
  double pull_ = 0;
};

}  // namespace lowrank
