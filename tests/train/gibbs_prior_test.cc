// The prior of one side, drawn over and over with its rows held fixed, and a stored sample, against dense formulas.

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <array>
#include <cmath>
#include <vector>

#include "fixtures.h"
#include "train/alternating.h"
#include "train/gibbs.h"
#include "train/gibbs_sampler.h"

namespace lowrank::gibbs_prior_test {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::size_t kRows = 14;
constexpr std::size_t kRank = 2;
constexpr Index kSize = kRank + 1;
constexpr double kPriorRows = 5;
constexpr double kPriorScatter = 2;

/// A sparse block of features, with values of its own or those of its rows, and the same as a dense matrix.
struct TestBlock {
  std::vector<std::size_t> row_offsets{0};
  std::vector<std::uint32_t> row_features;
  std::vector<float> row_values;
  std::vector<std::size_t> feature_offsets{0};
  std::vector<std::uint32_t> feature_rows;
  std::vector<float> feature_values;
  std::vector<float> scales;
  MatrixXd dense;

  TestBlock(std::size_t features, bool by_row, std::uint64_t seed) : dense(MatrixXd::Zero(kRows, static_cast<Index>(features))) {
    RandomStream random(seed, Purpose::item_factors);
    for (std::size_t row = 0; row < kRows; ++row) scales.push_back(static_cast<float>(0.4 + 0.6 * random.uniform()));
    for (std::size_t row = 0; row < kRows; ++row) {
      for (std::size_t feature = 0; feature < features; ++feature) {
        const auto value = by_row ? scales[row] : static_cast<float>(random.normal());
        if (random.uniform() < 0.5 && row != feature) continue;
        dense(static_cast<Index>(row), static_cast<Index>(feature)) = static_cast<double>(value);
        row_features.push_back(static_cast<std::uint32_t>(feature));
        row_values.push_back(value);
      }
      row_offsets.push_back(row_features.size());
    }
    for (Index feature = 0; feature < dense.cols(); ++feature) {
      for (Index row = 0; row < dense.rows(); ++row) {
        if (dense(row, feature) == 0) continue;
        feature_rows.push_back(static_cast<std::uint32_t>(row));
        feature_values.push_back(static_cast<float>(dense(row, feature)));
      }
      feature_offsets.push_back(feature_rows.size());
    }
    if (by_row) {
      row_values.clear();
      feature_values.clear();
    } else {
      scales.clear();
    }
  }

