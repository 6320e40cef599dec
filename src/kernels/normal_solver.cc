#include "kernels/normal_solver.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/block_sweep.h"
#include "kernels/cholesky.h"
#include "kernels/conjugate.h"
#include "kernels/gram.h"
#include "kernels/rows.h"
#include "kernels/solve.h"

namespace lowrank {

namespace {

constexpr std::size_t pad(std::size_t size) { return (size + 15) / 16 * 16; }

double dot_in_double(const float* a, const float* b, std::size_t size) {
  double sum = 0;
  for (std::size_t k = 0; k < size; ++k) sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  return sum;
}

}  // namespace

NormalSolver::NormalSolver(std::size_t rank)
    : rank_(rank),
      columns_(pad(rank)),
      ld_(scratch_stride(columns_)),
      chunk_(std::clamp<std::size_t>(65536 / std::max<std::size_t>(columns_, 1) / 16 * 16, 32, 256)),
      sums_(2 * columns_),
      roots_(columns_),
      vectors_(4 * columns_),
      solution_(pad(rank + 1)) {}

NormalSolver::~NormalSolver() = default;

void NormalSolver::reserve(std::size_t tile_rows, std::size_t unknowns) {
  tile_.reserve((tile_rows + 4) * ld_);
  for (std::size_t row = tile_rows_.size(); row < tile_rows; ++row) tile_rows_.push_back(static_cast<std::uint32_t>(row));
  matrix_.reserve((pad(unknowns) + 4) * scratch_stride(unknowns + 2));
}

double NormalSolver::solve_bias(const NormalEquations& row, float* bias) {
  double weights = row.bias_damping;
  double values = 0;
  for (std::size_t i = 0; i < row.rows.size(); ++i) {
    weights += row.weight(i);
    values += row.value(i);
  }
  if (!row.has_bias || !(weights > 0)) return 0;
  *bias = static_cast<float>(values / weights);
  return -values * values / weights;
}

double NormalSolver::solve(const NormalEquations& row, const RowOptions& options, float* x, float* bias) {
  if (rank_ == 0) return solve_bias(row, bias);
  switch (solver_of(row, options, rank_)) {
    case RowSolverKind::descent:
      return solve_non_negative(row, options.descent_sweeps, x, bias);
    case RowSolverKind::cg:
      return solve_cg(row, options.cg_steps, x, bias);
    case RowSolverKind::subspace:
      return solve_blocks(row, options.block, options.sweeps, x);
    default:
      return solve(row, x, bias);
  }
}

double NormalSolver::solve(const NormalEquations& row, float* x, float* bias) {
  if (rank_ == 0) return solve_bias(row, bias);
  const bool solved = dual_takes(row, rank_) ? solve_dual(row, x, bias) : solve_primal(row, x, bias);
  if (!solved) solve_in_double(row, x, bias);
  return objective_;
}

// A bias is one more column of the rows, of ones.
bool NormalSolver::solve_dual(const NormalEquations& row, float* x, float* bias) {
  const std::size_t n = row.rows.size();
  reserve(n, n);
  lda_ = scratch_stride(n + 1);
  for (AlignedFloats* numbers : {&solution_, &scales_, &targets_}) numbers->reserve(pad(n + 1));
  float* m = matrix_.data();
  const DualSystem dual{m, targets_.data(), scales_.data(), roots_.data(), tile_.data(), lda_, ld_};
  dual.assemble(row, columns_);
  const auto scale = [&](std::size_t i) { return row.weights != nullptr ? scales_[i] : 1.0F; };
  if (row.has_bias) {
    const auto share = static_cast<float>(1 / row.bias_damping);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = i; j < n; ++j) m[i * lda_ + j] += share * scale(i) * scale(j);
    }
  }
  for (std::size_t i = 0; i < n; ++i) m[i * lda_ + n] = targets_[i];
  if (!factor_cholesky(m, lda_, n, 1)) return false;
  float* t = solution_.data();
  solve_upper(m, lda_, n, n, t);

  std::fill_n(x, columns_, 0.0F);
  gather_axpy({tile_.data(), ld_}, tile_rows_.data(), n, columns_, t, x);
  for (std::size_t k = 0; k < columns_; ++k) x[k] *= roots_[k];
  if (row.has_bias) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(scale(i)) * static_cast<double>(t[i]);
    *bias = static_cast<float>(sum / row.bias_damping);
  }
  objective_ = dual.objective(t, n);
  return pivot_ratio(m, lda_, n) <= kTrustedPivotRatio || refine(row, true, x, bias);
}

