#include "kernels/sparse_product.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/dispatch.h"

#ifndef LOWRANK_KERNELS_SPARSE_PRODUCT_PLACES
#define LOWRANK_KERNELS_SPARSE_PRODUCT_PLACES

namespace lowrank {

inline constexpr std::size_t kBytes = 256;
/// For each byte the places of its bits, ascending, then zeros.
inline constexpr std::array<std::uint8_t, kBytes* 8> kPlaces = [] {
  std::array<std::uint8_t, kBytes * 8> places{};
  for (std::size_t byte = 0; byte < kBytes; ++byte) {
    std::size_t count = 0;
    for (std::uint8_t bit = 0; bit < 8; ++bit) {
      if ((byte >> bit & 1U) != 0) places[8 * byte + count++] = bit;
    }
  }
  return places;
}();

/// 0, 1, 2 ... for the lanes of a vector.
alignas(64) inline constexpr std::uint32_t kCounting[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

}  // namespace lowrank

#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sparse_product.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// Scores of a vector of columns from `column` on, whose sums are cleared.
template <PairSums kKind>
HWY_INLINE HWY_ATTR V score_columns(const PairScore& score, size_t columns, size_t column, float* HWY_RESTRICT sums) {
  const D d;
  if constexpr (kKind == PairSums::moments) {
    V n = hn::Zero(d);
    V xy = n;
    V xx = n;
    V yy = n;
    hn::LoadInterleaved4(d, sums + 4 * column, n, xy, xx, yy);
    for (size_t k = 0; k < 4; ++k) hn::Store(hn::Zero(d), d, sums + 4 * column + k * hn::Lanes(d));
    const V others = hn::Sub(n, hn::Set(d, 1.0F));
    const V squares = hn::Mul(hn::Sqrt(xx), hn::Sqrt(yy));
    const V bottom = hn::Mul(squares, hn::Add(others, hn::Set(d, score.shrinkage)));
    return hn::IfThenElseZero(hn::Gt(bottom, hn::Zero(d)), hn::Div(hn::Mul(xy, others), bottom));
  } else {
    const V sum = hn::Load(d, sums + column);
    hn::Store(hn::Zero(d), d, sums + column);
    const V scaled = hn::Mul(sum, hn::Load(d, score.scales + column));
    if constexpr (kKind == PairSums::products) return scaled;
    const V n = hn::Load(d, sums + columns + column);
    hn::Store(hn::Zero(d), d, sums + columns + column);
    const V bottom = hn::Add(n, hn::Set(d, score.shrinkage));
    return hn::IfThenElseZero(hn::Gt(n, hn::Zero(d)), hn::Mul(scaled, hn::Div(n, bottom)));
  }
}

/// Writes the lanes of `values` that `passed` names, and their numbers. Whole vectors, of which the next ones overwrite the rest: masked
/// stores are slow on some processors. No branch: which lanes pass, nobody can foretell.
template <class Mask, class U>
HWY_INLINE HWY_ATTR size_t append(V values, U numbers, Mask passed, uint32_t* found, float* scores, size_t count) {
  const D d;
  const hn::RebindToUnsigned<D> du;
#if HWY_TARGET == HWY_AVX3
  hn::StoreU(hn::Compress(values, passed), d, scores + count);
  hn::StoreU(hn::Compress(numbers, hn::RebindMask(du, passed)), du, found + count);
#else
  // Of the library's own Compress some compilers copy the table at every call.
  uint64_t bits = 0;
  hn::StoreMaskBits(d, passed, reinterpret_cast<uint8_t*>(&bits));
  const auto places = hn::PromoteTo(du, hn::LoadU(hn::Rebind<uint8_t, D>(), kPlaces.data() + 8 * bits));
  hn::StoreU(hn::TableLookupLanes(values, hn::IndicesFromVec(d, places)), d, scores + count);
  hn::StoreU(hn::TableLookupLanes(numbers, hn::IndicesFromVec(du, places)), du, found + count);
#endif
  return count + hn::CountTrue(d, passed);
}

/// take_products() of the columns that share a mark. \return the number found until now
template <PairSums kKind>
HWY_INLINE HWY_ATTR size_t take_marked(const PairScore& score, size_t columns, size_t begin, float least, float* HWY_RESTRICT sums,
                                       uint32_t* HWY_RESTRICT found, float* HWY_RESTRICT scores, size_t count) {
  const D d;
  const hn::RebindToUnsigned<D> du;
  for (size_t k = 0; k < kMarkColumns; k += hn::Lanes(d)) {
    const V values = score_columns<kKind>(score, columns, begin + k, sums);
    const auto numbers = hn::Add(hn::Load(du, kCounting), hn::Set(du, static_cast<uint32_t>(begin + k)));
    count = append(values, numbers, hn::Ge(values, hn::Set(d, least)), found, scores, count);
  }
  return count;
}

/// The numbers of the marks that are set, which are cleared. \param places  room for `count` + 8 \return how many
HWY_INLINE HWY_ATTR size_t take_marks(uint8_t* HWY_RESTRICT marks, size_t count, uint16_t* HWY_RESTRICT places) {
  const hn::CappedTag<uint16_t, 8> d;
  const hn::Rebind<uint8_t, decltype(d)> du8;
  size_t taken = 0;
  for (size_t first = 0; first < count; first += 8) {
    uint64_t word = 0;
    std::memcpy(&word, marks + first, 8);
    if (word == 0) continue;
    std::memset(marks + first, 0, 8);
    // The lowest bit of each byte, side by side.
    const size_t bits = static_cast<size_t>((word * 0x0102040810204080U) >> 56U);
    const auto own = hn::PromoteTo(d, hn::LoadU(du8, kPlaces.data() + 8 * bits));
    hn::StoreU(hn::Add(own, hn::Set(d, static_cast<uint16_t>(first))), d, places + taken);
    taken += static_cast<size_t>(std::popcount(bits));
  }
  return taken;
}

template <PairSums kKind>
HWY_INLINE HWY_ATTR size_t take(const PairScore& score, size_t columns, float least, float* HWY_RESTRICT sums, uint8_t* HWY_RESTRICT marks,
                                uint32_t* HWY_RESTRICT found, float* HWY_RESTRICT scores) {
  size_t count = 0;
  if (marks == nullptr) {
    for (size_t begin = 0; begin < columns; begin += kMarkColumns)
      count = take_marked<kKind>(score, columns, begin, least, sums, found, scores, count);
    return count;
  }
  uint16_t places[kMostBlockColumns / kMarkColumns + 8];
  const size_t marked = take_marks(marks, columns / kMarkColumns, places);
  for (size_t n = 0; n < marked; ++n)
    count = take_marked<kKind>(score, columns, places[n] * kMarkColumns, least, sums, found, scores, count);
  return count;
}

HWY_ATTR size_t filter_scores(float least, size_t count, uint32_t* found, float* scores) {
  const D d;
  const hn::RebindToUnsigned<D> du;
  const size_t lanes = hn::Lanes(d);
  size_t kept = 0;
  size_t n = 0;
  // What is written never passes what is read next.
  for (; n + lanes <= count; n += lanes) {
    const V values = hn::LoadU(d, scores + n);
    kept = append(values, hn::LoadU(du, found + n), hn::Ge(values, hn::Set(d, least)), found, scores, kept);
  }
  for (; n < count; ++n) {
    if (!(scores[n] >= least)) continue;
    found[kept] = found[n];
    scores[kept++] = scores[n];
  }
  return kept;
}

HWY_ATTR size_t take_products(PairSums kind, const PairScore& score, size_t columns, float least, float* sums, uint8_t* marks,
                              uint32_t* found, float* scores) {
  switch (kind) {
    case PairSums::products:
      return take<PairSums::products>(score, columns, least, sums, marks, found, scores);
    case PairSums::counted:
      return take<PairSums::counted>(score, columns, least, sums, marks, found, scores);
    case PairSums::moments:
      break;
  }
  return take<PairSums::moments>(score, columns, least, sums, marks, found, scores);
}

#else

size_t take_products(PairSums, const PairScore&, size_t, float, float*, uint8_t*, uint32_t*, float*) { return 0; }
size_t filter_scores(float, size_t, uint32_t*, float*) { return 0; }

#endif

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lowrank {

namespace scalar {

float score_column(PairSums kind, const PairScore& score, std::size_t columns, std::size_t column, const float* sums) {
  if (kind == PairSums::moments) {
    const float* own = sums + 4 * column;
    const float others = own[0] - 1;
    const float bottom = std::sqrt(own[2]) * std::sqrt(own[3]) * (others + score.shrinkage);
    return bottom > 0 ? own[1] * others / bottom : 0;
  }
  const float scaled = sums[column] * score.scales[column];
  if (kind == PairSums::products) return scaled;
  const float n = sums[columns + column];
  return n > 0 ? scaled * (n / (n + score.shrinkage)) : 0;
}

std::size_t take_products(PairSums kind, const PairScore& score, std::size_t columns, float least, float* sums, std::uint8_t* marks,
                          std::uint32_t* found, float* scores) {
  std::size_t count = 0;
  for (std::size_t column = 0; column < columns; ++column) {
    const float value = score_column(kind, score, columns, column, sums);
    if (!(value >= least)) continue;
    scores[count] = value;
    found[count++] = static_cast<std::uint32_t>(column);
  }
  std::fill_n(sums, columns * sums_per_column(kind), 0.0F);
  if (marks != nullptr) std::fill_n(marks, columns / kMarkColumns, std::uint8_t{0});
  return count;
}

std::size_t filter_scores(float least, std::size_t count, std::uint32_t* found, float* scores) {
  std::size_t kept = 0;
  for (std::size_t n = 0; n < count; ++n) {
    if (!(scores[n] >= least)) continue;
    found[kept] = found[n];
    scores[kept++] = scores[n];
  }
  return kept;
}

}  // namespace scalar

namespace {

/// Rows come from anywhere; far enough ahead that memory answers meanwhile.
constexpr std::size_t kAhead = 4;

template <PairSums kKind, bool kMarks, bool kValues>
void add(const SparseBlock& block, const SparseColumn& column, const float* row_weights, std::size_t columns, float* __restrict sums,
         std::uint8_t* __restrict marks) {
  const std::uint32_t* __restrict const starts = block.starts;
  const std::uint16_t* __restrict const others = block.columns;
  const float* __restrict const values = block.values;
  const std::uint32_t* __restrict const rows = column.rows;
  const std::size_t count = column.count;
  for (std::size_t at = 0; at < count; ++at) {
    if (at + kAhead < count) {
      const std::uint32_t next = starts[rows[at + kAhead]];
      __builtin_prefetch(others + next);
      if constexpr (kValues) __builtin_prefetch(values + next);
    }
    const std::uint32_t row = rows[at];
    float x = column.values != nullptr ? column.values[at] : 1.0F;
    if (row_weights != nullptr) x *= row_weights[row];
    const std::uint32_t end = starts[row + 1];
    for (std::uint32_t n = starts[row]; n < end; ++n) {
      const std::size_t other = others[n];
      float y = 1;
      if constexpr (kValues) y = values[n];
      if constexpr (kKind == PairSums::moments) {
        float* own = sums + 4 * other;
        own[0] += 1;
        own[1] += x * y;
        own[2] += x * x;
        own[3] += y * y;
      } else {
        sums[other] += kValues ? x * y : x;
        if constexpr (kKind == PairSums::counted) sums[columns + other] += 1;
      }
      if constexpr (kMarks) marks[other / kMarkColumns] = 1;
    }
  }
}

template <PairSums kKind>
void add_some(const SparseBlock& block, const SparseColumn& column, const float* row_weights, std::size_t columns, float* sums,
              std::uint8_t* marks) {
  if (marks != nullptr) {
    block.values != nullptr ? add<kKind, true, true>(block, column, row_weights, columns, sums, marks)
                            : add<kKind, true, false>(block, column, row_weights, columns, sums, marks);
  } else {
    block.values != nullptr ? add<kKind, false, true>(block, column, row_weights, columns, sums, marks)
                            : add<kKind, false, false>(block, column, row_weights, columns, sums, marks);
  }
}

}  // namespace

void add_products(PairSums kind, const SparseBlock& block, const SparseColumn& column, const float* row_weights, std::size_t columns,
                  float* sums, std::uint8_t* marks) {
  switch (kind) {
    case PairSums::products:
      return add_some<PairSums::products>(block, column, row_weights, columns, sums, marks);
    case PairSums::counted:
      return add_some<PairSums::counted>(block, column, row_weights, columns, sums, marks);
    case PairSums::moments:
      return add_some<PairSums::moments>(block, column, row_weights, columns, sums, marks);
  }
}

std::size_t take_products(PairSums kind, const PairScore& score, std::size_t columns, float least, float* sums, std::uint8_t* marks,
                          std::uint32_t* found, float* scores) {
  return LOWRANK_KERNEL(take_products)(kind, score, columns, least, sums, marks, found, scores);
}

std::size_t filter_scores(float least, std::size_t count, std::uint32_t* found, float* scores) {
  return LOWRANK_KERNEL(filter_scores)(least, count, found, scores);
}

}  // namespace lowrank

#endif
