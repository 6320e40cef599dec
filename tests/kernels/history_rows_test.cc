#include "kernels/history_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "aligned.h"
#include "base/random.h"
#include "levels.h"

namespace lowrank::history_rows_test {
namespace {

constexpr std::size_t kItems = 9;

/// One user, their ratings and the items, in double, written as the equations are.
struct Exact {
  std::size_t rank;
  std::vector<std::uint32_t> items{1, 2, 4, 5, 7};
  std::vector<std::uint32_t> order{3, 0, 4, 2, 1};
  std::vector<double> values;
  std::vector<double> q;
  std::vector<double> w;
  std::vector<double> x;
  std::vector<double> item_biases;
  double bias = 0.25;

  explicit Exact(std::size_t factors) : rank(factors) {
    RandomStream random(rank + 1, Purpose::item_factors);
    const auto draws = [&random](std::size_t size) {
      std::vector<double> numbers(size);
      // Floats, so that the kernel starts from the same numbers.
      for (double& number : numbers) number = static_cast<double>(static_cast<float>(0.3 * random.normal()));
      return numbers;
    };
    values = draws(items.size());
    q = draws(kItems * rank);
    w = draws(kItems * rank);
    x = draws(rank);
    item_biases = draws(kItems);
  }

  [[nodiscard]] double error(std::size_t at) const {
    double sum = values[at] - item_biases[items[at]] - bias;
    for (std::size_t k = 0; k < rank; ++k) sum -= x[k] * q[items[at] * rank + k];
    return sum;
  }
  [[nodiscard]] double loss() const {
    double sum = 0;
    for (std::size_t at = 0; at < items.size(); ++at) sum += std::pow(error(at), 2) / 2;
    return sum;
  }
};

AlignedVector rows_of(const std::vector<double>& numbers, std::size_t rank) {
  const std::size_t rows = rank == 0 ? 0 : numbers.size() / rank;
  AlignedVector table(std::max<std::size_t>(rows, 1) * row_stride(rank) + 16);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t k = 0; k < rank; ++k) table[row * row_stride(rank) + k] = static_cast<float>(numbers[row * rank + k]);
  }
  return table;
}

std::vector<float> floats_of(const std::vector<double>& numbers) { return {numbers.begin(), numbers.end()}; }

class HistoryRows : public AtEveryLevel {};

TEST_P(HistoryRows, SumIsThatOfTheRows) {
  for (const std::size_t rank : {0U, 1U, 15U, 16U, 17U, 40U, 130U}) {
    const Exact exact(rank);
    const AlignedVector table = rows_of(exact.w, rank);
    AlignedVector sum(row_stride(rank) + 16);
    add_rows(table.data(), row_stride(rank), exact.items.data(), exact.items.size(), sum.data());
    for (std::size_t k = 0; k < rank; ++k) {
      double expected = 0;
      for (const std::uint32_t item : exact.items) expected += exact.w[item * rank + k];
      EXPECT_NEAR(sum[k], expected, 1e-6) << rank;
    }
  }
}

TEST_P(HistoryRows, VisitsAreTheEquations) {
  for (const std::size_t rank : {0U, 1U, 15U, 16U, 17U, 40U, 130U}) {
    Exact exact(rank);
    const AlignedVector q = rows_of(exact.q, rank);
    AlignedVector x = rows_of(exact.x, rank);
    const std::vector<float> biases = floats_of(exact.item_biases);
    const std::vector<float> values = floats_of(exact.values);
    std::vector<float> errors(exact.items.size());
    float bias = 0.25F;
    const HistorySteps steps{.rate = 0.125F, .bias_rate = 0.0625F, .bias_keep = 0.96875F};
    const double squares = visit_history({.order = exact.order.data(),
                                          .count = exact.order.size(),
                                          .items = exact.items.data(),
                                          .values = values.data(),
                                          .item_factors = q.data(),
                                          .item_biases = biases.data(),
                                          .stride = row_stride(rank)},
                                         steps, x.data(), bias, errors.data());
    double expected = 0;
    for (const std::uint32_t at : exact.order) {
      const double error = exact.error(at);
      expected += error * error;
      EXPECT_NEAR(errors[at], error, 1e-5);
      for (std::size_t k = 0; k < rank; ++k) exact.x[k] += 0.125 * error * exact.q[exact.items[at] * rank + k];
      exact.bias = 0.96875 * exact.bias + 0.0625 * error;
    }
    EXPECT_NEAR(squares, expected, 1e-4 * (1 + expected));
    EXPECT_NEAR(bias, exact.bias, 1e-5);
    for (std::size_t k = 0; k < rank; ++k) EXPECT_NEAR(x[k], exact.x[k], 1e-5);
  }
}

