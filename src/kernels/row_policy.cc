#include "kernels/row_policy.h"

#include <algorithm>

namespace lowrank {

namespace {

/// Multiplications of a row above which it is cut: some tens of milliseconds.
constexpr double kLongRow = 1 << 27U;
/// Floats of the tile of a block sweep: 16 MiB.
constexpr std::size_t kMostFloats = std::size_t{1} << 22U;

}  // namespace

double cost_of_row(std::size_t ratings, const RowOptions& options, std::size_t rank) {
  const auto n = static_cast<double>(ratings);
  const auto k = static_cast<double>(rank);
  const double least = std::min(n, k);
  const double exact = least * least * (std::max(n, k) / 2 + least / 6);
  const double begin = 2000 + 20 * k;
  if (options.method == RowMethod::cg) return begin + std::min(exact, 3 * n * k * (2 + options.cg_steps));
  if (options.method == RowMethod::subspace) return begin + std::min(exact, k * static_cast<double>(options.block) * (n + k));
  return begin + exact;
}

bool is_long(std::size_t ratings, const RowOptions& options, std::size_t rank) {
  return rank != 0 && ratings > std::max<std::size_t>(4096, rank) && cost_of_row(ratings, options, rank) > kLongRow;
}

bool starts_from_row(std::size_t ratings, bool non_negative, const RowOptions& options, std::size_t rank) {
  if (ratings == 0 || rank == 0) return false;
  if (non_negative) return true;
  if (options.method == RowMethod::exact || is_long(ratings, options, rank)) return false;
  if (options.method == RowMethod::cg) return ratings >= rank || ratings > 4 * std::size_t{options.cg_steps} + 4;
  return ratings > options.block && rank > options.block;
}

RowSolverKind solver_of(const NormalEquations& row, const RowOptions& options, std::size_t rank) {
  if (row.non_negative) return RowSolverKind::descent;
  if (!starts_from_row(row.rows.size(), false, options, rank)) {
    return batch_takes(row, rank) ? RowSolverKind::batch : RowSolverKind::exact;
  }
  return options.method == RowMethod::cg ? RowSolverKind::cg : RowSolverKind::subspace;
}

bool batch_takes(const NormalEquations& row, std::size_t rank) {
  const std::size_t n = row.rows.size();
  return n != 0 && n <= kBatchRatings && n < rank && !row.has_bias && row.weights_positive();
}

bool dual_takes(const NormalEquations& row, std::size_t rank) {
  return row.rows.size() < rank && (!row.has_bias || row.bias_damping > 0) && row.weights_positive();
}

bool block_sweep_takes(const NormalEquations& row, std::size_t rank) {
  const std::size_t n = row.rows.size();
  return !row.has_bias && n != 0 && n * ((rank + 15) / 16 * 16) <= kMostFloats && row.weights_positive();
}

}  // namespace lowrank
