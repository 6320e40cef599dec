#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/aligned_floats.h"
#include "kernels/batched_cholesky.h"
#include "kernels/row_system.h"

namespace lowrank {

/// Rows of few ratings, solved by their n x n systems (see RowSystem::solve) in batches of about equal n. A row's result does not depend on
/// the others of its batch. Holds scratch memory: one a thread.
class ShortRows {
 public:
  explicit ShortRows(std::size_t rank);

  /// True for rows that this is for: at most 24 ratings, fewer than the rank, weights above 0, no bias.
  [[nodiscard]] bool takes(const RowEquations& row) const;

  /// Keeps a row for its batch; solves the batch that is full. Weights and values are copied, the rest of the row must stay until then.
  /// \param factor  what the minimised expression is multiplied by \param x  where the solution goes, as RowSystem::solve has it
  /// \param system  solves what float32 does not do
  /// \return the sum over the rows solved of what they minimise, times their factors
  double add(const RowEquations& row, double factor, float* x, RowSystem& system);

  /// Solves the batches that are not full.
  double finish(RowSystem& system);

 private:
  static constexpr std::size_t kMost = 24;  ///< ratings; of as many systems everything stays in the nearest cache
  static constexpr std::size_t kStep = 4;   ///< of the sizes of a batch's systems

  struct Row {
    RowEquations equations;
    double factor = 1;
    float* x = nullptr;
  };
  /// Rows of up to `size` ratings each.
  struct Batch {
    std::size_t size = 0;
    std::vector<Row> rows;
    AlignedFloats matrices;  ///< of a row after the other, size x size
    AlignedFloats roots;     ///< (diagonal + ridge)^-1/2
    AlignedFloats weights;
    AlignedFloats values;
    AlignedFloats scales;   ///< weights^1/2
    AlignedFloats targets;  ///< values / scales, interleaved
  };
  double solve(Batch& batch, RowSystem& system);

  std::size_t rank_;
  std::size_t columns_;
  std::size_t ld_;  ///< of the tile
  std::array<Batch, kMost / kStep> batches_;
  AlignedFloats tile_;
  AlignedFloats matrix_;
  AlignedFloats solutions_;
};

}  // namespace lowrank
