#include "lowrank/train/ease.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/train/train.h"
#include "train/fixtures.h"

namespace lowrank::ease_test {
namespace {

constexpr std::uint32_t kUsers = 90;
constexpr std::uint32_t kItems = 120;

std::vector<Triple> clicks(std::uint64_t seed) {
  std::vector<Triple> triples;
  RandomStream random(seed, Purpose::split);
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item + 1 < kItems; ++item) {
      if (random.uniform() < 0.05 + 0.3 / (1 + item % 7)) triples.push_back({user, item, 1});
    }
  }
  return triples;
}

/// -P_ji / P_ii by Gauss and Jordan.
std::vector<std::vector<double>> closed_form(const std::vector<Triple>& triples, double regularization) {
  std::vector<std::vector<double>> x(kUsers, std::vector<double>(kItems));
  for (const Triple& triple : triples) x[triple.user][triple.item] = triple.value > 0 ? 1 : 0;
  std::vector<std::vector<double>> a(kItems, std::vector<double>(2 * std::size_t{kItems}));
  for (std::uint32_t i = 0; i < kItems; ++i) {
    for (std::uint32_t j = 0; j < kItems; ++j) {
      for (std::uint32_t user = 0; user < kUsers; ++user) a[i][j] += x[user][i] * x[user][j];
    }
    a[i][i] += regularization;
    a[i][kItems + i] = 1;
  }
  for (std::uint32_t pivot = 0; pivot < kItems; ++pivot) {
    const double value = a[pivot][pivot];
    for (double& number : a[pivot]) number /= value;
    for (std::uint32_t row = 0; row < kItems; ++row) {
      const double factor = a[row][pivot];
      for (std::uint32_t column = 0; row != pivot && column < 2 * kItems; ++column) a[row][column] -= factor * a[pivot][column];
    }
  }
  std::vector<std::vector<double>> weights(kItems, std::vector<double>(kItems));
  for (std::uint32_t j = 0; j < kItems; ++j) {
    for (std::uint32_t i = 0; i < kItems; ++i) {
      if (i != j) weights[j][i] = -a[j][kItems + i] / a[i][kItems + i];
    }
  }
  return weights;
}

TEST(Ease, WeightsAreTheClosedForm) {
  std::vector<Triple> triples = clicks(1);
  triples[5].value = 0;
  triples[9].value = -2;
  for (const double regularization : {0.5, 20.0, 500.0}) {
    const Ease options{.regularization = regularization};
    const Model model = train_quietly(make_ratings(triples, kUsers, kItems), options).model;
    const auto expected = closed_form(triples, regularization);
    for (std::uint32_t from = 0; from < kItems; ++from) {
      for (std::uint32_t to = 0; to < kItems; ++to)
        EXPECT_NEAR(double{model.neighbours->weight(from, to)}, expected[from][to], 1e-7 + 1e-6 * std::abs(expected[from][to]));
    }
    EXPECT_EQ(model.rank(), 0U);
    EXPECT_TRUE(model.neighbours->items_of(kItems - 1).empty()) << "an item that nobody has";
  }
}

TEST(Ease, KeepsTheWeightsFarthestFromZero) {
  const std::vector<Triple> triples = clicks(2);
  const Model model = train_quietly(make_ratings(triples, kUsers, kItems), Ease{.neighbours = 6}).model;
  const auto expected = closed_form(triples, Ease{}.regularization);
  for (std::uint32_t from = 0; from + 1 < kItems; ++from) {
    std::vector<double> sizes;
    for (const double weight : expected[from]) sizes.push_back(std::abs(weight));
    std::ranges::sort(sizes, std::greater<>());
    ASSERT_EQ(model.neighbours->items_of(from).size(), 6U);
    for (const float weight : model.neighbours->weights_of(from)) EXPECT_GE(std::abs(double{weight}), sizes[5] - 1e-7);
  }
}

TEST(Ease, BytesDoNotDependOnThreads) {
  const std::vector<Triple> triples = clicks(3);
  const Ratings ratings = make_ratings(triples, kUsers, kItems);
  const std::string expected = bytes_of(train_quietly(make_ratings(triples, kUsers, kItems), Ease{.neighbours = 9}, 1).model, ratings);
  for (const int threads : {2, 3, 8})
    EXPECT_EQ(bytes_of(train_quietly(make_ratings(triples, kUsers, kItems), Ease{.neighbours = 9}, threads).model, ratings), expected);
}

TEST(Ease, MemoryIsStatedAndRefused) {
  const std::size_t few = training_memory(Ease{.neighbours = 10}, {.users = 10, .items = 10'000, .ratings = 100});
  EXPECT_GT(few, std::size_t{400'000'000});
  EXPECT_LT(few, std::size_t{440'000'000});
  RatingsBuilder builder;
  builder.add(0, 0, 1);
  EXPECT_THROW(train_quietly(builder.build(1, 3'000'000), Ease{}), MemoryError);
}

TEST(Ease, NothingAboveZeroIsAnError) { EXPECT_THROW(train_quietly(make_ratings({{0, 0, 0}, {1, 1, -1}}, 2, 2), Ease{}), DataError); }

}  // namespace
}  // namespace lowrank::ease_test
