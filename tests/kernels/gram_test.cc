#include "kernels/gram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "kernels/aligned.h"
#include "kernels/levels.h"
#include "kernels/rows.h"

namespace lowrank {
namespace {

class Gram : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, Gram, testing::ValuesIn(available_simd_levels()), level_name);

AlignedFloats normals(std::size_t size, std::uint64_t seed) {
  RandomStream random(seed, Purpose::user_factors);
  AlignedFloats values(size);
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

TEST_P(Gram, AddsTheSumOfOuterProducts) {
  for (const std::size_t columns : {16U, 32U, 48U, 64U, 80U, 112U}) {
    for (const std::size_t count : {0U, 1U, 2U, 7U, 40U}) {
      const std::size_t ld = columns + 16;
      const AlignedFloats left = normals(count * ld, 1);
      const AlignedFloats right = normals(count * ld, 2);
      const AlignedFloats before = normals(columns * ld, 3);
      AlignedFloats a = before;
      add_gram(left.data(), right.data(), ld, count, columns, a.data(), ld);
      for (std::size_t i = 0; i < columns; ++i) {
        for (std::size_t j = i; j < columns; ++j) {
          double sum = double{before[i * ld + j]};
          for (std::size_t p = 0; p < count; ++p) sum += double{left[p * ld + i]} * double{right[p * ld + j]};
          ASSERT_NEAR(double{a[i * ld + j]}, sum, 1e-5 * (1 + static_cast<double>(count))) << columns << " " << count;
        }
        for (std::size_t j = columns; j < ld; ++j) ASSERT_EQ(a[i * ld + j], before[i * ld + j]) << "wrote beyond the columns";
      }
    }
  }
}

TEST_P(Gram, MultipliesRows) {
  for (const std::size_t columns : {16U, 48U, 64U, 112U}) {
    for (const std::size_t count : {0U, 1U, 7U, 8U, 21U}) {
      for (const std::size_t depth : {0U, 1U, 13U, 64U, 300U}) {
        const std::size_t ld = 304;
        const AlignedFloats rows = normals(count * ld, 1);
        const AlignedFloats b = normals(panels_size(depth, columns), 2);
        AlignedFloats products(count * columns + 16, -7.0F);
        multiply_rows(rows.data(), ld, count, depth, b.data(), columns, products.data(), columns);
        for (std::size_t i = 0; i < count; ++i) {
          for (std::size_t j = 0; j < columns; ++j) {
            double sum = 0;
            for (std::size_t p = 0; p < depth; ++p) sum += double{rows[i * ld + p]} * double{b[place_in_panels(depth, p, j)]};
            ASSERT_NEAR(double{products[i * columns + j]}, sum, 1e-4);
          }
        }
        ASSERT_EQ(products[count * columns], -7.0F) << "wrote beyond the rows";
      }
    }
  }
}

TEST_P(Gram, HasTheProductOfEveryPairOfRows) {
  for (const std::size_t columns : {16U, 64U, 80U}) {
    for (std::size_t count = 0; count <= 21; ++count) {
      const std::size_t ld = columns + 16;
      const AlignedFloats rows = normals((count + 4) * ld, 5);
      const std::size_t lda = padded(count) + 16;
      AlignedFloats a((count + 4) * lda);
      row_gram(rows.data(), ld, count, columns, a.data(), lda);
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t j = i; j < count; ++j) {
          double sum = 0;
          for (std::size_t k = 0; k < columns; ++k) sum += double{rows[i * ld + k]} * double{rows[j * ld + k]};
          ASSERT_NEAR(double{a[i * lda + j]}, sum, 1e-4);
        }
      }
    }
  }
}

class PickedRows : public AtEveryLevel {
 protected:
  static constexpr std::size_t kColumns = 48;
  static constexpr std::size_t kStride = 64;
  static constexpr std::size_t kTableRows = 30;
  const AlignedFloats numbers_ = normals(kTableRows * kStride, 1);
  const RowTable table_{numbers_.data(), kStride};
  const AlignedFloats x_ = normals(kColumns, 2);
  const AlignedFloats weights_ = normals(30, 3);

