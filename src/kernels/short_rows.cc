#include "kernels/short_rows.h"

#include <algorithm>
#include <cmath>

#include "kernels/conjugate.h"
#include "kernels/gram.h"
#include "kernels/rows.h"

namespace lowrank {

ShortRows::ShortRows(std::size_t rank)
    : rank_(rank),
      columns_((rank + 15) / 16 * 16),
      ld_(scratch_stride(columns_)),
      tile_(kMost * ld_),
      matrix_(kMost * kMost * kBatchSystems),
      solutions_((kMost + 1) * kBatchSystems) {}

bool ShortRows::takes(const RowEquations& row) const {
  const std::size_t n = row.rows.size();
  if (n == 0 || n > kMost || n >= rank_ || row.has_bias) return false;
  return row.weights_positive();
}

// With Z the rows C^1/2 Q D^-1/2 and y = C^-1/2 v: x = D^-1/2 Z^T t where (I + Z Z^T) t = y.
double ShortRows::add(const RowEquations& row, double factor, float* x, RowSystem& system) {
  const std::size_t n = row.rows.size();
  Batch& batch = batches_[(n - 1) / kStep];
  const std::size_t size = ((n - 1) / kStep + 1) * kStep;
  if (batch.size == 0) {
    batch.size = size;
    batch.rows.reserve(kBatchSystems);
    batch.matrices = AlignedFloats(size * size * kBatchSystems);
    batch.roots = AlignedFloats(columns_ * kBatchSystems);
    for (AlignedFloats* numbers : {&batch.weights, &batch.values, &batch.scales, &batch.targets}) {
      *numbers = AlignedFloats(size * kBatchSystems);
    }
  }
  const std::size_t slot = batch.rows.size();
  RowEquations kept = row;
  float* scales = nullptr;
  if (row.weights != nullptr) {
    float* weights = batch.weights.data() + slot * size;
    scales = batch.scales.data() + slot * size;
    std::copy_n(row.weights, n, weights);
    for (std::size_t i = 0; i < n; ++i) scales[i] = std::sqrt(weights[i]);
    kept.weights = weights;
  }
  if (row.values != nullptr) {
    float* values = batch.values.data() + slot * size;
    std::copy_n(row.values, n, values);
    kept.values = values;
  }
  batch.rows.push_back({kept, factor, x});

  float* roots = batch.roots.data() + slot * columns_;
  float* matrix = batch.matrices.data() + slot * size * size;
  inverse_roots(row.diagonal, row.ridge, columns_, roots);
  gather_rows(row.table, row.rows.data(), n, columns_, scales, roots, tile_.data(), ld_);
  row_gram(tile_.data(), ld_, size, columns_, matrix, size);
  for (std::size_t i = 0; i < size; ++i) {
    matrix[i * size + i] += 1;
    float target = 0;
    if (i < n) target = (kept.values != nullptr ? kept.values[i] : 1.0F) / (scales != nullptr ? scales[i] : 1.0F);
    batch.targets[i * kBatchSystems + slot] = target;
  }
  return batch.rows.size() == kBatchSystems ? solve(batch, system) : 0.0;
}

double ShortRows::finish(RowSystem& system) {
  double total = 0;
  for (Batch& batch : batches_) total += solve(batch, system);
  return total;
}

double ShortRows::solve(Batch& batch, RowSystem& system) {
  if (batch.rows.empty()) return 0;
  float* t = solutions_.data();
  float* ratios = t + kMost * kBatchSystems;
  interleave(batch.matrices.data(), batch.size, batch.rows.size(), matrix_.data());
  solve_batch(matrix_.data(), batch.size, batch.rows.size(), batch.targets.data(), t, ratios);
  double total = 0;
  for (std::size_t slot = 0; slot < batch.rows.size(); ++slot) {
    const Row& row = batch.rows[slot];
    const RowEquations& equations = row.equations;
    if (!(ratios[slot] <= RowSystem::kTrustedPivotRatio)) {
      total += row.factor * system.solve(equations, row.x, nullptr);
      continue;
    }
    // Z Z^T t = y - t are the predictions, times C^1/2.
    std::array<float, kMost> scaled{};
    double objective = 0;
    for (std::size_t i = 0; i < equations.rows.size(); ++i) {
      const float y = batch.targets[i * kBatchSystems + slot];
      const float solution = t[i * kBatchSystems + slot];
      objective -= static_cast<double>(y) * static_cast<double>(y - solution);
      scaled[i] = equations.weights != nullptr ? solution * batch.scales[slot * batch.size + i] : solution;
    }
    std::fill_n(row.x, columns_, 0.0F);
    add_picked(equations.table, equations.rows.data(), equations.rows.size(), columns_, scaled.data(), row.x);
    const float* roots = batch.roots.data() + slot * columns_;
    for (std::size_t k = 0; k < columns_; ++k) row.x[k] *= roots[k] * roots[k];
    total += row.factor * objective;
  }
  batch.rows.clear();
  return total;
}

}  // namespace lowrank