  [[nodiscard]] FeatureBlock block() const {
    return {.row_offsets = row_offsets,
            .row_features = row_features.data(),
            .feature_offsets = feature_offsets,
            .feature_rows = feature_rows.data(),
            .row_values = row_values.empty() ? nullptr : row_values.data(),
            .feature_values = feature_values.empty() ? nullptr : feature_values.data(),
            .scales = scales};
  }
};

/// Mean and covariance of the coefficients C of rows ~ N(Z C, P^-1), column after column: first that of the mean, then those of the
/// features.
struct Moments {
  VectorXd mean;
  MatrixXd covariance;
};

/// Given the strengths s of the blocks, C and P are normal and Wishart; s is one number per block, on a logarithmic grid.
Moments exact_moments(const MatrixXd& rows, const std::array<const TestBlock*, 2>& blocks) {
  const Index features = 1 + blocks[0]->dense.cols() + blocks[1]->dense.cols();
  MatrixXd z(rows.rows(), features);
  z << VectorXd::Ones(rows.rows()), blocks[0]->dense, blocks[1]->dense;
  const double degrees = kSize + kPriorRows + static_cast<double>(rows.rows());
  constexpr int kGrid = 60;
  const auto strength_at = [](int place) { return std::exp(-5 + 9.0 * place / kGrid); };
  const Index all = features * kSize;
  Moments moments{VectorXd::Zero(all), MatrixXd::Zero(all, all)};
  double weight = 0;
  double highest = 0;
  for (int first = 0; first < kGrid; ++first) {
    for (int second = 0; second < kGrid; ++second) {
      const double s[] = {strength_at(first), strength_at(second)};
      VectorXd prior(features);
      prior << GibbsSide::kMeanWeight, VectorXd::Constant(blocks[0]->dense.cols(), s[0]), VectorXd::Constant(blocks[1]->dense.cols(), s[1]);
      const MatrixXd precision = z.transpose() * z + MatrixXd(prior.asDiagonal());
      const Eigen::LLT<MatrixXd> root(precision);
      const MatrixXd mean = root.solve(z.transpose() * rows);
      const MatrixXd scatter =
          kPriorScatter * MatrixXd::Identity(kSize, kSize) + rows.transpose() * rows - mean.transpose() * precision * mean;
      double log_density = kSize * 0.5 * prior.array().log().sum() - degrees / 2 * std::log(scatter.determinant());
      log_density -= kSize * root.matrixLLT().diagonal().array().log().sum();
      // Of log s, with the prior Gamma(1, 1).
      for (const double one : s) log_density += std::log(one) - one;
      if (weight == 0) highest = log_density;
      const double own = std::exp(log_density - highest);
      const MatrixXd spread = scatter / (degrees - kSize - 1);  // the mean of P^-1
      const MatrixXd inverse = root.solve(MatrixXd::Identity(features, features));
      const VectorXd means = mean.reshaped<Eigen::RowMajor>();
      weight += own;
      moments.mean += own * means;
      moments.covariance += own * means * means.transpose();
      for (Index i = 0; i < all; ++i) {
        for (Index j = 0; j < all; ++j) moments.covariance(i, j) += own * inverse(i / kSize, j / kSize) * spread(i % kSize, j % kSize);
      }
    }
  }
  moments.mean /= weight;
  moments.covariance = moments.covariance / weight - moments.mean * moments.mean.transpose();
  return moments;
}

TEST(GibbsSide, CoefficientsHaveTheMeanAndCovarianceOfTheJointDraw) {
  const TestBlock valued(3, false, 1);
  const TestBlock scaled(4, true, 2);
  const std::vector<std::uint32_t> counts(kRows, 1);
  GibbsSide side(counts, kRank, {GibbsStage::user_prior, GibbsStage::user_coefficients});
  side.add(scaled.block());
  side.add(valued.block());
  side.prior_rows = kPriorRows;
  side.prior_scatter = kPriorScatter;
  RandomStream random(3, Purpose::user_factors);
  MatrixXd rows(kRows, kSize);
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t k = 0; k < kRank; ++k) side.factors.row(row)[k] = static_cast<float>(random.normal() + 0.5);
    side.biases[row] = static_cast<float>(random.normal());
    for (Index k = 0; k < kSize; ++k) {
      const auto at = static_cast<std::size_t>(k);
      rows(static_cast<Index>(row), k) = static_cast<double>(at < kRank ? side.factors.row(row)[at] : side.biases[row]);
    }
  }
  const Moments exact = exact_moments(rows, {&scaled, &valued});

  // Sums over batches of draws, whose spread tells how far the means may be from the exact ones.
  constexpr std::uint64_t kBatches = 50;
  constexpr std::uint64_t kBatch = 1'200;
  const Index all = exact.mean.size();
  std::vector<VectorXd> sums(kBatches, VectorXd::Zero(all));
  std::vector<MatrixXd> products(kBatches, MatrixXd::Zero(all, all));
  Workers workers(1);
  VectorXd now(all);
  for (std::uint64_t sweep = 0; sweep < (kBatches + 1) * kBatch; ++sweep) {
    side.row_means(workers);
    side.draw_prior({17, sweep}, workers);
    if (sweep < kBatch) continue;
    for (Index k = 0; k < kSize; ++k) {
      now(k) = side.means[static_cast<std::size_t>(k)];
      Index place = kSize + k;
      for (const GibbsSide::Block& block : side.blocks) {
        for (std::size_t feature = 0; feature < block.coefficients.rows(); ++feature, place += kSize) {
          now(place) = static_cast<double>(block.coefficients.row(feature)[static_cast<std::size_t>(k)]);
        }
      }
    }
    const VectorXd off = now - exact.mean;
    const std::size_t batch = sweep / kBatch - 1;
    sums[batch] += off / kBatch;
    products[batch] += off * off.transpose() / kBatch;
  }
  const auto expect_zero = [&](const auto& value_of, double unit, const char* what, Index i, Index j) {
    double mean = 0;
    for (std::size_t n = 0; n < kBatches; ++n) mean += value_of(n) / kBatches;
    double squares = 0;
    for (std::size_t n = 0; n < kBatches; ++n) squares += std::pow(value_of(n) - mean, 2);
    const double error = std::sqrt(squares / (kBatches - 1) / kBatches);
    EXPECT_NEAR(mean, 0, 4.5 * error + 2e-3 * unit) << what << ' ' << i << ' ' << j;
    // The draws must be enough to tell.
    EXPECT_LT(error, 0.05 * unit) << what << ' ' << i << ' ' << j;
  };
  for (Index i = 0; i < all; ++i) {
    const double deviation = std::sqrt(exact.covariance(i, i));
    expect_zero([&](std::size_t n) { return sums[n](i); }, deviation, "mean", i, i);
    for (Index j = 0; j <= i; ++j) {
      const double unit = deviation * std::sqrt(exact.covariance(j, j));
      expect_zero([&](std::size_t n) { return products[n](i, j) - exact.covariance(i, j); }, unit, "covariance", i, j);
    }
  }
}