  static std::vector<std::uint32_t> some_rows(std::size_t count) {
    std::vector<std::uint32_t> rows(count);
    for (std::size_t i = 0; i < count; ++i) rows[i] = static_cast<std::uint32_t>((7 * i + 3) % kTableRows);
    return rows;
  }
  [[nodiscard]] double at(std::uint32_t row, std::size_t column) const { return double{numbers_[row * kStride + column]}; }
  [[nodiscard]] double dot_x(std::uint32_t row) const {
    double sum = 0;
    for (std::size_t k = 0; k < kColumns; ++k) sum += at(row, k) * double{x_[k]};
    return sum;
  }
};
INSTANTIATE_TEST_SUITE_P(Levels, PickedRows, testing::ValuesIn(available_simd_levels()), level_name);

TEST_P(PickedRows, AreGatheredAndScaled) {
  for (std::size_t count = 0; count <= 9; ++count) {
    const std::vector<std::uint32_t> rows = some_rows(count);
    for (const float* row_scale : {static_cast<const float*>(nullptr), weights_.data()}) {
      for (const float* column_scale : {static_cast<const float*>(nullptr), x_.data()}) {
        AlignedFloats tile(12 * kStride, 5.0F);
        gather_rows(table_, rows.data(), count, kColumns, row_scale, column_scale, tile.data(), kStride);
        for (std::size_t i = 0; i < 12; ++i) {
          for (std::size_t k = 0; k < kColumns; ++k) {
            double expected = i < (count + 3) / 4 * 4 ? 0 : 5;
            if (i < count) {
              expected = at(rows[i], k) * (row_scale != nullptr ? double{row_scale[i]} : 1) *
                         (column_scale != nullptr ? double{column_scale[k]} : 1);
            }
            ASSERT_NEAR(double{tile[i * kStride + k]}, expected, 1e-5);
          }
        }
      }
    }
  }
}

TEST_P(PickedRows, AreMultipliedAndAdded) {
  for (std::size_t count = 0; count <= 30; ++count) {
    const std::vector<std::uint32_t> rows = some_rows(count);
    for (const float* weights : {static_cast<const float*>(nullptr), weights_.data()}) {
      const auto weight = [&](std::size_t i) { return weights != nullptr ? double{weights[i]} : 1.0; };
      std::vector<float> products(count + 1, 9.0F);
      multiply_picked(table_, rows.data(), count, kColumns, x_.data(), products.data());
      for (std::size_t i = 0; i < count; ++i) ASSERT_NEAR(double{products[i]}, dot_x(rows[i]), 1e-4);
      ASSERT_EQ(products[count], 9.0F);

      AlignedFloats sum(kColumns, 1.0F);
      add_picked(table_, rows.data(), count, kColumns, weights, sum.data());
      AlignedFloats normal(kColumns, 1.0F);
      const double total = add_normal_product(table_, rows.data(), count, kColumns, weights, x_.data(), 0.5F, normal.data());
      double expected_total = 0;
      for (std::size_t i = 0; i < count; ++i) expected_total += weight(i) * (dot_x(rows[i]) + 0.5);
      ASSERT_NEAR(total, expected_total, 1e-3);
      for (std::size_t k = 0; k < kColumns; ++k) {
        double expected = 1;
        double expected_normal = 1;
        for (std::size_t i = 0; i < count; ++i) {
          expected += weight(i) * at(rows[i], k);
          expected_normal += weight(i) * (dot_x(rows[i]) + 0.5) * at(rows[i], k);
        }
        ASSERT_NEAR(double{sum[k]}, expected, 1e-4);
        ASSERT_NEAR(double{normal[k]}, expected_normal, 1e-3);
      }
    }
  }
}

}  // namespace
}  // namespace lowrank
