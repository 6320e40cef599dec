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

/// Even and odd places add up by themselves, so that no addition waits for the one before.
template <size_t kWidth>
HWY_INLINE HWY_ATTR void sum_wide(const FeatureColumn& column, const float* table, size_t stride, float* sums) {
  const hn::CappedTag<float, kWidth> d;
  constexpr size_t kVectors = kWidth / hn::MaxLanes(hn::CappedTag<float, kWidth>());
  using Vector = hn::Vec<hn::CappedTag<float, kWidth>>;
  Vector even[kVectors];
  Vector odd[kVectors];
  for (size_t v = 0; v < kVectors; ++v) even[v] = odd[v] = hn::Zero(d);
  const auto add = [&](size_t n, Vector* to) HWY_ATTR {
    if (n + kAhead < column.count) hwy::Prefetch(table + column.rows[n + kAhead] * stride);
    const float* row = table + column.rows[n] * stride;
    const auto value = hn::Set(d, value_of(column, n));
    for (size_t v = 0; v < kVectors; ++v) to[v] = hn::MulAdd(value, hn::Load(d, row + v * hn::MaxLanes(d)), to[v]);
  };
  size_t n = 0;
  for (; n + 1 < column.count; n += 2) {
    add(n, even);
    add(n + 1, odd);
  }
  if (n < column.count) add(n, even);
  for (size_t v = 0; v < kVectors; ++v) hn::Store(hn::Add(even[v], odd[v]), d, sums + v * hn::MaxLanes(d));
}

template <size_t kWidth>
HWY_INLINE HWY_ATTR void subtract_wide(const FeatureColumn& column, const float* moves, float* table, size_t stride) {
  const hn::CappedTag<float, kWidth> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t n = 0; n < column.count; ++n) {
    if (n + kAhead < column.count) hwy::Prefetch(table + column.rows[n + kAhead] * stride);
    float* row = table + column.rows[n] * stride;
    const auto value = hn::Set(d, value_of(column, n));
    for (size_t k = 0; k < kWidth; k += lanes) hn::Store(hn::NegMulAdd(value, hn::Load(d, moves + k), hn::Load(d, row + k)), d, row + k);
  }
}

HWY_ATTR void sum_column(const FeatureColumn& column, const float* table, size_t stride, size_t width, float* sums) {
  width == 8 ? sum_wide<8>(column, table, stride, sums) : sum_wide<16>(column, table, stride, sums);
}

HWY_ATTR void subtract_column(const FeatureColumn& column, const float* moves, size_t width, float* table, size_t stride) {
  width == 8 ? subtract_wide<8>(column, moves, table, stride) : subtract_wide<16>(column, moves, table, stride);
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lowrank {

namespace scalar {

float value_of(const FeatureColumn& column, std::size_t n) { return column.by_row ? column.values[column.rows[n]] : column.values[n]; }

void sum_column(const FeatureColumn& column, const float* table, std::size_t stride, std::size_t width, float* sums) {
  for (std::size_t k = 0; k < width; ++k) sums[k] = 0;
  for (std::size_t n = 0; n < column.count; ++n) {
    const float* row = table + column.rows[n] * stride;
    for (std::size_t k = 0; k < width; ++k) sums[k] += value_of(column, n) * row[k];
  }
}

void subtract_column(const FeatureColumn& column, const float* moves, std::size_t width, float* table, std::size_t stride) {
  for (std::size_t n = 0; n < column.count; ++n) {
    float* row = table + column.rows[n] * stride;
    for (std::size_t k = 0; k < width; ++k) row[k] -= value_of(column, n) * moves[k];
  }
}

}  // namespace scalar

namespace {

template <class ValueAt>
float sum_single(const FeatureColumn& column, const float* table, std::size_t stride, const ValueAt& value_at) {
  constexpr std::size_t kSums = 4;
  float sums[kSums] = {};
  std::size_t n = 0;
  for (; n + kSums <= column.count; n += kSums) {
    for (std::size_t s = 0; s < kSums; ++s) sums[s] += value_at(n + s) * table[column.rows[n + s] * stride];
  }
  for (; n < column.count; ++n) sums[0] += value_at(n) * table[column.rows[n] * stride];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

template <class ValueAt>
void subtract_single(const FeatureColumn& column, float move, float* table, std::size_t stride, const ValueAt& value_at) {
  for (std::size_t n = 0; n < column.count; ++n) table[column.rows[n] * stride] -= value_at(n) * move;
}

/// Calls `work` with what finds the value of place n.
template <class Work>
void with_values(const FeatureColumn& column, const Work& work) {
  if (column.by_row) {
    work([&](std::size_t n) { return column.values[column.rows[n]]; });
  } else {
    work([&](std::size_t n) { return column.values[n]; });
  }
}

}  // namespace

void sum_column(const FeatureColumn& column, const float* table, std::size_t stride, std::size_t width, float* sums) {
  if (width != 1) return LOWRANK_KERNEL(sum_column)(column, table, stride, width, sums);
  with_values(column, [&](const auto& value_at) { *sums = sum_single(column, table, stride, value_at); });
}

void subtract_column(const FeatureColumn& column, const float* moves, std::size_t width, float* table, std::size_t stride) {
  if (width != 1) return LOWRANK_KERNEL(subtract_column)(column, moves, width, table, stride);
  with_values(column, [&](const auto& value_at) { subtract_single(column, *moves, table, stride, value_at); });
}

}  // namespace lowrank

#endif
