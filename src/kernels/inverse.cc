#include "kernels/inverse.h"

#include <algorithm>
#include <vector>

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/inverse.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR

/// c -= p^T r for three tiles.
HWY_ATTR void subtract_product(const double* HWY_RESTRICT p, const double* HWY_RESTRICT r, double* HWY_RESTRICT c) {
  constexpr size_t kSide = TiledMatrix::kTile;
  constexpr size_t kRows = 6;
  constexpr size_t kVectors = 2;
  const hn::ScalableTag<double> d;
  constexpr size_t kLanes = hn::MaxLanes(hn::ScalableTag<double>());
  static_assert(kSide % (kVectors * kLanes) == 0 && kSide % kRows == 0);
  for (size_t j = 0; j < kSide; j += kVectors * kLanes) {
    for (size_t i = 0; i < kSide; i += kRows) {
      hn::Vec<decltype(d)> sums[kRows][kVectors];
      HWY_UNROLL(6)
      for (size_t row = 0; row < kRows; ++row) {
        HWY_UNROLL(2)
        for (size_t v = 0; v < kVectors; ++v) sums[row][v] = hn::Load(d, c + (i + row) * kSide + j + v * kLanes);
      }
      for (size_t k = 0; k < kSide; ++k) {
        const auto first = hn::Load(d, r + k * kSide + j);
        const auto second = hn::Load(d, r + k * kSide + j + kLanes);
        HWY_UNROLL(6)
        for (size_t row = 0; row < kRows; ++row) {
          const auto factor = hn::Set(d, p[k * kSide + i + row]);
          sums[row][0] = hn::NegMulAdd(factor, first, sums[row][0]);
          sums[row][1] = hn::NegMulAdd(factor, second, sums[row][1]);
        }
      }
      HWY_UNROLL(6)
      for (size_t row = 0; row < kRows; ++row) {
        HWY_UNROLL(2)
        for (size_t v = 0; v < kVectors; ++v) hn::Store(sums[row][v], d, c + (i + row) * kSide + j + v * kLanes);
      }
    }
  }
}

#else

void subtract_product(const double*, const double*, double*) {}

#endif

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lowrank {

namespace {

constexpr std::size_t kSide = TiledMatrix::kTile;
constexpr std::size_t kArea = kSide * kSide;

}  // namespace

namespace scalar {

void subtract_product(const double* p, const double* r, double* c) {
  for (std::size_t k = 0; k < kSide; ++k) {
    for (std::size_t i = 0; i < kSide; ++i) {
      for (std::size_t j = 0; j < kSide; ++j) c[i * kSide + j] -= p[k * kSide + i] * r[k * kSide + j];
    }
  }
}

}  // namespace scalar

namespace {

/// Replaces a tile by the negative of its inverse, a pivot at a time.
bool sweep(double* tile) {
  for (std::size_t k = 0; k < kSide; ++k) {
    double* const pivots = tile + k * kSide;
    const double pivot = pivots[k];
    if (!(pivot > 0)) return false;
    for (std::size_t j = 0; j < kSide; ++j) pivots[j] /= pivot;
    for (std::size_t i = 0; i < kSide; ++i) {
      if (i == k) continue;
      double* const row = tile + i * kSide;
      const double factor = row[k];
      for (std::size_t j = 0; j < kSide; ++j) row[j] -= factor * pivots[j];
      row[k] = factor / pivot;
    }
    pivots[k] = -1 / pivot;
  }
  return true;
}

void transpose_tile(const double* from, double* to) {
  for (std::size_t i = 0; i < kSide; ++i) {
    for (std::size_t j = 0; j < kSide; ++j) to[j * kSide + i] = from[i * kSide + j];
  }
}

}  // namespace

TiledMatrix::TiledMatrix(std::size_t size)
    : size_(size), tiles_((size + kTile - 1) / kTile), data_(tiles_ * (tiles_ + 1) / 2 * kTile * kTile) {
  for (std::size_t row = size; row < tiles_ * kTile; ++row) tile(tiles_ - 1, tiles_ - 1)[row % kTile * (kTile + 1)] = 1;
}

std::size_t TiledMatrix::bytes(std::size_t size) {
  const std::size_t tiles = (size + kTile - 1) / kTile;
  return (tiles * (tiles + 1) / 2 + 2 * tiles) * kTile * kTile * sizeof(double);
}

void TiledMatrix::copy_row(std::size_t row, double* to) const {
  const std::size_t own = row / kTile;
  const std::size_t within = row % kTile;
  for (std::size_t other = 0; other < tiles_; ++other) {
    const double* const from = other < own ? tile(other, own) + within : tile(own, other) + within * kTile;
    const std::size_t step = other < own ? kTile : 1;
    const std::size_t count = std::min(kTile, size_ - other * kTile);
    for (std::size_t k = 0; k < count; ++k) to[other * kTile + k] = from[k * step];
  }
}

bool invert(TiledMatrix& matrix, Workers& workers) {
  const auto subtract = LOWRANK_KERNEL(subtract_product);
  const std::size_t tiles = matrix.tiles();
  AlignedDoubles panel(tiles * kArea);   // rows of the pivots
  AlignedDoubles solved(tiles * kArea);  // those times the inverse of their square
  for (std::size_t k = 0; k < tiles; ++k) {
    double* const pivots = matrix.tile(k, k);
    if (!sweep(pivots)) return false;
    workers.for_each(tiles, [&](std::size_t j, int /*slot*/) {
      if (j == k) return;
      double* const own = panel.data() + j * kArea;
      double* const result = solved.data() + j * kArea;
      if (k < j) {
        std::copy_n(matrix.tile(k, j), kArea, own);
      } else {
        transpose_tile(matrix.tile(j, k), own);
      }
      std::fill_n(result, kArea, 0.0);
      subtract(pivots, own, result);
      if (k < j) {
        std::copy_n(result, kArea, matrix.tile(k, j));
      } else {
        transpose_tile(result, matrix.tile(j, k));
      }
    });
    workers.for_each(tiles, [&](std::size_t i, int /*slot*/) {
      for (std::size_t j = i; j < tiles && i != k; ++j) {
        if (j != k) subtract(panel.data() + i * kArea, solved.data() + j * kArea, matrix.tile(i, j));
      }
    });
  }
  return true;
}

}  // namespace lowrank

#endif
