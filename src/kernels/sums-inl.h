// Sums of the lanes of four vectors at once, and 4 x 4 transposes. Compiled once per target, as block_product-inl.h is.

#if defined(LOWRANK_SUMS_TOGGLE) == defined(HWY_TARGET_TOGGLE)
#ifdef LOWRANK_SUMS_TOGGLE
#undef LOWRANK_SUMS_TOGGLE
#else
#define LOWRANK_SUMS_TOGGLE
#endif

#include <hwy/highway.h>

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::Vec<hn::ScalableTag<float>>;
using FourFloats = hn::Vec<hn::CappedTag<float, 4>>;

/// Lane l is the sum of all lanes of vector l.
HWY_INLINE HWY_ATTR FourFloats sums(Floats v0, Floats v1, Floats v2, Floats v3) {
  const hn::ScalableTag<float> d;
  const hn::Repartition<double, decltype(d)> pairs;
  const Floats v01 = hn::Add(hn::InterleaveLower(d, v0, v1), hn::InterleaveUpper(d, v0, v1));
  const Floats v23 = hn::Add(hn::InterleaveLower(d, v2, v3), hn::InterleaveUpper(d, v2, v3));
  const auto p01 = hn::BitCast(pairs, v01);
  const auto p23 = hn::BitCast(pairs, v23);
  const Floats sum = hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, p01, p23)), hn::BitCast(d, hn::InterleaveUpper(pairs, p01, p23)));
  [[maybe_unused]] const hn::CappedTag<float, 4> d4;
#if HWY_TARGET <= HWY_AVX3
  const hn::Half<decltype(d)> half;
  const auto sum8 = hn::Add(hn::LowerHalf(half, sum), hn::UpperHalf(half, sum));
  return hn::Add(hn::LowerHalf(d4, sum8), hn::UpperHalf(d4, sum8));
#elif HWY_TARGET <= HWY_AVX2
  return hn::Add(hn::LowerHalf(d4, sum), hn::UpperHalf(d4, sum));
#else
  return sum;
#endif
}

/// to[j][i] = from[i][j] for 4 x 4 numbers, rows `from_row` and `to_row` floats apart.
HWY_INLINE HWY_ATTR void transpose_4x4(const float* HWY_RESTRICT from, size_t from_row, float* HWY_RESTRICT to, size_t to_row) {
  const hn::CappedTag<float, 4> d4;
  const hn::Repartition<double, decltype(d4)> pairs;
  const auto v0 = hn::Load(d4, from);
  const auto v1 = hn::Load(d4, from + from_row);
  const auto v2 = hn::Load(d4, from + 2 * from_row);
  const auto v3 = hn::Load(d4, from + 3 * from_row);
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d4, v0, v1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d4, v2, v3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d4, v0, v1));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d4, v2, v3));
  hn::Store(hn::BitCast(d4, hn::InterleaveLower(pairs, low01, low23)), d4, to);
  hn::Store(hn::BitCast(d4, hn::InterleaveUpper(pairs, low01, low23)), d4, to + to_row);
  hn::Store(hn::BitCast(d4, hn::InterleaveLower(pairs, high01, high23)), d4, to + 2 * to_row);
  hn::Store(hn::BitCast(d4, hn::InterleaveUpper(pairs, high01, high23)), d4, to + 3 * to_row);
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#endif
