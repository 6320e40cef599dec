#include "kernels/sgd.h"

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sgd.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using D4 = hn::CappedTag<float, 4>;
using V4 = hn::Vec<D4>;

#if HWY_TARGET != HWY_SCALAR

/// A lane: a run in progress. In round n it learns rating number offset + n of the block.
struct Lane {
  float* user_row;
  float* user_bias;
  size_t offset;
};

/// A user's row while his run lasts: held in kVectors vectors, or left in memory for 0.
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

/// One rating's products of user and item row, added up to one vector. kStride is the row's length where it is known, else 0.
template <size_t kVectors, size_t kStride>
HWY_INLINE HWY_ATTR V products(const Row<kVectors>& row, const float* user_row, const float* item_row, size_t stride) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  if constexpr (kVectors > 0) {
    V even = hn::Mul(row.v[0], hn::Load(d, item_row));
    if constexpr (kVectors < 4) {
      for (size_t k = 1; k < kVectors; ++k) even = hn::MulAdd(row.v[k], hn::Load(d, item_row + k * lanes), even);
      return even;
    }
    V odd = hn::Mul(row.v[kVectors / 2], hn::Load(d, item_row + kVectors / 2 * lanes));
    for (size_t k = 1; k < kVectors / 2; ++k) {
      even = hn::MulAdd(row.v[k], hn::Load(d, item_row + k * lanes), even);
      odd = hn::MulAdd(row.v[kVectors / 2 + k], hn::Load(d, item_row + (kVectors / 2 + k) * lanes), odd);
    }
    if constexpr (kVectors % 2 != 0) odd = hn::MulAdd(row.v[kVectors - 1], hn::Load(d, item_row + (kVectors - 1) * lanes), odd);
    return hn::Add(even, odd);
  } else {
    V sum = hn::Zero(d);
    const size_t length = kStride != 0 ? kStride : stride;
    for (size_t k = 0; k < length; k += lanes) sum = hn::MulAdd(hn::Load(d, user_row + k), hn::Load(d, item_row + k), sum);
    return sum;
  }
}

/// Both rows from their old values: p = user_keep * p + gradient * q, q = item_keep * q + gradient * p.
template <size_t kVectors, size_t kStride>
HWY_INLINE HWY_ATTR void update(Row<kVectors>& row, float* user_row, float* item_row, size_t stride, V user_keep, V item_keep, V gradient) {
  const D d;
  if constexpr (kVectors > 0) {
    for (size_t k = 0; k < kVectors; ++k) {
      const V p = row.v[k];
      const V q = hn::Load(d, item_row + k * hn::Lanes(d));
      row.v[k] = hn::MulAdd(gradient, q, hn::Mul(user_keep, p));
      hn::Store(hn::MulAdd(gradient, p, hn::Mul(item_keep, q)), d, item_row + k * hn::Lanes(d));
    }
  } else {
    const size_t length = kStride != 0 ? kStride : stride;
    for (size_t k = 0; k < length; k += hn::Lanes(d)) {
      const V p = hn::Load(d, user_row + k);
      const V q = hn::Load(d, item_row + k);
      hn::Store(hn::MulAdd(gradient, q, hn::Mul(user_keep, p)), d, user_row + k);
      hn::Store(hn::MulAdd(gradient, p, hn::Mul(item_keep, q)), d, item_row + k);
    }
  }
}

/// What does not change during a pass.
struct Pass {
  SgdTables tables;
  const uint8_t* codes;
  const float* values;
  V rate;
  V4 bias_rate;
};

template <bool kCoded>
HWY_INLINE HWY_ATTR float value_at(const Pass& pass, size_t position) {
  if constexpr (kCoded) return pass.values[pass.codes[position]];
  return pass.values[position];
}

/// What regularisation leaves of a user's row and bias.
struct Keeps {
  float factors;
  float bias;
};

/// One rating, on its own. \return e^2
template <size_t kVectors, size_t kStride>
HWY_INLINE HWY_ATTR double single(const Pass& pass, Row<kVectors>& row, float* user_row, float* user_bias, Keeps user_keeps, float value,
                                  size_t item) {
  const D d;
  const SgdTables& tables = pass.tables;
  float* item_row = tables.item_factors + item * tables.stride;
  float* item_bias = tables.item_biases + item;
  const V product = products<kVectors, kStride>(row, user_row, item_row, tables.stride);
  const float error = ((value - *item_bias) - *user_bias) - hn::GetLane(sums(product, product, product, product));
  update<kVectors, kStride>(row, user_row, item_row, tables.stride, hn::Set(d, user_keeps.factors), hn::Set(d, tables.item_keeps[item]),
                            hn::Mul(pass.rate, hn::Set(d, error)));
  const float bias_step = hn::GetLane(pass.bias_rate) * error;
  *user_bias = user_keeps.bias * *user_bias + bias_step;
  *item_bias = tables.item_bias_keeps[item] * *item_bias + bias_step;
  return static_cast<double>(error) * static_cast<double>(error);
}

