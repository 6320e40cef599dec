#include "kernels/dot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dot.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows are multiples of 16 floats: with at most 16 lanes no tail is left, and two accumulators never split a row unevenly below 16 lanes.
HWY_ATTR float dot(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, size_t stride) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  auto sum0 = hn::Zero(d);
  auto sum1 = hn::Zero(d);
  size_t k = 0;
  for (; k + 2 * lanes <= stride; k += 2 * lanes) {
    sum0 = hn::MulAdd(hn::Load(d, a + k), hn::Load(d, b + k), sum0);
    sum1 = hn::MulAdd(hn::Load(d, a + k + lanes), hn::Load(d, b + k + lanes), sum1);
  }
  if (k < stride) sum0 = hn::MulAdd(hn::Load(d, a + k), hn::Load(d, b + k), sum0);
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
}

HWY_ATTR void dot_pairs(RowTable a, const uint32_t* a_index, RowTable b, const uint32_t* b_index, size_t count, float* products) {
  // Rows come from anywhere; far enough ahead that memory answers meanwhile.
  constexpr size_t kAhead = 8;
  for (size_t n = 0; n < count; ++n) {
    if (n + kAhead < count) {
      const float* next_a = a.rows + a_index[n + kAhead] * a.stride;
      const float* next_b = b.rows + b_index[n + kAhead] * b.stride;
      for (size_t k = 0; k < a.stride; k += 16) {
        hwy::Prefetch(next_a + k);
        hwy::Prefetch(next_b + k);
      }
    }
    products[n] = dot(a.rows + a_index[n] * a.stride, b.rows + b_index[n] * b.stride, a.stride);
  }
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lowrank {

namespace scalar {

float dot(const float* a, const float* b, std::size_t stride) {
  float sum = 0;
  for (std::size_t k = 0; k < stride; ++k) sum += a[k] * b[k];
  return sum;
}

void dot_pairs(RowTable a, const std::uint32_t* a_index, RowTable b, const std::uint32_t* b_index, std::size_t count, float* products) {
  for (std::size_t n = 0; n < count; ++n) products[n] = dot(a.rows + a_index[n] * a.stride, b.rows + b_index[n] * b.stride, a.stride);
}

}  // namespace scalar

void dot_pairs(RowTable a, const std::uint32_t* a_index, RowTable b, const std::uint32_t* b_index, std::size_t count, float* products) {
  LOWRANK_KERNEL(dot_pairs)(a, a_index, b, b_index, count, products);
}

float dot(const float* a, const float* b, std::size_t stride) { return LOWRANK_KERNEL(dot)(a, b, stride); }

float finite_dot(float product, const float* a, const float* b, std::size_t stride) noexcept {
  if (std::isfinite(product)) return product;
  constexpr auto kMost = static_cast<double>(std::numeric_limits<float>::max());
  double sum = 0;
  for (std::size_t k = 0; k < stride; ++k) sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  return static_cast<float>(std::clamp(sum, -kMost, kMost));
}

}  // namespace lowrank

#endif
