#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "kernels/aligned_floats.h"
#include "kernels/row_system.h"

namespace lowrank {

/// Sweeps over blocks of 16 coordinates of one row after another (see RowSystem::solve_blocks). The blocks' matrices do not depend on x:
/// those of a row are inverted side by side, before its first sweep, so that a step of a block is a product. Holds scratch memory: one a
/// thread.
class NarrowBlocks {
 public:
  static constexpr std::size_t kWidth = 16;

  explicit NarrowBlocks(std::size_t rank);

  /// True for rows that this is for: weights above 0, no bias, and no more ratings than fit in 16 MiB.
  [[nodiscard]] bool takes(const RowEquations& row) const;

  /// As RowSystem::solve_blocks. Nothing, and x as it was, where float32 does not invert a block's matrix well enough.
  /// O(n rank (16 + sweeps))
  std::optional<double> solve(const RowEquations& row, std::uint32_t sweeps, float* x);

 private:
  /// The inverses of the blocks' matrices. \return false where one is not good enough
  bool invert(const RowEquations& row, std::size_t n);

  std::size_t columns_;     ///< rank, padded
  std::size_t ld_;          ///< of the tile
  AlignedFloats tile_;      ///< C^1/2 Q
  AlignedFloats scales_;    ///< C^1/2
  AlignedFloats left_;      ///< C^-1/2 v, less what x explains
  AlignedFloats grams_;     ///< of kBatchSystems blocks
  AlignedFloats together_;  ///< the same interleaved
  AlignedFloats inverses_;  ///< of all blocks
  AlignedFloats pivot_ratios_;
};

}  // namespace lowrank