/// What four lanes keep between rounds.
struct Four {
  HWY_ALIGN float user_biases[4];
  HWY_ALIGN float user_bias_keeps[4];
  float user_keeps[4];
  HWY_ALIGN double squares[4];
};

/// Four ratings of four users side by side: each lane's rating number `round`.
template <size_t kVectors, size_t kStride, bool kCoded>
HWY_INLINE HWY_ATTR void four(const Pass& pass, const uint16_t* HWY_RESTRICT items, const Lane* HWY_RESTRICT lanes,
                              Row<kVectors>* HWY_RESTRICT rows, Four& HWY_RESTRICT state, size_t round) {
  const D d;
  const D4 d4;
  const size_t stride = kStride != 0 ? kStride : pass.tables.stride;
  const size_t i0 = items[lanes[0].offset + round];
  const size_t i1 = items[lanes[1].offset + round];
  const size_t i2 = items[lanes[2].offset + round];
  const size_t i3 = items[lanes[3].offset + round];
  HWY_ALIGN float values[4] = {value_at<kCoded>(pass, lanes[0].offset + round), value_at<kCoded>(pass, lanes[1].offset + round),
                               value_at<kCoded>(pass, lanes[2].offset + round), value_at<kCoded>(pass, lanes[3].offset + round)};
  if (HWY_UNLIKELY(i0 == i1 || i0 == i2 || i0 == i3 || i1 == i2 || i1 == i3 || i2 == i3)) {
    // Two lanes meet on one item: one after another.
    for (size_t lane = 0; lane < 4; ++lane) {
      state.squares[lane] += single<kVectors, kStride>(pass, rows[lane], lanes[lane].user_row, state.user_biases + lane,
                                                       Keeps{state.user_keeps[lane], state.user_bias_keeps[lane]}, values[lane],
                                                       items[lanes[lane].offset + round]);
    }
    return;
  }
  float* q0 = pass.tables.item_factors + i0 * stride;
  float* q1 = pass.tables.item_factors + i1 * stride;
  float* q2 = pass.tables.item_factors + i2 * stride;
  float* q3 = pass.tables.item_factors + i3 * stride;
  float* biases = pass.tables.item_biases;
  HWY_ALIGN float targets[4] = {values[0] - biases[i0], values[1] - biases[i1], values[2] - biases[i2], values[3] - biases[i3]};
  const V dots = sums(products<kVectors, kStride>(rows[0], lanes[0].user_row, q0, stride),
                      products<kVectors, kStride>(rows[1], lanes[1].user_row, q1, stride),
                      products<kVectors, kStride>(rows[2], lanes[2].user_row, q2, stride),
                      products<kVectors, kStride>(rows[3], lanes[3].user_row, q3, stride));
  const V4 user_biases = hn::Load(d4, state.user_biases);
  const V4 unbiased = hn::Sub(hn::Load(d4, targets), user_biases);
  HWY_ALIGN float repeated[4];
  hn::Store(unbiased, d4, repeated);
  const V errors = hn::Sub(hn::LoadDup128(d, repeated), dots);
  const V gradients = hn::Mul(pass.rate, errors);
  const float* keeps = pass.tables.item_keeps;
  update<kVectors, kStride>(rows[0], lanes[0].user_row, q0, stride, hn::Set(d, state.user_keeps[0]), hn::Set(d, keeps[i0]),
                            hn::Broadcast<0>(gradients));
  update<kVectors, kStride>(rows[1], lanes[1].user_row, q1, stride, hn::Set(d, state.user_keeps[1]), hn::Set(d, keeps[i1]),
                            hn::Broadcast<1>(gradients));
  update<kVectors, kStride>(rows[2], lanes[2].user_row, q2, stride, hn::Set(d, state.user_keeps[2]), hn::Set(d, keeps[i2]),
                            hn::Broadcast<2>(gradients));
  update<kVectors, kStride>(rows[3], lanes[3].user_row, q3, stride, hn::Set(d, state.user_keeps[3]), hn::Set(d, keeps[i3]),
                            hn::Broadcast<3>(gradients));
  const V4 four_errors = first_four(errors);
  const V4 bias_steps = hn::Mul(pass.bias_rate, four_errors);
  hn::Store(hn::MulAdd(hn::Load(d4, state.user_bias_keeps), user_biases, bias_steps), d4, state.user_biases);
  HWY_ALIGN float steps[4];
  hn::Store(bias_steps, d4, steps);
  const float* bias_keeps = pass.tables.item_bias_keeps;
  biases[i0] = bias_keeps[i0] * biases[i0] + steps[0];
  biases[i1] = bias_keeps[i1] * biases[i1] + steps[1];
  biases[i2] = bias_keeps[i2] * biases[i2] + steps[2];
  biases[i3] = bias_keeps[i3] * biases[i3] + steps[3];
  HWY_ALIGN float latest[4];
  hn::Store(four_errors, d4, latest);
  for (size_t lane = 0; lane < 4; ++lane) state.squares[lane] += static_cast<double>(latest[lane]) * static_cast<double>(latest[lane]);
}

