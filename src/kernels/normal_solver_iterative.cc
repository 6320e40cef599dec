// The solvers of NormalSolver that start from what a row was: conjugate gradients and sweeps over blocks.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/block_sweep.h"
#include "kernels/cholesky.h"
#include "kernels/conjugate.h"
#include "kernels/normal_solver.h"
#include "kernels/rows.h"

namespace lowrank {

double NormalSolver::solve_cg(const NormalEquations& row, std::uint32_t steps, float* x, float* bias) {
  const std::uint32_t* rows = row.rows.data();
  const std::size_t n = row.rows.size();
  float* residual = vectors_.data();
  float* p = residual + columns_;
  float* product = p + columns_;
  float* inverses = product + columns_;
  inverses_of(row.diagonal, row.ridge, columns_, inverses);

  // residual = b - A x; the bias is one more coordinate, kept apart.
  std::fill_n(p, columns_, 0.0F);
  std::fill_n(product, columns_, 0.0F);
  double objective = add_diagonal(row.diagonal, row.ridge, x, columns_, product);
  for (std::size_t k = 0; k < columns_; ++k) residual[k] = -product[k];
  const float shift = row.has_bias ? *bias : 0.0F;
  const ErrorSums first = add_errors(row.table, rows, n, columns_, row.weights, row.values, x, shift, residual);
  objective += first.objective;
  double bias_residual = 0;
  double bias_scale = 1;
  if (row.has_bias) {
    const double damped = row.bias_damping * static_cast<double>(shift);
    bias_residual = first.errors - damped;
    bias_scale = row.bias_damping + (row.weights == nullptr ? static_cast<double>(n) : std::accumulate(row.weights, row.weights + n, 0.0));
    objective += damped * static_cast<double>(shift);
  }
  double bias_p = 0;
  double rho = axpy(0, p, product, inverses, columns_, x, residual) + bias_residual * bias_residual / bias_scale;
  const double start = rho;
  double keep = 0;
  for (std::uint32_t step = 1; step <= steps; ++step) {
    // Nothing is left but rounding.
    if (!(rho > 1e-12 * start) || !(rho > 0)) break;
    xpby(residual, inverses, static_cast<float>(keep), columns_, p);
    bias_p = bias_residual / bias_scale + keep * bias_p;
    const auto bias_step = static_cast<float>(bias_p);
    std::fill_n(product, columns_, 0.0F);
    double bias_product = row.has_bias ? row.bias_damping * bias_p : 0.0;
    double curvature = 0;
    if (step == steps) {
      // After the last step nobody asks for the residual: its length takes half the work.
      curvature = normal_square(row.table, rows, n, columns_, row.weights, p, bias_step);
    } else {
      const double sum = add_normal_product(row.table, rows, n, columns_, row.weights, p, bias_step, product);
      if (row.has_bias) bias_product += sum;
    }
    curvature += add_diagonal(row.diagonal, row.ridge, p, columns_, product) + bias_p * bias_product;
    const double length = rho / curvature;
    if (!(curvature > 0) || !std::isfinite(length)) break;
    const double before = rho;
    rho = axpy(static_cast<float>(length), p, product, inverses, columns_, x, residual);
    if (row.has_bias) {
      *bias += static_cast<float>(length * bias_p);
      bias_residual -= length * bias_product;
      rho += bias_residual * bias_residual / bias_scale;
    }
    objective -= length * before;
    keep = rho / before;
  }
  return objective;
}

bool NormalSolver::first_step(const NormalEquations& row, const float* x, float* step) {
  begin_pieces();
  add_piece(row);
  for (std::size_t k = 0; k < rank_; ++k) {
    const float damping = row.diagonal[k] + row.ridge;
    matrix_[k * lda_ + k] += damping;
    matrix_[k * lda_ + rank_] = sums_[k] - damping * x[k];
  }
  float* a = matrix_.data();
  if (!factor_cholesky(a, lda_, rank_, 1) || !(pivot_ratio(a, lda_, rank_) <= kTrustedOfSteps)) return false;
  std::fill_n(step, columns_, 0.0F);
  solve_upper(a, lda_, rank_, rank_, step);
  return true;
}

void NormalSolver::further_step(const NormalEquations& row, const float* x, float* step) {
  float* r = sums_.data();
  for (std::size_t k = 0; k < columns_; ++k) r[k] = -(row.diagonal[k] + row.ridge) * x[k];
  gather_axpy(row.table, row.rows.data(), row.rows.size(), columns_, row.values, r);
  for (std::size_t k = 0; k < rank_; ++k) matrix_[k * lda_ + rank_] = r[k];
  std::fill_n(step, columns_, 0.0F);
  solve_again(step);
}

double NormalSolver::solve_blocks(const NormalEquations& row, std::size_t block, std::uint32_t sweeps, float* x) {
  const std::size_t n = row.rows.size();
  if (block == BlockSweep::kWidth && block_sweep_takes(row, rank_)) {
    if (!block_sweep_) block_sweep_ = std::make_unique<BlockSweep>(rank_);
    const std::optional<double> objective = block_sweep_->solve(row, sweeps, x);
    if (objective) return *objective;
  }
  if (!block_ || block_->rank_ != std::min(block, rank_)) {
    block_ = std::make_unique<NormalSolver>(std::min(block, rank_));
    last_block_ = std::make_unique<NormalSolver>(rank_ % block);
    factors_.clear();
    factors_.resize((rank_ + block - 1) / block);
  }
  products_.reserve(n);
  residual_.reserve(n);
  solution_.reserve(n);
  gather_dots(row.table, row.rows.data(), n, columns_, x, products_.data());
  const auto leave = [&](const float* products) {
    for (std::size_t i = 0; i < n; ++i) {
      residual_[i] = static_cast<float>(row.value(i)) - static_cast<float>(row.weight(i)) * products[i];
    }
  };
  float* step = vectors_.data();
  float* change = solution_.data();
  NormalEquations part = row;
  part.values = residual_.data();
  for (std::uint32_t sweep = 0; sweep < sweeps; ++sweep) {
    for (std::size_t begin = 0; begin < rank_; begin += block) {
      NormalSolver& system = begin + block <= rank_ ? *block_ : *last_block_;
      Factor& factor = factors_[begin / block];
      if (sweep != 0 && !factor.holds) continue;
      part.table.rows = row.table.rows + begin;
      part.diagonal = row.diagonal + begin;
      leave(products_.data());
      std::swap(factor.matrix, system.matrix_);
      if (sweep == 0) {
        factor.holds = system.first_step(part, x + begin, step);
      } else {
        system.further_step(part, x + begin, step);
      }
      std::swap(factor.matrix, system.matrix_);
      if (!factor.holds) {
        // The block as a row by itself, of what the other coordinates leave.
        gather_dots(part.table, row.rows.data(), n, system.columns_, x + begin, change);
        for (std::size_t i = 0; i < n; ++i) change[i] = products_[i] - change[i];
        leave(change);
        system.solve(part, step, nullptr);
        for (std::size_t k = 0; k < system.columns_; ++k) step[k] -= x[begin + k];
      }
      for (std::size_t k = 0; k < system.columns_; ++k) x[begin + k] += step[k];
      gather_dots(part.table, row.rows.data(), n, system.columns_, step, change);
      for (std::size_t i = 0; i < n; ++i) products_[i] += change[i];
    }
  }
  std::fill_n(vectors_.data(), columns_, 0.0F);
  double objective = add_diagonal(row.diagonal, row.ridge, x, columns_, vectors_.data());
  for (std::size_t i = 0; i < n; ++i) {
    const auto s = static_cast<double>(products_[i]);
    objective += (row.weight(i) * s - 2 * row.value(i)) * s;
  }
  return objective;
}

}  // namespace lowrank
