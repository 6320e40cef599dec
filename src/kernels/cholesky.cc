#include "kernels/cholesky.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cholesky.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/highway.h>

#include "kernels/block_product-inl.h"

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {

/// Rows of a panel: as many as a vector has lanes, so that the block on the diagonal is a square of vectors.
constexpr size_t kPanel = kLanes;

/// Lane kLane of a vector in all lanes.
HWY_INLINE HWY_ATTR hn::Vec<hn::ScalableTag<float>> lane_of(hn::Vec<hn::ScalableTag<float>> v, size_t lane) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  return hn::TableLookupLanes(v, hn::IndicesFromVec(d, hn::Set(di, static_cast<int32_t>(lane))));
}

/// Factorises the block on the diagonal, its first `rows` rows; its diagonal becomes 1 / U_qq. The block stays in registers, and of a
/// pivot only its inverse is waited for: what goes to the rows below needs no square root.
HWY_INLINE HWY_ATTR bool factor_diagonal(float* a, size_t ld, size_t rows) {
  const hn::ScalableTag<float> d;
  hn::Vec<decltype(d)> v[kPanel];
#pragma GCC unroll 16
  for (size_t r = 0; r < kPanel; ++r) v[r] = hn::Load(d, a + r * ld);
#pragma GCC unroll 16
  for (size_t q = 0; q < kPanel; ++q) {
    if (q >= rows) break;
    const float pivot = hn::GetLane(lane_of(v[q], q));
    // Not "<= 0": a NaN must fail too. What is beyond 1e36 has no square root's inverse that is worth having.
    if (!(pivot > 0) || !(pivot < 1e36F)) return false;
    const auto share = hn::Mul(v[q], hn::Set(d, 1 / pivot));
#pragma GCC unroll 16
    for (size_t r = q + 1; r < kPanel; ++r) v[r] = hn::NegMulAdd(lane_of(v[q], r), share, v[r]);
    const float inverse = 1 / std::sqrt(pivot);
    hn::Store(hn::Mul(v[q], hn::Set(d, inverse)), d, a + q * ld);
    a[q * ld + q] = inverse;
  }
  return true;
}

/// The columns to the right of a full diagonal block, one vector of them: U^-T of that block.
HWY_INLINE HWY_ATTR void solve_column(const float* HWY_RESTRICT diagonal, float* HWY_RESTRICT a, size_t ld) {
  const hn::ScalableTag<float> d;
  hn::Vec<decltype(d)> v[kPanel];
#pragma GCC unroll 16
  for (size_t r = 0; r < kPanel; ++r) v[r] = hn::Load(d, a + r * ld);
#pragma GCC unroll 16
  for (size_t q = 0; q < kPanel; ++q) {
    v[q] = hn::Mul(v[q], hn::Set(d, diagonal[q * ld + q]));
    hn::Store(v[q], d, a + q * ld);
#pragma GCC unroll 16
    for (size_t r = q + 1; r < kPanel; ++r) v[r] = hn::NegMulAdd(hn::Set(d, diagonal[q * ld + r]), v[q], v[r]);
  }
}

/// The same right of a last block of fewer rows.
HWY_INLINE HWY_ATTR void solve_short_column(const float* HWY_RESTRICT diagonal, float* HWY_RESTRICT a, size_t ld, size_t rows) {
  const hn::ScalableTag<float> d;
  for (size_t q = 0; q < rows; ++q) {
    const auto v = hn::Mul(hn::Load(d, a + q * ld), hn::Set(d, diagonal[q * ld + q]));
    hn::Store(v, d, a + q * ld);
    for (size_t r = q + 1; r < rows; ++r) {
      hn::Store(hn::NegMulAdd(hn::Set(d, diagonal[q * ld + r]), v, hn::Load(d, a + r * ld)), d, a + r * ld);
    }
  }
}