/// four[lane] = value, as a vector: reading a vector after writing a part of it would wait until the write has left the core.
HWY_INLINE HWY_ATTR void set_lane(float* four, size_t lane, float value) {
  HWY_ALIGN static constexpr float kLanes[4] = {0, 1, 2, 3};
  const D4 d4;
  const auto here = hn::Eq(hn::Load(d4, kLanes), hn::Set(d4, static_cast<float>(lane)));
  hn::Store(hn::IfThenElse(here, hn::Set(d4, value), hn::Load(d4, four)), d4, four);
}

/// Asks for the row of a user whose run starts soon.
HWY_INLINE HWY_ATTR void prefetch_user(const SgdBlock& block, const SgdTables& tables, size_t run) {
  if (run >= block.run_count) return;
  const float* row = tables.user_factors + block.runs[run].user * tables.stride;
  for (size_t k = 0; k < tables.stride; k += 16) hwy::Prefetch(row + k);
}

/// The lanes of a block pass. kVectors is how many vectors of a user's row are held in registers (0: none), kStride a row's length where it
/// is known (0: not).
template <size_t kVectors, size_t kStride, size_t kLanes, bool kCoded>
HWY_ATTR double block_pass(const SgdBlock& block, const Pass& pass) {
  // Where every lane's rating stands follows from the round alone, so that only the lanes whose runs end are touched between rounds.
  Lane lanes[kLanes];
  uint32_t ends[kLanes];  // the round before which a lane's run ends
  Row<kVectors> rows[kLanes];
  Four fours[kLanes / 4] = {};
  size_t next = 0;
  size_t position = 0;
  size_t round = 0;
  const auto start = [&](size_t lane) HWY_ATTR {
    prefetch_user(block, pass.tables, next + kLanes);
    const SgdRun& run = block.runs[next++];
    const SgdTables& tables = pass.tables;
    lanes[lane] = {tables.user_factors + run.user * tables.stride, tables.user_biases + run.user, position - round};
    ends[lane] = static_cast<uint32_t>(round) + run.count;
    position += run.count;
    Four& state = fours[lane / 4];
    set_lane(state.user_biases, lane % 4, tables.user_biases[run.user]);
    set_lane(state.user_bias_keeps, lane % 4, tables.user_bias_keeps[run.user]);
    state.user_keeps[lane % 4] = tables.user_keeps[run.user];
    load_row<kVectors>(rows[lane], lanes[lane].user_row);
  };
  const auto finish = [&](size_t lane) HWY_ATTR {
    *lanes[lane].user_bias = fours[lane / 4].user_biases[lane % 4];
    store_row<kVectors>(rows[lane], lanes[lane].user_row);
  };

  size_t live = 0;
  while (live < kLanes && next < block.run_count) start(live++);
  bool full = live == kLanes;
  while (full) {
    uint32_t end = ends[0];
    for (size_t lane = 1; lane < kLanes; ++lane) end = ends[lane] < end ? ends[lane] : end;
    for (; round < end; ++round) {
      for (size_t group = 0; group < kLanes / 4; ++group) {
        four<kVectors, kStride, kCoded>(pass, block.items, lanes + 4 * group, rows + 4 * group, fours[group], round);
      }
    }
    // One bit a lane whose run has ended: usually one, and which one is nobody's guess.
    uint32_t ended = 0;
    for (size_t lane = 0; lane < kLanes; ++lane) ended |= static_cast<uint32_t>(ends[lane] == end) << lane;
    for (; ended != 0; ended &= ended - 1) {
      const size_t lane = hwy::Num0BitsBelowLS1Bit_Nonzero32(ended);
      finish(lane);
      if (next == block.run_count) {
        full = false;
      } else {
        start(lane);
      }
    }
  }
  for (size_t lane = 0; lane < live; ++lane) {
    if (ends[lane] == round) continue;
    Four& of_lane = fours[lane / 4];
    for (size_t n = lanes[lane].offset + round; n < lanes[lane].offset + ends[lane]; ++n) {
      of_lane.squares[lane % 4] += single<kVectors, kStride>(pass, rows[lane], lanes[lane].user_row, of_lane.user_biases + lane % 4,
                                                             Keeps{of_lane.user_keeps[lane % 4], of_lane.user_bias_keeps[lane % 4]},
                                                             value_at<kCoded>(pass, n), block.items[n]);
    }
    finish(lane);
  }
  double total = 0;
  for (size_t lane = 0; lane < kLanes; ++lane) total += fours[lane / 4].squares[lane % 4];
  return total;
}

