#include "kernels/gram.h"

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gram.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/highway.h>

#include "kernels/block_product-inl.h"
#include "kernels/sums-inl.h"

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {

HWY_ATTR void add_gram(const float* left, const float* right, size_t ld, size_t count, size_t columns, float* a, size_t lda) {
  for (size_t i = 0; i < columns; i += kBlockRows) {
    const size_t j = i / kLanes * kLanes;
    strip_product<kBlockRows, Into::add>(left + i, 1, ld, right + j, ld, count, a + i * lda + j, lda, columns - j);
  }
}

/// Columns [0, width) of one panel of products: products = (or +=) rows b.
template <Into kInto>
HWY_INLINE HWY_ATTR void multiply_panel(const float* rows, size_t ld, size_t count, size_t depth, const float* b, size_t width,
                                        float* products, size_t ldp) {
  size_t i = 0;
  for (; i + kBlockRows <= count; i += kBlockRows) {
    strip_product<kBlockRows, kInto>(rows + i * ld, ld, 1, b, kPanelColumns, depth, products + i * ldp, ldp, width);
  }
  for (; i < count; ++i) strip_product<1, kInto>(rows + i * ld, ld, 1, b, kPanelColumns, depth, products + i * ldp, ldp, width);
}

HWY_ATTR void multiply_rows(const float* rows, size_t ld, size_t count, size_t depth, const float* b, size_t columns, float* products,
                            size_t ldp) {
  // kDepth rows of a panel are 24 KiB: they stay in the nearest cache while all rows pass.
  constexpr size_t kDepth = 128;
  for (size_t j = 0; j < columns; j += kPanelColumns) {
    const size_t width = columns - j < kPanelColumns ? columns - j : kPanelColumns;
    const float* panel = b + j * depth;
    multiply_panel<Into::fresh>(rows, ld, count, depth < kDepth ? depth : kDepth, panel, width, products + j, ldp);
    for (size_t p = kDepth; p < depth; p += kDepth) {
      const size_t deep = depth - p < kDepth ? depth - p : kDepth;
      multiply_panel<Into::add>(rows + p, ld, count, deep, panel + p * kPanelColumns, width, products + j, ldp);
    }
  }
}

#if HWY_TARGET <= HWY_AVX3
constexpr size_t kPairRows = 4;
#else
constexpr size_t kPairRows = 2;
#endif

/// kPairRows x 4 dot products.
HWY_INLINE HWY_ATTR void pair_block(const float* HWY_RESTRICT left, const float* HWY_RESTRICT right, size_t ld, size_t columns,
                                    float* HWY_RESTRICT a, size_t lda) {
  const hn::ScalableTag<float> d;
  hn::Vec<decltype(d)> sum[kPairRows][4];
  for (auto& row : sum) {
    for (auto& v : row) v = hn::Zero(d);
  }
  for (size_t k = 0; k < columns; k += kLanes) {
    hn::Vec<decltype(d)> r[4];
    for (size_t j = 0; j < 4; ++j) r[j] = hn::Load(d, right + j * ld + k);
    for (size_t i = 0; i < kPairRows; ++i) {
      const auto l = hn::Load(d, left + i * ld + k);
      for (size_t j = 0; j < 4; ++j) sum[i][j] = hn::MulAdd(l, r[j], sum[i][j]);
    }
  }
  const hn::CappedTag<float, 4> d4;
  for (size_t i = 0; i < kPairRows; ++i) hn::StoreU(sums(sum[i][0], sum[i][1], sum[i][2], sum[i][3]), d4, a + i * lda);
}

HWY_ATTR void row_gram(const float* rows, size_t ld, size_t count, size_t columns, float* a, size_t lda) {
  for (size_t i = 0; i < count; i += kPairRows) {
    for (size_t j = i / 4 * 4; j < count; j += 4) pair_block(rows + i * ld, rows + j * ld, ld, columns, a + i * lda + j, lda);
  }
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#if HWY_ONCE

namespace lowrank {

namespace scalar {

void add_gram(const float* left, const float* right, std::size_t ld, std::size_t count, std::size_t columns, float* a, std::size_t lda) {
  for (std::size_t p = 0; p < count; ++p) {
    for (std::size_t i = 0; i < columns; ++i) {
      for (std::size_t j = i; j < columns; ++j) a[i * lda + j] += left[p * ld + i] * right[p * ld + j];
    }
  }
}

void multiply_rows(const float* rows, std::size_t ld, std::size_t count, std::size_t depth, const float* b, std::size_t columns,
                   float* products, std::size_t ldp) {
  for (std::size_t i = 0; i < count; ++i) {
    float* to = products + i * ldp;
    for (std::size_t j = 0; j < columns; ++j) to[j] = 0;
    for (std::size_t p = 0; p < depth; ++p) {
      for (std::size_t j = 0; j < columns; ++j) to[j] += rows[i * ld + p] * b[place_in_panels(depth, p, j)];
    }
  }
}

void row_gram(const float* rows, std::size_t ld, std::size_t count, std::size_t columns, float* a, std::size_t lda) {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i; j < count; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < columns; ++k) sum += rows[i * ld + k] * rows[j * ld + k];
      a[i * lda + j] = sum;
    }
  }
}

}  // namespace scalar

void add_gram(const float* left, const float* right, std::size_t ld, std::size_t count, std::size_t columns, float* a, std::size_t lda) {
  LOWRANK_KERNEL(add_gram)(left, right, ld, count, columns, a, lda);
}

void multiply_rows(const float* rows, std::size_t ld, std::size_t count, std::size_t depth, const float* b, std::size_t columns,
                   float* products, std::size_t ldp) {
  LOWRANK_KERNEL(multiply_rows)(rows, ld, count, depth, b, columns, products, ldp);
}

void row_gram(const float* rows, std::size_t ld, std::size_t count, std::size_t columns, float* a, std::size_t lda) {
  LOWRANK_KERNEL(row_gram)(rows, ld, count, columns, a, lda);
}

}  // namespace lowrank

#endif
