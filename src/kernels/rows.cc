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

/// Number of rows by which prefetches run ahead: some 2 KiB.
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

HWY_ATTR void combine_rows(const RowTable& table, const uint32_t* rows, const RowTable& factors, const RowTable& addends,
                           const uint32_t* others, size_t count, size_t columns, float* out, size_t ld) {
  if (columns == 0) return;
  const hn::ScalableTag<float> d;
  const size_t ahead = rows_ahead(columns);
  for (size_t i = 0; i < ahead; ++i) prefetch(table, rows, count, columns, i);
  for (size_t i = 0; i < count; ++i) {
    prefetch(table, rows, count, columns, i + ahead);
    const float* from = table.rows + rows[i] * table.stride;
    const float* factor = factors.rows != nullptr ? factors.rows + others[i] * factors.stride : nullptr;
    const float* addend = addends.rows != nullptr ? addends.rows + others[i] * addends.stride : nullptr;
    float* to = out + i * ld;
    if (factor == nullptr && addend == nullptr) {
      for (size_t k = 0; k < columns; k += kLanes) hn::Store(hn::Load(d, from + k), d, to + k);
    } else if (factor == nullptr) {
      for (size_t k = 0; k < columns; k += kLanes) hn::Store(hn::Add(hn::Load(d, from + k), hn::Load(d, addend + k)), d, to + k);
    } else if (addend == nullptr) {
      for (size_t k = 0; k < columns; k += kLanes) hn::Store(hn::Mul(hn::Load(d, from + k), hn::Load(d, factor + k)), d, to + k);
    } else {
      for (size_t k = 0; k < columns; k += kLanes) {
        hn::Store(hn::MulAdd(hn::Load(d, from + k), hn::Load(d, factor + k), hn::Load(d, addend + k)), d, to + k);
      }
    }
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

/// Rows i to i + 3; past the end the last row again, which callers weigh with 0. \return the number of rows before the end
HWY_INLINE HWY_ATTR size_t four_rows(const RowTable& table, const uint32_t* rows, size_t count, size_t i, const float** row) {
  const size_t taken = count - i < 4 ? count - i : 4;
  for (size_t l = 0; l < 4; ++l) row[l] = table.rows + rows[i + (l < taken ? l : taken - 1)] * table.stride;
  return taken;
}

HWY_ATTR void gather_dots(const RowTable& table, const uint32_t* rows, size_t count, size_t columns, const float* x, float* products) {
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

HWY_ATTR void gather_axpy(const RowTable& table, const uint32_t* rows, size_t count, size_t columns, const float* weights, float* out) {
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

/// A running sum, in double, of vectors of four floats.
struct DoubleSum {
  using Pair = hn::Vec<hn::Full128<double>>;
  Pair low;
  Pair high;

  HWY_INLINE HWY_ATTR DoubleSum() : low(hn::Zero(hn::Full128<double>())), high(hn::Zero(hn::Full128<double>())) {}
  HWY_INLINE HWY_ATTR void add(FourFloats v) {
    const hn::Full128<double> d;
    const hn::Full64<float> half;
    low = hn::Add(low, hn::PromoteTo(d, hn::LowerHalf(half, v)));
    high = hn::Add(high, hn::PromoteTo(d, hn::UpperHalf(half, v)));
  }
  [[nodiscard]] HWY_INLINE HWY_ATTR double value() const {
    const hn::Full128<double> d;
    return hn::GetLane(hn::SumOfLanes(d, hn::Add(low, high)));
  }
};

/// Numbers i to i + 3 of an array, or ones where it is null; zeros past the end.
HWY_INLINE HWY_ATTR FourFloats four_numbers(const float* numbers, size_t i, size_t taken) {
  // Four single writes to memory and one read of all four would stall for longer than all the rest takes.
  alignas(32) static constexpr float kOnes[8] = {1, 1, 1, 1, 0, 0, 0, 0};
  const hn::CappedTag<float, 4> d4;
  if (numbers == nullptr) return hn::LoadU(d4, kOnes + 4 - taken);
  if (taken == 4) return hn::LoadU(d4, numbers + i);
  HWY_ALIGN float four[4] = {0, 0, 0, 0};
  for (size_t l = 0; l < taken; ++l) four[l] = numbers[i + l];
  return hn::Load(d4, four);
}

/// out += sum of factor_i * row i. factors(i, taken, dots) makes four factors of four products <row i, x>, zeros past the end. Each row is
/// read once; rows below `far` are prefetched. With kVectors > 0 `out` has kVectors vectors, which stay in registers; 0 is for any size.
template <size_t kVectors, class Factors>
HWY_INLINE HWY_ATTR void add_by_dots(const RowTable& table, const uint32_t* rows, size_t count, size_t far, size_t columns, const float* x,
                                     float* HWY_RESTRICT out, const Factors& factors) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 4> d4;
  const size_t ahead = rows_ahead(columns);
  HWY_ALIGN float factor[4];
  const float* row[4];
  if constexpr (kVectors == 0) {
    for (size_t i = 0; i < count; i += 4) {
      for (size_t l = 0; l < 4; ++l) prefetch(table, rows, far, columns, i + l + ahead);
      const size_t taken = four_rows(table, rows, count, i, row);
      hn::Store(factors(i, taken, four_dots(row, columns, x)), d4, factor);
      add_four(row, factor, columns, out);
    }
  } else {
    Floats total[kVectors];
    Floats v[kVectors];
    for (size_t k = 0; k < kVectors; ++k) {
      total[k] = hn::Load(d, out + k * kLanes);
      v[k] = hn::Load(d, x + k * kLanes);
    }
    for (size_t i = 0; i < count; i += 4) {
      for (size_t l = 0; l < 4; ++l) prefetch(table, rows, far, kVectors * kLanes, i + l + ahead);
      const size_t taken = four_rows(table, rows, count, i, row);
      Floats q[4][kVectors];
      Floats sum[4];
      for (size_t l = 0; l < 4; ++l) {
        q[l][0] = hn::Load(d, row[l]);
        sum[l] = hn::Mul(q[l][0], v[0]);
        for (size_t k = 1; k < kVectors; ++k) {
          q[l][k] = hn::Load(d, row[l] + k * kLanes);
          sum[l] = hn::MulAdd(q[l][k], v[k], sum[l]);
        }
      }
      hn::Store(factors(i, taken, sums(sum[0], sum[1], sum[2], sum[3])), d4, factor);
      const auto f0 = hn::Set(d, factor[0]);
      const auto f1 = hn::Set(d, factor[1]);
      const auto f2 = hn::Set(d, factor[2]);
      const auto f3 = hn::Set(d, factor[3]);
      for (size_t k = 0; k < kVectors; ++k) {
        const auto left = hn::MulAdd(f0, q[0][k], hn::Mul(f1, q[1][k]));
        const auto right = hn::MulAdd(f2, q[2][k], hn::Mul(f3, q[3][k]));
        total[k] = hn::Add(total[k], hn::Add(left, right));
      }
    }
    for (size_t k = 0; k < kVectors; ++k) hn::Store(total[k], d, out + k * kLanes);
  }
}

template <class Factors>
HWY_INLINE HWY_ATTR void add_by_dots_of(const RowTable& table, const uint32_t* rows, size_t count, size_t far, size_t columns,
                                        const float* x, float* HWY_RESTRICT out, const Factors& factors) {
  switch (columns / kLanes) {
    case 1:
      return add_by_dots<1>(table, rows, count, far, columns, x, out, factors);
    case 2:
      return add_by_dots<2>(table, rows, count, far, columns, x, out, factors);
    case 3:
      return add_by_dots<3>(table, rows, count, far, columns, x, out, factors);
    case 4:
      return add_by_dots<4>(table, rows, count, far, columns, x, out, factors);
    default:
      return add_by_dots<0>(table, rows, count, far, columns, x, out, factors);
  }
}

HWY_ATTR double add_normal_product(const RowTable& table, const uint32_t* rows, size_t count, size_t columns, const float* weights,
                                   const float* x, float shift, float* out) {
  const hn::CappedTag<float, 4> d4;
  const auto shifts = hn::Set(d4, shift);
  DoubleSum total;
  // The residual was computed from these rows: where they are few, they are still in the nearest cache.
  constexpr size_t kNearFloats = 6144;
  const size_t far = count * columns <= kNearFloats ? 0 : count;
  add_by_dots_of(table, rows, count, far, columns, x, out, [&](size_t i, size_t taken, FourFloats dots) HWY_ATTR {
    const auto factors = hn::Mul(hn::Add(dots, shifts), four_numbers(weights, i, taken));
    total.add(factors);
    return factors;
  });
  return total.value();
}

HWY_ATTR double normal_square(const RowTable& table, const uint32_t* rows, size_t count, size_t columns, const float* weights,
                              const float* x, float shift) {
  const hn::CappedTag<float, 4> d4;
  const auto shifts = hn::Set(d4, shift);
  const float* row[4];
  DoubleSum total;
  for (size_t i = 0; i < count; i += 4) {
    const size_t taken = four_rows(table, rows, count, i, row);
    const auto s = hn::Add(four_dots(row, columns, x), shifts);
    const auto square = hn::Mul(hn::Mul(s, s), four_numbers(weights, i, taken));
    total.add(square);
  }
  return total.value();
}

HWY_ATTR ErrorSums add_errors(const RowTable& table, const uint32_t* rows, size_t count, size_t columns, const float* weights,
                              const float* values, const float* x, float bias, float* out) {
  const hn::CappedTag<float, 4> d4;
  const auto shifts = hn::Set(d4, bias);
  DoubleSum errors;
  DoubleSum objective;
  add_by_dots_of(table, rows, count, count, columns, x, out, [&](size_t i, size_t taken, FourFloats dots) HWY_ATTR {
    const auto s = hn::Add(dots, shifts);
    const auto value = four_numbers(values, i, taken);
    const auto e = hn::NegMulAdd(four_numbers(weights, i, taken), s, value);
    errors.add(e);
    objective.add(hn::Mul(s, hn::Add(value, e)));
    return e;
  });
  return {errors.value(), -objective.value()};
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

void combine_rows(const RowTable& table, const std::uint32_t* rows, const RowTable& factors, const RowTable& addends,
                  const std::uint32_t* others, std::size_t count, std::size_t columns, float* out, std::size_t ld) {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < columns; ++k) {
      const float factor = factors.rows != nullptr ? factors.rows[others[i] * factors.stride + k] : 1.0F;
      const float addend = addends.rows != nullptr ? addends.rows[others[i] * addends.stride + k] : 0.0F;
      out[i * ld + k] = table.rows[rows[i] * table.stride + k] * factor + addend;
    }
  }
}

void gather_dots(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* x,
                 float* products) {
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = table.rows + rows[i] * table.stride;
    float sum = 0;
    for (std::size_t k = 0; k < columns; ++k) sum += row[k] * x[k];
    products[i] = sum;
  }
}

void gather_axpy(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
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

double normal_square(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                     const float* x, float shift) {
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = table.rows + rows[i] * table.stride;
    float s = shift;
    for (std::size_t k = 0; k < columns; ++k) s += row[k] * x[k];
    total += static_cast<double>(s * s * (weights != nullptr ? weights[i] : 1.0F));
  }
  return total;
}

ErrorSums add_errors(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                     const float* values, const float* x, float bias, float* out) {
  ErrorSums total;
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = table.rows + rows[i] * table.stride;
    float s = bias;
    for (std::size_t k = 0; k < columns; ++k) s += row[k] * x[k];
    const float value = values != nullptr ? values[i] : 1.0F;
    const float e = value - (weights != nullptr ? weights[i] : 1.0F) * s;
    total.errors += static_cast<double>(e);
    total.objective -= static_cast<double>(s * (value + e));
    for (std::size_t k = 0; k < columns; ++k) out[k] += e * row[k];
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

void combine_rows(const RowTable& table, const std::uint32_t* rows, const RowTable& factors, const RowTable& addends,
                  const std::uint32_t* others, std::size_t count, std::size_t columns, float* out, std::size_t ld) {
  LOWRANK_KERNEL(combine_rows)(table, rows, factors, addends, others, count, columns, out, ld);
}

void gather_dots(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* x,
                 float* products) {
  LOWRANK_KERNEL(gather_dots)(table, rows, count, columns, x, products);
}

void gather_axpy(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                 float* out) {
  LOWRANK_KERNEL(gather_axpy)(table, rows, count, columns, weights, out);
}

double add_normal_product(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                          const float* x, float shift, float* out) {
  return LOWRANK_KERNEL(add_normal_product)(table, rows, count, columns, weights, x, shift, out);
}

double normal_square(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                     const float* x, float shift) {
  return LOWRANK_KERNEL(normal_square)(table, rows, count, columns, weights, x, shift);
}

ErrorSums add_errors(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                     const float* values, const float* x, float bias, float* out) {
  return LOWRANK_KERNEL(add_errors)(table, rows, count, columns, weights, values, x, bias, out);
}

double add_residual(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                    const float* values, const float* x, float bias, double* out) {
  return LOWRANK_KERNEL(add_residual)(table, rows, count, columns, weights, values, x, bias, out);
}

}  // namespace lowrank

#endif
