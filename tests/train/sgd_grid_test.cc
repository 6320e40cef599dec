#include "train/sgd_grid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/random.h"
#include "fixtures.h"
#include "lowrank/model/factor_matrix.h"

namespace lowrank::sgd_grid_test {
namespace {

/// Shapes in which a grid keeps its values in different ways.
struct Shape {
  const char* name;
  std::uint32_t users;
  std::uint32_t items;
  std::uint64_t ratings;
  bool few_values;
};

constexpr std::size_t kRank = 5;

class SgdGridOfShape : public testing::TestWithParam<Shape> {
 protected:
  SgdGridOfShape() : triples_(synthetic(GetParam().users, GetParam().items, GetParam().ratings, 7)), units_{.mean = 3, .scale = 1.25} {
    RandomStream random(2, Purpose::rating_order);
    user_counts_.resize(GetParam().users);
    item_counts_.resize(GetParam().items);
    for (Triple& triple : triples_) {
      if (!GetParam().few_values) triple.value += static_cast<float>(random.uniform());
      ++user_counts_[triple.user];
      ++item_counts_[triple.item];
    }
  }

  SgdGrid grid(int threads = 2) const {
    Workers workers(threads);
    return {make_ratings(triples_, GetParam().users, GetParam().items), item_counts_, units_, kRank, 1, workers};
  }

