#include "kernels/sgd.h"

#include <algorithm>
#include <cmath>

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

/// The length of a row: kStride where it is known at compile time, else (kStride 0) `stride`.
template <size_t kStride>
HWY_INLINE size_t length_of(size_t stride) {
  return kStride != 0 ? kStride : stride;
}

/// Products of a user's and an item's row, added into one vector.
template <size_t kStride>
HWY_INLINE HWY_ATTR V products(const float* p, const float* q, size_t stride) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V sum = hn::Zero(d);
  for (size_t k = 0; k < length_of<kStride>(stride); k += lanes) sum = hn::MulAdd(hn::Load(d, p + k), hn::Load(d, q + k), sum);
  return sum;
}

/// Learns one rating. \return e^2
template <size_t kStride>
HWY_INLINE HWY_ATTR double single(const SgdTables& tables, const SgdStep& step, size_t user, size_t item, float value,
                                  const SgdKeeps& keeps) {
  const D d;
  const size_t stride = length_of<kStride>(tables.stride);
  float* p = tables.user_factors + user * stride;
  float* q = tables.item_factors + item * stride;
  float& user_bias = tables.user_biases[user];
  float& item_bias = tables.item_biases[item];
  const float error = ((value - item_bias) - user_bias) - hn::GetLane(hn::SumOfLanes(d, products<kStride>(p, q, stride)));
  const float bias_step = step.bias_rate * error;
  const V gradient = hn::Set(d, step.rate * error);
  const V user_keep = hn::Set(d, keeps.user);
  const V item_keep = hn::Set(d, keeps.item);
  for (size_t k = 0; k < stride; k += hn::Lanes(d)) {
    const V old_p = hn::Load(d, p + k);
    const V old_q = hn::Load(d, q + k);
    hn::Store(hn::MulAdd(gradient, old_q, hn::Mul(user_keep, old_p)), d, p + k);
    hn::Store(hn::MulAdd(gradient, old_p, hn::Mul(item_keep, old_q)), d, q + k);
  }
  user_bias = keeps.user_bias * user_bias + bias_step;
  item_bias = keeps.item_bias * item_bias + bias_step;
  return static_cast<double>(error) * static_cast<double>(error);
}

/// How a block's values are kept.
enum class Values : uint8_t { packed, coded, floats };

/// The numbers at four places. Four loads are as fast as a gather, and faster on processors with slow gathers.
HWY_INLINE HWY_ATTR V4 four(const float* from, const size_t* at) {
  const D4 d4;
  const V4 even = hn::InterleaveLower(d4, hn::Set(d4, from[at[0]]), hn::Set(d4, from[at[2]]));
  const V4 odd = hn::InterleaveLower(d4, hn::Set(d4, from[at[1]]), hn::Set(d4, from[at[3]]));
  return hn::InterleaveLower(d4, even, odd);
}

/// A group: the kCount ratings from rating n on. Lanes past its end repeat its last rating.
template <size_t kStride, Values kValues, size_t kCount>
struct Group {
  size_t user;
  size_t items[kSgdGroup];
  size_t codes[kSgdGroup];
  float* HWY_RESTRICT p;
  float* HWY_RESTRICT q[kCount];

  HWY_INLINE HWY_ATTR Group(const SgdBlock& block, size_t n, const SgdTables& tables) {
    const size_t stride = length_of<kStride>(tables.stride);
    user = block.users[n];
    p = tables.user_factors + user * stride;
#pragma GCC unroll 4
    for (size_t lane = 0; lane < kSgdGroup; ++lane) {
      const size_t rating = n + (lane < kCount ? lane : kCount - 1);
      items[lane] = kValues == Values::packed ? block.items[rating] & kSgdPackedMask : block.items[rating];
      if constexpr (kValues == Values::packed) codes[lane] = block.items[rating] >> kSgdPackedBits;
      if constexpr (kValues == Values::coded) codes[lane] = block.codes[rating];
      if constexpr (kValues == Values::floats) codes[lane] = rating;
      if (lane < kCount) q[lane] = tables.item_factors + items[lane] * stride;
    }
  }

