#include "train/side_mean.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
#include <vector>

namespace lowrank::side_mean_test {
namespace {

// With one factor the column of the mean is that of the samples but for its length, and the variances of rows are those of the samples.
TEST(SideMean, KnowsTheVariancesOfTheSamples) {
  constexpr std::size_t kUsers = 9;
  constexpr std::size_t kItems = 7;
  constexpr std::size_t kRank = 1;
  constexpr int kSamples = 50;
  Workers workers(2);
  const std::vector<std::uint32_t> user_counts(kUsers, 3);
  const std::vector<std::uint32_t> item_counts(kItems, 3);
  GibbsSide users(user_counts, kRank, {GibbsStage::user_prior, GibbsStage::user_coefficients});
  GibbsSide items(item_counts, kRank, {GibbsStage::item_prior, GibbsStage::item_coefficients});
  // Users differ from sample to sample, items do not.
  items.factors.row(0)[0] = 3;
  items.factors.row(1)[0] = 1;
  SideMean mean(users, kRank, true);
  SideMean other(items, kRank, false);
  RunningProduct product(SideMean::rows_of(users), SideMean::rows_of(items), kRank, kRank);
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal;
  std::array<std::array<std::vector<double>, kRank + 1>, kUsers> drawn;
  std::vector<float> noise(kUsers);
  double noise_sum = 0;
  for (int t = 0; t < kSamples; ++t) {
    for (std::size_t row = 0; row < kUsers; ++row) {
      for (std::size_t k = 0; k < kRank; ++k) {
        users.factors.row(row)[k] = static_cast<float>(1 + static_cast<double>((row * (k + 2)) % 5) + 0.3 * normal(random));
        drawn[row][k].push_back(static_cast<double>(users.factors.row(row)[k]));
      }
      users.biases[row] = static_cast<float>(normal(random));
      drawn[row][kRank].push_back(static_cast<double>(users.biases[row]));
      noise[row] = static_cast<float>(0.5 + std::abs(normal(random)));
    }
    noise_sum += 1 / static_cast<double>(noise[4]);
    mean.centre(users);
    other.centre(items);
    const auto own = mean.add(users, std::span(items.means).first(kRank), noise, workers);
    const auto theirs = other.add(items, std::span(users.means).first(kRank), {}, workers);
    const auto changes = product.add(own, theirs, workers);
    mean.add_spread(changes.users, product.users().front(), static_cast<std::size_t>(t), workers);
  }
  const auto variance_of = [](const std::vector<double>& values) {
    double sum = 0;
    double squares = 0;
    for (const double x : values) {
      sum += x;
      squares += x * x;
    }
    const auto n = static_cast<double>(values.size());
    return squares / n - sum * sum / n / n;
  };
  const RowVariances variances = mean.variances(Units{.mean = 0, .scale = 2}, product.users().front(), workers);
  ASSERT_EQ(variances.biases.size(), kUsers + 1);
  for (std::size_t row = 0; row < kUsers; ++row) {
    EXPECT_NEAR(static_cast<double>(variances.biases[row]), 4 * variance_of(drawn[row][kRank]), 1e-4);
    // The variance of the product with an item is what counts: columns are as long as the product's halves have them.
    for (std::size_t item = 0; item < 2; ++item) {
      double spread = 0;
      for (std::size_t k = 0; k < kRank; ++k) {
        const auto q = static_cast<double>(product.items().front().row(item)[k]);
        spread += static_cast<double>(variances.factors.row(row)[k]) * q * q;
      }
      const double length = item == 0 ? 3 : 1;
      EXPECT_NEAR(spread, 2 * length * length * variance_of(drawn[row][0]), 0.02 * spread) << row << " " << item;
    }
  }
  // Of a row of which nothing is known: the mean square of the rows of all samples.
  double factor = 0;
  double bias = 0;
  for (std::size_t row = 0; row < kUsers; ++row) {
    for (std::size_t t = 0; t < kSamples; ++t) {
      factor += std::pow(drawn[row][0][t], 2) / kUsers / kSamples;
      bias += std::pow(drawn[row][kRank][t], 2) / kUsers / kSamples;
    }
  }
  const auto length = static_cast<double>(product.items().front().row(1)[0]);
  EXPECT_NEAR(static_cast<double>(variances.factors.row(kUsers)[0]) * length * length, 2 * factor, 0.02 * factor);
  EXPECT_NEAR(static_cast<double>(variances.biases[kUsers]), 4 * bias, 0.01 * bias);
  EXPECT_NEAR(static_cast<double>(variances.noise[4]), noise_sum / kSamples, 1e-5);
}

// The average is that of the rows with ratings: each row of n ratings has n^(-1/2) times the sum of its coefficients. Half of it is
// expected of a row of which nothing is known.
TEST(SideMean, IsCentredHalfwayToTheAverageOfRowsWithRatings) {
  constexpr std::size_t kRank = 2;
  Workers workers(1);
  // Row 0 has features 0, 1, 2 and 3, row 1 has feature 0, row 2 none, row 3 features 0 and 1.
  const std::vector<std::uint32_t> counts = {4, 1, 0, 2};
  const std::vector<std::size_t> row_offsets = {0, 4, 5, 5, 7};
  const std::vector<std::uint32_t> row_features = {0, 1, 2, 3, 0, 0, 1};
  const std::vector<std::size_t> feature_offsets = {0, 3, 5, 6, 7};
  const std::vector<std::uint32_t> feature_rows = {0, 1, 3, 0, 3, 0, 0};
  std::vector<float> scales;
  for (const std::uint32_t count : counts) scales.push_back(count == 0 ? 0.0F : 1 / std::sqrt(static_cast<float>(count)));
  GibbsSide side(counts, kRank, {GibbsStage::user_prior, GibbsStage::user_coefficients});
  side.add({.row_offsets = row_offsets,
            .row_features = row_features.data(),
            .feature_offsets = feature_offsets,
            .feature_rows = feature_rows.data(),
            .scales = scales});
  side.means = {1, -2, 0.5};
  std::array<double, kRank + 1> average{};
  for (std::size_t k = 0; k <= kRank; ++k) {
    for (std::size_t feature = 0; feature < 4; ++feature) {
      side.blocks[0].coefficients.row(feature)[k] = static_cast<float>(1 + static_cast<double>(feature * feature) - static_cast<double>(k));
    }
    for (std::size_t row = 0; row < counts.size(); ++row) {
      for (std::size_t at = row_offsets[row]; at < row_offsets[row + 1]; ++at) {
        average[k] += 1 / 3.0 * static_cast<double>(scales[row] * side.blocks[0].coefficients.row(row_features[at])[k]);
      }
    }
  }
  SideMean mean(side, kRank, false);
  const std::vector<double>& centre = mean.centre(side);
  ASSERT_EQ(centre.size(), kRank + 1);
  for (std::size_t k = 0; k <= kRank; ++k) EXPECT_NEAR(centre[k], side.means[k] + average[k] / 2, 1e-6) << k;
  // It is the last table.
  const std::vector<double> nothing(kRank);
  const auto tables = mean.add(side, nothing, {}, workers);
  for (std::size_t k = 0; k <= kRank; ++k) EXPECT_NEAR(static_cast<double>(tables.back()->row(0)[k]), average[k], 1e-6);
  EXPECT_NEAR(static_cast<double>(tables.front()->row(0)[0]), -centre[0], 1e-6);
}

}  // namespace
}  // namespace lowrank::side_mean_test
