#include "lowrank/model/factor_matrix.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <new>
#include <utility>

namespace lowrank::factor_matrix_test {
namespace {

TEST(FactorMatrix, RowsAreAlignedAndPaddedWithZeros) {
  for (const std::size_t rank : {0U, 1U, 15U, 16U, 17U, 100U}) {
    FactorMatrix matrix(3, rank);
    EXPECT_EQ(matrix.stride(), (rank + 15) / 16 * 16);
    for (std::size_t row = 0; row < 3; ++row) {
      EXPECT_EQ(matrix.row(row).size(), rank);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(matrix.row(row).data()) % 64, 0U);
      for (float& value : matrix.row(row)) value = 1;
    }
    for (std::size_t i = 0; i < 3 * matrix.stride(); ++i) EXPECT_EQ(matrix.data()[i], i % matrix.stride() < rank ? 1 : 0);
  }
}

TEST(FactorMatrix, IsAValue) {
  FactorMatrix matrix(2, 3);
  matrix.row(1)[2] = 5;
  FactorMatrix copy = matrix;
  EXPECT_EQ(copy, matrix);
  copy.row(0)[0] = 1;
  EXPECT_NE(copy, matrix);
  const FactorMatrix moved = std::move(copy);
  EXPECT_EQ(moved.row(0)[0], 1);
  EXPECT_EQ(copy.rows(), 0U);  // NOLINT(bugprone-use-after-move): a moved-from matrix is empty
  matrix = moved;
  EXPECT_EQ(matrix, moved);
  EXPECT_NE(FactorMatrix(2, 0), FactorMatrix(3, 0));
}

TEST(FactorMatrix, ImpossibleSizesAreRefused) { EXPECT_THROW(FactorMatrix(SIZE_MAX / 32, 16), std::bad_alloc); }

}  // namespace
}  // namespace lowrank::factor_matrix_test
