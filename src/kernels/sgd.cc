#include "kernels/sgd.h"

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sgd.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using D4 = hn::CappedTag<float, 4>;
using V4 = hn::Vec<D4>;

// The most vectors of a row that a lane keeps in registers (or, where there are too few of them, on the stack); wider rows stay in memory.
constexpr size_t kMostVectors = 8;

#if HWY_TARGET != HWY_SCALAR

/// A lane: a run in progress.
struct Lane {
  float* user_row;
  float* user_bias;
  const uint16_t* item;  // next rating's
  size_t position;       // of the next rating in codes or values
  size_t left;           // ratings still to come
};

/// A user's row while his run lasts: in registers for kVectors > 0, in memory for 0.
template <size_t kVectors>
struct Row {
  V v[kVectors];
};
template <>
struct Row<0> {};

template <size_t kVectors>
HWY_INLINE HWY_ATTR void load_row(Row<kVectors>& row, const float* from) {
  const D d;
  if constexpr (kVectors > 0) {
    for (size_t k = 0; k < kVectors; ++k) row.v[k] = hn::Load(d, from + k * hn::Lanes(d));
  }
}

template <size_t kVectors>
HWY_INLINE HWY_ATTR void store_row(const Row<kVectors>& row, float* to) {
  const D d;
  if constexpr (kVectors > 0) {
    for (size_t k = 0; k < kVectors; ++k) hn::Store(row.v[k], d, to + k * hn::Lanes(d));
  }
}

/// Adds the lanes of a vector down to four.
HWY_INLINE HWY_ATTR V4 fold(V v) {
#if HWY_TARGET == HWY_AVX3
  const hn::Half<D> half;
  const hn::Half<decltype(half)> quarter;
  const auto sum = hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v));
  return hn::Add(hn::LowerHalf(quarter, sum), hn::UpperHalf(quarter, sum));
#elif HWY_TARGET == HWY_AVX2
  const hn::Half<D> half;
  return hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v));
#else
  return v;
#endif
}

/// Lane l of the result is the sum of all lanes of vector l.
HWY_INLINE HWY_ATTR V4 sums(V v0, V v1, V v2, V v3) {
  const D4 d4;
  const V4 a = fold(v0);
  const V4 b = fold(v1);
  const V4 c = fold(v2);
  const V4 d = fold(v3);
  const V4 ab = hn::Add(hn::InterleaveLower(d4, a, b), hn::InterleaveUpper(d4, a, b));
  const V4 cd = hn::Add(hn::InterleaveLower(d4, c, d), hn::InterleaveUpper(d4, c, d));
  return hn::Add(hn::ConcatLowerLower(d4, cd, ab), hn::ConcatUpperUpper(d4, cd, ab));
}

/// One rating's dot product, the user's row wherever it is.
template <size_t kVectors>
HWY_INLINE HWY_ATTR V products(const Row<kVectors>& row, const float* user_row, const float* item_row, size_t stride) {
  const D d;
  if constexpr (kVectors > 0) {
    V sum = hn::Mul(row.v[0], hn::Load(d, item_row));
    for (size_t k = 1; k < kVectors; ++k) sum = hn::MulAdd(row.v[k], hn::Load(d, item_row + k * hn::Lanes(d)), sum);
    return sum;
  } else {
    V sum = hn::Zero(d);
    for (size_t k = 0; k < stride; k += hn::Lanes(d)) sum = hn::MulAdd(hn::Load(d, user_row + k), hn::Load(d, item_row + k), sum);
    return sum;
  }
}

/// Both rows from their old values: x = keep * x + gradient * other.
template <size_t kVectors>
HWY_INLINE HWY_ATTR void update(Row<kVectors>& row, float* user_row, float* item_row, size_t stride, V keep, V gradient) {
  const D d;
  if constexpr (kVectors > 0) {
    for (size_t k = 0; k < kVectors; ++k) {
      const V p = row.v[k];
      const V q = hn::Load(d, item_row + k * hn::Lanes(d));
      row.v[k] = hn::MulAdd(gradient, q, hn::Mul(keep, p));
      hn::Store(hn::MulAdd(gradient, p, hn::Mul(keep, q)), d, item_row + k * hn::Lanes(d));
    }
  } else {
    for (size_t k = 0; k < stride; k += hn::Lanes(d)) {
      const V p = hn::Load(d, user_row + k);
      const V q = hn::Load(d, item_row + k);
      hn::Store(hn::MulAdd(gradient, q, hn::Mul(keep, p)), d, user_row + k);
      hn::Store(hn::MulAdd(gradient, p, hn::Mul(keep, q)), d, item_row + k);
    }
  }
}

