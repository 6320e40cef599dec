#include "kernels/row_draws.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "lowrank/model/factor_matrix.h"

namespace lowrank::row_draws_test {
namespace {

/// Ratings of one row, and its prior, at random.
struct Problem {
  std::size_t rank;
  FactorMatrix fixed;
  FactorMatrix added;
  std::vector<std::uint32_t> others;
  std::vector<std::uint32_t> added_rows;
  std::vector<float> weights;
  std::vector<float> values;
  std::vector<double> precision;
  std::vector<float> means;
  double noise = 2.5;

  Problem(std::size_t rank_of_row, std::size_t ratings, std::uint64_t seed) : rank(rank_of_row), fixed(50, rank), added(9, rank) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    for (FactorMatrix* table : {&fixed, &added}) {
      for (std::size_t row = 0; row < table->rows(); ++row) {
        for (float& x : table->row(row)) x = normal(random);
      }
    }
    for (std::size_t n = 0; n < ratings; ++n) {
      others.push_back(static_cast<std::uint32_t>(random() % 50));
      added_rows.push_back(static_cast<std::uint32_t>(random() % 9));
      weights.push_back(0.1F + std::abs(normal(random)));
      values.push_back(normal(random));
    }
    const auto size = static_cast<Eigen::Index>(rank + 1);
    Eigen::MatrixXd root(size, size);
    for (Eigen::Index i = 0; i < root.size(); ++i) root(i) = static_cast<double>(normal(random));
    const Eigen::MatrixXd matrix = root * root.transpose() + Eigen::MatrixXd::Identity(size, size);
    precision.assign(matrix.data(), matrix.data() + matrix.size());
    for (std::size_t k = 0; k <= rank; ++k) means.push_back(normal(random));
  }

  [[nodiscard]] RowDrawer::Ratings ratings(bool weighted, bool adds, std::size_t begin, std::size_t end) const {
    RowDrawer::Ratings part;
    part.fixed = {fixed.data(), fixed.stride()};
    part.others = std::span(others).subspan(begin, end - begin);
    if (adds) part.added = {added.data(), added.stride()};
    part.added_rows = added_rows.data() + begin;
    part.weights = weighted ? weights.data() + begin : nullptr;
    part.values = values.data() + begin;
    return part;
  }
};

/// The conditional of the row by dense algebra.
struct Dense {
  Eigen::VectorXd mean;
  Eigen::MatrixXd covariance;

  Dense(const Problem& problem, bool weighted, bool adds) {
    const auto size = static_cast<Eigen::Index>(problem.rank + 1);
    Eigen::MatrixXd a(size, size);
    Eigen::VectorXd means(size);
    for (Eigen::Index i = 0; i < size; ++i) {
      means(i) = static_cast<double>(problem.means[static_cast<std::size_t>(i)]);
      for (Eigen::Index j = 0; j < size; ++j) a(i, j) = problem.precision[static_cast<std::size_t>(i * size + j)];
    }
    Eigen::VectorXd b = a * means;
    for (std::size_t n = 0; n < problem.others.size(); ++n) {
      Eigen::VectorXd h(size);
      for (std::size_t k = 0; k < problem.rank; ++k) {
        h(static_cast<Eigen::Index>(k)) = static_cast<double>(problem.fixed.row(problem.others[n])[k]);
        if (adds) h(static_cast<Eigen::Index>(k)) += static_cast<double>(problem.added.row(problem.added_rows[n])[k]);
      }
      h(size - 1) = 1;
      const double weight = problem.noise * (weighted ? static_cast<double>(problem.weights[n]) : 1.0);
      a += weight * h * h.transpose();
      b += weight * static_cast<double>(problem.values[n]) * h;
    }
    covariance = a.inverse();
    mean = covariance * b;
  }
};

/// The row for given normal draws. \param pieces  in which the ratings come, each to a drawer of its own
Eigen::VectorXd draw(const Problem& problem, bool weighted, bool adds, std::size_t pieces, const std::vector<float>& normals) {
  const std::size_t size = problem.others.size();
  std::vector<RowDrawer> drawers;
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    drawers.emplace_back(problem.rank);
    drawers[piece].begin();
    drawers[piece].add(problem.ratings(weighted, adds, size * piece / pieces, size * (piece + 1) / pieces));
    if (piece != 0) drawers[0].merge(drawers[piece]);
  }
  std::vector<float> precision;
  for (const double number : problem.precision) precision.push_back(static_cast<float>(number / problem.noise));
  FactorMatrix x(1, problem.rank);
  float bias = 0;
  drawers[0].finish({.precision = precision, .means = problem.means.data(), .noise = problem.noise}, normals.data(), x.data(), &bias);
  Eigen::VectorXd row(static_cast<Eigen::Index>(problem.rank + 1));
  for (std::size_t k = 0; k < problem.rank; ++k) row(static_cast<Eigen::Index>(k)) = static_cast<double>(x.row(0)[k]);
  row(row.size() - 1) = static_cast<double>(bias);
  return row;
}

