#include "kernels/rows.h"

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rows.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/block_product-inl.h"
#include "kernels/sums-inl.h"

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {

/// How many rows ahead memory is asked: some 2 KiB.
HWY_INLINE HWY_ATTR size_t rows_ahead(size_t columns) { return columns >= 512 ? 2 : 4 + 512 / columns; }

HWY_INLINE HWY_ATTR void prefetch(const RowTable& table, const uint32_t* rows, size_t count, size_t columns, size_t row) {
  if (row >= count) return;
  const float* next = table.rows + rows[row] * table.stride;
  for (size_t k = 0; k < columns; k += 16) hwy::Prefetch(next + k);
}

HWY_ATTR void gather_rows(const RowTable& table, const uint32_t* rows, size_t count, size_t columns, const float* row_scale,
                          const float* column_scale, float* tile, size_t ld) {
  const hn::ScalableTag<float> d;
  const size_t ahead = rows_ahead(columns);
  for (size_t i = 0; i < ahead; ++i) prefetch(table, rows, count, columns, i);
  for (size_t i = 0; i < count; ++i) {
    prefetch(table, rows, count, columns, i + ahead);
    const float* from = table.rows + rows[i] * table.stride;
    float* to = tile + i * ld;
    const auto scale = hn::Set(d, row_scale != nullptr ? row_scale[i] : 1.0F);
    if (column_scale != nullptr) {
      for (size_t k = 0; k < columns; k += kLanes) {
        hn::Store(hn::Mul(hn::Mul(hn::Load(d, from + k), hn::Load(d, column_scale + k)), scale), d, to + k);
      }
    } else {
      for (size_t k = 0; k < columns; k += kLanes) hn::Store(hn::Mul(hn::Load(d, from + k), scale), d, to + k);
    }
  }
  for (size_t i = count; i < (count + 3) / 4 * 4; ++i) {
    for (size_t k = 0; k < columns; k += kLanes) hn::Store(hn::Zero(d), d, tile + i * ld + k);
  }
}

/// Four dot products at once: lane l is that of row l.
HWY_INLINE HWY_ATTR FourFloats four_dots(const float* const* row, size_t columns, const float* x) {
  const hn::ScalableTag<float> d;
  Floats sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  for (size_t k = 0; k < columns; k += kLanes) {
    const auto v = hn::Load(d, x + k);
    for (size_t l = 0; l < 4; ++l) sum[l] = hn::MulAdd(hn::Load(d, row[l] + k), v, sum[l]);
  }
  return sums(sum[0], sum[1], sum[2], sum[3]);
}

/// out += factor[0] * row 0 + ... + factor[3] * row 3.
HWY_INLINE HWY_ATTR void add_four(const float* const* row, const float* factor, size_t columns, float* HWY_RESTRICT out) {
  const hn::ScalableTag<float> d;
  const auto f0 = hn::Set(d, factor[0]);
  const auto f1 = hn::Set(d, factor[1]);
  const auto f2 = hn::Set(d, factor[2]);
  const auto f3 = hn::Set(d, factor[3]);
  for (size_t k = 0; k < columns; k += kLanes) {
    const auto left = hn::MulAdd(f0, hn::Load(d, row[0] + k), hn::Mul(f1, hn::Load(d, row[1] + k)));
    const auto right = hn::MulAdd(f2, hn::Load(d, row[2] + k), hn::Mul(f3, hn::Load(d, row[3] + k)));
    hn::Store(hn::Add(hn::Load(d, out + k), hn::Add(left, right)), d, out + k);
  }
}

/// Rows i to i + 3; those past the end stand for the last one, and count for nothing.
HWY_INLINE HWY_ATTR size_t four_rows(const RowTable& table, const uint32_t* rows, size_t count, size_t i, const float** row) {
  const size_t taken = count - i < 4 ? count - i : 4;
  for (size_t l = 0; l < 4; ++l) row[l] = table.rows + rows[i + (l < taken ? l : taken - 1)] * table.stride;
  return taken;
}

HWY_ATTR void multiply_picked(const RowTable& table, const uint32_t* rows, size_t count, size_t columns, const float* x, float* products) {
  const hn::CappedTag<float, 4> d4;
  const size_t ahead = rows_ahead(columns);
  HWY_ALIGN float dots[4];
  const float* row[4];
  for (size_t i = 0; i < count; i += 4) {
    for (size_t l = 0; l < 4; ++l) prefetch(table, rows, count, columns, i + l + ahead);
    const size_t taken = four_rows(table, rows, count, i, row);
    hn::Store(four_dots(row, columns, x), d4, dots);
    for (size_t l = 0; l < taken; ++l) products[i + l] = dots[l];
  }
}

HWY_ATTR void add_picked(const RowTable& table, const uint32_t* rows, size_t count, size_t columns, const float* weights, float* out) {
  const size_t ahead = rows_ahead(columns);
  const float* row[4];
  for (size_t i = 0; i < count; i += 4) {
    for (size_t l = 0; l < 4; ++l) prefetch(table, rows, count, columns, i + l + ahead);
    const size_t taken = four_rows(table, rows, count, i, row);
    float factor[4] = {0, 0, 0, 0};
    for (size_t l = 0; l < taken; ++l) factor[l] = weights != nullptr ? weights[i + l] : 1.0F;
    add_four(row, factor, columns, out);
  }
}

HWY_ATTR double add_normal_product(const RowTable& table, const uint32_t* rows, size_t count, size_t columns, const float* weights,
                                   const float* x, float shift, float* out) {
  const hn::CappedTag<float, 4> d4;
  const size_t ahead = rows_ahead(columns);
  HWY_ALIGN float dots[4];
  const float* row[4];
  double total = 0;
  for (size_t i = 0; i < count; i += 4) {
    for (size_t l = 0; l < 4; ++l) prefetch(table, rows, count, columns, i + l + ahead);
    const size_t taken = four_rows(table, rows, count, i, row);
    hn::Store(four_dots(row, columns, x), d4, dots);
    for (size_t l = 0; l < 4; ++l) {
      dots[l] = l < taken ? (dots[l] + shift) * (weights != nullptr ? weights[i + l] : 1.0F) : 0.0F;
      total += static_cast<double>(dots[l]);
    }
    add_four(row, dots, columns, out);
  }
  return total;
}

HWY_ATTR double add_residual(const RowTable& table, const uint32_t* rows, size_t count, size_t columns, const float* weights,
                             const float* values, const float* x, float bias, double* out) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> half;
  const size_t lanes = hn::Lanes(d);
  double total = 0;
  for (size_t i = 0; i < count; ++i) {
    const float* row = table.rows + rows[i] * table.stride;
    auto sum0 = hn::Zero(d);
    auto sum1 = hn::Zero(d);
    for (size_t k = 0; k < columns; k += 2 * lanes) {
      sum0 = hn::MulAdd(hn::PromoteTo(d, hn::Load(half, row + k)), hn::PromoteTo(d, hn::Load(half, x + k)), sum0);
      sum1 = hn::MulAdd(hn::PromoteTo(d, hn::Load(half, row + k + lanes)), hn::PromoteTo(d, hn::Load(half, x + k + lanes)), sum1);
    }
    const double product = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1))) + static_cast<double>(bias);
    const double value = values != nullptr ? static_cast<double>(values[i]) : 1.0;
    const double e = value - (weights != nullptr ? static_cast<double>(weights[i]) : 1.0) * product;
    total += e;
    const auto factor = hn::Set(d, e);
    for (size_t k = 0; k < columns; k += lanes) {
      hn::StoreU(hn::MulAdd(factor, hn::PromoteTo(d, hn::Load(half, row + k)), hn::LoadU(d, out + k)), d, out + k);
    }
  }
  return total;
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#if HWY_ONCE

