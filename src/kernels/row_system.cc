#include "kernels/row_system.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cholesky.h"
#include "kernels/conjugate.h"
#include "kernels/gram.h"
#include "kernels/narrow_blocks.h"
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

RowSystem::RowSystem(std::size_t rank)
    : rank_(rank),
      columns_(pad(rank)),
      ld_(scratch_stride(columns_)),
      chunk_(std::clamp<std::size_t>(65536 / std::max<std::size_t>(columns_, 1) / 16 * 16, 32, 256)),
      sums_(2 * columns_),
      roots_(columns_),
      vectors_(4 * columns_),
      solution_(pad(rank + 1)) {}

RowSystem::~RowSystem() = default;

void RowSystem::reserve(std::size_t tile_rows, std::size_t unknowns) {
  tile_.reserve((tile_rows + 4) * ld_);
  for (std::size_t row = tile_rows_.size(); row < tile_rows; ++row) tile_rows_.push_back(static_cast<std::uint32_t>(row));
  matrix_.reserve((pad(unknowns) + 4) * scratch_stride(unknowns + 2));
}

double RowSystem::solve_bias(const RowEquations& row, float* bias) {
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

bool RowSystem::dual_pays(const RowEquations& row) const {
  if (row.rows.size() >= rank_ || (row.has_bias && !(row.bias_damping > 0))) return false;
  return row.weights_positive();
}

double RowSystem::solve(const RowEquations& row, float* x, float* bias) {
  if (rank_ == 0) return solve_bias(row, bias);
  const bool dual = dual_pays(row);
  const bool solved = dual ? solve_dual(row, x, bias) : solve_primal(row, x, bias);
  if (!solved) solve_in_double(row, x, bias);
  return objective_;
}

// With Z the rows C^1/2 Q D^-1/2 and y = C^-1/2 v: x = D^-1/2 Z^T t where (I + Z Z^T) t = y. A bias is one more column, of ones.
bool RowSystem::solve_dual(const RowEquations& row, float* x, float* bias) {
  const std::size_t n = row.rows.size();
  reserve(n, n);
  lda_ = scratch_stride(n + 1);
  solution_.reserve(pad(n + 1));
  scales_.reserve(pad(n + 1));
  if (row.weights != nullptr) {
    for (std::size_t i = 0; i < n; ++i) scales_[i] = std::sqrt(row.weights[i]);
  }
  inverse_roots(row.diagonal, row.ridge, columns_, roots_.data());
  gather_rows(row.table, row.rows.data(), n, columns_, row.weights != nullptr ? scales_.data() : nullptr, roots_.data(), tile_.data(), ld_);
  float* m = matrix_.data();
  row_gram(tile_.data(), ld_, n, columns_, m, lda_);
  const auto scale = [&](std::size_t i) { return row.weights != nullptr ? scales_[i] : 1.0F; };
  const auto target = [&](std::size_t i) { return (row.values != nullptr ? row.values[i] : 1.0F) / scale(i); };
  if (row.has_bias) {
    const auto share = static_cast<float>(1 / row.bias_damping);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = i; j < n; ++j) m[i * lda_ + j] += share * scale(i) * scale(j);
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    m[i * lda_ + i] += 1;
    m[i * lda_ + n] = target(i);
  }
  if (!factor_cholesky(m, lda_, n, 1)) return false;
  float* t = solution_.data();
  solve_upper(m, lda_, n, n, t);

  std::fill_n(x, columns_, 0.0F);
  add_picked({tile_.data(), ld_}, tile_rows_.data(), n, columns_, t, x);
  for (std::size_t k = 0; k < columns_; ++k) x[k] *= roots_[k];
  // Z Z^T t = y - t are the predictions, times C^1/2.
  double total = 0;
  double bias_sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto y = static_cast<double>(target(i));
    total += y * (y - static_cast<double>(t[i]));
    bias_sum += static_cast<double>(scale(i)) * static_cast<double>(t[i]);
  }
  if (row.has_bias) *bias = static_cast<float>(bias_sum / row.bias_damping);
  objective_ = -total;
  return pivot_ratio(m, lda_, n) <= kTrustedPivotRatio || refine(row, true, x, bias);
}