  HWY_INLINE HWY_ATTR V4 values(const SgdBlock& block) const {
    return four(kValues == Values::floats ? block.values : block.value_table, codes);
  }

  /// The products of the user's row and the items' rows.
  HWY_INLINE HWY_ATTR V4 products(size_t stride) const {
    const D d;
    V sum[kSgdGroup] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
    for (size_t k = 0; k < stride; k += hn::Lanes(d)) {
      const V x = hn::Load(d, p + k);
#pragma GCC unroll 4
      for (size_t lane = 0; lane < kCount; ++lane) sum[lane] = hn::MulAdd(x, hn::Load(d, q[lane] + k), sum[lane]);
    }
    return sums(sum[0], sum[1], sum[2], sum[3]);
  }
};

/// Learns the group that begins with rating n.
template <size_t kStride, Values kValues, size_t kCount>
HWY_INLINE HWY_ATTR void learn_group(const SgdBlock& block, size_t n, const SgdTables& tables, V4 rate, V4 bias_rate, V4& squares) {
  const D d;
  const D4 d4;
  const size_t stride = length_of<kStride>(tables.stride);
  const Group<kStride, kValues, kCount> group(block, n, tables);
  const V4 item_biases = four(tables.item_biases, group.items);
  const V4 known = hn::Sub(hn::Sub(group.values(block), item_biases), hn::Set(d4, tables.user_biases[group.user]));
  V4 errors = hn::Sub(known, group.products(stride));
  // Lanes past the group's end count for nothing.
  if constexpr (kCount < kSgdGroup) errors = hn::IfThenElseZero(hn::FirstN(d4, kCount), errors);
  HWY_ALIGN float gradients[kSgdGroup];
  hn::Store(hn::Mul(rate, errors), d4, gradients);
  V gradient[kCount];
#pragma GCC unroll 4
  for (size_t lane = 0; lane < kCount; ++lane) gradient[lane] = hn::Set(d, gradients[lane]);
  for (size_t k = 0; k < stride; k += hn::Lanes(d)) {
    const V x = hn::Load(d, group.p + k);
    // Two sums, so that an addition need not wait for the one before.
    V even = x;
    V odd = hn::Zero(d);
#pragma GCC unroll 4
    for (size_t lane = 0; lane < kCount; ++lane) {
      const V y = hn::Load(d, group.q[lane] + k);
      hn::Store(hn::MulAdd(gradient[lane], x, y), d, group.q[lane] + k);
      V& total = lane % 2 == 0 ? even : odd;
      total = lane == 1 ? hn::Mul(gradient[lane], y) : hn::MulAdd(gradient[lane], y, total);
    }
    hn::Store(kCount == 1 ? even : hn::Add(even, odd), d, group.p + k);
  }
  const V4 bias_steps = hn::Mul(bias_rate, errors);
  HWY_ALIGN float new_item_biases[kSgdGroup];
  hn::Store(hn::Add(bias_steps, item_biases), d4, new_item_biases);
#pragma GCC unroll 4
  for (size_t lane = 0; lane < kCount; ++lane) tables.item_biases[group.items[lane]] = new_item_biases[lane];
  tables.user_biases[group.user] += hn::GetLane(hn::SumOfLanes(d4, bias_steps));
  squares = hn::MulAdd(errors, errors, squares);
}