namespace lowrank {

namespace scalar {

void gather_rows(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* row_scale,
                 const float* column_scale, float* tile, std::size_t ld) {
  for (std::size_t i = 0; i < count; ++i) {
    const float scale = row_scale != nullptr ? row_scale[i] : 1.0F;
    for (std::size_t k = 0; k < columns; ++k) {
      tile[i * ld + k] = table.rows[rows[i] * table.stride + k] * (column_scale != nullptr ? column_scale[k] : 1.0F) * scale;
    }
  }
  for (std::size_t i = count; i < (count + 3) / 4 * 4; ++i) {
    for (std::size_t k = 0; k < columns; ++k) tile[i * ld + k] = 0;
  }
}

void multiply_picked(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* x,
                     float* products) {
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = table.rows + rows[i] * table.stride;
    float sum = 0;
    for (std::size_t k = 0; k < columns; ++k) sum += row[k] * x[k];
    products[i] = sum;
  }
}

void add_picked(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = table.rows + rows[i] * table.stride;
    const float weight = weights != nullptr ? weights[i] : 1.0F;
    for (std::size_t k = 0; k < columns; ++k) out[k] += weight * row[k];
  }
}

double add_normal_product(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                          const float* x, float shift, float* out) {
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = table.rows + rows[i] * table.stride;
    float sum = shift;
    for (std::size_t k = 0; k < columns; ++k) sum += row[k] * x[k];
    sum *= weights != nullptr ? weights[i] : 1.0F;
    total += static_cast<double>(sum);
    for (std::size_t k = 0; k < columns; ++k) out[k] += sum * row[k];
  }
  return total;
}

double add_residual(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                    const float* values, const float* x, float bias, double* out) {
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = table.rows + rows[i] * table.stride;
    double product = static_cast<double>(bias);
    for (std::size_t k = 0; k < columns; ++k) product += static_cast<double>(row[k]) * static_cast<double>(x[k]);
    const double value = values != nullptr ? static_cast<double>(values[i]) : 1.0;
    const double e = value - (weights != nullptr ? static_cast<double>(weights[i]) : 1.0) * product;
    total += e;
    for (std::size_t k = 0; k < columns; ++k) out[k] += e * static_cast<double>(row[k]);
  }
  return total;
}

}  // namespace scalar

void gather_rows(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* row_scale,
                 const float* column_scale, float* tile, std::size_t ld) {
  LOWRANK_KERNEL(gather_rows)(table, rows, count, columns, row_scale, column_scale, tile, ld);
}

void multiply_picked(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* x,
                     float* products) {
  LOWRANK_KERNEL(multiply_picked)(table, rows, count, columns, x, products);
}

void add_picked(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                float* out) {
  LOWRANK_KERNEL(add_picked)(table, rows, count, columns, weights, out);
}

double add_normal_product(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                          const float* x, float shift, float* out) {
  return LOWRANK_KERNEL(add_normal_product)(table, rows, count, columns, weights, x, shift, out);
}

double add_residual(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                    const float* values, const float* x, float bias, double* out) {
  return LOWRANK_KERNEL(add_residual)(table, rows, count, columns, weights, values, x, bias, out);
}

}  // namespace lowrank

#endif
