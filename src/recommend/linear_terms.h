#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lowrank {

/// A least-squares problem of one row in double, whose solution is linear in the given values v:
///
///     minimise over x:  sum_j c_j <q_j, x>^2  -  2 sum_j v_j <q_j, x>  +  sum_k diagonal_k x_k^2  +  x^T shared x  +  2 l1 sum_k x_k
///
/// with n rows q_j of `size` numbers. A bias is a coordinate whose number is 1 in every row and 0 in l1.
struct LinearProblem {
  std::size_t size = 0;
  std::vector<double> rows = {};      ///< n x size
  std::vector<double> weights = {};   ///< c_j
  std::vector<double> values = {};    ///< v_j
  std::vector<double> diagonal = {};  ///< `size` numbers, at least 0
  std::vector<double> shared = {};    ///< size x size; empty for zeros
  std::vector<double> l1 = {};        ///< `size` numbers; empty for zeros
  /// n x `rank` numbers s_j, whose sum is added to the first `rank` coordinates of the solution, and whose products with the rows are taken
  /// off the values: v_j - c_j <sum of s, q_j>. Empty for none.
  std::vector<double> sums = {};
  std::size_t rank = 0;      ///< numbers of a row that are not a bias; read only with sums
  bool solves_first = true;  ///< false: the first `rank` coordinates of the solution are 0; read only with sums
};

/// The parts of a solution x = A^-1 (sum_j v_j q_j - l1) in a product with another vector (Hu, Koren and Volinsky 2008, section 5): the
/// term of row j in <q, x> is v_j <q, A^-1 q_j>. With sums it is v_j h_j + <s_j, q - sum_l c_l h_l q_l> for h_j = <q, A^-1 q_j>. A is
/// factorised once; with fewer rows than coordinates, its dual I + C^1/2 Q D^-1 Q^T C^1/2 is.
class LinearTerms {
 public:
  /// O(n m^2 + m^3) for m = min(n, size)
  explicit LinearTerms(LinearProblem problem);

  /// False where A is not positive definite to working precision; there are no terms then.
  [[nodiscard]] bool hold() const noexcept { return holds_; }
  /// Writes the n terms of <q, x>. \return what is of no row: the share of l1, 0 without it. O((n + m) m + n size)
  [[nodiscard]] double of(std::span<const double> q, std::span<double> terms) const;

 private:
  /// Writes <q, A^-1 q_j> for each row. \return the share of l1 in <q, x>
  [[nodiscard]] double respond(std::span<const double> q, std::span<double> responses) const;
  [[nodiscard]] bool factor();
  [[nodiscard]] bool factor_primal();
  [[nodiscard]] bool factor_dual();

  LinearProblem problem_;
  std::vector<double> matrix_;  ///< factorised
  bool dual_;
  bool holds_;
};

}  // namespace lowrank