void NormalSolver::begin_pieces() {
  reserve(chunk_, rank_);
  lda_ = scratch_stride(rank_ + 2);
  std::fill_n(matrix_.data(), pad(rank_) * lda_, 0.0F);
  std::fill_n(sums_.data(), 2 * columns_, 0.0F);
  weight_sum_ = 0;
  value_sum_ = 0;
}

void NormalSolver::add_piece(const NormalEquations& piece) {
  const std::size_t n = piece.rows.size();
  const bool positive = piece.weights_positive();
  for (std::size_t begin = 0; begin < n; begin += chunk_) {
    const std::size_t count = std::min(chunk_, n - begin);
    const std::uint32_t* rows = piece.rows.data() + begin;
    const float* weights = piece.weights != nullptr ? piece.weights + begin : nullptr;
    const float* left = tile_.data();
    if (weights == nullptr) {
      gather_rows(piece.table, rows, count, columns_, nullptr, nullptr, tile_.data(), ld_);
    } else if (positive) {
      scales_.reserve(chunk_);
      for (std::size_t i = 0; i < count; ++i) scales_[i] = std::sqrt(weights[i]);
      gather_rows(piece.table, rows, count, columns_, scales_.data(), nullptr, tile_.data(), ld_);
    } else {
      weighted_tile_.reserve((chunk_ + 4) * ld_);
      gather_rows(piece.table, rows, count, columns_, nullptr, nullptr, tile_.data(), ld_);
      gather_rows(piece.table, rows, count, columns_, weights, nullptr, weighted_tile_.data(), ld_);
      left = weighted_tile_.data();
    }
    add_gram(left, tile_.data(), ld_, count, columns_, matrix_.data(), lda_);
    gather_axpy(piece.table, rows, count, columns_, piece.values != nullptr ? piece.values + begin : nullptr, sums_.data());
    if (piece.has_bias) gather_axpy(piece.table, rows, count, columns_, weights, sums_.data() + columns_);
  }
  if (!piece.has_bias) return;
  for (std::size_t i = 0; i < n; ++i) {
    weight_sum_ += piece.weight(i);
    value_sum_ += piece.value(i);
  }
}

void NormalSolver::merge(const NormalSolver& other) {
  for (std::size_t i = 0; i < pad(rank_) * lda_; ++i) matrix_[i] += other.matrix_[i];
  for (std::size_t i = 0; i < 2 * columns_; ++i) sums_[i] += other.sums_[i];
  weight_sum_ += other.weight_sum_;
  value_sum_ += other.value_sum_;
}

bool NormalSolver::solve_primal(const NormalEquations& row, float* x, float* bias) {
  begin_pieces();
  add_piece(row);
  return finish_primal(row, x, bias);
}

