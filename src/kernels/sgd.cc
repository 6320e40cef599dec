#include "kernels/sgd.h"

#include <algorithm>

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

/// A row's length where it is known when compiling (kStride, else 0).
template <size_t kStride>
HWY_INLINE size_t length_of(size_t stride) {
  return kStride != 0 ? kStride : stride;
}

/// Products of user and item row, added up to one vector.
template <size_t kStride>
HWY_INLINE HWY_ATTR V products(const float* p, const float* q, size_t stride) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V sum = hn::Zero(d);
  for (size_t k = 0; k < length_of<kStride>(stride); k += lanes) sum = hn::MulAdd(hn::Load(d, p + k), hn::Load(d, q + k), sum);
  return sum;
}

/// Both rows from their old values: p += gradient q, q += gradient p.
template <size_t kStride>
HWY_INLINE HWY_ATTR void update(float* p, float* q, size_t stride, V gradient) {
  const D d;
  for (size_t k = 0; k < length_of<kStride>(stride); k += hn::Lanes(d)) {
    const V old_p = hn::Load(d, p + k);
    const V old_q = hn::Load(d, q + k);
    hn::Store(hn::MulAdd(gradient, old_q, old_p), d, p + k);
    hn::Store(hn::MulAdd(gradient, old_p, old_q), d, q + k);
  }
}

/// One rating, on its own. \return e^2
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

/// Four values, and in `items` their rows.
template <Values kValues>
HWY_INLINE HWY_ATTR V4 take_values(const SgdBlock& block, size_t n, hn::Vec<hn::Rebind<int32_t, D4>>& items) {
  const D4 d4;
  const hn::Rebind<int32_t, D4> di;
  const hn::Rebind<uint16_t, D4> d16;
  const hn::Rebind<uint8_t, D4> d8;
  items = hn::PromoteTo(di, hn::LoadU(d16, block.items + n));
  if constexpr (kValues == Values::floats) return hn::LoadU(d4, block.values + n);
  if constexpr (kValues == Values::coded) return hn::GatherIndex(d4, block.value_table, hn::PromoteTo(di, hn::LoadU(d8, block.codes + n)));
  const V4 values = hn::GatherIndex(d4, block.value_table, hn::ShiftRight<kSgdPackedBits>(items));
  items = hn::And(items, hn::Set(di, kSgdPackedMask));
  return values;
}

/// One group.
template <size_t kStride, Values kValues>
HWY_INLINE HWY_ATTR void learn_group(const SgdBlock& block, size_t n, const SgdTables& tables, V4 rate, V4 bias_rate, V4& squares) {
  const D d;
  const D4 d4;
  const hn::Rebind<int32_t, D4> di;
  const hn::Rebind<uint16_t, D4> d16;
  const size_t stride = length_of<kStride>(tables.stride);
  const uint16_t* users = block.users + n;
  const auto item = [&](size_t lane) -> size_t {
    return kValues == Values::packed ? block.items[n + lane] & kSgdPackedMask : block.items[n + lane];
  };
  float* p0 = tables.user_factors + users[0] * stride;
  float* p1 = tables.user_factors + users[1] * stride;
  float* p2 = tables.user_factors + users[2] * stride;
  float* p3 = tables.user_factors + users[3] * stride;
  float* q0 = tables.item_factors + item(0) * stride;
  float* q1 = tables.item_factors + item(1) * stride;
  float* q2 = tables.item_factors + item(2) * stride;
  float* q3 = tables.item_factors + item(3) * stride;
  hn::Vec<decltype(di)> items;
  const V4 values = take_values<kValues>(block, n, items);
  const V4 user_biases = hn::GatherIndex(d4, tables.user_biases, hn::PromoteTo(di, hn::LoadU(d16, users)));
  const V4 item_biases = hn::GatherIndex(d4, tables.item_biases, items);
  const V4 dots = sums(products<kStride>(p0, q0, stride), products<kStride>(p1, q1, stride), products<kStride>(p2, q2, stride),
                       products<kStride>(p3, q3, stride));
  const V4 errors = hn::Sub(hn::Sub(hn::Sub(values, item_biases), user_biases), dots);
  HWY_ALIGN float gradients[4];
  hn::Store(hn::Mul(rate, errors), d4, gradients);
  update<kStride>(p0, q0, stride, hn::Set(d, gradients[0]));
  update<kStride>(p1, q1, stride, hn::Set(d, gradients[1]));
  update<kStride>(p2, q2, stride, hn::Set(d, gradients[2]));
  update<kStride>(p3, q3, stride, hn::Set(d, gradients[3]));
  HWY_ALIGN float new_user_biases[4];
  HWY_ALIGN float new_item_biases[4];
  hn::Store(hn::MulAdd(bias_rate, errors, user_biases), d4, new_user_biases);
  hn::Store(hn::MulAdd(bias_rate, errors, item_biases), d4, new_item_biases);
  for (size_t lane = 0; lane < 4; ++lane) {
    tables.user_biases[users[lane]] = new_user_biases[lane];
    tables.item_biases[item(lane)] = new_item_biases[lane];
  }
  squares = hn::MulAdd(errors, errors, squares);
}

