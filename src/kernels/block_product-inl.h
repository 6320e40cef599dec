// The register block of every dense product. Compiled once per target: for sources that are themselves compiled once per target, after
// hwy/highway.h.

#if defined(LOWRANK_BLOCK_PRODUCT_TOGGLE) == defined(HWY_TARGET_TOGGLE)
#ifdef LOWRANK_BLOCK_PRODUCT_TOGGLE
#undef LOWRANK_BLOCK_PRODUCT_TOGGLE
#else
#define LOWRANK_BLOCK_PRODUCT_TOGGLE
#endif

#include <hwy/highway.h>

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// How a product combines with the numbers at its destination.
enum class Into : unsigned char { fresh, add, subtract };

/// A block of 8 x 3 vectors fills 24 of 32 registers; where there are 16, a block of 4 x 3 leaves room for the factors.
#if HWY_TARGET <= HWY_AVX3
constexpr size_t kBlockRows = 8;
#else
constexpr size_t kBlockRows = 4;
#endif
constexpr size_t kBlockVectors = 3;
constexpr size_t kLanes = hn::MaxLanes(hn::ScalableTag<float>());

/// c[i][j] = (or += or -=) the sum over p < depth of a[i * row + p * step] * b[p * b_step + j], for kRows x (kVectors vectors) of c.
template <size_t kRows, size_t kVectors, Into kInto>
HWY_INLINE HWY_ATTR void block_product(const float* HWY_RESTRICT a, size_t row, size_t step, const float* HWY_RESTRICT b, size_t b_step,
                                       size_t depth, float* HWY_RESTRICT c, size_t c_row) {
  const hn::ScalableTag<float> d;
  hn::Vec<decltype(d)> sum[kRows][kVectors];
  for (size_t i = 0; i < kRows; ++i) {
    for (size_t j = 0; j < kVectors; ++j) sum[i][j] = kInto == Into::fresh ? hn::Zero(d) : hn::Load(d, c + i * c_row + j * kLanes);
  }
  for (size_t p = 0; p < depth; ++p) {
    hn::Vec<decltype(d)> v[kVectors];
    for (size_t j = 0; j < kVectors; ++j) v[j] = hn::Load(d, b + p * b_step + j * kLanes);
    for (size_t i = 0; i < kRows; ++i) {
      const auto factor = hn::Set(d, a[i * row + p * step]);
      for (size_t j = 0; j < kVectors; ++j) {
        sum[i][j] = kInto == Into::subtract ? hn::NegMulAdd(factor, v[j], sum[i][j]) : hn::MulAdd(factor, v[j], sum[i][j]);
      }
    }
  }
  for (size_t i = 0; i < kRows; ++i) {
    for (size_t j = 0; j < kVectors; ++j) hn::Store(sum[i][j], d, c + i * c_row + j * kLanes);
  }
}

/// The same for `columns` of c, a multiple of the lanes.
template <size_t kRows, Into kInto>
HWY_INLINE HWY_ATTR void strip_product(const float* HWY_RESTRICT a, size_t row, size_t step, const float* HWY_RESTRICT b, size_t b_step,
                                       size_t depth, float* HWY_RESTRICT c, size_t c_row, size_t columns) {
  size_t vectors = columns / kLanes;
  while (vectors > 0) {
    // 4 = 2 + 2 fills the registers better than 3 + 1.
    const size_t taken = vectors == 4 ? 2 : (vectors < kBlockVectors ? vectors : kBlockVectors);
    if (taken == 3) {
      block_product<kRows, 3, kInto>(a, row, step, b, b_step, depth, c, c_row);
    } else if (taken == 2) {
      block_product<kRows, 2, kInto>(a, row, step, b, b_step, depth, c, c_row);
    } else {
      block_product<kRows, 1, kInto>(a, row, step, b, b_step, depth, c, c_row);
    }
    b += taken * kLanes;
    c += taken * kLanes;
    vectors -= taken;
  }
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#endif
