// Rows solved in blocks of regressors: against dense normal equations, for rows of any length and blocks of any size.

#include "train/row_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"
#include "lowrank/model/factor_matrix.h"
#include "train/dense_oracle.h"

namespace lowrank::row_blocks_test {
namespace {

/// \param bias  compared where `expected` has one, after the factors
void expect_row(const std::vector<double>& expected, std::span<const float> row, double bias, const std::string& what) {
  for (std::size_t k = 0; k < row.size(); ++k) EXPECT_NEAR(double{row[k]}, expected[k], 1e-4 * (1 + std::abs(expected[k]))) << what;
  if (expected.size() > row.size()) {
    EXPECT_NEAR(bias, expected.back(), 1e-4 * (1 + std::abs(expected.back()))) << what;
  }
}

constexpr std::size_t kRank = 5;

/// Rows of any length, with regressors z and values v at random.
struct RandomRows {
  RandomStream stream{3, Purpose::generate_ratings};
  std::vector<std::size_t> offsets = {0};
  std::vector<float> z;
  std::vector<float> v;

  RandomRows() {
    for (const std::size_t size : {3U, 0U, 40U, 7U, 1U, 8U, 0U, 130U, 2U}) offsets.push_back(offsets.back() + size);
    z = normals(offsets.back() * kRank);
    v = normals(offsets.back());
  }
  std::vector<float> normals(std::size_t count) {
    std::vector<float> numbers(count);
    for (float& x : numbers) x = static_cast<float>(stream.normal());
    return numbers;
  }
};

float weight_of(std::size_t at) { return 0.5F + 0.25F * static_cast<float>(at % 4); }

TEST(RowBlocks, SolveRowsOfAnyLength) {
  Workers workers(3);
  const RandomRows random;
  const std::vector<std::size_t>& offsets = random.offsets;
  const std::vector<float>& z = random.z;
  const std::vector<float>& v = random.v;
  const std::size_t rows = offsets.size() - 1;
  std::vector<double> ridges;
  std::vector<double> dampings;
  for (std::size_t row = 0; row < rows; ++row) {
    ridges.push_back(0.3 + 0.1 * static_cast<double>(row));
    dampings.push_back(1.5);
  }
  for (const bool weighted : {false, true}) {
    for (const bool has_bias : {false, true}) {
      RegressorStep step;
      step.offsets = offsets;
      step.ridges = ridges;
      if (has_bias) step.bias_dampings = dampings;
      if (weighted) step.weight = weight_of;
      step.write = [&](std::size_t, std::size_t begin, std::size_t end, float* to, std::size_t stride, float* values) {
        for (std::size_t at = begin; at < end; ++at) {
          std::copy_n(z.data() + at * kRank, kRank, to + (at - begin) * stride);
          values[at - begin] = v[at];
        }
      };
      for (const std::size_t most : {1U, 8U, 41U, 1000U}) {
        RowBlocks blocks(kRank, workers, most);
        FactorMatrix solved(rows, kRank);
        std::vector<float> biases(rows, 9);
        blocks.run(step, solved, has_bias ? biases.data() : nullptr);
        for (std::size_t row = 0; row < rows; ++row) {
          DenseSystem system(kRank + (has_bias ? 1 : 0));
          for (std::size_t at = offsets[row]; at < offsets[row + 1]; ++at) {
            std::vector<double> q(z.begin() + static_cast<std::ptrdiff_t>(at * kRank),
                                  z.begin() + static_cast<std::ptrdiff_t>((at + 1) * kRank));
            if (has_bias) q.push_back(1);
            system.add(weighted ? double{weight_of(at)} : 1, double{v[at]}, q);
          }
          for (std::size_t k = 0; k < kRank; ++k) system.damp(k, ridges[row]);
          if (has_bias) system.damp(kRank, dampings[row]);
          expect_row(system.solve(), solved.row(row), double{biases[row]}, "row " + std::to_string(row) + " most " + std::to_string(most));
        }
      }
    }
  }
}
/// Rows of any length, of blocks of any size, with the shared terms of whole tables.
TEST(RowBlocks, SolveRowsWithSharedTerms) {
  Workers workers(3);
  RandomRows random;
  const std::vector<std::size_t>& offsets = random.offsets;
  const std::vector<float>& z = random.z;
  const std::vector<float>& v = random.v;
  const std::size_t rows = offsets.size() - 1;
  const std::vector<float> root = random.normals(kRank * kRank);
  std::vector<double> ridges;
  std::vector<double> factors;
  for (std::size_t row = 0; row < rows; ++row) {
    ridges.push_back(0.3 + 0.1 * static_cast<double>(row));
    factors.push_back(0.5 + 0.2 * static_cast<double>(row));
  }
  for (const bool weighted : {false, true}) {
    for (const bool factored : {false, true}) {
      // Of one linear term for all rows, regressors are written in the basis of the shared terms.
      for (const bool one : {false, true}) {
        SharedTerms shared;
        shared.matrix.resize(kRank * kRank);
        for (std::size_t i = 0; i < kRank; ++i) {
          for (std::size_t j = 0; j < kRank; ++j) {
            for (std::size_t k = 0; k < kRank; ++k)
              shared.matrix[i * kRank + j] += double{root[i * kRank + k]} * double{root[j * kRank + k]};
          }
        }
        shared.linear = FactorMatrix(one ? 1 : rows, kRank);
        for (std::size_t row = 0; row < shared.linear.rows(); ++row)
          std::ranges::copy(random.normals(kRank), shared.linear.row(row).begin());
        if (factored) shared.factors = factors;
        const AlignedFloats* basis = nullptr;
        RegressorStep step;
        step.offsets = offsets;
        step.ridges = ridges;
        step.shared = &shared;
        if (weighted) step.weight = weight_of;
        step.write = [&](std::size_t, std::size_t begin, std::size_t end, float* to, std::size_t stride, float* values) {
          for (std::size_t at = begin; at < end; ++at) {
            std::copy_n(z.data() + at * kRank, kRank, to + (at - begin) * stride);
            values[at - begin] = v[at];
          }
          Workers alone(1);
          if (one) rotate(to, stride, end - begin, kRank, *basis, alone);
        };
        if (one) step.turn = [&](const AlignedFloats& vectors) { basis = &vectors; };
        for (const std::size_t most : {1U, 8U, 41U, 1000U}) {
          RowBlocks blocks(kRank, workers, most);
          FactorMatrix solved(rows + 1, kRank);
          std::ranges::fill(solved.row(rows), 7.0F);
          blocks.run(step, solved, nullptr);
          for (std::size_t row = 0; row < rows; ++row) {
            const double factor = factored ? factors[row] : 1;
            std::vector<double> matrix(kRank * kRank);
            std::vector<double> right(kRank);
            for (std::size_t i = 0; i < kRank; ++i) {
              for (std::size_t j = 0; j < kRank; ++j) matrix[i * kRank + j] = factor * shared.matrix[i * kRank + j];
              matrix[i * kRank + i] += ridges[row];
              right[i] = -factor * double{shared.linear.row(one ? 0 : row)[i]};
            }
            for (std::size_t at = offsets[row]; at < offsets[row + 1]; ++at) {
              const double weight = weighted ? double{weight_of(at)} : 1;
              for (std::size_t i = 0; i < kRank; ++i) {
                for (std::size_t j = 0; j < kRank; ++j)
                  matrix[i * kRank + j] += weight * double{z[at * kRank + i]} * double{z[at * kRank + j]};
                right[i] += weight * double{z[at * kRank + i]} * double{v[at]};
              }
            }
            const bool rated = offsets[row] != offsets[row + 1];
            expect_row(rated ? eliminate(matrix, right) : std::vector<double>(kRank), solved.row(row), 0,
                       "row " + std::to_string(row) + " most " + std::to_string(most));
          }
          for (const float x : solved.row(rows)) EXPECT_EQ(x, 7.0F);
        }
      }
    }
  }
}
}  // namespace
}  // namespace lowrank::row_blocks_test
