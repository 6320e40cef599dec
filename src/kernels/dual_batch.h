#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/aligned_floats.h"
#include "kernels/batched_cholesky.h"
#include "kernels/normal_solver.h"
#include "kernels/row_policy.h"

namespace lowrank {

/// Solves rows of few ratings (see batch_takes) by their dual systems, in batches of about equal numbers of ratings. The result of a row
/// does not depend on the others of its batch. Holds scratch memory: one per thread.
class DualBatch {
 public:
  explicit DualBatch(std::size_t rank);

  /// Adds a row to its batch, and solves the batch when it is full. Weights and values are copied; the rest of the row, `x` and `objective`
  /// must stay until then. \param factor  multiplies the objective \param x  receives the solution, as NormalSolver::solve has it
  /// \param objective  receives the minimised expression, times `factor` \param solver  solves what float32 cannot
  void add(const NormalEquations& row, double factor, float* x, double* objective, NormalSolver& solver);

  /// Solves the batches that are not full.
  void finish(NormalSolver& solver);

 private:
  static constexpr std::size_t kStep = 4;  ///< difference in size between the systems of one batch and the next

  struct Row {
    NormalEquations equations;
    double factor = 1;
    float* x = nullptr;
    double* objective = nullptr;
  };
  /// Rows of at most `size` ratings each; row s of the batch is number s in each array.
  struct Batch {
    std::size_t size = 0;
    std::vector<Row> rows;
    AlignedFloats matrices;  ///< size x size per row
    AlignedFloats roots;     ///< columns per row
    AlignedFloats weights;   ///< size per row, as the next three
    AlignedFloats values;
    AlignedFloats scales;
    AlignedFloats targets;
  };
  [[nodiscard]] DualSystem system(Batch& batch, std::size_t slot);
  void solve(Batch& batch, NormalSolver& solver);

  std::size_t columns_;
  std::size_t ld_;  ///< floats per row of the tile
  std::array<Batch, kBatchRatings / kStep> batches_;
  AlignedFloats tile_;
  AlignedFloats matrix_;
  AlignedFloats targets_;
  AlignedFloats solutions_;
};

}  // namespace lowrank
