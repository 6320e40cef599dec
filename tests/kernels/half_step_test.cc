#include "kernels/half_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/elimination.h"
#include "kernels/levels.h"

namespace lowrank::half_step_test {
namespace {

constexpr std::size_t kFixed = 60;

struct Case {
  std::size_t rank = 20;
  bool weighted = false;
  bool bias = false;
  bool factors = false;
  bool non_negative = false;
  bool shared = false;  ///< with `non_negative`
  RowOptions options = {};

  [[nodiscard]] std::string text() const {
    return std::to_string(rank) + (weighted ? " weighted" : "") + (bias ? " bias" : "") + (factors ? " factors" : "") +
           (non_negative ? " non_negative" : "") + (shared ? " shared" : "");
  }
};

/// Rows of very different numbers of ratings, their equations as a half-step, and each row's problem as a dense system.
class Rows {
 public:
  Rows(const Case& what, std::vector<std::size_t> counts) : what_(what), stride_((what.rank + 15) / 16 * 16) {
    RandomStream random(what.rank, Purpose::user_factors);
    table_ = AlignedFloats(kFixed * stride_);
    for (std::size_t row = 0; row < kFixed; ++row) {
      for (std::size_t k = 0; k < what.rank; ++k) {
        const double x = random.normal();
        table_[row * stride_ + k] = static_cast<float>(what.non_negative ? std::abs(x) : x);
      }
    }
    diagonal_ = AlignedFloats(stride_);
    for (std::size_t k = 0; k < stride_; ++k) diagonal_[k] = k < what.rank ? static_cast<float>(random.uniform()) : 1;
    if (what.shared) {
      shared_.resize(what.rank * what.rank);
      for (std::size_t k = 0; k < what.rank; ++k) shared_[k * what.rank + k] = 3 + static_cast<double>(k);
      for (std::size_t k = 1; k < what.rank; ++k) shared_[(k - 1) * what.rank + k] = 1;
    }
    offsets_.push_back(0);
    for (const std::size_t count : counts) {
      for (std::size_t i = 0; i < count; ++i) {
        others_.push_back(static_cast<std::uint32_t>(random.below(kFixed)));
        weights_.push_back(static_cast<float>(0.5 + random.uniform()));
        values_.push_back(static_cast<float>(random.normal() + (what.non_negative ? 2 : 0)));
      }
      offsets_.push_back(others_.size());
      ridges_.push_back(0.5 + static_cast<double>(count) / 50);
      factors_.push_back(0.5 + random.uniform());
      l1_.push_back(0.2);
      bias_dampings_.push_back(0.7 + static_cast<double>(count) / 100);
    }
  }

  [[nodiscard]] std::size_t rows() const { return ridges_.size(); }
  [[nodiscard]] HalfStep step() const {
    HalfStep step;
    step.offsets = offsets_;
    step.others = others_.data();
    step.fixed = {table_.data(), stride_};
    step.diagonal = diagonal_.data();
    step.ridges = ridges_;
    if (what_.factors) step.factors = factors_;
    step.weighted = what_.weighted;
    step.valued = true;
    step.cells = [this](std::size_t /*row*/, std::size_t begin, std::size_t end, float* weights, float* values) {
      for (std::size_t at = begin; at < end; ++at) {
        if (what_.weighted) weights[at - begin] = weights_[at];
        values[at - begin] = values_[at];
      }
    };
    if (what_.bias) step.bias_dampings = bias_dampings_;
    step.non_negative = what_.non_negative;
    if (what_.non_negative) step.l1 = l1_;
    if (what_.shared) step.shared = shared_.data();
    step.options = what_.options;
    return step;
  }

  struct Dense {
    std::vector<double> a;
    std::vector<double> b;

