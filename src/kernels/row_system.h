#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/aligned_floats.h"
#include "kernels/dot.h"

namespace lowrank {

class NarrowBlocks;

/// The least-squares problem of one row of an alternating method against the fixed rows q_i that it meets: minimise, over x of `rank`
/// numbers and a bias where there is one,
///
///     sum_i c_i (<q_i, x> + bias)^2  -  2 sum_i v_i (<q_i, x> + bias)  +  sum_k (diagonal_k + ridge) x_k^2  +  bias_damping bias^2
///
/// so that the normal equations are (D + Q^T C Q) x = Q^T v. What all rows share beyond a diagonal is meant to be diagonal in the basis in
/// which q and x are given.
struct RowEquations {
  RowTable table{};                     ///< rows of `rank` floats, padded with zeros to a multiple of 16
  std::span<const std::uint32_t> rows;  ///< numbers of the q_i in it
  const float* weights = nullptr;       ///< c_i; null: ones
  const float* values = nullptr;        ///< v_i; null: ones
  const float* diagonal = nullptr;      ///< rank floats >= 0, padded with ones to a multiple of 16, aligned to 64 bytes
  float ridge = 0;                      ///< diagonal + ridge must be above 0
  bool has_bias = false;
  double bias_damping = 0;

  [[nodiscard]] double weight(std::size_t i) const { return weights != nullptr ? static_cast<double>(weights[i]) : 1.0; }
  [[nodiscard]] bool weights_positive() const {
    return weights == nullptr || std::all_of(weights, weights + rows.size(), [](float weight) { return weight > 0; });
  }
  [[nodiscard]] double value(std::size_t i) const { return values != nullptr ? static_cast<double>(values[i]) : 1.0; }
};

/// Solves one row after another. Holds scratch memory: one a thread. Each function returns the minimised expression at the solution, in
/// double. `x` has room for the padded rank, aligned to 64 bytes; its padding is set to zero.
class RowSystem {
 public:
  /// Roots of pivots that differ by more than this may leave a float32 solution too few digits: it is refined.
  static constexpr float kTrustedPivotRatio = 4;
  /// Of a step towards the minimum fewer digits do than of a solution.
  static constexpr float kTrustedOfSteps = 64;

  explicit RowSystem(std::size_t rank);
  ~RowSystem();

  /// The minimum, in float32 where that is good to 1e-4 relative, else in double. With n rows O(n rank^2 + rank^3) multiplications, or,
  /// through the n x n system (D^-1/2 Q^T = Z, I + Z^T Z, by the identity of Sherman, Morrison and Woodbury), O(n^2 rank + n^3): the less.
  double solve(const RowEquations& row, float* x, float* bias);

  /// `steps` steps of conjugate gradients from the x and bias given, preconditioned by D (Hestenes and Stiefel 1952). O(steps n rank)
  double solve_cg(const RowEquations& row, std::uint32_t steps, float* x, float* bias);

  /// `sweeps` sweeps over blocks of `block` coordinates, each minimised with the others fixed, from the x given (Rendle et al., "iALS++",
  /// 2021). Of rows without a bias. The first sweep factorises every block's matrix, O(n rank block + rank block^2); the others use it
  /// again, O(n rank + rank block). \param block  a multiple of 16
  double solve_blocks(const RowEquations& row, std::size_t block, std::uint32_t sweeps, float* x);

  /// The minimum over x >= 0 (the bias may have any sign), by coordinate descent from the x given. O(n rank^2 + sweeps rank^2)
  double solve_non_negative(const RowEquations& row, float* x, float* bias);

  /// \name A row in pieces
  /// Pieces may be added up by different systems of the same rank, and merged in a fixed order.
  /// \{
  void begin_pieces();
  void add_piece(const RowEquations& piece);
  void merge(const RowSystem& other);
  /// The solution of what was added. \param row  all of it, for where float32 does not do
  double solve_pieces(const RowEquations& row, bool non_negative, float* x, float* bias);
  /// \}

 private:
  static double solve_bias(const RowEquations& row, float* bias);
  [[nodiscard]] bool dual_pays(const RowEquations& row) const;
  bool solve_dual(const RowEquations& row, float* x, float* bias);
  bool solve_primal(const RowEquations& row, float* x, float* bias);
  /// The solution of the factorised system in matrix_ for the right-hand side in its column `rank`.
  void solve_again(float* y);
  /// \name The step from x to the minimum, for a row without a bias whose `values` are what x leaves of them
  /// The first one factorises the row's matrix, the next ones use what is in matrix_ then. \return false where that fails
  /// \{
  bool first_step(const RowEquations& row, const float* x, float* step);
  void further_step(const RowEquations& row, const float* x, float* step);
  /// \}
  void finish_non_negative(const RowEquations& row, float* x, float* bias);
  bool finish_primal(const RowEquations& row, float* x, float* bias);
  /// What the factorised system makes of the right-hand side in double_vector_, bias last, there.
  void correct_dual(const RowEquations& row);
  void correct_primal(const RowEquations& row);
  bool refine(const RowEquations& row, bool dual, float* x, float* bias);
  void solve_in_double(const RowEquations& row, float* x, float* bias);
  bool solve_dual_in_double(const RowEquations& row);
  bool solve_primal_in_double(const RowEquations& row);
  void reserve(std::size_t tile_rows, std::size_t unknowns);

  std::size_t rank_;
  std::size_t columns_;                   ///< rank, padded
  std::size_t ld_;                        ///< of the tile
  std::size_t chunk_;                     ///< rows of the tile that are worked on at once
  std::size_t lda_ = 0;                   ///< of the matrix
  std::vector<std::uint32_t> tile_rows_;  ///< 0, 1, 2 ...
  AlignedFloats tile_;
  AlignedFloats weighted_tile_;  ///< rows times weights, where a weight is not positive
  AlignedFloats matrix_;
  AlignedFloats sums_;   ///< columns floats each: right-hand side, sum of weighted rows
  AlignedFloats roots_;  ///< (diagonal + ridge)^-1/2
  AlignedFloats vectors_;
  AlignedFloats products_;
  AlignedFloats residual_;
  AlignedFloats scales_;
  AlignedFloats solution_;
  double weight_sum_ = 0;
  double value_sum_ = 0;
  double bias_left_ = 0;  ///< what the factors leave of the bias' weight
  double objective_ = 0;  ///< of the last solution
  std::vector<double> double_matrix_;
  std::vector<double> double_vector_;
  std::unique_ptr<NarrowBlocks> narrow_blocks_;
  std::unique_ptr<RowSystem> block_;       ///< of solve_blocks()
  std::unique_ptr<RowSystem> last_block_;  ///< where it is smaller
  /// Of every block of a row, the factorised matrix.
  struct Factor {
    AlignedFloats matrix;
    bool holds = false;
  };
  std::vector<Factor> factors_;
};

}  // namespace lowrank
