#include "kernels/history_rows.h"

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/history_rows.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows are multiples of 16 floats: with at most 16 lanes no tail is left.

/// Prefetches a row: it comes from anywhere.
HWY_INLINE HWY_ATTR void fetch_row(const float* row, size_t stride) {
  for (size_t k = 0; k < stride; k += 16) hwy::Prefetch(row + k);
}

constexpr size_t kAhead = 4;

HWY_ATTR void add_rows(const float* table, size_t stride, const uint32_t* rows, size_t count, float* HWY_RESTRICT sum) {
  const hn::ScalableTag<float> d;
  for (size_t n = 0; n < count; ++n) {
    if (n + kAhead < count) fetch_row(table + rows[n + kAhead] * stride, stride);
    const float* row = table + rows[n] * stride;
    for (size_t k = 0; k < stride; k += hn::Lanes(d)) hn::Store(hn::Add(hn::Load(d, sum + k), hn::Load(d, row + k)), d, sum + k);
  }
}

HWY_ATTR double visit_history(const HistoryVisits& visits, const HistorySteps& steps, float* HWY_RESTRICT factors, float& bias,
                              float* errors) {
  const hn::ScalableTag<float> d;
  const size_t stride = visits.stride;
  double squares = 0;
  for (size_t n = 0; n < visits.count; ++n) {
    if (n + kAhead < visits.count) fetch_row(visits.item_factors + visits.items[visits.order[n + kAhead]] * stride, stride);
    const size_t at = visits.order[n];
    const uint32_t item = visits.items[at];
    const float* q = visits.item_factors + item * stride;
    auto sum = hn::Zero(d);
    for (size_t k = 0; k < stride; k += hn::Lanes(d)) sum = hn::MulAdd(hn::Load(d, factors + k), hn::Load(d, q + k), sum);
    const float error = ((visits.values[at] - visits.item_biases[item]) - bias) - hn::GetLane(hn::SumOfLanes(d, sum));
    const auto step = hn::Set(d, steps.rate * error);
    for (size_t k = 0; k < stride; k += hn::Lanes(d))
      hn::Store(hn::MulAdd(step, hn::Load(d, q + k), hn::Load(d, factors + k)), d, factors + k);
    bias = steps.bias_keep * bias + steps.bias_rate * error;
    errors[at] = error;
    squares += static_cast<double>(error) * static_cast<double>(error);
  }
  return squares;
}

HWY_ATTR void learn_history(const HistoryItems& items, const HistorySteps& steps, const float* HWY_RESTRICT factors,
                            const float* HWY_RESTRICT move) {
  const hn::ScalableTag<float> d;
  const size_t stride = items.stride;
  for (size_t n = 0; n < items.count; ++n) {
    if (n + kAhead < items.count) {
      fetch_row(items.item_factors + items.items[n + kAhead] * stride, stride);
      fetch_row(items.history_factors + items.items[n + kAhead] * stride, stride);
    }
    const uint32_t item = items.items[n];
    const auto step = hn::Set(d, steps.rate * items.errors[n]);
    const auto keep = hn::Set(d, items.item_keeps[item]);
    const auto history_keep = hn::Set(d, items.history_keeps[item]);
    float* HWY_RESTRICT q = items.item_factors + item * stride;
    float* HWY_RESTRICT w = items.history_factors + item * stride;
    for (size_t k = 0; k < stride; k += hn::Lanes(d)) {
      hn::Store(hn::MulAdd(step, hn::Load(d, factors + k), hn::Mul(keep, hn::Load(d, q + k))), d, q + k);
      hn::Store(hn::MulAdd(history_keep, hn::Load(d, w + k), hn::Load(d, move + k)), d, w + k);
    }
    items.item_biases[item] = items.bias_keeps[item] * items.item_biases[item] + steps.bias_rate * items.errors[n];
  }
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lowrank {

namespace scalar {

void add_rows(const float* table, std::size_t stride, const std::uint32_t* rows, std::size_t count, float* sum) {
  for (std::size_t n = 0; n < count; ++n) {
    for (std::size_t k = 0; k < stride; ++k) sum[k] += table[rows[n] * stride + k];
  }
}

double visit_history(const HistoryVisits& visits, const HistorySteps& steps, float* factors, float& bias, float* errors) {
  double squares = 0;
  for (std::size_t n = 0; n < visits.count; ++n) {
    const std::size_t at = visits.order[n];
    const std::uint32_t item = visits.items[at];
    const float* q = visits.item_factors + item * visits.stride;
    float product = 0;
    for (std::size_t k = 0; k < visits.stride; ++k) product += factors[k] * q[k];
    const float error = ((visits.values[at] - visits.item_biases[item]) - bias) - product;
    for (std::size_t k = 0; k < visits.stride; ++k) factors[k] += steps.rate * error * q[k];
    bias = steps.bias_keep * bias + steps.bias_rate * error;
    errors[at] = error;
    squares += static_cast<double>(error) * static_cast<double>(error);
  }
  return squares;
}

void learn_history(const HistoryItems& items, const HistorySteps& steps, const float* factors, const float* move) {
  for (std::size_t n = 0; n < items.count; ++n) {
    const std::uint32_t item = items.items[n];
    float* q = items.item_factors + item * items.stride;
    float* w = items.history_factors + item * items.stride;
    for (std::size_t k = 0; k < items.stride; ++k) {
      q[k] = items.item_keeps[item] * q[k] + steps.rate * items.errors[n] * factors[k];
      w[k] = items.history_keeps[item] * w[k] + move[k];
    }
    items.item_biases[item] = items.bias_keeps[item] * items.item_biases[item] + steps.bias_rate * items.errors[n];
  }
}

}  // namespace scalar

void add_rows(const float* table, std::size_t stride, const std::uint32_t* rows, std::size_t count, float* sum) {
  LOWRANK_KERNEL(add_rows)(table, stride, rows, count, sum);
}

double visit_history(const HistoryVisits& visits, const HistorySteps& steps, float* factors, float& bias, float* errors) {
  return LOWRANK_KERNEL(visit_history)(visits, steps, factors, bias, errors);
}

void learn_history(const HistoryItems& items, const HistorySteps& steps, const float* factors, const float* move) {
  LOWRANK_KERNEL(learn_history)(items, steps, factors, move);
}

}  // namespace lowrank

#endif