/// Regularises the rows of the runs [begin, end).
template <size_t kStride>
HWY_INLINE HWY_ATTR void shrink(const SgdRun* begin, const SgdRun* end, float* factors, size_t stride, const float* decays, float* biases,
                                const float* bias_decays) {
  const D d;
  for (const SgdRun* run = begin; run != end; ++run) {
    const float ratings = static_cast<float>(run->more) + 1.0F;
    const V keep = hn::Set(d, 1.0F / (1.0F + ratings * decays[run->row]));
    float* row = factors + run->row * length_of<kStride>(stride);
    for (size_t k = 0; k < length_of<kStride>(stride); k += hn::Lanes(d)) hn::Store(hn::Mul(keep, hn::Load(d, row + k)), d, row + k);
    biases[run->row] /= 1.0F + ratings * bias_decays[run->row];
  }
}

/// Regularises the rows of all runs that begin in a chunk.
template <size_t kStride>
HWY_INLINE HWY_ATTR void shrink_all(const SgdBlock& block, const SgdTables& tables, const SgdChunk* chunk) {
  shrink<kStride>(block.user_runs + chunk[0].user_runs, block.user_runs + chunk[1].user_runs, tables.user_factors, tables.stride,
                  tables.user_decays, tables.user_biases, tables.user_bias_decays);
  shrink<kStride>(block.item_runs + chunk[0].item_runs, block.item_runs + chunk[1].item_runs, tables.item_factors, tables.stride,
                  tables.item_decays, tables.item_biases, tables.item_bias_decays);
}

/// Prefetches the rows of the runs [begin, end).
HWY_INLINE HWY_ATTR void prefetch(const SgdRun* begin, const SgdRun* end, const float* factors, size_t stride) {
  for (const SgdRun* run = begin; run != end; ++run) {
    const float* row = factors + run->row * stride;
    for (size_t k = 0; k < stride; k += 16) hwy::Prefetch(row + k);
  }
}

template <size_t kStride, Values kValues>
HWY_ATTR double block_pass(const SgdBlock& block, size_t first_chunk, const SgdTables& tables, const SgdStep& step) {
  const D4 d4;
  const size_t stride = length_of<kStride>(tables.stride);
  const V4 rate = hn::Set(d4, step.rate);
  const V4 bias_rate = hn::Set(d4, step.bias_rate);
  double total = 0;
  size_t number = first_chunk;
  for (size_t count = 0; count < block.chunk_count; ++count) {
    const SgdChunk* chunk = block.chunks + number;
    number = number + 1 < block.chunk_count ? number + 1 : 0;
    const SgdChunk* soon = block.chunks + number;
    shrink_all<kStride>(block, tables, chunk);
    prefetch(block.user_runs + soon[0].user_runs, block.user_runs + soon[1].user_runs, tables.user_factors, stride);
    prefetch(block.item_runs + soon[0].item_runs, block.item_runs + soon[1].item_runs, tables.item_factors, stride);
    V4 squares = hn::Zero(d4);  // sums of a chunk: few enough terms for float32
    size_t n = chunk->begin;
    for (size_t group = 0; group < chunk->fours; ++group, n += 4) {
      learn_group<kStride, kValues, 4>(block, n, tables, rate, bias_rate, squares);
    }
    for (size_t group = 0; group < chunk->threes; ++group, n += 3) {
      learn_group<kStride, kValues, 3>(block, n, tables, rate, bias_rate, squares);
    }
    for (size_t group = 0; group < chunk->twos; ++group, n += 2) {
      learn_group<kStride, kValues, 2>(block, n, tables, rate, bias_rate, squares);
    }
    for (; n < chunk[1].begin; ++n) learn_group<kStride, kValues, 1>(block, n, tables, rate, bias_rate, squares);
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d4, squares)));
  }
  return total;
}

template <Values kValues>
HWY_ATTR double block_of(const SgdBlock& block, size_t first_chunk, const SgdTables& tables, const SgdStep& step) {
  switch (tables.stride) {
    case 16:
      return block_pass<16, kValues>(block, first_chunk, tables, step);
    case 32:
      return block_pass<32, kValues>(block, first_chunk, tables, step);
    case 64:
      return block_pass<64, kValues>(block, first_chunk, tables, step);
    case 128:
      return block_pass<128, kValues>(block, first_chunk, tables, step);
    default:
      return block_pass<0, kValues>(block, first_chunk, tables, step);
  }
}