/// Regularisation of rows whose runs begin now.
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

/// The same of all that begin with a chunk.
template <size_t kStride>
HWY_INLINE HWY_ATTR void shrink_all(const SgdBlock& block, const SgdTables& tables, size_t chunk) {
  const SgdChunk& begin = block.chunks[chunk];
  const SgdChunk& end = block.chunks[chunk + 1];
  shrink<kStride>(block.user_runs + begin.user_runs, block.user_runs + end.user_runs, tables.user_factors, tables.stride,
                  tables.user_decays, tables.user_biases, tables.user_bias_decays);
  shrink<kStride>(block.item_runs + begin.item_runs, block.item_runs + end.item_runs, tables.item_factors, tables.stride,
                  tables.item_decays, tables.item_biases, tables.item_bias_decays);
}

/// Asks for rows whose runs begin soon.
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
  const size_t chunks = block.chunk_count();
  size_t chunk = first_chunk;
  for (size_t count = 0; count < chunks; ++count) {
    const size_t next = chunk + 1 < chunks ? chunk + 1 : 0;
    shrink_all<kStride>(block, tables, chunk);
    const SgdChunk& soon = block.chunks[next];
    const SgdChunk& later = block.chunks[next + 1];
    prefetch(block.user_runs + soon.user_runs, block.user_runs + later.user_runs, tables.user_factors, stride);
    prefetch(block.item_runs + soon.item_runs, block.item_runs + later.item_runs, tables.item_factors, stride);
    const size_t end = std::min(block.grouped, (chunk + 1) * kSgdChunk);
    V4 squares = hn::Zero(d4);  // of a chunk, few enough for float32
    for (size_t n = chunk * kSgdChunk; n < end; n += kSgdGroup) {
      learn_group<kStride, kValues>(block, n, tables, rate, bias_rate, squares);
    }
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d4, squares)));
    chunk = next;
  }
  shrink_all<kStride>(block, tables, chunks);
  for (size_t n = block.grouped; n < block.count; ++n) {
    total += single<kStride>(tables, step, block.users[n], block.item(n), block.value(n), {});
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

HWY_ATTR double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step) {
  double total = 0;
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

void shrink_all(const SgdBlock& block, const SgdTables& tables, std::size_t chunk) {
  const SgdChunk& begin = block.chunks[chunk];
  const SgdChunk& end = block.chunks[chunk + 1];
  shrink(block.user_runs + begin.user_runs, block.user_runs + end.user_runs, tables.user_factors, tables.stride, tables.user_decays,
         tables.user_biases, tables.user_bias_decays);
  shrink(block.item_runs + begin.item_runs, block.item_runs + end.item_runs, tables.item_factors, tables.stride, tables.item_decays,
         tables.item_biases, tables.item_bias_decays);
}

}  // namespace

double sgd_block(const SgdBlock& block, std::size_t first_chunk, const SgdTables& tables, const SgdStep& step) {
  double total = 0;
  const auto learn_range = [&](std::size_t begin, std::size_t end) {
    for (std::size_t n = begin; n < end; ++n) total += learn(tables, step, block.users[n], block.item(n), block.value(n), {});
  };
  const std::size_t chunks = block.chunk_count();
  for (std::size_t count = 0; count < chunks; ++count) {
    const std::size_t chunk = (first_chunk + count) % chunks;
    shrink_all(block, tables, chunk);
    learn_range(chunk * kSgdChunk, std::min(block.grouped, (chunk + 1) * kSgdChunk));
  }
  shrink_all(block, tables, chunks);
  learn_range(block.grouped, block.count);
  return total;
}

double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step) {
  double total = 0;
  for (std::size_t n = 0; n < sequence.count; ++n) {
    const std::size_t user = sequence.users[n];
    const std::size_t item = sequence.items[n];
    total += learn(tables, step, user, item, sequence.values[n], keeps_of(tables, user, item));
  }
  return total;
}

}  // namespace scalar

double sgd_block(const SgdBlock& block, std::size_t first_chunk, const SgdTables& tables, const SgdStep& step) {
  return LOWRANK_KERNEL(sgd_block)(block, first_chunk, tables, step);
}

double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step) {
  return LOWRANK_KERNEL(sgd_sequence)(sequence, tables, step);
}

}  // namespace lowrank

#endif
