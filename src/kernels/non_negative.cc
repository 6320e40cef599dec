#include "kernels/non_negative.h"

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/non_negative.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Rows side by side, one per lane: coordinates wait for each other, rows do not.
constexpr size_t kSide = 16;

/// Writes coordinate k of row r of a block to to[k * kSide + r], and zeros where there is no row or coordinate.
HWY_ATTR void transpose_in(const float* HWY_RESTRICT rows, size_t ld, size_t count, size_t rank, size_t depth, float* HWY_RESTRICT to) {
  for (size_t k = 0; k < depth; ++k) {
    for (size_t r = 0; r < kSide; ++r) to[k * kSide + r] = k < rank && r < count ? rows[r * ld + k] : 0.0F;
  }
}

/// One sweep over the coordinates of kSide rows. The sum over k of a[k] * x[k] is in four parts, because one would wait for itself.
HWY_ATTR void sweep(const float* HWY_RESTRICT a, size_t lda, size_t rank, size_t depth, const float* HWY_RESTRICT b, float shift,
                    float* HWY_RESTRICT x) {
  const hn::CappedTag<float, kSide> d;
  constexpr size_t kLanes = hn::MaxLanes(d);
  const auto zero = hn::Zero(d);
  const auto offset = hn::Set(d, shift);
  for (size_t t = 0; t < rank; ++t) {
    const float* row = a + t * lda;
    if (!(row[t] > 0)) {
      // Nothing but the penalty is left of this coordinate.
      for (size_t v = 0; v < kSide; v += kLanes) {
        float* to = x + t * kSide + v;
        const auto rises = hn::Gt(hn::Sub(offset, hn::Load(d, b + t * kSide + v)), zero);
        hn::Store(hn::IfThenZeroElse(rises, hn::Load(d, to)), d, to);
      }
      continue;
    }
    const auto inverse = hn::Set(d, 1.0F / row[t]);
    for (size_t v = 0; v < kSide; v += kLanes) {
      auto sum0 = hn::Sub(offset, hn::Load(d, b + t * kSide + v));
      auto sum1 = zero;
      auto sum2 = zero;
      auto sum3 = zero;
      for (size_t k = 0; k < depth; k += 4) {
        const float* column = x + k * kSide + v;
        sum0 = hn::MulAdd(hn::Set(d, row[k]), hn::Load(d, column), sum0);
        sum1 = hn::MulAdd(hn::Set(d, row[k + 1]), hn::Load(d, column + kSide), sum1);
        sum2 = hn::MulAdd(hn::Set(d, row[k + 2]), hn::Load(d, column + 2 * kSide), sum2);
        sum3 = hn::MulAdd(hn::Set(d, row[k + 3]), hn::Load(d, column + 3 * kSide), sum3);
      }
      const auto gradient = hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3));
      float* to = x + t * kSide + v;
      hn::Store(hn::Max(zero, hn::NegMulAdd(gradient, inverse, hn::Load(d, to))), d, to);
    }
  }
}

HWY_ATTR void descend_non_negative(const float* a, size_t lda, size_t rank, const float* targets, float shift, float* rows, size_t ld,
                                   size_t count, int sweeps, float* scratch) {
  const size_t depth = (rank + 3) / 4 * 4;
  float* x = scratch;
  float* b = scratch + depth * kSide;
  for (size_t begin = 0; begin < count; begin += kSide) {
    const size_t taken = count - begin < kSide ? count - begin : kSide;
    transpose_in(rows + begin * ld, ld, taken, rank, depth, x);
    transpose_in(targets + begin * ld, ld, taken, rank, depth, b);
    for (int n = 0; n < sweeps; ++n) sweep(a, lda, rank, depth, b, shift, x);
    for (size_t r = 0; r < taken; ++r) {
      for (size_t k = 0; k < rank; ++k) rows[(begin + r) * ld + k] = x[k * kSide + r];
    }
  }
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lowrank {

namespace scalar {

void descend_non_negative(const float* a, std::size_t lda, std::size_t rank, const float* targets, float shift, float* rows, std::size_t ld,
                          std::size_t count, int sweeps, float* /*scratch*/) {
  for (std::size_t r = 0; r < count; ++r) {
    float* x = rows + r * ld;
    const float* b = targets + r * ld;
    for (int n = 0; n < sweeps; ++n) {
      for (std::size_t t = 0; t < rank; ++t) {
        if (!(a[t * lda + t] > 0)) {
          // Nothing but the penalty is left of this coordinate.
          if (shift - b[t] > 0) x[t] = 0;
          continue;
        }
        float gradient = shift - b[t];
        for (std::size_t k = 0; k < rank; ++k) gradient += a[t * lda + k] * x[k];
        const float next = x[t] - gradient / a[t * lda + t];
        x[t] = next > 0 ? next : 0;
      }
    }
  }
}

}  // namespace scalar

void descend_non_negative(const float* a, std::size_t lda, std::size_t rank, const float* targets, float shift, float* rows, std::size_t ld,
                          std::size_t count, int sweeps, float* scratch) {
  LOWRANK_KERNEL(descend_non_negative)(a, lda, rank, targets, shift, rows, ld, count, sweeps, scratch);
}

}  // namespace lowrank

#endif