void RowSystem::begin_pieces() {
  reserve(chunk_, rank_);
  lda_ = scratch_stride(rank_ + 2);
  std::fill_n(matrix_.data(), pad(rank_) * lda_, 0.0F);
  std::fill_n(sums_.data(), 2 * columns_, 0.0F);
  weight_sum_ = 0;
  value_sum_ = 0;
}

void RowSystem::add_piece(const RowEquations& piece) {
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
    add_picked(piece.table, rows, count, columns_, piece.values != nullptr ? piece.values + begin : nullptr, sums_.data());
    if (piece.has_bias) add_picked(piece.table, rows, count, columns_, weights, sums_.data() + columns_);
  }
  if (!piece.has_bias) return;
  for (std::size_t i = 0; i < n; ++i) {
    weight_sum_ += piece.weight(i);
    value_sum_ += piece.value(i);
  }
}

void RowSystem::merge(const RowSystem& other) {
  for (std::size_t i = 0; i < pad(rank_) * lda_; ++i) matrix_[i] += other.matrix_[i];
  for (std::size_t i = 0; i < 2 * columns_; ++i) sums_[i] += other.sums_[i];
  weight_sum_ += other.weight_sum_;
  value_sum_ += other.value_sum_;
}

bool RowSystem::solve_primal(const RowEquations& row, float* x, float* bias) {
  begin_pieces();
  add_piece(row);
  return finish_primal(row, x, bias);
}

