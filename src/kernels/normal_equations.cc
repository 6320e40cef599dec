#include "kernels/normal_equations.h"

#include <cmath>

#include "kernels/conjugate.h"
#include "kernels/gram.h"
#include "kernels/rows.h"

namespace lowrank {

void DualSystem::assemble(const NormalEquations& row, std::size_t columns) const {
  const std::size_t n = row.rows.size();
  const bool weighted = row.weights != nullptr;
  for (std::size_t i = 0; weighted && i < n; ++i) scales[i] = std::sqrt(row.weights[i]);
  inverse_roots(row.diagonal, row.ridge, columns, roots);
  gather_rows(row.table, row.rows.data(), n, columns, weighted ? scales : nullptr, roots, tile, ld);
  row_gram(tile, ld, n, columns, matrix, lda);
  for (std::size_t i = 0; i < n; ++i) {
    matrix[i * lda + i] += 1;
    targets[i] = (row.values != nullptr ? row.values[i] : 1.0F) / (weighted ? scales[i] : 1.0F);
  }
}

double DualSystem::objective(const float* t, std::size_t n) const {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto y = static_cast<double>(targets[i]);
    sum -= y * (y - static_cast<double>(t[i]));
  }
  return sum;
}

}  // namespace lowrank