  std::vector<Triple> triples_;
  Units units_;
  std::vector<std::uint32_t> user_counts_;
  std::vector<std::uint32_t> item_counts_;
};

INSTANTIATE_TEST_SUITE_P(Shapes, SgdGridOfShape,
                         testing::Values(Shape{"packed", 3000, 800, 60'000, true}, Shape{"coded", 900, 30'000, 60'000, true},
                                         Shape{"floats", 2000, 800, 60'000, false}, Shape{"narrow", 9000, 60, 60'000, true},
                                         Shape{"wide", 300, 70'000, 60'000, false}, Shape{"tall", 140'000, 100, 200'000, true}),
                         [](const auto& shape) { return shape.param.name; });

/// Tables of random numbers. Items are in the rows that `layout` gives them.
struct Tables {
  Tables(std::uint32_t users, std::uint32_t items, std::uint64_t seed)
      : user_factors(users, kRank),
        item_factors(items, kRank),
        user_biases(users),
        item_biases(items),
        user_decays(users),
        item_decays(items) {
    RandomStream random(seed, Purpose::user_factors);
    for (FactorMatrix* table : {&user_factors, &item_factors}) {
      for (std::size_t row = 0; row < table->rows(); ++row) {
        for (float& x : table->row(row)) x = static_cast<float>(0.3 * random.normal());
      }
    }
    for (std::vector<float>* biases : {&user_biases, &item_biases}) {
      for (float& x : *biases) x = static_cast<float>(0.2 * random.normal());
    }
  }

  SgdTables view() {
    return {.user_factors = user_factors.data(),
            .item_factors = item_factors.data(),
            .user_biases = user_biases.data(),
            .item_biases = item_biases.data(),
            .user_decays = user_decays.data(),
            .item_decays = item_decays.data(),
            .user_bias_decays = user_decays.data(),
            .item_bias_decays = item_decays.data(),
            .stride = user_factors.stride()};
  }

  /// What the tables say of a user and the item in a row.
  double score(std::size_t user, std::size_t row) const {
    double sum = static_cast<double>(user_biases[user]) + static_cast<double>(item_biases[row]);
    for (std::size_t k = 0; k < kRank; ++k) {
      sum += static_cast<double>(user_factors.row(user)[k]) * static_cast<double>(item_factors.row(row)[k]);
    }
    return sum;
  }

  FactorMatrix user_factors;
  FactorMatrix item_factors;
  std::vector<float> user_biases;
  std::vector<float> item_biases;
  std::vector<float> user_decays;
  std::vector<float> item_decays;
};

TEST_P(SgdGridOfShape, LaysItemsOutByPopularityInStripesOfEqualShares) {
  const SgdGrid grid = this->grid();
  const ItemLayout& layout = grid.layout();
  const std::size_t items = GetParam().items;
  ASSERT_EQ(layout.row_of_item.size(), items);
  for (std::size_t item = 0; item < items; ++item) ASSERT_EQ(layout.item_of_row[layout.row_of_item[item]], item);
  ASSERT_EQ(layout.stripe_begin.front(), 0U);
  ASSERT_EQ(layout.stripe_begin.back(), items);
  std::size_t most = 0;
  std::size_t least = triples_.size();
  for (std::size_t stripe = 0; stripe < grid.stripes(); ++stripe) {
    std::size_t ratings = 0;
    for (std::size_t row = layout.stripe_begin[stripe]; row < layout.stripe_begin[stripe + 1]; ++row) {
      const std::uint32_t count = item_counts_[layout.item_of_row[row]];
      if (row > layout.stripe_begin[stripe]) {
        EXPECT_LE(count, item_counts_[layout.item_of_row[row - 1]]);
      }
      ratings += count;
    }
    const std::size_t width = layout.stripe_begin[stripe + 1] - layout.stripe_begin[stripe];
    EXPECT_LE(width, 65'536U);
    EXPECT_LE(width, items / grid.stripes() + 1);
    EXPECT_GE(width, items / grid.stripes());
    most = std::max(most, ratings);
    least = std::min(least, ratings);
  }
  // No stripe is further from another than the most popular item is large.
  EXPECT_LE(most - least, *std::max_element(item_counts_.begin(), item_counts_.end()));
}

TEST_P(SgdGridOfShape, ErrorsAreThoseOfALoopOverTheRatings) {
  const SgdGrid grid = this->grid();
  ASSERT_EQ(grid.size(), triples_.size());
  Tables tables(GetParam().users, GetParam().items, 3);
  constexpr float kLeast = -0.8F;
  constexpr float kMost = 0.9F;
  double squared = 0;
  double clipped = 0;
  for (const Triple& triple : triples_) {
    const double value = (static_cast<double>(triple.value) - units_.mean) / units_.scale;
    const double score = tables.score(triple.user, grid.layout().row_of_item[triple.item]);
    squared += std::pow(value - score, 2);
    clipped += std::pow(value - std::clamp(score, static_cast<double>(kLeast), static_cast<double>(kMost)), 2);
  }
  Workers workers(2);
  const SgdErrors errors = grid.errors(tables.view(), kLeast, kMost, workers);
  EXPECT_NEAR(errors.squared, squared, 1e-6 * squared);
  EXPECT_NEAR(errors.clipped_squared, clipped, 1e-6 * clipped);
}

/// A pass without steps changes nothing and meets every rating once: a bias given to one row shows how many ratings the row has.
TEST_P(SgdGridOfShape, APassMeetsEveryRatingOnce) {
  const SgdGrid grid = this->grid();
  Workers workers(2);
  const auto squares_with = [&](const auto& change) {
    Tables tables(GetParam().users, GetParam().items, 3);
    for (FactorMatrix* table : {&tables.user_factors, &tables.item_factors}) *table = FactorMatrix(table->rows(), kRank);
    std::ranges::fill(tables.user_biases, 0.0F);
    std::ranges::fill(tables.item_biases, 0.0F);
    change(tables);
    const Tables before = tables;
    const double squares = grid.pass(tables.view(), {.rate = 0, .bias_rate = 0}, 1, 1, workers);
    EXPECT_EQ(tables.user_biases, before.user_biases);
    EXPECT_EQ(tables.item_biases, before.item_biases);
    return squares;
  };
  const double none = squares_with([](Tables&) {});
  const auto step = std::max<std::size_t>(1, std::max(user_counts_.size(), item_counts_.size()) / 20);
  // (value - 1000)^2 + (value + 1000)^2 - 2 value^2 = 2 * 1000^2 for every rating of the row.
  const auto count_in = [&](const auto& bias) {
    const double above = squares_with([&](Tables& tables) { bias(tables) = 1000; });
    const double below = squares_with([&](Tables& tables) { bias(tables) = -1000; });
    return (above + below - 2 * none) / 2e6;
  };
  for (std::size_t user = 0; user < user_counts_.size(); user += step) {
    EXPECT_NEAR(count_in([&](Tables& tables) -> float& { return tables.user_biases[user]; }), user_counts_[user], 0.3) << user;
  }
  for (std::size_t item = 0; item < item_counts_.size(); item += step) {
    const std::size_t row = grid.layout().row_of_item[item];
    EXPECT_NEAR(count_in([&](Tables& tables) -> float& { return tables.item_biases[row]; }), item_counts_[item], 0.3) << item;
  }
}

TEST_P(SgdGridOfShape, APassLowersTheErrorsByAsMuchOnAnyNumberOfThreads) {
  Tables expected(GetParam().users, GetParam().items, 3);
  double expected_squares = 0;
  for (const int threads : {1, 2, 8}) {
    const SgdGrid grid = this->grid(threads);
    Tables tables(GetParam().users, GetParam().items, 3);
    std::ranges::fill(tables.user_decays, 1e-4F);
    std::ranges::fill(tables.item_decays, 1e-4F);
    Workers workers(threads);
    constexpr float kAny = std::numeric_limits<float>::max();
    const double before = grid.errors(tables.view(), -kAny, kAny, workers).squared;
    const double squares = grid.pass(tables.view(), {.rate = 0.01F, .bias_rate = 0.01F}, 1, 1, workers);
    const double after = grid.errors(tables.view(), -kAny, kAny, workers).squared;
    EXPECT_LT(squares, before);
    EXPECT_LT(after, squares);
    if (threads == 1) {
      expected = tables;
      expected_squares = squares;
    }
    EXPECT_EQ(squares, expected_squares);
    EXPECT_EQ(tables.user_factors, expected.user_factors);
    EXPECT_EQ(tables.item_factors, expected.item_factors);
    EXPECT_EQ(tables.user_biases, expected.user_biases);
    EXPECT_EQ(tables.item_biases, expected.item_biases);
  }
}

TEST(SgdGrid, APassGivesUpWhenTheNumbersRunAway) {
  const std::vector<Triple> triples = synthetic(2000, 500, 50'000, 1);
  std::vector<std::uint32_t> counts(500);
  for (const Triple& triple : triples) ++counts[triple.item];
  for (const int threads : {1, 3}) {
    Workers workers(threads);
    const SgdGrid grid(make_ratings(triples, 2000, 500), counts, Units{}, kRank, 1, workers);
    Tables tables(2000, 500, 1);
    tables.item_biases[0] = std::numeric_limits<float>::infinity();
    EXPECT_FALSE(std::isfinite(grid.pass(tables.view(), {.rate = 0.01F, .bias_rate = 0.01F}, 1, 1, workers)));
  }
}

}  // namespace
}  // namespace lowrank::sgd_grid_test
