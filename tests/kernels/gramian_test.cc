#include "kernels/gramian.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"
#include "kernels/levels.h"

namespace lowrank::gramian_test {
namespace {

class GramianOf : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, GramianOf, testing::ValuesIn(available_simd_levels()), level_name);

constexpr std::size_t padded(std::size_t rank) { return (rank + 15) / 16 * 16; }

AlignedFloats random_table(std::size_t rows, std::size_t rank) {
  RandomStream random(rows, Purpose::user_factors);
  AlignedFloats table(rows * padded(rank));
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t k = 0; k < rank; ++k) table[row * padded(rank) + k] = static_cast<float>(random.normal());
  }
  return table;
}

std::vector<double> by_loop(const AlignedFloats& table, std::size_t rows, std::size_t rank, const std::vector<double>& weights) {
  std::vector<double> sum(rank * rank);
  for (std::size_t row = 0; row < rows; ++row) {
    const float* q = table.data() + row * padded(rank);
    for (std::size_t i = 0; i < rank; ++i) {
      for (std::size_t j = 0; j < rank; ++j) sum[i * rank + j] += (weights.empty() ? 1.0 : weights[row]) * double{q[i]} * double{q[j]};
    }
  }
  return sum;
}

TEST_P(GramianOf, TableIsTheSumOfOuterProducts) {
  for (const std::size_t rank : {0U, 1U, 17U, 48U}) {
    for (const std::size_t rows : {0U, 1U, 255U, 257U, 5'000U}) {
      const AlignedFloats table = random_table(rows, rank);
      std::vector<double> weights;
      for (std::size_t row = 0; row < rows; ++row) weights.push_back(0.5 + static_cast<double>(row % 5));
      std::vector<double> numbers;
      for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t k = 0; k < rank; ++k) numbers.push_back(double{table[row * padded(rank) + k]});
      }
      const RowTable view{table.data(), padded(rank)};
      Workers alone(1);
      const std::vector<double> plain = gramian(view, rows, rank, {}, alone);
      const std::vector<double> weighted = gramian(view, rows, rank, weights, alone);
      const std::vector<double> in_double = gramian(numbers, rank, alone);
      const std::vector<double> expected = by_loop(table, rows, rank, {});
      const std::vector<double> expected_weighted = by_loop(table, rows, rank, weights);
      ASSERT_EQ(plain.size(), rank * rank);
      const double size = static_cast<double>(rows) + 1;
      for (std::size_t n = 0; n < expected.size(); ++n) {
        ASSERT_NEAR(plain[n], expected[n], 1e-6 * size) << rank << " " << rows;
        ASSERT_NEAR(weighted[n], expected_weighted[n], 4e-6 * size);
        ASSERT_NEAR(in_double[n], expected[n], 1e-12 * size);
      }
      Workers together(3);
      EXPECT_EQ(gramian(view, rows, rank, weights, together), weighted);
      EXPECT_EQ(gramian(numbers, rank, together), in_double);
    }
  }
}

TEST(InPanels, PlacesTheNumbersAndPadsWithZeros) {
  constexpr std::size_t kRows = 3;
  for (const std::size_t columns : {1U, 16U, 48U, 49U, 100U}) {
    std::vector<double> matrix;
    for (std::size_t n = 0; n < kRows * columns; ++n) matrix.push_back(static_cast<double>(n + 1));
    const AlignedFloats panels = in_panels(matrix, kRows, columns);
    // Panels of 48 columns, one after another, each row by row.
    const std::size_t count = (columns + 47) / 48;
    ASSERT_EQ(panels.size(), count * kRows * 48);
    for (std::size_t n = 0; n < panels.size(); ++n) {
      const std::size_t row = n / 48 % kRows;
      const std::size_t column = n / (48 * kRows) * 48 + n % 48;
      EXPECT_EQ(panels[n], column < columns ? static_cast<float>(row * columns + column + 1) : 0.0F) << columns << " " << n;
    }
  }
}

TEST_P(GramianOf, RotatedTableIsDiagonal) {
  constexpr std::size_t kRank = 20;
  constexpr std::size_t kRows = 300;
  const AlignedFloats before = random_table(kRows, kRank);
  AlignedFloats table = random_table(kRows, kRank);
  Workers workers(2);
  const Eigenbasis basis = eigenbasis(gramian({table.data(), padded(kRank)}, kRows, kRank, {}, workers), kRank, workers);
  rotate(table.data(), padded(kRank), kRows, kRank, basis.vectors, workers);
  const std::vector<double> rotated = by_loop(table, kRows, kRank, {});
  for (std::size_t i = 0; i < kRank; ++i) {
    for (std::size_t j = 0; j < kRank; ++j) ASSERT_NEAR(rotated[i * kRank + j], i == j ? basis.values[i] : 0, 1e-3);
  }
  // Some rows go back to where they were, the others stay.
  const std::vector<std::uint32_t> some{0, 7, 299};
  const float other = table[8 * padded(kRank)];
  rotate(table.data(), padded(kRank), some, kRank, basis.back, workers);
  for (const std::uint32_t row : some) {
    for (std::size_t k = 0; k < padded(kRank); ++k) ASSERT_NEAR(table[row * padded(kRank) + k], before[row * padded(kRank) + k], 1e-5);
  }
  EXPECT_EQ(table[8 * padded(kRank)], other);
}

}  // namespace
}  // namespace lowrank::gramian_test
