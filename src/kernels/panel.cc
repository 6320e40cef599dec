#include "kernels/panel.h"

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/panel.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

#if HWY_TARGET != HWY_SCALAR

/// Queries and vectors of rows whose sums stay in registers: 24 sums with 32 registers, 12 with 16, and room for what they are made of.
constexpr size_t kQueries = 6;
constexpr size_t kVectors = HWY_TARGET == HWY_AVX3 ? 4 : 2;

struct Sums {
  V v[kVectors];
};

/// The bits of the rows [begin, begin + kVectors * lanes) whose sums reach `threshold`; where there is one, all those sums go to `scores`.
HWY_INLINE HWY_ATTR uint64_t passed_of(const Sums& sums, size_t begin, float threshold, float* HWY_RESTRICT scores) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const V least = hn::Set(d, threshold);
  auto any = hn::Ge(sums.v[0], least);
  HWY_UNROLL(4)
  for (size_t v = 1; v < kVectors; ++v) any = hn::Or(any, hn::Ge(sums.v[v], least));
  if (HWY_LIKELY(hn::AllFalse(d, any))) return 0;
  uint64_t passed = 0;
  for (size_t v = 0; v < kVectors; ++v) {
    hn::StoreU(sums.v[v], d, scores + begin + v * lanes);
    uint64_t bits = 0;
    hn::StoreMaskBits(d, hn::Ge(sums.v[v], least), reinterpret_cast<uint8_t*>(&bits));
    passed |= bits << (begin + v * lanes);
  }
  return passed;
}

/// score_panel() for kCount <= kQueries queries.
template <size_t kCount>
HWY_INLINE HWY_ATTR void score_group(const Panel& panel, const float* const* queries, const float* thresholds, uint64_t* passed,
                                     float* HWY_RESTRICT scores) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  for (size_t q = 0; q < kCount; ++q) passed[q] = 0;
  for (size_t begin = 0; begin < kPanelRows; begin += kVectors * lanes) {
    Sums sums[kCount];
    HWY_UNROLL(6)
    for (size_t q = 0; q < kCount; ++q) {
      HWY_UNROLL(4)
      for (size_t v = 0; v < kVectors; ++v) sums[q].v[v] = hn::Zero(d);
    }
    const float* HWY_RESTRICT rows = panel.values + begin;
    for (size_t k = 0; k < panel.depth; ++k) {
      V row[kVectors];
      HWY_UNROLL(4)
      for (size_t v = 0; v < kVectors; ++v) row[v] = hn::Load(d, rows + k * kPanelRows + v * lanes);
      HWY_UNROLL(6)
      for (size_t q = 0; q < kCount; ++q) {
        const V factor = hn::Set(d, queries[q][k]);
        HWY_UNROLL(4)
        for (size_t v = 0; v < kVectors; ++v) sums[q].v[v] = hn::MulAdd(factor, row[v], sums[q].v[v]);
      }
    }
    HWY_UNROLL(6)
    for (size_t q = 0; q < kCount; ++q) {
      HWY_UNROLL(4)
      for (size_t v = 0; v < kVectors; ++v) sums[q].v[v] = hn::Add(sums[q].v[v], hn::Load(d, panel.offsets + begin + v * lanes));
      passed[q] |= passed_of(sums[q], begin, thresholds[q], scores + q * kPanelRows);
    }
  }
}

HWY_ATTR void score_panel(const Panel& panel, const float* const* queries, size_t count, const float* thresholds, uint64_t* passed,
                          float* scores) {
  size_t q = 0;
  for (; q + kQueries <= count; q += kQueries)
    score_group<kQueries>(panel, queries + q, thresholds + q, passed + q, scores + q * kPanelRows);
  for (; q + 2 <= count; q += 2) score_group<2>(panel, queries + q, thresholds + q, passed + q, scores + q * kPanelRows);
  if (q < count) score_group<1>(panel, queries + q, thresholds + q, passed + q, scores + q * kPanelRows);
}

HWY_ATTR void pack_panel(RowTable table, const uint32_t* indices, const float* scales, size_t count, size_t depth,
                         float* HWY_RESTRICT panel) {
  // A cache line of every row at a time, so that what is read and what is written stay near.
  constexpr size_t kLine = 16;
  for (size_t begin = 0; begin < depth; begin += kLine) {
    const size_t end = begin + kLine < depth ? begin + kLine : depth;
    for (size_t r = 0; r < count; ++r) hwy::Prefetch(table.rows + indices[r] * table.stride + begin);
    for (size_t k = begin; k < end; ++k) {
      const float* HWY_RESTRICT column = table.rows + k;
      float* HWY_RESTRICT packed = panel + k * kPanelRows;
      for (size_t r = 0; r < count; ++r) packed[r] = column[indices[r] * table.stride];
      for (size_t r = count; r < kPanelRows; ++r) packed[r] = 0;
      if (scales == nullptr) continue;
      for (size_t r = 0; r < count; ++r) packed[r] *= scales[r];
    }
  }
}

#else

void score_panel(const Panel&, const float* const*, size_t, const float*, uint64_t*, float*) {}
void pack_panel(RowTable, const uint32_t*, const float*, size_t, size_t, float*) {}

#endif

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lowrank {

namespace scalar {

void pack_panel(RowTable table, const std::uint32_t* indices, const float* scales, std::size_t count, std::size_t depth, float* panel) {
  for (std::size_t k = 0; k < depth; ++k) {
    for (std::size_t r = 0; r < kPanelRows; ++r) {
      const float value = r < count ? table.rows[indices[r] * table.stride + k] : 0;
      panel[k * kPanelRows + r] = r < count && scales != nullptr ? scales[r] * value : value;
    }
  }
}

void score_panel(const Panel& panel, const float* const* queries, std::size_t count, const float* thresholds, std::uint64_t* passed,
                 float* scores) {
  for (std::size_t q = 0; q < count; ++q) {
    float* own = scores + q * kPanelRows;
    for (std::size_t r = 0; r < kPanelRows; ++r) own[r] = 0;
    for (std::size_t k = 0; k < panel.depth; ++k) {
      for (std::size_t r = 0; r < kPanelRows; ++r) own[r] += queries[q][k] * panel.values[k * kPanelRows + r];
    }
    passed[q] = 0;
    for (std::size_t r = 0; r < kPanelRows; ++r) {
      own[r] += panel.offsets[r];
      if (own[r] >= thresholds[q]) passed[q] |= std::uint64_t{1} << r;
    }
  }
}

}  // namespace scalar

void pack_panel(RowTable table, const std::uint32_t* indices, const float* scales, std::size_t count, std::size_t depth, float* panel) {
  LOWRANK_KERNEL(pack_panel)(table, indices, scales, count, depth, panel);
}

void score_panel(const Panel& panel, const float* const* queries, std::size_t count, const float* thresholds, std::uint64_t* passed,
                 float* scores) {
  LOWRANK_KERNEL(score_panel)(panel, queries, count, thresholds, passed, scores);
}

}  // namespace lowrank

#endif