/// A step per unit of the rate is the negative gradient of the loss, taken by finite differences.
TEST_P(HistoryRows, StepsDescendTheLoss) {
  constexpr std::size_t kRank = 5;
  const Exact exact(kRank);
  const auto slope = [&](auto change) {
    constexpr double kStep = 1e-5;
    Exact above = exact;
    Exact below = exact;
    change(above, kStep);
    change(below, -kStep);
    return (above.loss() - below.loss()) / (2 * kStep);
  };
  AlignedVector q = rows_of(exact.q, kRank);
  AlignedVector w = rows_of(exact.w, kRank);
  AlignedVector x = rows_of(exact.x, kRank);
  const AlignedVector before = x;
  std::vector<float> biases = floats_of(exact.item_biases);
  const std::vector<float> values = floats_of(exact.values);
  std::vector<float> errors(exact.items.size());
  float bias = 0.25F;
  // Small enough that the visits do not see each other's steps.
  constexpr float kRate = 1.0F / 1024;
  const HistorySteps steps{.rate = kRate, .bias_rate = kRate, .bias_keep = 1};
  const std::vector<float> keeps(kItems, 1.0F);
  visit_history({exact.order.data(), exact.order.size(), exact.items.data(), values.data(), q.data(), biases.data(), row_stride(kRank)},
                steps, x.data(), bias, errors.data());
  AlignedVector move(row_stride(kRank));
  for (std::size_t k = 0; k < kRank; ++k) move[k] = x[k] - before[k];
  learn_history({exact.items.data(), errors.data(), exact.items.size(), q.data(), w.data(), biases.data(), keeps.data(), keeps.data(),
                 keeps.data(), row_stride(kRank)},
                steps, before.data(), move.data());
  const auto rate = static_cast<double>(kRate);
  constexpr double kNear = 0.02;
  EXPECT_NEAR((static_cast<double>(bias) - 0.25) / rate, -slope([](Exact& e, double by) { e.bias += by; }), kNear);
  for (std::size_t k = 0; k < kRank; ++k) {
    EXPECT_NEAR(static_cast<double>(move[k]) / rate, -slope([&](Exact& e, double by) { e.x[k] += by; }), kNear);
    for (std::size_t item = 0; item < kItems; ++item) {
      const std::size_t at = item * kRank + k;
      const double step = static_cast<double>(q[item * row_stride(kRank) + k]) - exact.q[at];
      EXPECT_NEAR(step / rate, -slope([&](Exact& e, double by) { e.q[at] += by; }), kNear);
      const bool own = std::ranges::find(exact.items, item) != exact.items.end();
      EXPECT_FLOAT_EQ(w[item * row_stride(kRank) + k], static_cast<float>(exact.w[at]) + (own ? move[k] : 0.0F));
    }
  }
  for (std::size_t item = 0; item < kItems; ++item) {
    const double step = static_cast<double>(biases[item]) - exact.item_biases[item];
    EXPECT_NEAR(step / rate, -slope([&](Exact& e, double by) { e.item_biases[item] += by; }), kNear);
  }
}

TEST_P(HistoryRows, ItemsKeepTheirShares) {
  constexpr std::size_t kRank = 3;
  const Exact exact(kRank);
  AlignedVector q = rows_of(exact.q, kRank);
  AlignedVector w = rows_of(exact.w, kRank);
  std::vector<float> biases = floats_of(exact.item_biases);
  const std::vector<float> errors(exact.items.size(), 0.0F);
  const std::vector<float> half(kItems, 0.5F);
  const std::vector<float> quarter(kItems, 0.25F);
  const std::vector<float> none(kItems, 0.0F);
  const AlignedVector zeros(row_stride(kRank));
  learn_history({exact.items.data(), errors.data(), exact.items.size(), q.data(), w.data(), biases.data(), half.data(), quarter.data(),
                 none.data(), row_stride(kRank)},
                {0.1F, 0.1F, 1}, zeros.data(), zeros.data());
  EXPECT_FLOAT_EQ(q[4 * row_stride(kRank) + 1], 0.5F * static_cast<float>(exact.q[4 * kRank + 1]));
  EXPECT_FLOAT_EQ(w[4 * row_stride(kRank) + 1], 0.25F * static_cast<float>(exact.w[4 * kRank + 1]));
  EXPECT_EQ(biases[4], 0);
  EXPECT_FLOAT_EQ(q[3 * row_stride(kRank) + 1], static_cast<float>(exact.q[3 * kRank + 1]));
  EXPECT_NE(biases[3], 0);
}

INSTANTIATE_TEST_SUITE_P(Levels, HistoryRows, testing::ValuesIn(available_simd_levels()), level_name);

}  // namespace
}  // namespace lowrank::history_rows_test