// A model of one sample is that of libFM with implicit features: m + b_u + b_i + <p_u + n_u^(-1/2) sum of y_j, q_i>, where the bias has its
// part of the sum too.
// Sums of squares in float may leave more than the prior adds.
TEST(GibbsSide, LargeRowsOfFewLevelsHaveAPrior) {
  constexpr std::size_t kFactors = 16;
  const std::vector<std::uint32_t> counts(3, 100);
  Workers workers(1);
  for (const float scale : {1.0F, 100.0F, 10'000.0F}) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      GibbsSide side(counts, kFactors, {GibbsStage::level_prior, GibbsStage::level_coefficients}, true);
      RandomStream random(seed, Purpose::context_levels);
      for (std::size_t row = 0; row < counts.size(); ++row) {
        for (float& x : side.factors.row(row)) x = scale * static_cast<float>(random.normal());
      }
      side.means_of(side.parts().front(), workers);
      side.draw_prior({seed, 1}, workers);
      for (const double number : side.precision) EXPECT_TRUE(std::isfinite(number));
    }
  }
}

TEST(Bayes, OneSampleScoresAsSvdPlusPlus) {
  constexpr std::uint32_t kUsers = 30;
  constexpr std::uint32_t kItems = 20;
  Bayes options;
  options.rank = 3;
  options.samples = 1;
  options.burn_in = 2;
  options.implicit_features = ImplicitFeatures::users;
  options.noise = NoiseOf::all;
  const std::vector<Triple> triples = synthetic(kUsers, kItems, 250, 4);
  const Ratings ratings = make_ratings(triples, kUsers, kItems);
  const Model model = train_quietly(ratings, options).model;

  // The same sweeps.
  Workers workers(1);
  const ByItem by_item = transpose(ratings, workers);
  const Units units = training_units(moments_of(ratings, workers), true);
  std::vector<std::uint32_t> user_counts(kUsers);
  std::vector<std::uint32_t> item_counts(kItems);
  std::vector<std::vector<std::uint32_t>> rated(kUsers);
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (const std::uint32_t item : ratings.items_of(user)) {
      ++user_counts[user];
      ++item_counts[item];
      rated[user].push_back(item);
    }
  }
  GibbsSampler sampler(ratings, by_item, units, user_counts, item_counts, {.rank = options.rank, .implicit = {true, false}}, workers);
  start_rows(sampler.users.factors, user_counts, 0.1, options.seed, Purpose::user_factors, workers);
  start_rows(sampler.items.factors, item_counts, 0.1, options.seed, Purpose::item_factors, workers);
  sampler.start(workers);
  for (std::uint64_t sweep = 1; sweep <= 3; ++sweep) sampler.sweep({options.seed, sweep}, workers);

  const GibbsSide& users = sampler.users;
  const GibbsSide& items = sampler.items;
  const FactorMatrix expected = sampler.users.row_means(workers);
  const FactorMatrix& y = users.blocks[0].coefficients;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    if (user_counts[user] == 0) continue;
    std::array<double, 4> own{};
    for (std::size_t k = 0; k <= options.rank; ++k) {
      // What is the user's own, and the sum by a slow loop.
      own[k] = static_cast<double>(k < options.rank ? users.factors.row(user)[k] : users.biases[user]) -
               static_cast<double>(expected.row(user)[k]);
      own[k] += users.means[k];
      for (const std::uint32_t item : rated[user]) own[k] += static_cast<double>(y.row(item)[k]) / std::sqrt(rated[user].size());
    }
    for (std::uint32_t item = 0; item < kItems; ++item) {
      if (item_counts[item] == 0) continue;
      double wanted = own[options.rank] + static_cast<double>(items.biases[item]);
      for (std::size_t k = 0; k < options.rank; ++k) wanted += own[k] * static_cast<double>(items.factors.row(item)[k]);
      EXPECT_NEAR(score(model, user, item), units.mean + units.scale * wanted, 2e-4) << user << ' ' << item;
    }
  }
}

}  // namespace
}  // namespace lowrank::gibbs_prior_test