HWY_ATTR bool factor_cholesky(float* a, size_t ld, size_t n, size_t sides) {
  const size_t columns = (n + sides + kLanes - 1) / kLanes * kLanes;
  for (size_t q = 0; q < n; q += kPanel) {
    const size_t rows = n - q < kPanel ? n - q : kPanel;
    float* diagonal = a + q * ld + q;
    if (!factor_diagonal(diagonal, ld, rows)) return false;
    for (size_t j = q + kPanel; j < columns; j += kLanes) {
      if (rows == kPanel) {
        solve_column(diagonal, a + q * ld + j, ld);
      } else {
        solve_short_column(diagonal, a + q * ld + j, ld, rows);
      }
    }
    const float* panel = a + q * ld;
    for (size_t i = q + kPanel; i < n; i += kBlockRows) {
      const size_t j = i / kLanes * kLanes;
      strip_product<kBlockRows, Into::subtract>(panel + i, 1, ld, panel + j, ld, kPanel, a + i * ld + j, ld, columns - j);
    }
  }
  return true;
}

/// <u, x> over [from, n), from a multiple of the lanes.
HWY_INLINE HWY_ATTR float tail_dot(const float* u, const float* x, size_t from, size_t n) {
  const hn::ScalableTag<float> d;
  auto sum = hn::Zero(d);
  size_t k = from;
  for (; k + kLanes <= n; k += kLanes) sum = hn::MulAdd(hn::Load(d, u + k), hn::LoadU(d, x + k), sum);
  float total = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; k < n; ++k) total += u[k] * x[k];
  return total;
}

HWY_ATTR void solve_upper(const float* a, size_t ld, size_t n, size_t column, float* x) {
  float rest[kPanel];
  for (size_t end = (n + kPanel - 1) / kPanel * kPanel; end > 0; end -= kPanel) {
    const size_t begin = end - kPanel;
    const size_t rows = n - begin < kPanel ? n - begin : kPanel;
    const float* block = a + begin * ld;
    for (size_t q = 0; q < rows; ++q) rest[q] = block[q * ld + column] - (end < n ? tail_dot(block + q * ld, x, end, n) : 0.0F);
    for (size_t q = rows; q-- > 0;) {
      const float value = rest[q] * block[q * ld + begin + q];
      x[begin + q] = value;
      for (size_t p = 0; p < q; ++p) rest[p] -= block[p * ld + begin + q] * value;
    }
  }
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#if HWY_ONCE

namespace lowrank {

namespace scalar {

bool factor_cholesky(float* a, std::size_t ld, std::size_t n, std::size_t sides) {
  for (std::size_t q = 0; q < n; ++q) {
    float* pivot = a + q * ld;
    if (!(pivot[q] > 0) || !(pivot[q] < 1e36F)) return false;
    const float inverse = 1 / std::sqrt(pivot[q]);
    for (std::size_t j = q; j < n + sides; ++j) pivot[j] *= inverse;
    for (std::size_t r = q + 1; r < n; ++r) {
      for (std::size_t j = r; j < n + sides; ++j) a[r * ld + j] -= pivot[r] * pivot[j];
    }
    pivot[q] = inverse;
  }
  return true;
}

void solve_upper(const float* a, std::size_t ld, std::size_t n, std::size_t column, float* x) {
  for (std::size_t q = n; q-- > 0;) {
    float sum = a[q * ld + column];
    for (std::size_t k = q + 1; k < n; ++k) sum -= a[q * ld + k] * x[k];
    x[q] = sum * a[q * ld + q];
  }
}

}  // namespace scalar

bool factor_cholesky(float* a, std::size_t ld, std::size_t n, std::size_t sides) {
  return LOWRANK_KERNEL(factor_cholesky)(a, ld, n, sides);
}

float pivot_ratio(const float* a, std::size_t ld, std::size_t n) {
  float least = std::numeric_limits<float>::max();
  float most = 0;
  for (std::size_t q = 0; q < n; ++q) {
    least = std::min(least, a[q * ld + q]);
    most = std::max(most, a[q * ld + q]);
  }
  return most / least;
}

void solve_lower(float* a, std::size_t ld, std::size_t n, std::size_t column) {
  for (std::size_t q = 0; q < n; ++q) {
    const float value = a[q * ld + column] * a[q * ld + q];
    a[q * ld + column] = value;
    for (std::size_t r = q + 1; r < n; ++r) a[r * ld + column] -= a[q * ld + r] * value;
  }
}

void solve_upper(const float* a, std::size_t ld, std::size_t n, std::size_t column, float* x) {
  LOWRANK_KERNEL(solve_upper)(a, ld, n, column, x);
}

}  // namespace lowrank

#endif