// The bias is the last unknown of a bordered system: with A y = b and A z = s it is (value sum - <s, y>) / (weight sum + damping - <s, z>),
// and x = y - bias z.
bool NormalSolver::finish_primal(const NormalEquations& row, float* x, float* bias) {
  float* a = matrix_.data();
  const float* b = sums_.data();
  const float* s = sums_.data() + columns_;
  for (std::size_t k = 0; k < rank_; ++k) {
    a[k * lda_ + k] += row.diagonal[k] + row.ridge;
    a[k * lda_ + rank_] = b[k];
    if (row.has_bias) a[k * lda_ + rank_ + 1] = s[k];
  }
  if (!factor_cholesky(a, lda_, rank_, row.has_bias ? 2 : 1)) return false;
  bool trusted = pivot_ratio(a, lda_, rank_) <= kTrustedPivotRatio;
  std::fill_n(x, columns_, 0.0F);
  solve_upper(a, lda_, rank_, rank_, x);
  objective_ = 0;
  if (row.has_bias) {
    double product = 0;
    double square = 0;
    for (std::size_t k = 0; k < rank_; ++k) {
      const auto z = static_cast<double>(a[k * lda_ + rank_ + 1]);
      product += z * static_cast<double>(a[k * lda_ + rank_]);
      square += z * z;
    }
    const double whole = weight_sum_ + row.bias_damping;
    bias_left_ = whole - square;
    constexpr auto kRatio = static_cast<double>(kTrustedPivotRatio * kTrustedPivotRatio);
    if (!(bias_left_ * 1e5 > whole)) return false;
    trusted = trusted && bias_left_ * kRatio > whole;
    const double value = (value_sum_ - product) / bias_left_;
    solve_upper(a, lda_, rank_, rank_ + 1, solution_.data());
    for (std::size_t k = 0; k < rank_; ++k) x[k] -= static_cast<float>(value * static_cast<double>(solution_[k]));
    *bias = static_cast<float>(value);
    objective_ -= value_sum_ * value;
  }
  objective_ -= dot_in_double(b, x, rank_);
  return trusted || refine(row, false, x, bias);
}

double NormalSolver::solve_pieces(const NormalEquations& row, const RowOptions& options, float* x, float* bias) {
  if (row.non_negative) {
    finish_non_negative(row, options.descent_sweeps, x, bias);
  } else if (!finish_primal(row, x, bias)) {
    solve_in_double(row, x, bias);
  }
  return objective_;
}

double NormalSolver::solve_non_negative(const NormalEquations& row, std::uint32_t sweeps, float* x, float* bias) {
  begin_pieces();
  add_piece(row);
  finish_non_negative(row, sweeps, x, bias);
  return objective_;
}

// For any x the best bias is (value sum - <s, x>) / whole, with s the sum of weighted rows. With it put in, the problem has the matrix
// A - s s^T / whole, the right-hand side b - s (value sum) / whole, and one more constant, -(value sum)^2 / whole.
void NormalSolver::finish_non_negative(const NormalEquations& row, std::uint32_t sweeps, float* x, float* bias) {
  constexpr std::uint32_t kMostSweeps = 1000;
  const float* s = sums_.data() + columns_;
  const double whole = weight_sum_ + row.bias_damping;
  const bool biased = row.has_bias && whole > 0;
  const auto border = [&](std::size_t k) { return biased ? static_cast<double>(s[k]) : 0.0; };
  double_matrix_.resize(rank_ * rank_);
  double_vector_.resize(3 * rank_);
  double* a = double_matrix_.data();
  double* b = double_vector_.data();
  double* y = b + rank_;
  double* gradient = y + rank_;
  for (std::size_t i = 0; i < rank_; ++i) {
    const double eliminated = biased ? border(i) / whole : 0.0;
    b[i] = static_cast<double>(sums_[i]) - row.l1 - eliminated * value_sum_;
    y[i] = static_cast<double>(x[i]);
    for (std::size_t j = i; j < rank_; ++j) {
      const double shared = row.shared != nullptr ? row.shared[i * rank_ + j] : 0.0;
      a[i * rank_ + j] = a[j * rank_ + i] = static_cast<double>(matrix_[i * lda_ + j]) + shared - eliminated * border(j);
    }
    // Descent to the end would run away along a direction that float32 sums leave below 0; a few sweeps cannot.
    const double least = sweeps == 0 ? std::max(1e-6 * static_cast<double>(matrix_[i * lda_ + i]), 1e-30) : 0.0;
    a[i * rank_ + i] += std::max(row.damping(i), least);
  }
  lowrank::solve_non_negative(a, b, rank_, sweeps == 0 ? kMostSweeps : sweeps, y, gradient);
  std::fill_n(x, columns_, 0.0F);
  objective_ = biased ? -value_sum_ * value_sum_ / whole : 0.0;
  double bias_sum = value_sum_;
  for (std::size_t i = 0; i < rank_; ++i) {
    x[i] = static_cast<float>(y[i]);
    bias_sum -= border(i) * y[i];
    objective_ += y[i] * (gradient[i] - b[i]);
  }
  if (row.has_bias) *bias = biased ? static_cast<float>(bias_sum / whole) : 0.0F;
}