    [[nodiscard]] double objective(const std::vector<double>& x) const {
      double sum = 0;
      for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * (gradient(x, i) - b[i]);
      return sum;
    }
    /// a x - b
    [[nodiscard]] double gradient(const std::vector<double>& x, std::size_t i) const {
      double sum = -b[i];
      for (std::size_t j = 0; j < x.size(); ++j) sum += a[i * x.size() + j] * x[j];
      return sum;
    }
  };
  /// The problem of a row, times its factor. Ratings of one fixed row are put together first.
  [[nodiscard]] Dense dense(std::size_t row) const {
    const std::size_t size = what_.rank + (what_.bias ? 1 : 0);
    Dense dense{std::vector<double>(size * size), std::vector<double>(size)};
    std::vector<double> weights(kFixed);
    std::vector<double> values(kFixed);
    for (std::size_t at = offsets_[row]; at < offsets_[row + 1]; ++at) {
      weights[others_[at]] += what_.weighted ? double{weights_[at]} : 1;
      values[others_[at]] += double{values_[at]};
    }
    std::vector<double> q(size, 1);
    for (std::size_t other = 0; other < kFixed; ++other) {
      for (std::size_t k = 0; k < what_.rank; ++k) q[k] = double{table_[other * stride_ + k]};
      for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t j = 0; j < size; ++j) dense.a[i * size + j] += weights[other] * q[i] * q[j];
        dense.b[i] += values[other] * q[i];
      }
    }
    const double factor = what_.factors ? factors_[row] : 1;
    for (std::size_t i = 0; i < what_.rank; ++i) {
      dense.a[i * size + i] += factor * double{diagonal_[i]} + ridges_[row];
      if (what_.non_negative) dense.b[i] -= l1_[row];
      for (std::size_t j = i; j < what_.rank && what_.shared; ++j) {
        dense.a[i * size + j] += shared_[i * what_.rank + j];
        if (i != j) dense.a[j * size + i] += shared_[i * what_.rank + j];
      }
    }
    if (what_.bias) dense.a[size * size - 1] += bias_dampings_[row];
    return dense;
  }
  [[nodiscard]] double value_squares() const {
    double sum = 0;
    for (const float value : values_) sum += double{value} * double{value};
    return what_.weighted ? 0 : sum;
  }

  struct Solved {
    AlignedFloats x;
    std::vector<float> biases;
    HalfStepSums sums;
  };
  [[nodiscard]] Solved run(int threads, float start = 0.1F) const {
    Workers workers(threads);
    HalfSteps half_steps(what_.rank, workers);
    Solved solved{AlignedFloats(rows() * stride_), std::vector<float>(rows(), start), {}};
    for (std::size_t row = 0; row < rows(); ++row) std::fill_n(solved.x.data() + row * stride_, what_.rank, start);
    solved.sums = half_steps.run(step(), solved.x.data(), what_.bias ? solved.biases.data() : nullptr);
    return solved;
  }
  [[nodiscard]] std::vector<double> row_of(const Solved& solved, std::size_t row) const {
    const float* x = solved.x.data() + row * stride_;
    std::vector<double> all(x, x + what_.rank);
    if (what_.bias) all.push_back(double{solved.biases[row]});
    return all;
  }
  [[nodiscard]] bool empty(std::size_t row) const { return offsets_[row] == offsets_[row + 1]; }

 private:
  Case what_;
  std::size_t stride_;
  AlignedFloats table_;
  AlignedFloats diagonal_;
  std::vector<double> shared_;
  std::vector<std::size_t> offsets_;
  std::vector<std::uint32_t> others_;
  std::vector<float> weights_;
  std::vector<float> values_;
  std::vector<double> ridges_;
  std::vector<double> factors_;
  std::vector<double> l1_;
  std::vector<double> bias_dampings_;
};

const std::vector<std::size_t> kCounts{5, 0, 1, 24, 25, 3, 60, 19, 20, 300, 0, 7, 7, 2, 1000, 12};

std::vector<Case> exact_cases() {
  std::vector<Case> cases;
  for (const std::size_t rank : {1U, 20U, 40U}) {
    cases.push_back({.rank = rank});
    cases.push_back({.rank = rank, .weighted = true});
    cases.push_back({.rank = rank, .bias = true});
    cases.push_back({.rank = rank, .weighted = true, .factors = true});
  }
  // A row of 70,000 ratings is cut at this rank.
  cases.push_back({.rank = 64});
  cases.push_back({.rank = 64, .weighted = true, .bias = true});
  return cases;
}

std::vector<std::size_t> counts_of(const Case& what) {
  std::vector<std::size_t> counts = kCounts;
  if (what.rank == 64) counts.insert(counts.begin() + 3, 70'000);
  return counts;
}

class HalfStepOf : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, HalfStepOf, testing::ValuesIn(available_simd_levels()), level_name);

