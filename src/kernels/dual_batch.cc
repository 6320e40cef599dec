#include "kernels/dual_batch.h"

#include <algorithm>

#include "kernels/rows.h"

namespace lowrank {

DualBatch::DualBatch(std::size_t rank)
    : columns_((rank + 15) / 16 * 16),
      ld_(scratch_stride(columns_)),
      tile_(kBatchRatings * ld_),
      matrix_(kBatchRatings * kBatchRatings * kBatchSystems),
      targets_(kBatchRatings * kBatchSystems),
      solutions_((kBatchRatings + 1) * kBatchSystems) {}

DualSystem DualBatch::system(Batch& batch, std::size_t slot) {
  const std::size_t size = batch.size;
  return {.matrix = batch.matrices.data() + slot * size * size,
          .targets = batch.targets.data() + slot * size,
          .scales = batch.scales.data() + slot * size,
          .roots = batch.roots.data() + slot * columns_,
          .tile = tile_.data(),
          .lda = size,
          .ld = ld_};
}

void DualBatch::add(const NormalEquations& row, double factor, float* x, double* objective, NormalSolver& solver) {
  const std::size_t n = row.rows.size();
  Batch& batch = batches_[(n - 1) / kStep];
  if (batch.size == 0) {
    const std::size_t size = batch.size = ((n - 1) / kStep + 1) * kStep;
    batch.rows.reserve(kBatchSystems);
    batch.matrices = AlignedFloats(size * size * kBatchSystems);
    batch.roots = AlignedFloats(columns_ * kBatchSystems);
    for (AlignedFloats* numbers : {&batch.weights, &batch.values, &batch.scales, &batch.targets}) {
      *numbers = AlignedFloats(size * kBatchSystems);
    }
  }
  const std::size_t slot = batch.rows.size();
  NormalEquations kept = row;
  if (row.weights != nullptr) kept.weights = std::copy_n(row.weights, n, batch.weights.data() + slot * batch.size) - n;
  if (row.values != nullptr) kept.values = std::copy_n(row.values, n, batch.values.data() + slot * batch.size) - n;
  batch.rows.push_back({kept, factor, x, objective});

  const DualSystem dual = system(batch, slot);
  dual.assemble(kept, columns_);
  // Unknowns past n: the identity, or what an earlier system left there would decide whether the batch can be trusted.
  for (std::size_t i = 0; i < batch.size; ++i) {
    std::fill(dual.matrix + i * batch.size + std::max(i + 1, n), dual.matrix + (i + 1) * batch.size, 0.0F);
  }
  for (std::size_t i = n; i < batch.size; ++i) {
    dual.matrix[i * batch.size + i] = 1;
    dual.targets[i] = 0;
  }
  if (batch.rows.size() == kBatchSystems) solve(batch, solver);
}

void DualBatch::finish(NormalSolver& solver) {
  for (Batch& batch : batches_) solve(batch, solver);
}

void DualBatch::solve(Batch& batch, NormalSolver& solver) {
  const std::size_t systems = batch.rows.size();
  if (systems == 0) return;
  float* solutions = solutions_.data();
  float* ratios = solutions + kBatchRatings * kBatchSystems;
  for (std::size_t slot = 0; slot < systems; ++slot) {
    for (std::size_t i = 0; i < batch.size; ++i) targets_[i * kBatchSystems + slot] = batch.targets[slot * batch.size + i];
  }
  interleave(batch.matrices.data(), batch.size, systems, matrix_.data());
  solve_batch(matrix_.data(), batch.size, systems, targets_.data(), solutions, ratios);
  for (std::size_t slot = 0; slot < systems; ++slot) {
    const Row& row = batch.rows[slot];
    const NormalEquations& equations = row.equations;
    if (!(ratios[slot] <= NormalSolver::kTrustedPivotRatio)) {
      *row.objective = row.factor * solver.solve(equations, row.x, nullptr);
      continue;
    }
    const std::size_t n = equations.rows.size();
    const DualSystem dual = system(batch, slot);
    std::array<float, kBatchRatings> t{};
    for (std::size_t i = 0; i < n; ++i) t[i] = solutions[i * kBatchSystems + slot];
    *row.objective = row.factor * dual.objective(t.data(), n);
    for (std::size_t i = 0; equations.weights != nullptr && i < n; ++i) t[i] *= dual.scales[i];
    std::fill_n(row.x, columns_, 0.0F);
    gather_axpy(equations.table, equations.rows.data(), n, columns_, t.data(), row.x);
    for (std::size_t k = 0; k < columns_; ++k) row.x[k] *= dual.roots[k] * dual.roots[k];
  }
  batch.rows.clear();
}

}  // namespace lowrank