// The bias is the last unknown of a bordered system: with A y = b and A z = s it is (value sum - <s, y>) / (weight sum + damping - <s, z>),
// and x = y - bias z.
bool RowSystem::finish_primal(const RowEquations& row, float* x, float* bias) {
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

double RowSystem::solve_pieces(const RowEquations& row, bool non_negative, float* x, float* bias) {
  if (non_negative) {
    finish_non_negative(row, x, bias);
  } else if (!finish_primal(row, x, bias)) {
    solve_in_double(row, x, bias);
  }
  return objective_;
}

double RowSystem::solve_non_negative(const RowEquations& row, float* x, float* bias) {
  begin_pieces();
  add_piece(row);
  finish_non_negative(row, x, bias);
  return objective_;
}

// The bias follows from the factors by its own equation, so it is taken out of theirs.
void RowSystem::finish_non_negative(const RowEquations& row, float* x, float* bias) {
  const float* b = sums_.data();
  const float* s = sums_.data() + columns_;
  const double whole = weight_sum_ + row.bias_damping;
  const bool biased = row.has_bias && whole > 0;
  const auto border = [&](std::size_t k) { return biased ? static_cast<double>(s[k]) : 0.0; };
  double_matrix_.assign(rank_ * rank_, 0);
  double_vector_.assign(2 * rank_, 0);
  double* rhs = double_vector_.data();
  double* y = rhs + rank_;
  for (std::size_t i = 0; i < rank_; ++i) {
    rhs[i] = static_cast<double>(b[i]) - (biased ? border(i) * value_sum_ / whole : 0.0);
    y[i] = static_cast<double>(x[i]);
    for (std::size_t j = i; j < rank_; ++j) {
      double value = static_cast<double>(matrix_[i * lda_ + j]) - (biased ? border(i) * border(j) / whole : 0.0);
      // Without regularisation, at least what keeps float32 sums positive.
      const double least = 1e-6 * static_cast<double>(matrix_[i * lda_ + i]);
      if (i == j) value += std::max({static_cast<double>(row.diagonal[i]) + static_cast<double>(row.ridge), least, 1e-30});
      double_matrix_[i * rank_ + j] = value;
      double_matrix_[j * rank_ + i] = value;
    }
  }
  lowrank::solve_non_negative(double_matrix_.data(), rhs, y, rank_);
  std::fill_n(x, columns_, 0.0F);
  objective_ = 0;
  double bias_sum = value_sum_;
  for (std::size_t i = 0; i < rank_; ++i) {
    x[i] = static_cast<float>(y[i]);
    bias_sum -= border(i) * y[i];
    objective_ -= static_cast<double>(b[i]) * y[i];
  }
  if (row.has_bias) *bias = biased ? static_cast<float>(bias_sum / whole) : 0.0F;
  if (biased) objective_ -= value_sum_ * bias_sum / whole;
}

// (D + Q^T C Q)^-1 r = D^-1/2 (g - Z^T (I + Z Z^T)^-1 Z g) for g = D^-1/2 r; a bias is one more column.
void RowSystem::correct_dual(const RowEquations& row) {
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

void RowSystem::solve_again(float* y) {
  solve_lower(matrix_.data(), lda_, rank_, rank_);
  solve_upper(matrix_.data(), lda_, rank_, rank_, y);
}

void RowSystem::correct_primal(const RowEquations& row) {
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
bool RowSystem::refine(const RowEquations& row, bool dual, float* x, float* bias) {
  constexpr int kMostSteps = 6;
  double before = std::numeric_limits<double>::max();
  for (int step = 0; step < kMostSteps; ++step) {
    double_vector_.assign(columns_ + 1, 0);
    double* r = double_vector_.data();
    const float shift = row.has_bias ? *bias : 0.0F;
    const double sum = add_residual(row.table, row.rows.data(), row.rows.size(), columns_, row.weights, row.values, x, shift, r);
    for (std::size_t k = 0; k < rank_; ++k) {
      r[k] -= (static_cast<double>(row.diagonal[k]) + static_cast<double>(row.ridge)) * static_cast<double>(x[k]);
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

void RowSystem::solve_in_double(const RowEquations& row, float* x, float* bias) {
  const bool solved = dual_pays(row) ? solve_dual_in_double(row) : solve_primal_in_double(row);
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

bool RowSystem::solve_dual_in_double(const RowEquations& row) {
  const std::size_t n = row.rows.size();
  double_matrix_.assign(n * n, 0);
  double_vector_.assign(rank_ + 1 + n, 0);
  double* x = double_vector_.data();
  double* t = x + rank_ + 1;
  const auto damping = [&](std::size_t k) { return static_cast<double>(row.diagonal[k]) + static_cast<double>(row.ridge); };
  const auto q = [&](std::size_t i) { return row.table.rows + row.rows[i] * row.table.stride; };
  for (std::size_t i = 0; i < n; ++i) {
    const double scale = std::sqrt(row.weight(i));
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = row.has_bias ? 1 / row.bias_damping : 0.0;
      for (std::size_t k = 0; k < rank_; ++k) sum += static_cast<double>(q(i)[k]) * static_cast<double>(q(j)[k]) / damping(k);
      double_matrix_[i * n + j] = sum * scale * std::sqrt(row.weight(j)) + (i == j ? 1 : 0);
    }
    t[i] = row.value(i) / scale;
  }
  if (!solve_positive_definite(double_matrix_.data(), t, n)) return false;
  for (std::size_t i = 0; i < n; ++i) {
    const double scaled = std::sqrt(row.weight(i)) * t[i];
    for (std::size_t k = 0; k < rank_; ++k) x[k] += scaled * static_cast<double>(q(i)[k]) / damping(k);
    if (row.has_bias) x[rank_] += scaled / row.bias_damping;
  }
  return true;
}

bool RowSystem::solve_primal_in_double(const RowEquations& row) {
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
    const double damping = k < rank_ ? static_cast<double>(row.diagonal[k]) + static_cast<double>(row.ridge) : row.bias_damping;
    double_matrix_[k * size + k] += std::max(damping, least);
  }
  return size != 0 && solve_positive_definite(double_matrix_.data(), b, size);
}

}  // namespace lowrank