// (D + Q^T C Q)^-1 r = D^-1/2 (g - Z^T (I + Z Z^T)^-1 Z g) for g = D^-1/2 r; a bias is one more column.
void NormalSolver::correct_dual(const NormalEquations& row) {
  const std::size_t n = row.rows.size();
  double* r = double_vector_.data();
  const double bias_root = row.has_bias ? 1 / std::sqrt(row.bias_damping) : 0;
  for (std::size_t k = 0; k < rank_; ++k) r[k] *= static_cast<double>(roots_[k]);
  r[columns_] *= bias_root;
  const auto border = [&](std::size_t i) { return bias_root * static_cast<double>(row.weights != nullptr ? scales_[i] : 1.0F); };
  for (std::size_t i = 0; i < n; ++i) {
    double sum = border(i) * r[columns_];
    for (std::size_t k = 0; k < rank_; ++k) sum += static_cast<double>(tile_[i * ld_ + k]) * r[k];
    matrix_[i * lda_ + n] = static_cast<float>(sum);
  }
  solve_lower(matrix_.data(), lda_, n, n);
  solve_upper(matrix_.data(), lda_, n, n, solution_.data());
  for (std::size_t i = 0; i < n; ++i) {
    const auto t = static_cast<double>(solution_[i]);
    for (std::size_t k = 0; k < rank_; ++k) r[k] -= static_cast<double>(tile_[i * ld_ + k]) * t;
    r[columns_] -= border(i) * t;
  }
  for (std::size_t k = 0; k < rank_; ++k) r[k] *= static_cast<double>(roots_[k]);
  r[columns_] *= bias_root;
}

void NormalSolver::solve_again(float* y) {
  solve_lower(matrix_.data(), lda_, rank_, rank_);
  solve_upper(matrix_.data(), lda_, rank_, rank_, y);
}

void NormalSolver::correct_primal(const NormalEquations& row) {
  double* r = double_vector_.data();
  float* a = matrix_.data();
  const float* s = sums_.data() + columns_;
  for (std::size_t k = 0; k < rank_; ++k) a[k * lda_ + rank_] = static_cast<float>(r[k]);
  float* y = vectors_.data();
  solve_again(y);
  const double value = row.has_bias ? (r[columns_] - dot_in_double(s, y, rank_)) / bias_left_ : 0.0;
  for (std::size_t k = 0; k < rank_; ++k) r[k] = static_cast<double>(y[k]) - value * static_cast<double>(solution_[k]);
  r[columns_] = value;
}

/// Steps by the residual in double until they are lost in float32. \return false when they do not shrink
bool NormalSolver::refine(const NormalEquations& row, bool dual, float* x, float* bias) {
  constexpr int kMostSteps = 6;
  double before = std::numeric_limits<double>::max();
  for (int step = 0; step < kMostSteps; ++step) {
    double_vector_.assign(columns_ + 1, 0);
    double* r = double_vector_.data();
    const float shift = row.has_bias ? *bias : 0.0F;
    const double sum = add_residual(row.table, row.rows.data(), row.rows.size(), columns_, row.weights, row.values, x, shift, r);
    for (std::size_t k = 0; k < rank_; ++k) {
      r[k] -= row.damping(k) * static_cast<double>(x[k]);
    }
    r[columns_] = row.has_bias ? sum - row.bias_damping * static_cast<double>(shift) : 0.0;
    dual ? correct_dual(row) : correct_primal(row);
    double change = r[columns_] * r[columns_];
    double size = static_cast<double>(shift) * static_cast<double>(shift);
    for (std::size_t k = 0; k < rank_; ++k) {
      change += r[k] * r[k];
      size += static_cast<double>(x[k]) * static_cast<double>(x[k]);
      x[k] = static_cast<float>(static_cast<double>(x[k]) + r[k]);
    }
    if (row.has_bias) *bias = static_cast<float>(static_cast<double>(shift) + r[columns_]);
    if (!(change < 0.1 * before) || !std::isfinite(change)) return false;
    // The next step would be shorter by the same factor again.
    if (change <= 1e-10 * size) return true;
    before = change;
  }
  return false;
}

