// Sums of the lanes of four vectors at once. Compiled once per target, as block_product-inl.h is.

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

/// Lane l of every block of four lanes of the result is the sum of all lanes of vector l.
HWY_INLINE HWY_ATTR Floats sums(Floats v0, Floats v1, Floats v2, Floats v3) {
  const hn::ScalableTag<float> d;
  const hn::Repartition<double, decltype(d)> pairs;
  const Floats v01 = hn::Add(hn::InterleaveLower(d, v0, v1), hn::InterleaveUpper(d, v0, v1));
  const Floats v23 = hn::Add(hn::InterleaveLower(d, v2, v3), hn::InterleaveUpper(d, v2, v3));
  const auto p01 = hn::BitCast(pairs, v01);
  const auto p23 = hn::BitCast(pairs, v23);
  Floats sum = hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, p01, p23)), hn::BitCast(d, hn::InterleaveUpper(pairs, p01, p23)));
#if HWY_TARGET <= HWY_AVX2
  sum = hn::Add(sum, hn::SwapAdjacentBlocks(sum));
#endif
#if HWY_TARGET <= HWY_AVX3
  sum = hn::Add(sum, hn::ReverseBlocks(d, sum));
#endif
  return sum;
}

/// The first four lanes.
HWY_INLINE HWY_ATTR FourFloats first_four(Floats v) {
#if HWY_TARGET <= HWY_AVX3
  return hn::LowerHalf(hn::LowerHalf(v));
#elif HWY_TARGET <= HWY_AVX2
  return hn::LowerHalf(v);
#else
  return v;
#endif
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#endif
