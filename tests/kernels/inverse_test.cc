#include "kernels/inverse.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "kernels/levels.h"

namespace lowrank::inverse_test {
namespace {

constexpr std::size_t kTile = TiledMatrix::kTile;

/// B^T B + I for random B, dense.
std::vector<double> definite(std::size_t size) {
  RandomStream random(size, Purpose::split);
  const std::size_t rows = size / 2 + 3;
  std::vector<double> b(rows * size);
  for (double& number : b) number = random.uniform() - 0.3;
  std::vector<double> a(size * size);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) a[i * size + j] += b[r * size + i] * b[r * size + j];
    }
  }
  for (std::size_t i = 0; i < size; ++i) a[i * size + i] += 1;
  return a;
}

TiledMatrix tiled(const std::vector<double>& a, std::size_t size) {
  TiledMatrix matrix(size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = i / kTile * kTile; j < size; ++j)
      matrix.tile(i / kTile, j / kTile)[i % kTile * kTile + j % kTile] = a[i * size + j];
  }
  return matrix;
}

class Inverse : public AtEveryLevel {};

TEST_P(Inverse, TimesTheMatrixIsTheIdentity) {
  for (const std::size_t size : {1U, 5U, 95U, 96U, 97U, 300U}) {
    const std::vector<double> a = definite(size);
    TiledMatrix matrix = tiled(a, size);
    Workers workers(2);
    ASSERT_TRUE(invert(matrix, workers));
    std::vector<double> row(size);
    for (std::size_t i = 0; i < size; ++i) {
      matrix.copy_row(i, row.data());
      for (std::size_t j = 0; j < size; ++j) {
        double sum = 0;
        for (std::size_t k = 0; k < size; ++k) sum -= row[k] * a[k * size + j];
        EXPECT_NEAR(sum, i == j ? 1 : 0, 1e-9) << size << " " << i << " " << j;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Inverse, testing::ValuesIn(available_simd_levels()), level_name);

TEST(InverseOfAMatrix, DoesNotDependOnThreads) {
  constexpr std::size_t kSize = 250;
  const std::vector<double> a = definite(kSize);
  std::vector<double> expected;
  for (const int threads : {1, 2, 3, 8}) {
    TiledMatrix matrix = tiled(a, kSize);
    Workers workers(threads);
    ASSERT_TRUE(invert(matrix, workers));
    std::vector<double> all(kSize * kSize);
    for (std::size_t i = 0; i < kSize; ++i) matrix.copy_row(i, all.data() + i * kSize);
    if (expected.empty()) expected = all;
    EXPECT_EQ(all, expected);
  }
}

TEST(InverseOfAMatrix, ThatIsNotPositiveDefinite) {
  std::vector<double> a = definite(130);
  a[100 * 130 + 100] = -4;
  TiledMatrix matrix = tiled(a, 130);
  Workers workers(1);
  EXPECT_FALSE(invert(matrix, workers));
}

}  // namespace
}  // namespace lowrank::inverse_test