HWY_ATTR double sgd_block(const SgdBlock& block, size_t first_chunk, const SgdTables& tables, const SgdStep& step) {
  if (block.values != nullptr) return block_of<Values::floats>(block, first_chunk, tables, step);
  if (block.codes != nullptr) return block_of<Values::coded>(block, first_chunk, tables, step);
  return block_of<Values::packed>(block, first_chunk, tables, step);
}

/// Adds the squared errors of the group that begins with rating n.
template <size_t kStride, Values kValues, size_t kCount>
HWY_INLINE HWY_ATTR void add_errors(const SgdBlock& block, size_t n, const SgdTables& tables, V4 least, V4 most, V4& squares,
                                    V4& clipped_squares) {
  const D4 d4;
  const Group<kStride, kValues, kCount> group(block, n, tables);
  const V4 biases = hn::Add(four(tables.item_biases, group.items), hn::Set(d4, tables.user_biases[group.user]));
  const V4 scores = hn::Add(biases, group.products(length_of<kStride>(tables.stride)));
  V4 errors = hn::Sub(group.values(block), scores);
  V4 clipped = hn::Sub(group.values(block), hn::Min(hn::Max(scores, least), most));
  if constexpr (kCount < kSgdGroup) {
    errors = hn::IfThenElseZero(hn::FirstN(d4, kCount), errors);
    clipped = hn::IfThenElseZero(hn::FirstN(d4, kCount), clipped);
  }
  squares = hn::MulAdd(errors, errors, squares);
  clipped_squares = hn::MulAdd(clipped, clipped, clipped_squares);
}

template <size_t kStride, Values kValues>
HWY_ATTR SgdErrors block_errors(const SgdBlock& block, const SgdTables& tables, float least, float most) {
  const D4 d4;
  const V4 lowest = hn::Set(d4, least);
  const V4 highest = hn::Set(d4, most);
  SgdErrors total;
  for (const SgdChunk* chunk = block.chunks; chunk != block.chunks + block.chunk_count; ++chunk) {
    V4 squares = hn::Zero(d4);
    V4 clipped = hn::Zero(d4);
    size_t n = chunk->begin;
    for (size_t group = 0; group < chunk->fours; ++group, n += 4) {
      add_errors<kStride, kValues, 4>(block, n, tables, lowest, highest, squares, clipped);
    }
    for (size_t group = 0; group < chunk->threes; ++group, n += 3) {
      add_errors<kStride, kValues, 3>(block, n, tables, lowest, highest, squares, clipped);
    }
    for (size_t group = 0; group < chunk->twos; ++group, n += 2) {
      add_errors<kStride, kValues, 2>(block, n, tables, lowest, highest, squares, clipped);
    }
    for (; n < chunk[1].begin; ++n) add_errors<kStride, kValues, 1>(block, n, tables, lowest, highest, squares, clipped);
    total.squared += static_cast<double>(hn::GetLane(hn::SumOfLanes(d4, squares)));
    total.clipped_squared += static_cast<double>(hn::GetLane(hn::SumOfLanes(d4, clipped)));
  }
  return total;
}

HWY_ATTR SgdErrors sgd_errors(const SgdBlock& block, const SgdTables& tables, float least, float most) {
  if (block.values != nullptr) return block_errors<0, Values::floats>(block, tables, least, most);
  if (block.codes != nullptr) return block_errors<0, Values::coded>(block, tables, least, most);
  return block_errors<0, Values::packed>(block, tables, least, most);
}