struct Case {
  std::size_t rank;
  std::size_t ratings;
  bool weighted;
  bool adds;
  std::size_t pieces;
};

class RowDrawerOf : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Cases, RowDrawerOf,
                         testing::Values(Case{0, 5, false, false, 1}, Case{0, 0, false, false, 1}, Case{1, 1, false, false, 1},
                                         Case{7, 3, false, false, 1}, Case{7, 40, true, false, 1}, Case{16, 700, false, false, 3},
                                         Case{33, 20, true, true, 1}, Case{33, 900, true, true, 4}, Case{64, 100, false, true, 2}));

// A draw is mean + J n for standard normal n: J J^T is the covariance, exactly.
TEST_P(RowDrawerOf, MeanAndCovarianceAreTheDenseOnes) {
  const Case& one = GetParam();
  const Problem problem(one.rank, one.ratings, 3);
  const Dense dense(problem, one.weighted, one.adds);
  std::vector<float> normals(one.rank + 1);
  const Eigen::VectorXd mean = draw(problem, one.weighted, one.adds, one.pieces, normals);
  EXPECT_LE((mean - dense.mean).norm(), 1e-3 * (1 + dense.mean.norm()));
  const auto size = static_cast<Eigen::Index>(one.rank + 1);
  Eigen::MatrixXd j(size, size);
  // A large draw, of which the rounding of the mean is a small part.
  constexpr float kStep = 1000;
  for (Eigen::Index k = 0; k < size; ++k) {
    normals.assign(one.rank + 1, 0.0F);
    normals[static_cast<std::size_t>(k)] = kStep;
    j.col(k) = (draw(problem, one.weighted, one.adds, one.pieces, normals) - mean) / static_cast<double>(kStep);
  }
  EXPECT_LE((j * j.transpose() - dense.covariance).norm(), 2e-3 * dense.covariance.norm());
}

// Rows whose equations float32 cannot factorise are solved in double.
TEST(RowDrawer, NearlySingularRowsHaveTheDenseMean) {
  Problem problem(8, 2000, 4);
  for (std::size_t n = 0; n < problem.fixed.rows(); ++n) {
    for (std::size_t k = 1; k < 8; ++k) problem.fixed.row(n)[k] = problem.fixed.row(n)[0] * (1 + 1e-3F * static_cast<float>(k));
  }
  const Dense dense(problem, false, false);
  const Eigen::VectorXd mean = draw(problem, false, false, 1, std::vector<float>(9));
  EXPECT_LE((mean - dense.mean).norm(), 0.02 * dense.mean.norm());
}

TEST(DrawRows, TheSameForAnyNumberOfThreadsAndNothingForRowsWithoutRatings) {
  const std::size_t rank = 11;
  const Problem problem(rank, 60'000, 5);
  const std::vector<std::size_t> offsets = {0, 40'000, 40'000, 40'010, 60'000};
  FactorMatrix means(4, rank + 1);
  const auto run = [&](int threads) {
    Workers workers(threads);
    RowDraws draws;
    draws.offsets = offsets;
    draws.others = problem.others.data();
    draws.fixed = {problem.fixed.data(), problem.fixed.stride()};
    draws.cells = [&](std::size_t, std::size_t begin, std::size_t end, float*, float* values) {
      std::copy(problem.values.begin() + static_cast<std::ptrdiff_t>(begin), problem.values.begin() + static_cast<std::ptrdiff_t>(end),
                values);
    };
    draws.precision = problem.precision;
    draws.means = {means.data(), means.stride()};
    draws.normals = [](std::size_t row, std::span<float> normals) { std::iota(normals.begin(), normals.end(), static_cast<float>(row)); };
    FactorMatrix rows(4, rank);
    std::vector<float> biases(4);
    draw_rows(draws, rank, workers, rows.data(), biases.data());
    return std::pair(rows, biases);
  };
  const auto one = run(1);
  for (const float x : one.first.row(1)) EXPECT_EQ(x, 0.0F);
  EXPECT_EQ(one.second[1], 0.0F);
  EXPECT_NE(one.second[0], 0.0F);
  for (const int threads : {2, 3, 8}) EXPECT_EQ(run(threads), one) << threads;
}

}  // namespace
}  // namespace lowrank::row_draws_test