TEST_P(HalfStepOf, RowsAreTheirMinima) {
  for (const Case& what : exact_cases()) {
    const Rows rows(what, counts_of(what));
    ASSERT_EQ(is_long(70'000, what.options, what.rank), what.rank == 64);
    const Rows::Solved solved = rows.run(1);
    double objective = 0;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      const std::vector<double> x = rows.row_of(solved, row);
      if (rows.empty(row)) {
        EXPECT_EQ(x, std::vector<double>(x.size()));
        continue;
      }
      const Rows::Dense dense = rows.dense(row);
      const std::vector<double> expected = eliminate(dense.a, dense.b);
      objective += dense.objective(expected);
      double error = 0;
      double size = 0;
      for (std::size_t k = 0; k < x.size(); ++k) {
        error += std::pow(x[k] - expected[k], 2);
        size += expected[k] * expected[k];
      }
      ASSERT_LT(std::sqrt(error / size), 1e-4) << what.text() << " row " << row;
    }
    EXPECT_NEAR(solved.sums.objective, objective, 1e-4 * std::abs(objective)) << what.text();
    EXPECT_NEAR(solved.sums.value_squares, rows.value_squares(), 1e-9 * rows.value_squares());
  }
}

TEST_P(HalfStepOf, NonNegativeRowsFulfilTheConditionsOfTheirMinima) {
  for (const bool bias : {false, true}) {
    for (const bool shared : {false, true}) {
      const Case what{.rank = 20, .bias = bias, .non_negative = true, .shared = shared};
      const Rows rows(what, kCounts);
      const Rows::Solved solved = rows.run(2);
      double objective = 0;
      for (std::size_t row = 0; row < rows.rows(); ++row) {
        if (rows.empty(row)) continue;
        const std::vector<double> x = rows.row_of(solved, row);
        const Rows::Dense dense = rows.dense(row);
        objective += dense.objective(x);
        for (std::size_t k = 0; k < x.size(); ++k) {
          const double step = -dense.gradient(x, k) / dense.a[k * x.size() + k];
          if (k < what.rank) {
            ASSERT_GE(x[k], 0);
          }
          if (k < what.rank && x[k] == 0) {
            ASSERT_LT(step, 1e-4) << what.text() << " row " << row;
          } else {
            ASSERT_NEAR(step, 0, 1e-4) << what.text() << " row " << row;
          }
        }
      }
      EXPECT_NEAR(solved.sums.objective, objective, 1e-4 * std::abs(objective));
    }
  }
}

TEST_P(HalfStepOf, StepsOfAnyMethodFallTowardsTheMinima) {
  for (const RowMethod method : {RowMethod::cg, RowMethod::subspace}) {
    Case what{.rank = 40, .weighted = true, .options = {.method = method}};
    const Rows rows(what, kCounts);
    Workers workers(1);
    HalfSteps half_steps(what.rank, workers);
    const std::vector<std::uint32_t> continued = half_steps.continued_rows(rows.step());
    EXPECT_FALSE(continued.empty());
    const Rows::Solved solved = rows.run(1);
    const Rows::Solved elsewhere = rows.run(1, 0.9F);
    for (std::uint32_t row = 0; row < rows.rows(); ++row) {
      if (rows.empty(row)) continue;
      const Rows::Dense dense = rows.dense(row);
      const double least = dense.objective(eliminate(dense.a, dense.b));
      const double start = dense.objective(std::vector<double>(what.rank, 0.1));
      const double reached = dense.objective(rows.row_of(solved, row));
      EXPECT_LT(reached, start);
      EXPECT_GE(reached, least - 1e-4 * std::abs(least));
      const bool starts_from_row = std::find(continued.begin(), continued.end(), row) != continued.end();
      if (!starts_from_row) {
        EXPECT_NEAR(reached, least, 1e-4 * std::abs(least));
      }
      EXPECT_EQ(rows.row_of(solved, row) == rows.row_of(elsewhere, row), !starts_from_row) << row;
    }
  }
}

TEST_P(HalfStepOf, ThreadsDoNotChangeABit) {
  for (const Case& what : exact_cases()) {
    const Rows rows(what, counts_of(what));
    const Rows::Solved expected = rows.run(1);
    for (const int threads : {2, 5}) {
      const Rows::Solved solved = rows.run(threads);
      EXPECT_TRUE(std::equal(solved.x.data(), solved.x.data() + solved.x.size(), expected.x.data())) << what.text();
      EXPECT_EQ(solved.biases, expected.biases);
      EXPECT_EQ(solved.sums.objective, expected.sums.objective);
      EXPECT_EQ(solved.sums.value_squares, expected.sums.value_squares);
    }
  }
}

}  // namespace
}  // namespace lowrank::half_step_test
