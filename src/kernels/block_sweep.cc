#include "kernels/block_sweep.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/batched_cholesky.h"
#include "kernels/conjugate.h"
#include "kernels/dispatch.h"
#include "kernels/gram.h"
#include "kernels/normal_solver.h"
#include "kernels/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/block_sweep.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/highway.h>

#include "kernels/block_product-inl.h"
#include "kernels/sums-inl.h"

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {

constexpr size_t kWidth = 16;
constexpr size_t kVectors = kWidth / kLanes;

/// residual -= rows z. `count` is a multiple of 4.
HWY_INLINE HWY_ATTR void subtract_product(const float* rows, size_t ld, size_t count, const Floats* z, float* residual) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 4> d4;
  for (size_t i = 0; i < count; i += 4) {
    Floats products[4];
    for (size_t l = 0; l < 4; ++l) {
      const float* row = rows + (i + l) * ld;
      products[l] = hn::Mul(hn::Load(d, row), z[0]);
      for (size_t v = 1; v < kVectors; ++v) products[l] = hn::MulAdd(hn::Load(d, row + v * kLanes), z[v], products[l]);
    }
    const FourFloats four = sums(products[0], products[1], products[2], products[3]);
    hn::Store(hn::Sub(hn::Load(d4, residual + i), four), d4, residual + i);
  }
}

HWY_ATTR void block_residual(const float* tile, size_t ld, size_t count, size_t columns, const float* x, float* residual) {
  const hn::ScalableTag<float> d;
  for (size_t begin = 0; begin < columns; begin += kWidth) {
    Floats z[kVectors];
    for (size_t v = 0; v < kVectors; ++v) z[v] = hn::Load(d, x + begin + v * kLanes);
    subtract_product(tile + begin, ld, count, z, residual);
  }
}

HWY_ATTR void sweep_blocks(const float* tile, size_t ld, size_t count, size_t columns, const float* inverses, const float* diagonal,
                           float ridge, float* x, float* residual) {
  const hn::ScalableTag<float> d;
  HWY_ALIGN float gradient[kWidth];
  for (size_t begin = 0; begin < columns; begin += kWidth) {
    const float* rows = tile + begin;
    Floats sum[4][kVectors];
    for (auto& vectors : sum) {
      for (auto& numbers : vectors) numbers = hn::Zero(d);
    }
    for (size_t i = 0; i < count; i += 4) {
      for (size_t l = 0; l < 4; ++l) {
        const auto factor = hn::Set(d, residual[i + l]);
        for (size_t v = 0; v < kVectors; ++v) sum[l][v] = hn::MulAdd(factor, hn::Load(d, rows + (i + l) * ld + v * kLanes), sum[l][v]);
      }
    }
    for (size_t v = 0; v < kVectors; ++v) {
      const size_t k = begin + v * kLanes;
      const auto damping = hn::Add(hn::Load(d, diagonal + k), hn::Set(d, ridge));
      const auto all = hn::Add(hn::Add(sum[0][v], sum[1][v]), hn::Add(sum[2][v], sum[3][v]));
      hn::Store(hn::NegMulAdd(damping, hn::Load(d, x + k), all), d, gradient + v * kLanes);
    }
    const float* inverse = inverses + begin * kWidth;
    for (auto& vectors : sum) {
      for (auto& numbers : vectors) numbers = hn::Zero(d);
    }
    for (size_t k = 0; k < kWidth; k += 4) {
      for (size_t l = 0; l < 4; ++l) {
        const auto factor = hn::Set(d, gradient[k + l]);
        for (size_t v = 0; v < kVectors; ++v) {
          sum[l][v] = hn::MulAdd(factor, hn::Load(d, inverse + (k + l) * kWidth + v * kLanes), sum[l][v]);
        }
      }
    }
    Floats step[kVectors];
    for (size_t v = 0; v < kVectors; ++v) {
      step[v] = hn::Add(hn::Add(sum[0][v], sum[1][v]), hn::Add(sum[2][v], sum[3][v]));
      float* to = x + begin + v * kLanes;
      hn::Store(hn::Add(hn::Load(d, to), step[v]), d, to);
    }
    subtract_product(rows, ld, count, step, residual);
  }
}