/// What does not change during a pass.
struct Pass {
  SgdTables tables;
  const uint8_t* codes;
  const float* values;
  V keep;
  float factor_rate;
  float bias_keep;
  float bias_rate;
};

template <bool kCoded>
HWY_INLINE HWY_ATTR float value_at(const Pass& pass, size_t position) {
  if constexpr (kCoded) return pass.values[pass.codes[position]];
  return pass.values[position];
}

/// One rating, on its own. \return e^2
template <size_t kVectors>
HWY_INLINE HWY_ATTR double single(const Pass& pass, Row<kVectors>& row, float* user_row, float* user_bias, float value, size_t item) {
  const D d;
  float* item_row = pass.tables.item_factors + item * pass.tables.stride;
  float* item_bias = pass.tables.item_biases + item;
  const D4 d4;
  const V4 zero = hn::Zero(d4);
  const V4 folded = fold(products<kVectors>(row, user_row, item_row, pass.tables.stride));
  const V4 pairs = hn::Add(hn::InterleaveLower(d4, folded, zero), hn::InterleaveUpper(d4, folded, zero));
  const float product = hn::GetLane(hn::Add(hn::ConcatLowerLower(d4, zero, pairs), hn::ConcatUpperUpper(d4, zero, pairs)));
  const float error = ((value - *item_bias) - *user_bias) - product;
  update<kVectors>(row, user_row, item_row, pass.tables.stride, pass.keep, hn::Set(d, pass.factor_rate * error));
  *user_bias = pass.bias_keep * *user_bias + pass.bias_rate * error;
  *item_bias = pass.bias_keep * *item_bias + pass.bias_rate * error;
  return static_cast<double>(error) * static_cast<double>(error);
}

/// Four ratings of four users side by side. \return the four e^2
template <size_t kVectors, bool kCoded>
HWY_INLINE HWY_ATTR void four(const Pass& pass, Lane* HWY_RESTRICT lanes, Row<kVectors>* HWY_RESTRICT rows, double* HWY_RESTRICT squares) {
  const D d;
  const size_t stride = pass.tables.stride;
  const size_t i0 = *lanes[0].item++;
  const size_t i1 = *lanes[1].item++;
  const size_t i2 = *lanes[2].item++;
  const size_t i3 = *lanes[3].item++;
  const float r0 = value_at<kCoded>(pass, lanes[0].position++);
  const float r1 = value_at<kCoded>(pass, lanes[1].position++);
  const float r2 = value_at<kCoded>(pass, lanes[2].position++);
  const float r3 = value_at<kCoded>(pass, lanes[3].position++);
  if (HWY_UNLIKELY(i0 == i1 || i0 == i2 || i0 == i3 || i1 == i2 || i1 == i3 || i2 == i3)) {
    // Two lanes meet on one item: one after another.
    squares[0] += single<kVectors>(pass, rows[0], lanes[0].user_row, lanes[0].user_bias, r0, i0);
    squares[1] += single<kVectors>(pass, rows[1], lanes[1].user_row, lanes[1].user_bias, r1, i1);
    squares[2] += single<kVectors>(pass, rows[2], lanes[2].user_row, lanes[2].user_bias, r2, i2);
    squares[3] += single<kVectors>(pass, rows[3], lanes[3].user_row, lanes[3].user_bias, r3, i3);
    return;
  }
  float* q0 = pass.tables.item_factors + i0 * stride;
  float* q1 = pass.tables.item_factors + i1 * stride;
  float* q2 = pass.tables.item_factors + i2 * stride;
  float* q3 = pass.tables.item_factors + i3 * stride;
  const V4 dots =
      sums(products<kVectors>(rows[0], lanes[0].user_row, q0, stride), products<kVectors>(rows[1], lanes[1].user_row, q1, stride),
           products<kVectors>(rows[2], lanes[2].user_row, q2, stride), products<kVectors>(rows[3], lanes[3].user_row, q3, stride));
  float* biases = pass.tables.item_biases;
  const D4 d4;
  HWY_ALIGN float errors[4] = {(r0 - biases[i0]) - *lanes[0].user_bias, (r1 - biases[i1]) - *lanes[1].user_bias,
                               (r2 - biases[i2]) - *lanes[2].user_bias, (r3 - biases[i3]) - *lanes[3].user_bias};
  hn::Store(hn::Sub(hn::Load(d4, errors), dots), d4, errors);
  update<kVectors>(rows[0], lanes[0].user_row, q0, stride, pass.keep, hn::Set(d, pass.factor_rate * errors[0]));
  update<kVectors>(rows[1], lanes[1].user_row, q1, stride, pass.keep, hn::Set(d, pass.factor_rate * errors[1]));
  update<kVectors>(rows[2], lanes[2].user_row, q2, stride, pass.keep, hn::Set(d, pass.factor_rate * errors[2]));
  update<kVectors>(rows[3], lanes[3].user_row, q3, stride, pass.keep, hn::Set(d, pass.factor_rate * errors[3]));
  biases[i0] = pass.bias_keep * biases[i0] + pass.bias_rate * errors[0];
  biases[i1] = pass.bias_keep * biases[i1] + pass.bias_rate * errors[1];
  biases[i2] = pass.bias_keep * biases[i2] + pass.bias_rate * errors[2];
  biases[i3] = pass.bias_keep * biases[i3] + pass.bias_rate * errors[3];
  for (size_t lane = 0; lane < 4; ++lane) {
    *lanes[lane].user_bias = pass.bias_keep * *lanes[lane].user_bias + pass.bias_rate * errors[lane];
    squares[lane] += static_cast<double>(errors[lane]) * static_cast<double>(errors[lane]);
  }
}

