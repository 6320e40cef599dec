#include "kernels/tile_sums.h"

#include <cmath>
#include <cstdint>

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tile_sums.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/highway.h>

#include "kernels/block_product-inl.h"
#include "kernels/sums-inl.h"

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {

HWY_ATTR void add_tile_sums(const float* tile, size_t ld, size_t count, size_t columns, const float* first_factors,
                            const float* second_factors, float* first, float* second) {
  const hn::ScalableTag<float> d;
  // One cache line of each row after another: every line is read once, and the sums stay in registers.
  for (size_t k = 0; k < columns; k += kLanes) {
    Floats sum[4] = {hn::Load(d, first + k), hn::Load(d, second + k), hn::Zero(d), hn::Zero(d)};
    const auto add = [&](size_t i, Floats& to_first, Floats& to_second) HWY_ATTR {
      const auto row = hn::Load(d, tile + i * ld + k);
      to_first = hn::MulAdd(hn::Set(d, first_factors[i]), row, to_first);
      to_second = second_factors != nullptr ? hn::MulAdd(hn::Set(d, second_factors[i]), row, to_second) : hn::Add(row, to_second);
    };
    size_t i = 0;
    for (; i + 1 < count; i += 2) {
      add(i, sum[0], sum[1]);
      add(i + 1, sum[2], sum[3]);
    }
    if (i < count) add(i, sum[0], sum[1]);
    hn::Store(hn::Add(sum[0], sum[2]), d, first + k);
    hn::Store(hn::Add(sum[1], sum[3]), d, second + k);
  }
}

HWY_ATTR WeightSums take_roots(const float* weights, const float* values, size_t count, float* roots, float* targets) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> floats;
  const size_t lanes = hn::Lanes(d);
  auto all = hn::Zero(d);
  auto weighted = hn::Zero(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto weight = weights != nullptr ? hn::LoadU(floats, weights + i) : hn::Set(floats, 1.0F);
    const auto value = hn::LoadU(floats, values + i);
    const auto root = hn::Sqrt(weight);
    hn::StoreU(root, floats, roots + i);
    hn::StoreU(hn::Mul(root, value), floats, targets + i);
    all = hn::Add(all, hn::PromoteTo(d, weight));
    weighted = hn::Add(weighted, hn::PromoteTo(d, hn::Mul(weight, value)));
  }
  WeightSums sums{hn::GetLane(hn::SumOfLanes(d, all)), hn::GetLane(hn::SumOfLanes(d, weighted))};
  for (; i < count; ++i) {
    const float weight = weights != nullptr ? weights[i] : 1.0F;
    roots[i] = std::sqrt(weight);
    targets[i] = roots[i] * values[i];
    sums.weights += static_cast<double>(weight);
    sums.values += static_cast<double>(weight * values[i]);
  }
  return sums;
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#if HWY_ONCE

namespace lowrank {

namespace scalar {

void add_tile_sums(const float* tile, std::size_t ld, std::size_t count, std::size_t columns, const float* first_factors,
                   const float* second_factors, float* first, float* second) {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < columns; ++k) {
      first[k] += first_factors[i] * tile[i * ld + k];
      second[k] += (second_factors != nullptr ? second_factors[i] : 1.0F) * tile[i * ld + k];
    }
  }
}

WeightSums take_roots(const float* weights, const float* values, std::size_t count, float* roots, float* targets) {
  WeightSums sums;
  for (std::size_t i = 0; i < count; ++i) {
    const float weight = weights != nullptr ? weights[i] : 1.0F;
    roots[i] = std::sqrt(weight);
    targets[i] = roots[i] * values[i];
    sums.weights += static_cast<double>(weight);
    sums.values += static_cast<double>(weight) * static_cast<double>(values[i]);
  }
  return sums;
}

}  // namespace scalar

void add_tile_sums(const float* tile, std::size_t ld, std::size_t count, std::size_t columns, const float* first_factors,
                   const float* second_factors, float* first, float* second) {
  LOWRANK_KERNEL(add_tile_sums)(tile, ld, count, columns, first_factors, second_factors, first, second);
}

WeightSums take_roots(const float* weights, const float* values, std::size_t count, float* roots, float* targets) {
  return LOWRANK_KERNEL(take_roots)(weights, values, count, roots, targets);
}

}  // namespace lowrank

#endif