// The sweep operator (Goodnight 1979), one pivot after another, leaves minus the inverse.
HWY_ATTR void invert_blocks(float* a, size_t systems, float* pivot_ratios) {
  const hn::ScalableTag<float> d;
  constexpr size_t kRow = kWidth * kBatchSystems;
  const auto infinite = hn::Set(d, std::numeric_limits<float>::infinity());
  for (size_t s = 0; s < systems; s += kLanes) {
    float* m = a + s;
    auto least = infinite;
    auto most = hn::Zero(d);
    auto good = hn::Eq(most, most);
    Floats column[kWidth];
    Floats scaled[kWidth];
    for (size_t p = 0; p < kWidth; ++p) {
      const auto pivot = hn::Load(d, m + p * kRow + p * kBatchSystems);
      // Not "<= 0": a NaN must fail too.
      good = hn::And(good, hn::And(hn::Gt(pivot, hn::Zero(d)), hn::Lt(pivot, hn::Set(d, 1e36F))));
      least = hn::Min(least, pivot);
      most = hn::Max(most, pivot);
      const auto inverse = hn::Div(hn::Set(d, 1.0F), pivot);
      for (size_t j = 0; j < kWidth; ++j) {
        column[j] = hn::Load(d, j < p ? m + j * kRow + p * kBatchSystems : m + p * kRow + j * kBatchSystems);
        scaled[j] = hn::Mul(column[j], inverse);
      }
      for (size_t i = 0; i < kWidth; ++i) {
        float* row = m + i * kRow;
        for (size_t j = i; j < kWidth; ++j) {
          float* to = row + j * kBatchSystems;
          hn::Store(hn::NegMulAdd(column[i], scaled[j], hn::Load(d, to)), d, to);
        }
      }
      for (size_t j = 0; j < kWidth; ++j)
        hn::Store(scaled[j], d, j < p ? m + j * kRow + p * kBatchSystems : m + p * kRow + j * kBatchSystems);
      hn::Store(hn::Neg(inverse), d, m + p * kRow + p * kBatchSystems);
    }
    hn::Store(hn::IfThenElse(good, hn::Sqrt(hn::Div(most, least)), infinite), d, pivot_ratios + s);
    for (size_t i = 0; i < kWidth; ++i) {
      for (size_t j = i; j < kWidth; ++j) {
        const auto number = hn::Neg(hn::Load(d, m + i * kRow + j * kBatchSystems));
        hn::Store(number, d, m + i * kRow + j * kBatchSystems);
        hn::Store(number, d, m + j * kRow + i * kBatchSystems);
      }
    }
  }
}

/// The inverse of interleave().
HWY_ATTR void deinterleave(const float* together, size_t systems, float* matrices) {
  constexpr size_t kSize = kWidth * kWidth;
  for (size_t at = 0; at < kSize; at += 4) {
    for (size_t s = 0; s < systems; s += 4)
      transpose_4x4(together + at * kBatchSystems + s, kBatchSystems, matrices + s * kSize + at, kSize);
  }
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#if HWY_ONCE

namespace lowrank {

namespace scalar {

namespace {
constexpr std::size_t kWidth = BlockSweep::kWidth;
}  // namespace

void block_residual(const float* tile, std::size_t ld, std::size_t count, std::size_t columns, const float* x, float* residual) {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < columns; ++k) residual[i] -= tile[i * ld + k] * x[k];
  }
}

void sweep_blocks(const float* tile, std::size_t ld, std::size_t count, std::size_t columns, const float* inverses, const float* diagonal,
                  float ridge, float* x, float* residual) {
  for (std::size_t begin = 0; begin < columns; begin += kWidth) {
    const float* rows = tile + begin;
    float gradient[kWidth];
    for (std::size_t k = 0; k < kWidth; ++k) gradient[k] = -(diagonal[begin + k] + ridge) * x[begin + k];
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t k = 0; k < kWidth; ++k) gradient[k] += residual[i] * rows[i * ld + k];
    }
    const float* inverse = inverses + begin * kWidth;
    float step[kWidth] = {};
    for (std::size_t k = 0; k < kWidth; ++k) {
      for (std::size_t j = 0; j < kWidth; ++j) step[j] += gradient[k] * inverse[k * kWidth + j];
    }
    for (std::size_t k = 0; k < kWidth; ++k) x[begin + k] += step[k];
    block_residual(rows, ld, count, kWidth, step, residual);
  }
}

void invert_blocks(float* a, std::size_t systems, float* pivot_ratios) {
  const auto at = [](std::size_t i, std::size_t j) { return (std::min(i, j) * kWidth + std::max(i, j)) * kBatchSystems; };
  for (std::size_t s = 0; s < systems; ++s) {
    float* m = a + s;
    float least = std::numeric_limits<float>::infinity();
    float most = 0;
    bool good = true;
    for (std::size_t p = 0; p < kWidth; ++p) {
      const float pivot = m[at(p, p)];
      good = good && pivot > 0 && pivot < 1e36F;
      least = std::min(least, pivot);
      most = std::max(most, pivot);
      float column[kWidth];
      for (std::size_t j = 0; j < kWidth; ++j) column[j] = m[at(p, j)];
      for (std::size_t i = 0; i < kWidth; ++i) {
        for (std::size_t j = i; j < kWidth; ++j) m[at(i, j)] -= column[i] * column[j] / pivot;
      }
      for (std::size_t j = 0; j < kWidth; ++j) m[at(p, j)] = column[j] / pivot;
      m[at(p, p)] = -1 / pivot;
    }
    pivot_ratios[s] = good ? std::sqrt(most / least) : std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < kWidth; ++i) {
      for (std::size_t j = i; j < kWidth; ++j) {
        m[at(i, j)] = -m[at(i, j)];
        m[(j * kWidth + i) * kBatchSystems] = m[at(i, j)];
      }
    }
  }
}