HWY_INLINE HWY_ATTR Lane start(const SgdRun& run, const SgdBlock& block, const SgdTables& tables) {
  return {tables.user_factors + run.user * tables.stride, tables.user_biases + run.user, block.items + run.begin, run.begin, run.count};
}

template <size_t kVectors, size_t kLanes, bool kCoded>
HWY_ATTR double block_pass(const SgdBlock& block, const Pass& pass) {
  Lane lanes[kLanes];
  Row<kVectors> rows[kLanes];
  double squares[kLanes] = {};
  size_t next = 0;
  size_t live = 0;  // lanes that hold a run; all of them until runs run out
  while (live < kLanes && next < block.run_count) {
    lanes[live] = start(block.runs[next++], block, pass.tables);
    load_row<kVectors>(rows[live], lanes[live].user_row);
    ++live;
  }
  bool full = live == kLanes;
  while (full) {
    size_t rounds = lanes[0].left;
    for (size_t lane = 1; lane < kLanes; ++lane) rounds = lanes[lane].left < rounds ? lanes[lane].left : rounds;
    for (size_t round = 0; round < rounds; ++round) {
      four<kVectors, kCoded>(pass, lanes, rows, squares);
      if constexpr (kLanes == 8) four<kVectors, kCoded>(pass, lanes + 4, rows + 4, squares + 4);
    }
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane].left -= rounds;
      if (lanes[lane].left > 0) continue;
      store_row<kVectors>(rows[lane], lanes[lane].user_row);
      if (next == block.run_count) {
        full = false;
        continue;
      }
      lanes[lane] = start(block.runs[next++], block, pass.tables);
      load_row<kVectors>(rows[lane], lanes[lane].user_row);
    }
  }
  for (size_t lane = 0; lane < live; ++lane) {
    if (lanes[lane].left == 0) continue;
    for (; lanes[lane].left > 0; --lanes[lane].left) {
      const float value = value_at<kCoded>(pass, lanes[lane].position++);
      squares[lane] += single<kVectors>(pass, rows[lane], lanes[lane].user_row, lanes[lane].user_bias, value, *lanes[lane].item++);
    }
    store_row<kVectors>(rows[lane], lanes[lane].user_row);
  }
  double total = 0;
  for (size_t lane = 0; lane < kLanes; ++lane) total += squares[lane];
  return total;
}

HWY_ATTR Pass make_pass(const SgdTables& tables, const SgdStep& step, const uint8_t* codes, const float* values) {
  const D d;
  return {tables,           codes,
          values,           hn::Set(d, 1.0F - step.factor_rate * step.factor_regularization),
          step.factor_rate, 1.0F - step.bias_rate * step.bias_regularization,
          step.bias_rate};
}

template <size_t kVectors>
HWY_ATTR double block_of_width(const SgdBlock& block, const Pass& pass) {
  const bool coded = block.codes != nullptr;
  constexpr size_t kStride = kVectors * hn::MaxLanes(D());
  // The number of lanes is a property of the rank, not of the vectors' width; without biases, rank 0 has stride 0.
  if constexpr (kVectors == 0 || kStride <= 32) {
    if (sgd_lanes(pass.tables.stride) == 8)
      return coded ? block_pass<kVectors, 8, true>(block, pass) : block_pass<kVectors, 8, false>(block, pass);
  }
  if constexpr (kVectors == 0 || kStride > 32) {
    return coded ? block_pass<kVectors, 4, true>(block, pass) : block_pass<kVectors, 4, false>(block, pass);
  }
  return 0;
}