void NormalSolver::solve_in_double(const NormalEquations& row, float* x, float* bias) {
  const bool solved = dual_takes(row, rank_) ? solve_dual_in_double(row) : solve_primal_in_double(row);
  const double* y = double_vector_.data();
  std::fill_n(x, columns_, 0.0F);
  if (row.has_bias) *bias = 0;
  objective_ = 0;
  constexpr auto kMost = static_cast<double>(std::numeric_limits<float>::max());
  const std::size_t size = rank_ + (row.has_bias ? 1 : 0);
  // Where nothing can be learned (factors of zero, numbers out of range) the row stays what an unknown one is.
  if (!solved || !std::all_of(y, y + size, [](double number) { return std::abs(number) <= kMost; })) return;
  std::transform(y, y + rank_, x, [](double number) { return static_cast<float>(number); });
  if (row.has_bias) *bias = static_cast<float>(y[rank_]);
  for (std::size_t i = 0; i < row.rows.size(); ++i) {
    const double s = dot_in_double(row.table.rows + row.rows[i] * row.table.stride, x, rank_) + (row.has_bias ? y[rank_] : 0.0);
    objective_ -= row.value(i) * s;
  }
}

bool NormalSolver::solve_dual_in_double(const NormalEquations& row) {
  const std::size_t n = row.rows.size();
  double_matrix_.assign(n * n, 0);
  double_vector_.assign(rank_ + 1 + n, 0);
  double* x = double_vector_.data();
  double* t = x + rank_ + 1;
  const auto q = [&](std::size_t i) { return row.table.rows + row.rows[i] * row.table.stride; };
  for (std::size_t i = 0; i < n; ++i) {
    const double scale = std::sqrt(row.weight(i));
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = row.has_bias ? 1 / row.bias_damping : 0.0;
      for (std::size_t k = 0; k < rank_; ++k) sum += static_cast<double>(q(i)[k]) * static_cast<double>(q(j)[k]) / row.damping(k);
      double_matrix_[i * n + j] = sum * scale * std::sqrt(row.weight(j)) + (i == j ? 1 : 0);
    }
    t[i] = row.value(i) / scale;
  }
  if (!solve_positive_definite(double_matrix_.data(), t, n)) return false;
  for (std::size_t i = 0; i < n; ++i) {
    const double scaled = std::sqrt(row.weight(i)) * t[i];
    for (std::size_t k = 0; k < rank_; ++k) x[k] += scaled * static_cast<double>(q(i)[k]) / row.damping(k);
    if (row.has_bias) x[rank_] += scaled / row.bias_damping;
  }
  return true;
}

bool NormalSolver::solve_primal_in_double(const NormalEquations& row) {
  // Far below what float factors resolve; without regularisation it makes the solution of an underdetermined row the short one.
  constexpr double kRidge = 1e-10;
  const std::size_t size = rank_ + (row.has_bias ? 1 : 0);
  double_matrix_.assign(size * size, 0);
  double_vector_.assign(rank_ + 1 + size, 0);
  double* b = double_vector_.data();
  double* q = b + rank_ + 1;
  if (row.has_bias) q[rank_] = 1;
  for (std::size_t i = 0; i < row.rows.size(); ++i) {
    std::copy_n(row.table.rows + row.rows[i] * row.table.stride, rank_, q);
    const double weight = row.weight(i);
    const double value = row.value(i);
    for (std::size_t j = 0; j < size; ++j) {
      const double scaled = weight * q[j];
      double* to = double_matrix_.data() + j * size;
      for (std::size_t k = 0; k <= j; ++k) to[k] += scaled * q[k];
      b[j] += value * q[j];
    }
  }
  double trace = 0;
  for (std::size_t k = 0; k < size; ++k) trace += double_matrix_[k * size + k];
  const double least = kRidge * trace / static_cast<double>(size);
  for (std::size_t k = 0; k < size; ++k) {
    double_matrix_[k * size + k] += std::max(k < rank_ ? row.damping(k) : row.bias_damping, least);
  }
  return size != 0 && solve_positive_definite(double_matrix_.data(), b, size);
}

}  // namespace lowrank
