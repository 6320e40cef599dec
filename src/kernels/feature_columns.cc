#include "kernels/feature_columns.h"

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/feature_columns.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Rows that are asked for ahead: they come from anywhere.
constexpr size_t kAhead = 8;

HWY_INLINE HWY_ATTR float value_of(const FeatureColumn& column, size_t n) {
  return column.by_row ? column.values[column.rows[n]] : column.values[n];
}

HWY_ATTR void sum_column(const FeatureColumn& column, const float* HWY_RESTRICT table, size_t stride, float* HWY_RESTRICT sums) {
  const hn::CappedTag<float, kFeatureLanes> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t k = 0; k < kFeatureLanes; k += lanes) hn::Store(hn::Zero(d), d, sums + k);
  for (size_t n = 0; n < column.count; ++n) {
    if (n + kAhead < column.count) hwy::Prefetch(table + column.rows[n + kAhead] * stride);
    const float* row = table + column.rows[n] * stride;
    const auto value = hn::Set(d, value_of(column, n));
    for (size_t k = 0; k < kFeatureLanes; k += lanes)
      hn::Store(hn::MulAdd(value, hn::Load(d, row + k), hn::Load(d, sums + k)), d, sums + k);
  }
}

HWY_ATTR void subtract_column(const FeatureColumn& column, const float* HWY_RESTRICT moves, float* HWY_RESTRICT table, size_t stride) {
  const hn::CappedTag<float, kFeatureLanes> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t n = 0; n < column.count; ++n) {
    if (n + kAhead < column.count) hwy::Prefetch(table + column.rows[n + kAhead] * stride);
    float* row = table + column.rows[n] * stride;
    const auto value = hn::Set(d, value_of(column, n));
    for (size_t k = 0; k < kFeatureLanes; k += lanes)
      hn::Store(hn::NegMulAdd(value, hn::Load(d, moves + k), hn::Load(d, row + k)), d, row + k);
  }
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lowrank {

namespace scalar {

float value_of(const FeatureColumn& column, std::size_t n) { return column.by_row ? column.values[column.rows[n]] : column.values[n]; }

void sum_column(const FeatureColumn& column, const float* table, std::size_t stride, float* sums) {
  for (std::size_t k = 0; k < kFeatureLanes; ++k) sums[k] = 0;
  for (std::size_t n = 0; n < column.count; ++n) {
    const float* row = table + column.rows[n] * stride;
    for (std::size_t k = 0; k < kFeatureLanes; ++k) sums[k] += value_of(column, n) * row[k];
  }
}

void subtract_column(const FeatureColumn& column, const float* moves, float* table, std::size_t stride) {
  for (std::size_t n = 0; n < column.count; ++n) {
    float* row = table + column.rows[n] * stride;
    for (std::size_t k = 0; k < kFeatureLanes; ++k) row[k] -= value_of(column, n) * moves[k];
  }
}

}  // namespace scalar

void sum_column(const FeatureColumn& column, const float* table, std::size_t stride, float* sums) {
  LOWRANK_KERNEL(sum_column)(column, table, stride, sums);
}

void subtract_column(const FeatureColumn& column, const float* moves, float* table, std::size_t stride) {
  LOWRANK_KERNEL(subtract_column)(column, moves, table, stride);
}

}  // namespace lowrank

#endif
