#include "kernels/batched_cholesky.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/batched_cholesky.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/highway.h>

#include "kernels/block_product-inl.h"
#include "kernels/sums-inl.h"

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {

HWY_ATTR void interleave(const float* matrices, size_t n, size_t systems, float* a) {
  for (size_t s = 0; s < systems; s += 4) {
    const float* from = matrices + s * n * n;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = i / 4 * 4; j < n; j += 4) transpose_4x4(from + i * n + j, n * n, a + (i * n + j) * kBatchSystems + s, kBatchSystems);
    }
  }
}

HWY_ATTR void solve_batch(float* a, size_t n, size_t systems, const float* b, float* x, float* pivot_ratios) {
  const hn::ScalableTag<float> d;
  const auto infinite = hn::Set(d, std::numeric_limits<float>::infinity());
  const size_t row = n * kBatchSystems;
  for (size_t s = 0; s < systems; s += kLanes) {
    float* u = a + s;
    auto least = infinite;
    auto most = hn::Zero(d);
    auto good = hn::Eq(most, most);
    // Row q of the factor, its diagonal inverted, from the rows above; the right-hand side is one more column, in x.
    for (size_t q = 0; q < n; ++q) {
      auto pivot = hn::Load(d, u + q * row + q * kBatchSystems);
      for (size_t p = 0; p < q; ++p) {
        const auto f = hn::Load(d, u + p * row + q * kBatchSystems);
        pivot = hn::NegMulAdd(f, f, pivot);
      }
      // Not "<= 0": a NaN must fail too.
      good = hn::And(good, hn::And(hn::Gt(pivot, hn::Zero(d)), hn::Lt(pivot, hn::Set(d, 1e36F))));
      const auto inverse = hn::Div(hn::Set(d, 1.0F), hn::Sqrt(pivot));
      least = hn::Min(least, inverse);
      most = hn::Max(most, inverse);
      hn::Store(inverse, d, u + q * row + q * kBatchSystems);
      size_t j = q + 1;
      for (; j + 4 <= n; j += 4) {
        float* to = u + q * row + j * kBatchSystems;
        auto v0 = hn::Load(d, to);
        auto v1 = hn::Load(d, to + kBatchSystems);
        auto v2 = hn::Load(d, to + 2 * kBatchSystems);
        auto v3 = hn::Load(d, to + 3 * kBatchSystems);
        for (size_t p = 0; p < q; ++p) {
          const auto f = hn::Load(d, u + p * row + q * kBatchSystems);
          const float* above = u + p * row + j * kBatchSystems;
          v0 = hn::NegMulAdd(f, hn::Load(d, above), v0);
          v1 = hn::NegMulAdd(f, hn::Load(d, above + kBatchSystems), v1);
          v2 = hn::NegMulAdd(f, hn::Load(d, above + 2 * kBatchSystems), v2);
          v3 = hn::NegMulAdd(f, hn::Load(d, above + 3 * kBatchSystems), v3);
        }
        hn::Store(hn::Mul(v0, inverse), d, to);
        hn::Store(hn::Mul(v1, inverse), d, to + kBatchSystems);
        hn::Store(hn::Mul(v2, inverse), d, to + 2 * kBatchSystems);
        hn::Store(hn::Mul(v3, inverse), d, to + 3 * kBatchSystems);
      }
      auto side = hn::Load(d, b + q * kBatchSystems + s);
      for (size_t p = 0; p < q; ++p) {
        side = hn::NegMulAdd(hn::Load(d, u + p * row + q * kBatchSystems), hn::Load(d, x + p * kBatchSystems + s), side);
      }
      hn::Store(hn::Mul(side, inverse), d, x + q * kBatchSystems + s);
      for (; j < n; ++j) {
        auto v = hn::Load(d, u + q * row + j * kBatchSystems);
        for (size_t p = 0; p < q; ++p) {
          v = hn::NegMulAdd(hn::Load(d, u + p * row + q * kBatchSystems), hn::Load(d, u + p * row + j * kBatchSystems), v);
        }
        hn::Store(hn::Mul(v, inverse), d, u + q * row + j * kBatchSystems);
      }
    }
    hn::Store(hn::IfThenElse(good, hn::Div(most, least), infinite), d, pivot_ratios + s);
    for (size_t q = n; q-- > 0;) {
      auto v = hn::Load(d, x + q * kBatchSystems + s);
      for (size_t k = q + 1; k < n; ++k) {
        v = hn::NegMulAdd(hn::Load(d, u + q * row + k * kBatchSystems), hn::Load(d, x + k * kBatchSystems + s), v);
      }
      hn::Store(hn::Mul(v, hn::Load(d, u + q * row + q * kBatchSystems)), d, x + q * kBatchSystems + s);
    }
  }
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#if HWY_ONCE

namespace lowrank {

namespace scalar {

void interleave(const float* matrices, std::size_t n, std::size_t systems, float* a) {
  for (std::size_t s = 0; s < systems; ++s) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = i; j < n; ++j) a[(i * n + j) * kBatchSystems + s] = matrices[(s * n + i) * n + j];
    }
  }
}

void solve_batch(float* a, std::size_t n, std::size_t systems, const float* b, float* x, float* pivot_ratios) {
  const auto at = [n](std::size_t i, std::size_t j) { return (i * n + j) * kBatchSystems; };
  for (std::size_t s = 0; s < systems; ++s) {
    float* u = a + s;
    float* y = x + s;
    float least = std::numeric_limits<float>::infinity();
    float most = 0;
    bool good = true;
    for (std::size_t q = 0; q < n; ++q) {
      float side = b[q * kBatchSystems + s];
      for (std::size_t p = 0; p < q; ++p) {
        const float f = u[at(p, q)];
        for (std::size_t j = q; j < n; ++j) u[at(q, j)] -= f * u[at(p, j)];
        side -= f * y[p * kBatchSystems];
      }
      const float pivot = u[at(q, q)];
      good = good && pivot > 0 && pivot < 1e36F;
      const float inverse = 1 / std::sqrt(pivot);
      least = std::min(least, inverse);
      most = std::max(most, inverse);
      for (std::size_t j = q + 1; j < n; ++j) u[at(q, j)] *= inverse;
      u[at(q, q)] = inverse;
      y[q * kBatchSystems] = side * inverse;
    }
    pivot_ratios[s] = good ? most / least : std::numeric_limits<float>::infinity();
    for (std::size_t q = n; q-- > 0;) {
      float v = y[q * kBatchSystems];
      for (std::size_t k = q + 1; k < n; ++k) v -= u[at(q, k)] * y[k * kBatchSystems];
      y[q * kBatchSystems] = v * u[at(q, q)];
    }
  }
}

}  // namespace scalar

void interleave(const float* matrices, std::size_t n, std::size_t systems, float* a) {
  LOWRANK_KERNEL(interleave)(matrices, n, systems, a);
}

void solve_batch(float* a, std::size_t n, std::size_t systems, const float* b, float* x, float* pivot_ratios) {
  LOWRANK_KERNEL(solve_batch)(a, n, systems, b, x, pivot_ratios);
}

}  // namespace lowrank

#endif
