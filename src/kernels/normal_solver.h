#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/aligned_floats.h"
#include "kernels/normal_equations.h"
#include "kernels/row_policy.h"

namespace lowrank {

class BlockSweep;

/// Solves the normal equations of one row after another. Holds scratch memory: one solver per thread. Each function returns the minimised
/// expression (see NormalEquations) at the solution, in double. `x` has room for the padded rank, aligned to 64 bytes; its padding becomes
/// zero. `bias` may be null for rows without one.
class NormalSolver {
 public:
  /// The largest ratio of the roots of two pivots at which a float32 solution is used as it is; above it the solution is refined.
  static constexpr float kTrustedPivotRatio = 4;
  /// The same for a step towards the minimum, which needs fewer digits than a solution.
  static constexpr float kTrustedOfSteps = 64;

  explicit NormalSolver(std::size_t rank);
  ~NormalSolver();

  /// Solves a row by the solver that solver_of() names; a row that belongs into a batch is solved exactly.
  /// \param[in,out] x, bias  the row as it was, and the solution
  double solve(const NormalEquations& row, const RowOptions& options, float* x, float* bias);

  /// The minimum without a bound on x, in float32 where that is good to 1e-4 relative, else in double. With n rows O(n rank^2 + rank^3)
  /// multiplications, or, through the dual system, O(n^2 rank + n^3).
  double solve(const NormalEquations& row, float* x, float* bias);

  /// `steps` steps of conjugate gradients from the x and bias given, preconditioned by D (Hestenes and Stiefel 1952). O(steps n rank)
  double solve_cg(const NormalEquations& row, std::uint32_t steps, float* x, float* bias);

  /// `sweeps` sweeps over blocks of `block` coordinates from the x given, each block minimised with the others fixed (Rendle et al.,
  /// "iALS++", 2021). For rows without a bias. The first sweep factorises the matrix of every block, O(n rank block + rank block^2); the
  /// others use it again, O(n rank + rank block). \param block  a multiple of 16
  double solve_blocks(const NormalEquations& row, std::size_t block, std::uint32_t sweeps, float* x);

  /// The minimum over x >= 0 by coordinate descent from the x given. O(n rank^2 + sweeps rank^2)
  /// \param sweeps  the most sweeps; 0 for as many as it takes
  double solve_non_negative(const NormalEquations& row, std::uint32_t sweeps, float* x, float* bias);

  /// \name A row in pieces
  /// Different solvers of the same rank may add pieces, which are merged in a fixed order.
  /// \{
  void begin_pieces();
  void add_piece(const NormalEquations& piece);
  void merge(const NormalSolver& other);
  /// The solution of the pieces. \param row  the whole row, for when float32 is not enough
  double solve_pieces(const NormalEquations& row, const RowOptions& options, float* x, float* bias);
  /// \}

 private:
  static double solve_bias(const NormalEquations& row, float* bias);
  bool solve_dual(const NormalEquations& row, float* x, float* bias);
  bool solve_primal(const NormalEquations& row, float* x, float* bias);
  /// Solves the factorised system in matrix_ for the right-hand side in its column `rank`.
  void solve_again(float* y);
  /// \name The step from x to the minimum, for a row without a bias whose `values` are the residual of x
  /// The first step factorises the matrix of the row, the next ones use it. \return false when float32 cannot factorise it
  /// \{
  bool first_step(const NormalEquations& row, const float* x, float* step);
  void further_step(const NormalEquations& row, const float* x, float* step);
  /// \}
  void finish_non_negative(const NormalEquations& row, std::uint32_t sweeps, float* x, float* bias);
  bool finish_primal(const NormalEquations& row, float* x, float* bias);
  /// Solves the factorised system for the right-hand side in double_vector_, bias last, in place.
  void correct_dual(const NormalEquations& row);
  void correct_primal(const NormalEquations& row);
  bool refine(const NormalEquations& row, bool dual, float* x, float* bias);
  void solve_in_double(const NormalEquations& row, float* x, float* bias);
  bool solve_dual_in_double(const NormalEquations& row);
  bool solve_primal_in_double(const NormalEquations& row);
  void reserve(std::size_t tile_rows, std::size_t unknowns);

  std::size_t rank_;
  std::size_t columns_;                   ///< rank, padded
  std::size_t ld_;                        ///< floats per row of the tile
  std::size_t chunk_;                     ///< rows of the tile that are added to the matrix at once
  std::size_t lda_ = 0;                   ///< floats per row of the matrix
  std::vector<std::uint32_t> tile_rows_;  ///< 0, 1, 2 ...
  AlignedFloats tile_;
  AlignedFloats weighted_tile_;  ///< rows times weights, where a weight is not positive
  AlignedFloats matrix_;
  AlignedFloats sums_;   ///< right-hand side, then sum of weighted rows: `columns` floats each
  AlignedFloats roots_;  ///< (diagonal + ridge)^-1/2
  AlignedFloats vectors_;
  AlignedFloats products_;
  AlignedFloats residual_;
  AlignedFloats scales_;
  AlignedFloats targets_;
  AlignedFloats solution_;
  double weight_sum_ = 0;
  double value_sum_ = 0;
  double bias_left_ = 0;  ///< pivot of the bias, once the factors are eliminated
  double objective_ = 0;  ///< minimised expression of the last solution
  std::vector<double> double_matrix_;
  std::vector<double> double_vector_;
  std::unique_ptr<BlockSweep> block_sweep_;
  std::unique_ptr<NormalSolver> block_;       ///< solver of the blocks of solve_blocks()
  std::unique_ptr<NormalSolver> last_block_;  ///< solver of the last block, where it is smaller
  /// The factorised matrix of one block.
  struct Factor {
    AlignedFloats matrix;
    bool holds = false;
  };
  std::vector<Factor> factors_;
};

}  // namespace lowrank