void deinterleave(const float* together, std::size_t systems, float* matrices) {
  for (std::size_t s = 0; s < systems; ++s) {
    for (std::size_t at = 0; at < kWidth * kWidth; ++at) matrices[s * kWidth * kWidth + at] = together[at * kBatchSystems + s];
  }
}

}  // namespace scalar

namespace {

constexpr std::size_t kSize = BlockSweep::kWidth * BlockSweep::kWidth;

}  // namespace

BlockSweep::BlockSweep(std::size_t rank)
    : columns_((rank + kWidth - 1) / kWidth * kWidth),
      ld_(scratch_stride(columns_)),
      grams_(kSize * kBatchSystems),
      together_(kSize * kBatchSystems),
      inverses_((columns_ / kWidth + kBatchSystems - 1) / kBatchSystems * kBatchSystems * kSize),
      pivot_ratios_(kBatchSystems) {}

bool BlockSweep::invert(const NormalEquations& row, std::size_t n) {
  const std::size_t blocks = columns_ / kWidth;
  for (std::size_t first = 0; first < blocks; first += kBatchSystems) {
    const std::size_t count = std::min(kBatchSystems, blocks - first);
    std::fill_n(grams_.data(), kSize * count, 0.0F);
    for (std::size_t block = 0; block < count; ++block) {
      float* gram = grams_.data() + block * kSize;
      const std::size_t begin = (first + block) * kWidth;
      add_gram(tile_.data() + begin, tile_.data() + begin, ld_, n, kWidth, gram, kWidth);
      for (std::size_t k = 0; k < kWidth; ++k) gram[k * kWidth + k] += row.diagonal[begin + k] + row.ridge;
    }
    interleave(grams_.data(), kWidth, count, together_.data());
    LOWRANK_KERNEL(invert_blocks)(together_.data(), count, pivot_ratios_.data());
    for (std::size_t block = 0; block < count; ++block) {
      if (!(pivot_ratios_[block] <= NormalSolver::kTrustedOfSteps)) return false;
    }
    LOWRANK_KERNEL(deinterleave)(together_.data(), count, inverses_.data() + first * kSize);
  }
  return true;
}

// With Z the rows C^1/2 Q and e = C^-1/2 v - Z x: a block b steps to its minimum by (D_b + Z_b^T Z_b)^-1 (Z_b^T e - D_b x_b).
std::optional<double> BlockSweep::solve(const NormalEquations& row, std::uint32_t sweeps, float* x) {
  const std::size_t n = row.rows.size();
  const std::size_t padded = (n + 3) / 4 * 4;
  tile_.reserve(padded * ld_);
  residual_.reserve(padded);
  scales_.reserve(padded);
  if (row.weights != nullptr) {
    for (std::size_t i = 0; i < n; ++i) scales_[i] = std::sqrt(row.weights[i]);
  }
  const float* scales = row.weights != nullptr ? scales_.data() : nullptr;
  gather_rows(row.table, row.rows.data(), n, columns_, scales, nullptr, tile_.data(), ld_);
  if (!invert(row, n)) return std::nullopt;

  double objective = 0;
  for (std::size_t i = 0; i < padded; ++i) {
    residual_[i] = 0;
    if (i < n) residual_[i] = (row.values != nullptr ? row.values[i] : 1.0F) / (scales != nullptr ? scales[i] : 1.0F);
    objective -= static_cast<double>(residual_[i]) * static_cast<double>(residual_[i]);
  }
  LOWRANK_KERNEL(block_residual)(tile_.data(), ld_, padded, columns_, x, residual_.data());
  const auto sweep_once = LOWRANK_KERNEL(sweep_blocks);
  for (std::uint32_t sweep = 0; sweep < sweeps; ++sweep) {
    sweep_once(tile_.data(), ld_, padded, columns_, inverses_.data(), row.diagonal, row.ridge, x, residual_.data());
  }
  for (std::size_t i = 0; i < n; ++i) objective += static_cast<double>(residual_[i]) * static_cast<double>(residual_[i]);
  for (std::size_t k = 0; k < columns_; ++k) {
    objective += static_cast<double>(row.diagonal[k] + row.ridge) * static_cast<double>(x[k]) * static_cast<double>(x[k]);
  }
  return objective;
}

}  // namespace lowrank

#endif