HWY_ATTR double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step) {
  double total = 0;
  if (sequence.weights != nullptr) {
    for (size_t n = 0; n < sequence.count; ++n) {
      const size_t user = sequence.users[n];
      const size_t item = sequence.items[n];
      const SgdVisit visit = weighted_visit(tables, step, user, item, sequence.weights[n]);
      total += static_cast<double>(sequence.weights[n]) * single<0>(tables, visit.step, user, item, sequence.values[n], visit.keeps);
    }
    return total;
  }
  for (size_t n = 0; n < sequence.count; ++n) {
    const size_t user = sequence.users[n];
    const size_t item = sequence.items[n];
    total += single<0>(tables, step, user, item, sequence.values[n], keeps_of(tables, user, item));
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

double learn(const SgdTables& tables, const SgdStep& step, std::size_t user, std::size_t item, float value, const SgdKeeps& keeps) {
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
    p[k] = keeps.user * old + gradient * q[k];
    q[k] = keeps.item * q[k] + gradient * old;
  }
  user_bias = keeps.user_bias * user_bias + step.bias_rate * error;
  item_bias = keeps.item_bias * item_bias + step.bias_rate * error;
  return static_cast<double>(error) * static_cast<double>(error);
}

void shrink(const SgdRun* begin, const SgdRun* end, float* factors, std::size_t stride, const float* decays, float* biases,
            const float* bias_decays) {
  for (const SgdRun* run = begin; run != end; ++run) {
    const float ratings = static_cast<float>(run->more) + 1.0F;
    const float keep = 1.0F / (1.0F + ratings * decays[run->row]);
    for (std::size_t k = 0; k < stride; ++k) factors[run->row * stride + k] *= keep;
    biases[run->row] /= 1.0F + ratings * bias_decays[run->row];
  }
}

void shrink_all(const SgdBlock& block, const SgdTables& tables, const SgdChunk* chunk) {
  shrink(block.user_runs + chunk[0].user_runs, block.user_runs + chunk[1].user_runs, tables.user_factors, tables.stride, tables.user_decays,
         tables.user_biases, tables.user_bias_decays);
  shrink(block.item_runs + chunk[0].item_runs, block.item_runs + chunk[1].item_runs, tables.item_factors, tables.stride, tables.item_decays,
         tables.item_biases, tables.item_bias_decays);
}

/// Learns a group of `count` ratings. \return the sum of e^2
double learn_group(const SgdBlock& block, std::size_t n, std::size_t count, const SgdTables& tables, const SgdStep& step) {
  const std::size_t user = block.users[n];
  float* p = tables.user_factors + user * tables.stride;
  const auto row = [&](std::size_t lane) { return tables.item_factors + block.item(n + lane) * tables.stride; };
  float errors[kSgdGroup];
  double total = 0;
  for (std::size_t lane = 0; lane < count; ++lane) {
    float product = 0;
    for (std::size_t k = 0; k < tables.stride; ++k) product += p[k] * row(lane)[k];
    errors[lane] = ((block.value(n + lane) - tables.item_biases[block.item(n + lane)]) - tables.user_biases[user]) - product;
    total += static_cast<double>(errors[lane]) * static_cast<double>(errors[lane]);
  }
  for (std::size_t k = 0; k < tables.stride; ++k) {
    const float old = p[k];
    for (std::size_t lane = 0; lane < count; ++lane) {
      const float gradient = step.rate * errors[lane];
      p[k] += gradient * row(lane)[k];
      row(lane)[k] += gradient * old;
    }
  }
  for (std::size_t lane = 0; lane < count; ++lane) {
    tables.item_biases[block.item(n + lane)] += step.bias_rate * errors[lane];
    tables.user_biases[user] += step.bias_rate * errors[lane];
  }
  return total;
}

}  // namespace

