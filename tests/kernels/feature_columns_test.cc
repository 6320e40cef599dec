#include "kernels/feature_columns.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "aligned.h"
#include "base/random.h"
#include "levels.h"

namespace lowrank::feature_columns_test {
namespace {

constexpr std::size_t kRows = 50;
constexpr std::size_t kStride = 32;

struct Case {
  std::vector<std::uint32_t> rows;
  std::vector<float> values;  ///< of the table's rows, then of the places
  AlignedVector table;
  std::array<float, 16> moves;

  explicit Case(std::size_t count) : table(kRows * kStride) {
    RandomStream random(count, Purpose::item_factors);
    std::vector<std::uint32_t> all(kRows);
    for (std::uint32_t row = 0; row < kRows; ++row) all[row] = row;
    random.shuffle(std::span(all));
    rows.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
    for (std::size_t n = 0; n < 2 * kRows; ++n) values.push_back(static_cast<float>(random.normal()));
    for (float& x : table) x = static_cast<float>(random.normal());
    for (float& x : moves) x = static_cast<float>(random.normal());
  }
  [[nodiscard]] FeatureColumn column(bool by_row) const {
    return {.rows = rows.data(), .count = rows.size(), .values = values.data() + (by_row ? 0 : kRows), .by_row = by_row};
  }
  [[nodiscard]] double value(std::size_t n, bool by_row) const { return static_cast<double>(by_row ? values[rows[n]] : values[kRows + n]); }
};

class FeatureColumns : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, FeatureColumns, testing::ValuesIn(available_simd_levels()), level_name);

TEST_P(FeatureColumns, AddUpAndAreTakenOff) {
  for (const std::size_t count : {0U, 1U, 2U, 5U, 17U, 50U}) {
    for (const bool by_row : {false, true}) {
      for (const std::size_t width : {1U, 8U, 16U}) {
        const Case one(count);
        alignas(64) std::array<float, 16> sums{};
        sum_column(one.column(by_row), one.table.data() + 16, kStride, width, sums.data());
        for (std::size_t k = 0; k < 16; ++k) {
          double sum = 0;
          for (std::size_t n = 0; n < count && k < width; ++n) {
            sum += one.value(n, by_row) * static_cast<double>(one.table[one.rows[n] * kStride + 16 + k]);
          }
          EXPECT_NEAR(static_cast<double>(sums[k]), sum, 1e-5) << count << " " << width << " " << k;
        }
        AlignedVector moved = one.table;
        alignas(64) std::array<float, 16> moves = one.moves;
        subtract_column(one.column(by_row), moves.data(), width, moved.data() + 16, kStride);
        std::vector<double> expected(one.table.begin(), one.table.end());
        for (std::size_t n = 0; n < count; ++n) {
          for (std::size_t k = 0; k < width; ++k) {
            expected[one.rows[n] * kStride + 16 + k] -= one.value(n, by_row) * static_cast<double>(one.moves[k]);
          }
        }
        for (std::size_t at = 0; at < moved.size(); ++at) EXPECT_NEAR(static_cast<double>(moved[at]), expected[at], 1e-5);
      }
    }
  }
}

// Threads may take 8 columns or 16: the model must not tell.
TEST_P(FeatureColumns, HaveTheSameBytesInSlicesOfAnyWidth) {
  const Case one(41);
  alignas(64) std::array<float, 16> wide{};
  alignas(64) std::array<float, 16> narrow{};
  sum_column(one.column(true), one.table.data(), kStride, 16, wide.data());
  sum_column(one.column(true), one.table.data(), kStride, 8, narrow.data());
  sum_column(one.column(true), one.table.data() + 8, kStride, 8, narrow.data() + 8);
  EXPECT_EQ(wide, narrow);
  alignas(64) std::array<float, 16> moves = one.moves;
  AlignedVector at_once = one.table;
  AlignedVector in_halves = one.table;
  subtract_column(one.column(true), moves.data(), 16, at_once.data(), kStride);
  subtract_column(one.column(true), moves.data(), 8, in_halves.data(), kStride);
  subtract_column(one.column(true), moves.data() + 8, 8, in_halves.data() + 8, kStride);
  EXPECT_EQ(at_once, in_halves);
}

}  // namespace
}  // namespace lowrank::feature_columns_test