HWY_ATTR double sgd_block(const SgdBlock& block, const SgdTables& tables, const SgdStep& step) {
  const D d;
  const Pass pass = make_pass(tables, step, block.codes, block.codes != nullptr ? block.value_table : block.values);
  switch (tables.stride / hn::Lanes(d)) {
    case 1:
      return block_of_width<1>(block, pass);
    case 2:
      return block_of_width<2>(block, pass);
    case 3:
      return block_of_width<3>(block, pass);
    case 4:
      return block_of_width<4>(block, pass);
    case 6:
      return block_of_width<6>(block, pass);
    case kMostVectors:
      return block_of_width<kMostVectors>(block, pass);
    default:
      return block_of_width<0>(block, pass);
  }
}

HWY_ATTR double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step) {
  const Pass pass = make_pass(tables, step, nullptr, sequence.values);
  double total = 0;
  Row<0> row;
  for (size_t n = 0; n < sequence.count; ++n) {
    const size_t user = sequence.users[n];
    total +=
        single<0>(pass, row, tables.user_factors + user * tables.stride, tables.user_biases + user, sequence.values[n], sequence.items[n]);
  }
  return total;
}

#endif

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lowrank {

namespace scalar {

namespace {

double learn(const SgdTables& tables, const SgdStep& step, std::size_t user, std::size_t item, float value) {
  float* p = tables.user_factors + user * tables.stride;
  float* q = tables.item_factors + item * tables.stride;
  float& user_bias = tables.user_biases[user];
  float& item_bias = tables.item_biases[item];
  float product = 0;
  for (std::size_t k = 0; k < tables.stride; ++k) product += p[k] * q[k];
  const float error = ((value - item_bias) - user_bias) - product;
  const float keep = 1.0F - step.factor_rate * step.factor_regularization;
  const float gradient = step.factor_rate * error;
  for (std::size_t k = 0; k < tables.stride; ++k) {
    const float old = p[k];
    p[k] = keep * old + gradient * q[k];
    q[k] = keep * q[k] + gradient * old;
  }
  const float bias_keep = 1.0F - step.bias_rate * step.bias_regularization;
  user_bias = bias_keep * user_bias + step.bias_rate * error;
  item_bias = bias_keep * item_bias + step.bias_rate * error;
  return static_cast<double>(error) * static_cast<double>(error);
}

}  // namespace

double sgd_block(const SgdBlock& block, const SgdTables& tables, const SgdStep& step) {
  SgdRun lanes[8];
  const std::size_t lane_count = sgd_lanes(tables.stride);
  double total = 0;
  const auto next_rating = [&](SgdRun& lane) {
    const float value = block.codes != nullptr ? block.value_table[block.codes[lane.begin]] : block.values[lane.begin];
    total += learn(tables, step, lane.user, block.items[lane.begin], value);
    ++lane.begin;
    --lane.count;
  };
  std::size_t next = 0;
  std::size_t live = 0;
  while (live < lane_count && next < block.run_count) lanes[live++] = block.runs[next++];
  bool full = live == lane_count;
  while (full) {
    for (std::size_t lane = 0; lane < lane_count; ++lane) next_rating(lanes[lane]);
    for (std::size_t lane = 0; lane < lane_count; ++lane) {
      if (lanes[lane].count > 0) continue;
      if (next == block.run_count) {
        full = false;
      } else {
        lanes[lane] = block.runs[next++];
      }
    }
  }
  for (std::size_t lane = 0; lane < live; ++lane) {
    while (lanes[lane].count > 0) next_rating(lanes[lane]);
  }
  return total;
}

double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step) {
  double total = 0;
  for (std::size_t n = 0; n < sequence.count; ++n) total += learn(tables, step, sequence.users[n], sequence.items[n], sequence.values[n]);
  return total;
}

}  // namespace scalar

double sgd_block(const SgdBlock& block, const SgdTables& tables, const SgdStep& step) {
  return LOWRANK_KERNEL(sgd_block)(block, tables, step);
}

double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step) {
  return LOWRANK_KERNEL(sgd_sequence)(sequence, tables, step);
}

}  // namespace lowrank

#endif