double sgd_block(const SgdBlock& block, std::size_t first_chunk, const SgdTables& tables, const SgdStep& step) {
  double total = 0;
  for (std::size_t count = 0; count < block.chunk_count; ++count) {
    const SgdChunk* chunk = block.chunks + (first_chunk + count) % block.chunk_count;
    shrink_all(block, tables, chunk);
    std::size_t n = chunk->begin;
    for (std::size_t size = kSgdGroup; size > 1; --size) {
      const std::size_t groups = size == 4 ? chunk->fours : (size == 3 ? chunk->threes : chunk->twos);
      for (std::size_t group = 0; group < groups; ++group, n += size) total += learn_group(block, n, size, tables, step);
    }
    for (; n < chunk[1].begin; ++n) total += learn_group(block, n, 1, tables, step);
  }
  return total;
}

SgdErrors sgd_errors(const SgdBlock& block, const SgdTables& tables, float least, float most) {
  SgdErrors total;
  for (std::size_t n = 0; n < block.count; ++n) {
    const float* p = tables.user_factors + block.users[n] * tables.stride;
    const float* q = tables.item_factors + block.item(n) * tables.stride;
    float score = tables.user_biases[block.users[n]] + tables.item_biases[block.item(n)];
    for (std::size_t k = 0; k < tables.stride; ++k) score += p[k] * q[k];
    const auto error = static_cast<double>(block.value(n) - score);
    const auto clipped = static_cast<double>(block.value(n) - std::min(std::max(score, least), most));
    total.squared += error * error;
    total.clipped_squared += clipped * clipped;
  }
  return total;
}

double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step) {
  double total = 0;
  for (std::size_t n = 0; n < sequence.count; ++n) {
    const std::size_t user = sequence.users[n];
    const std::size_t item = sequence.items[n];
    if (sequence.weights != nullptr) {
      const SgdVisit visit = weighted_visit(tables, step, user, item, sequence.weights[n]);
      total += static_cast<double>(sequence.weights[n]) * learn(tables, visit.step, user, item, sequence.values[n], visit.keeps);
      continue;
    }
    total += learn(tables, step, user, item, sequence.values[n], keeps_of(tables, user, item));
  }
  return total;
}

}  // namespace scalar

SgdVisit weighted_visit(const SgdTables& tables, const SgdStep& step, std::size_t user, std::size_t item, float weight) {
  SgdVisit visit{step, keeps_of(tables, user, item)};
  if (weight == 1) return visit;
  double factor = static_cast<double>(weight);
  if (weight > 1) {
    const float* p = tables.user_factors + user * tables.stride;
    const float* q = tables.item_factors + item * tables.stride;
    double squares = 0;
    for (std::size_t k = 0; k < tables.stride; ++k) {
      squares += static_cast<double>(p[k]) * static_cast<double>(p[k]) + static_cast<double>(q[k]) * static_cast<double>(q[k]);
    }
    const double share = static_cast<double>(step.rate) * squares + 2 * static_cast<double>(step.bias_rate);
    if (share >= 1) {
      factor = 1;
    } else if (share > 0) {
      factor = -std::expm1(factor * std::log1p(-share)) / share;
    }
  }
  visit.step.rate = static_cast<float>(factor * static_cast<double>(step.rate));
  visit.step.bias_rate = static_cast<float>(factor * static_cast<double>(step.bias_rate));
  for (float* keep : {&visit.keeps.user, &visit.keeps.item, &visit.keeps.user_bias, &visit.keeps.item_bias}) {
    *keep = std::pow(*keep, weight);
  }
  return visit;
}

double sgd_block(const SgdBlock& block, std::size_t first_chunk, const SgdTables& tables, const SgdStep& step) {
  return LOWRANK_KERNEL(sgd_block)(block, first_chunk, tables, step);
}

SgdErrors sgd_errors(const SgdBlock& block, const SgdTables& tables, float least, float most) {
  return LOWRANK_KERNEL(sgd_errors)(block, tables, least, most);
}

double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step) {
  return LOWRANK_KERNEL(sgd_sequence)(sequence, tables, step);
}

}  // namespace lowrank

#endif
