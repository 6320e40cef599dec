#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "kernels/aligned_floats.h"
#include "kernels/normal_equations.h"

namespace lowrank {

/// iALS++ sweeps over blocks of 16 coordinates of one row after another (see NormalSolver::solve_blocks). The matrices of the blocks do not
/// depend on x: those of a row are inverted side by side before its first sweep, so that the step of a block is a product. Holds scratch
/// memory: one per thread.
class BlockSweep {
 public:
  static constexpr std::size_t kWidth = 16;

  explicit BlockSweep(std::size_t rank);

  /// As NormalSolver::solve_blocks, for rows that block_sweep_takes(). O(n rank (16 + sweeps))
  /// \return nothing, with x unchanged, where float32 does not invert the matrix of a block well enough
  std::optional<double> solve(const NormalEquations& row, std::uint32_t sweeps, float* x);

 private:
  /// Inverts the matrices of all blocks. \return false where an inverse is not good enough
  bool invert(const NormalEquations& row, std::size_t n);

  std::size_t columns_;     ///< rank, padded
  std::size_t ld_;          ///< floats per row of the tile
  AlignedFloats tile_;      ///< C^1/2 Q
  AlignedFloats scales_;    ///< C^1/2
  AlignedFloats residual_;  ///< C^-1/2 v - C^1/2 Q x
  AlignedFloats grams_;     ///< matrices of kBatchSystems blocks
  AlignedFloats together_;  ///< the same matrices, interleaved
  AlignedFloats inverses_;  ///< inverses of the matrices of all blocks
  AlignedFloats pivot_ratios_;
};

}  // namespace lowrank
