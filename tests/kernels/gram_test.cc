#include "kernels/gram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "kernels/aligned.h"
#include "kernels/levels.h"
#include "kernels/rows.h"
#include "kernels/tile_sums.h"

namespace lowrank::gram_test {
namespace {

class Gram : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, Gram, testing::ValuesIn(available_simd_levels()), level_name);

AlignedVector normals(std::size_t size, std::uint64_t seed) {
  RandomStream random(seed, Purpose::user_factors);
  AlignedVector values(size);
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

TEST_P(Gram, AddsTheSumOfOuterProducts) {
  for (const std::size_t columns : {16U, 32U, 48U, 64U, 80U, 112U}) {
    for (const std::size_t count : {0U, 1U, 2U, 7U, 40U}) {
      const std::size_t ld = columns + 16;
      const AlignedVector left = normals(count * ld, 1);
      const AlignedVector right = normals(count * ld, 2);
      const AlignedVector before = normals(columns * ld, 3);
      AlignedVector a = before;
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
        const AlignedVector rows = normals(count * ld, 1);
        const AlignedVector b = normals(panels_size(depth, columns), 2);
        AlignedVector products(count * columns + 16, -7.0F);
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
      const AlignedVector rows = normals((count + 4) * ld, 5);
      const std::size_t lda = row_stride(count) + 16;
      AlignedVector a((count + 4) * lda);
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
  static constexpr std::size_t kColumns = 80;
  static constexpr std::size_t kStride = 96;
  static constexpr std::size_t kTableRows = 30;
  const AlignedVector numbers_ = normals(kTableRows * kStride, 1);
  const RowTable table_{numbers_.data(), kStride};
  const AlignedVector x_ = normals(kColumns, 2);
  const AlignedVector weights_ = normals(30, 3);

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
        AlignedVector tile(12 * kStride, 5.0F);
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

TEST_P(PickedRows, AreCombinedWithOthers) {
  const std::vector<std::uint32_t> rows = some_rows(9);
  const std::uint32_t others[] = {2, 0, 1, 1, 2, 0, 0, 2, 1};
  const AlignedVector factors = normals(3 * kColumns, 4);
  const AlignedVector addends = normals(3 * kStride, 5);
  float untouched = 7;
  combine_rows({nullptr, 0}, rows.data(), {nullptr, 0}, {nullptr, 0}, others, rows.size(), 0, &untouched, 0);
  EXPECT_EQ(untouched, 7);
  for (const bool scaled : {false, true}) {
    for (const bool added : {false, true}) {
      AlignedVector out(10 * kStride, 5.0F);
      combine_rows(table_, rows.data(), {scaled ? factors.data() : nullptr, kColumns}, {added ? addends.data() : nullptr, kStride}, others,
                   rows.size(), kColumns, out.data(), kStride);
      for (std::size_t i = 0; i < 10; ++i) {
        for (std::size_t k = 0; k < kStride; ++k) {
          double expected = 5;
          if (i < rows.size() && k < kColumns) {
            expected = at(rows[i], k) * (scaled ? double{factors[others[i] * kColumns + k]} : 1) +
                       (added ? double{addends[others[i] * kStride + k]} : 0);
          }
          ASSERT_NEAR(double{out[i * kStride + k]}, expected, 1e-5);
        }
      }
    }
  }
}

TEST_P(PickedRows, OfATileAreAddedTwice) {
  for (std::size_t count = 0; count <= 9; ++count) {
    for (const float* second : {static_cast<const float*>(nullptr), weights_.data()}) {
      AlignedVector sums = normals(2 * kColumns, 6);
      const AlignedVector before = sums;
      add_tile_sums(numbers_.data(), kStride, count, kColumns, x_.data(), second, sums.data(), sums.data() + kColumns);
      for (std::size_t k = 0; k < kColumns; ++k) {
        double one = double{before[k]};
        double two = double{before[kColumns + k]};
        for (std::uint32_t i = 0; i < count; ++i) {
          one += double{x_[i]} * at(i, k);
          two += (second != nullptr ? double{second[i]} : 1) * at(i, k);
        }
        ASSERT_NEAR(double{sums[k]}, one, 1e-4);
        ASSERT_NEAR(double{sums[kColumns + k]}, two, 1e-4);
      }
    }
  }
}

TEST_P(PickedRows, HaveRootsOfTheirWeights) {
  for (std::size_t count = 0; count <= 17; ++count) {
    for (const bool weighted : {false, true}) {
      std::vector<float> weights(count);
      for (std::size_t i = 0; i < count; ++i) weights[i] = std::abs(weights_[i]) + 0.01F;
      std::vector<float> roots(count + 1, 9.0F);
      std::vector<float> targets(count + 1, 9.0F);
      const WeightSums sums = take_roots(weighted ? weights.data() : nullptr, x_.data(), count, roots.data(), targets.data());
      double all = 0;
      double products = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const double weight = weighted ? double{weights[i]} : 1;
        all += weight;
        products += weight * double{x_[i]};
        ASSERT_NEAR(double{roots[i]}, std::sqrt(weight), 1e-6);
        ASSERT_NEAR(double{targets[i]}, std::sqrt(weight) * double{x_[i]}, 1e-5);
      }
      ASSERT_NEAR(sums.weights, all, 1e-5);
      ASSERT_NEAR(sums.values, products, 1e-5);
      ASSERT_EQ(roots[count], 9.0F);
      ASSERT_EQ(targets[count], 9.0F);
    }
  }
}

TEST_P(PickedRows, AreMultipliedAndAdded) {
  for (std::size_t count = 0; count <= 30; ++count) {
    const std::vector<std::uint32_t> rows = some_rows(count);
    for (const float* weights : {static_cast<const float*>(nullptr), weights_.data()}) {
      const auto weight = [&](std::size_t i) { return weights != nullptr ? double{weights[i]} : 1.0; };
      std::vector<float> products(count + 1, 9.0F);
      gather_dots(table_, rows.data(), count, kColumns, x_.data(), products.data());
      for (std::size_t i = 0; i < count; ++i) ASSERT_NEAR(double{products[i]}, dot_x(rows[i]), 1e-4);
      ASSERT_EQ(products[count], 9.0F);

      AlignedVector sum(kColumns, 1.0F);
      gather_axpy(table_, rows.data(), count, kColumns, weights, sum.data());
      AlignedVector normal(kColumns, 1.0F);
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

/// Whatever number of vectors a row has: few of them stay in registers.
TEST_P(PickedRows, ErrorsAndNormalProductsOfAnyWidth) {
  const AlignedVector values = normals(30, 4);
  for (std::size_t columns = 16; columns <= kColumns; columns += 16) {
    for (const std::size_t count : {0U, 1U, 2U, 3U, 4U, 5U, 11U, 30U}) {
      const std::vector<std::uint32_t> rows = some_rows(count);
      for (const bool given : {false, true}) {
        const float* c = given ? weights_.data() : nullptr;
        const float* v = given ? values.data() : nullptr;
        std::vector<double> errors(columns, 1.0);
        std::vector<double> normal(columns, 1.0);
        double error_sum = 0;
        double objective = 0;
        double normal_sum = 0;
        double square = 0;
        double size = 1;
        for (std::size_t i = 0; i < count; ++i) {
          double s = 0.5;
          for (std::size_t k = 0; k < columns; ++k) s += at(rows[i], k) * double{x_[k]};
          const double weight = given ? double{c[i]} : 1.0;
          const double value = given ? double{v[i]} : 1.0;
          const double e = value - weight * s;
          error_sum += e;
          objective += weight * s * s - 2 * value * s;
          normal_sum += weight * s;
          square += weight * s * s;
          size += std::abs(weight * s * s) + std::abs(value * s);
          for (std::size_t k = 0; k < columns; ++k) errors[k] += e * at(rows[i], k), normal[k] += weight * s * at(rows[i], k);
        }
        SCOPED_TRACE(testing::Message() << columns << " columns, " << count << " rows");
        AlignedVector out(columns);
        std::fill_n(out.data(), columns, 1.0F);
        const ErrorSums sums = add_errors(table_, rows.data(), count, columns, c, v, x_.data(), 0.5F, out.data());
        EXPECT_NEAR(sums.errors, error_sum, 1e-3);
        EXPECT_NEAR(sums.objective, objective, 1e-5 * size);
        for (std::size_t k = 0; k < columns; ++k) ASSERT_NEAR(double{out[k]}, errors[k], 1e-3);
        std::fill_n(out.data(), columns, 1.0F);
        EXPECT_NEAR(add_normal_product(table_, rows.data(), count, columns, c, x_.data(), 0.5F, out.data()), normal_sum, 1e-3);
        for (std::size_t k = 0; k < columns; ++k) ASSERT_NEAR(double{out[k]}, normal[k], 1e-3);
        EXPECT_NEAR(normal_square(table_, rows.data(), count, columns, c, x_.data(), 0.5F), square, 1e-5 * size);
      }
    }
  }
}

}  // namespace
}  // namespace lowrank::gram_test