HWY_ATTR Pass make_pass(const SgdTables& tables, const SgdStep& step, const uint8_t* codes, const float* values) {
  const D d;
  const D4 d4;
  return {tables, codes, values, hn::Set(d, step.rate), hn::Set(d4, step.bias_rate)};
}

template <size_t kStride>
HWY_ATTR double block_of_stride(const SgdBlock& block, const Pass& pass) {
  // A row is held while all lanes' rows leave registers for the rest.
  constexpr size_t kLanes = sgd_lanes(kStride);
  constexpr size_t kRegisters = HWY_TARGET == HWY_AVX3 ? 32 : 16;
  constexpr size_t kVectors = kStride / hn::MaxLanes(D());
  constexpr size_t kHeld = kVectors * kLanes <= kRegisters / 2 ? kVectors : 0;
  return block.codes != nullptr ? block_pass<kHeld, kStride, kLanes, true>(block, pass)
                                : block_pass<kHeld, kStride, kLanes, false>(block, pass);
}

HWY_ATTR double sgd_block(const SgdBlock& block, const SgdTables& tables, const SgdStep& step) {
  const Pass pass = make_pass(tables, step, block.codes, block.codes != nullptr ? block.value_table : block.values);
  switch (tables.stride) {
    case 16:
      return block_of_stride<16>(block, pass);
    case 32:
      return block_of_stride<32>(block, pass);
    case 48:
      return block_of_stride<48>(block, pass);
    case 64:
      return block_of_stride<64>(block, pass);
    case 128:
      return block_of_stride<128>(block, pass);
    default:
      break;
  }
  const bool coded = block.codes != nullptr;
  if (sgd_lanes(tables.stride) == 8) return coded ? block_pass<0, 0, 8, true>(block, pass) : block_pass<0, 0, 8, false>(block, pass);
  return coded ? block_pass<0, 0, 4, true>(block, pass) : block_pass<0, 0, 4, false>(block, pass);
}

HWY_ATTR double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step) {
  const Pass pass = make_pass(tables, step, nullptr, sequence.values);
  double total = 0;
  Row<0> row;
  for (size_t n = 0; n < sequence.count; ++n) {
    const size_t user = sequence.users[n];
    total += single<0, 0>(pass, row, tables.user_factors + user * tables.stride, tables.user_biases + user,
                          Keeps{tables.user_keeps[user], tables.user_bias_keeps[user]}, sequence.values[n], sequence.items[n]);
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
  const float gradient = step.rate * error;
  for (std::size_t k = 0; k < tables.stride; ++k) {
    const float old = p[k];
    p[k] = tables.user_keeps[user] * old + gradient * q[k];
    q[k] = tables.item_keeps[item] * q[k] + gradient * old;
  }
  user_bias = tables.user_bias_keeps[user] * user_bias + step.bias_rate * error;
  item_bias = tables.item_bias_keeps[item] * item_bias + step.bias_rate * error;
  return static_cast<double>(error) * static_cast<double>(error);
}

}  // namespace

double sgd_block(const SgdBlock& block, const SgdTables& tables, const SgdStep& step) {
  struct Lane {
    std::uint32_t user;
    std::size_t position;
    std::size_t left;
  };
  Lane lanes[8];
  const std::size_t lane_count = sgd_lanes(tables.stride);
  double total = 0;
  std::size_t next = 0;
  std::size_t position = 0;
  const auto start = [&](Lane& lane) {
    lane = {block.runs[next].user, position, block.runs[next].count};
    position += block.runs[next++].count;
  };
  const auto learn_next = [&](Lane& lane) {
    const float value = block.codes != nullptr ? block.value_table[block.codes[lane.position]] : block.values[lane.position];
    total += learn(tables, step, lane.user, block.items[lane.position], value);
    ++lane.position;
    --lane.left;
  };
  std::size_t live = 0;
  while (live < lane_count && next < block.run_count) start(lanes[live++]);
  bool full = live == lane_count;
  while (full) {
    for (std::size_t lane = 0; lane < lane_count; ++lane) learn_next(lanes[lane]);
    for (std::size_t lane = 0; lane < lane_count; ++lane) {
      if (lanes[lane].left > 0) continue;
      if (next == block.run_count) {
        full = false;
      } else {
        start(lanes[lane]);
      }
    }
  }
  for (std::size_t lane = 0; lane < live; ++lane) {
    while (lanes[lane].left > 0) learn_next(lanes[lane]);
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
