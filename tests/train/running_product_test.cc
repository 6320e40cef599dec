#include "train/running_product.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <array>
#include <random>
#include <vector>

namespace lowrank::running_product_test {
namespace {

FactorMatrix random_table(std::size_t rows, std::size_t rank, std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  FactorMatrix table(rows, rank);
  for (std::size_t row = 0; row < rows; ++row) {
    for (float& x : table.row(row)) x = normal(random);
  }
  return table;
}

Eigen::MatrixXd dense(const FactorMatrix& table, std::size_t columns) {
  Eigen::MatrixXd matrix(static_cast<Eigen::Index>(table.rows()), static_cast<Eigen::Index>(columns));
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t k = 0; k < columns; ++k)
      matrix(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(k)) = static_cast<double>(table.row(row)[k]);
  }
  return matrix;
}

/// The best approximation of a rank, by a dense singular value decomposition.
Eigen::MatrixXd truncated(const Eigen::MatrixXd& matrix, Eigen::Index rank) {
  const Eigen::JacobiSVD<Eigen::MatrixXd> svd(matrix, Eigen::ComputeThinU | Eigen::ComputeThinV);
  return svd.matrixU().leftCols(rank) * svd.singularValues().head(rank).asDiagonal() * svd.matrixV().leftCols(rank).transpose();
}

TEST(RunningProduct, IsTheBestApproximationAfterEverySample) {
  constexpr std::size_t kRank = 3;
  constexpr std::size_t kKept = 5;
  std::mt19937_64 random(1);
  Workers workers(2);
  RunningProduct product(std::array<std::size_t, 2>{30, 4}, std::array<std::size_t, 1>{20}, kRank, kKept);
  Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(30, 20);
  Eigen::MatrixXd extra = Eigen::MatrixXd::Zero(4, 20);
  for (int t = 0; t < 6; ++t) {
    const FactorMatrix users = random_table(30, kRank, random);
    const FactorMatrix coefficients = random_table(4, kRank + 1, random);
    const FactorMatrix items = random_table(20, kRank, random);
    const auto changes = product.add(std::array{&users, &coefficients}, std::array{&items}, workers);
    const Eigen::MatrixXd q = dense(items, kRank).transpose();
    const Eigen::MatrixXd whole = (t * mean + dense(users, kRank) * q) / (t + 1);
    const Eigen::MatrixXd old_mean = mean;
    mean = truncated(whole, kKept);
    const Eigen::MatrixXd f = dense(product.users()[0], kKept);
    const Eigen::MatrixXd g = dense(product.items()[0], kKept);
    EXPECT_LE((f * g.transpose() - mean).norm(), 1e-4 * mean.norm()) << t;
    // Other tables: their products, as far as the same columns express them.
    const Eigen::MatrixXd all = (t * extra + dense(coefficients, kRank) * q) / (t + 1);
    const Eigen::MatrixXd basis = g.householderQr().householderQ() * Eigen::MatrixXd::Identity(20, std::min<int>(kKept, 3 * (t + 1)));
    extra = all * basis * basis.transpose();
    EXPECT_LE((dense(product.users()[1], kKept) * g.transpose() - extra).norm(), 1e-3 * extra.norm()) << t;
    // Rows of the sample in the new columns.
    Eigen::MatrixXd map(static_cast<Eigen::Index>(kRank), static_cast<Eigen::Index>(kKept));
    for (Eigen::Index i = 0; i < map.rows(); ++i) {
      for (Eigen::Index j = 0; j < map.cols(); ++j) map(i, j) = changes.users.sample[static_cast<std::size_t>(i * map.cols() + j)];
    }
    const Eigen::MatrixXd own = dense(users, kRank) * q * basis * basis.transpose();
    EXPECT_LE((dense(users, kRank) * map * g.transpose() - own).norm(), 1e-3 * own.norm()) << t;
  }
  EXPECT_EQ(product.samples(), 6U);
}

TEST(RunningProduct, OneSampleIsItself) {
  std::mt19937_64 random(2);
  Workers workers(1);
  const FactorMatrix users = random_table(9, 4, random);
  const FactorMatrix items = random_table(7, 4, random);
  RunningProduct product(std::array<std::size_t, 1>{9}, std::array<std::size_t, 1>{7}, 4, 8);
  product.add(std::array{&users}, std::array{&items}, workers);
  const Eigen::MatrixXd whole = dense(users, 4) * dense(items, 4).transpose();
  EXPECT_LE((dense(product.users()[0], 8) * dense(product.items()[0], 8).transpose() - whole).norm(), 1e-5 * whole.norm());
}

}  // namespace
}  // namespace lowrank::running_product_test
