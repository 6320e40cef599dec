#include "train/item_products.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "base/random.h"
#include "kernels/levels.h"
#include "train/fixtures.h"

namespace lowrank::item_products_test {
namespace {

constexpr std::uint32_t kUsers = 150;
constexpr std::uint32_t kItems = 203;

struct Data {
  Ratings ratings;
  std::vector<float> values;
  std::vector<float> users;
  std::vector<float> from;
  std::vector<float> to;
};

/// A head that most users have and a tail of one user or none; numbers with many equal ones.
Data make_data(std::uint64_t seed) {
  RandomStream random(seed, Purpose::split);
  std::vector<Triple> triples;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) {
      if (random.uniform() < 0.9 / (1 + (item * 7) % kItems / 4.0)) triples.push_back({user, item, 1});
    }
  }
  Data data{.ratings = make_ratings(triples, kUsers, kItems), .values = {}, .users = {}, .from = {}, .to = {}};
  const auto draw = [&](std::size_t count) {
    std::vector<float> numbers(count);
    for (float& number : numbers) number = 0.25F * static_cast<float>(1 + random.below(8));
    return numbers;
  };
  data.values = draw(data.ratings.size());
  for (std::size_t n = 0; n < data.values.size(); n += 3) data.values[n] *= -1;
  data.users = draw(kUsers);
  data.from = draw(kItems);
  data.to = draw(kItems);
  return data;
}

/// Score of every pair, by the definition.
std::vector<std::vector<double>> slow_scores(const Data& data, const ItemProducts& products) {
  std::vector<std::vector<double>> x(kUsers, std::vector<double>(kItems));
  std::vector<std::vector<bool>> has(kUsers, std::vector<bool>(kItems));
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::size_t at = data.ratings.row_offsets()[user]; at < data.ratings.row_offsets()[user + 1]; ++at) {
      has[user][data.ratings.items()[at]] = true;
      x[user][data.ratings.items()[at]] = products.values.empty() ? 1 : static_cast<double>(products.values[at]);
    }
  }
  std::vector<std::vector<double>> scores(kItems, std::vector<double>(kItems));
  const auto h = static_cast<double>(products.shrinkage);
  for (std::uint32_t i = 0; i < kItems; ++i) {
    for (std::uint32_t j = 0; j < kItems; ++j) {
      double n = 0;
      double xy = 0;
      double xx = 0;
      double yy = 0;
      for (std::uint32_t user = 0; user < kUsers && i != j; ++user) {
        if (!has[user][i] || !has[user][j]) continue;
        const double weight = products.user_weights.empty() ? 1 : static_cast<double>(products.user_weights[user]);
        n += 1;
        xy += weight * x[user][i] * x[user][j];
        xx += x[user][i] * x[user][i];
        yy += x[user][j] * x[user][j];
      }
      if (n == 0) continue;
      if (products.kind == PairSums::moments) {
        if (n > 1) scores[i][j] = xy / std::sqrt(xx * yy) * (n - 1) / (n - 1 + h);
        continue;
      }
      scores[i][j] = xy * (products.column_scales.empty() ? 1 : static_cast<double>(products.column_scales[j]));
      if (products.kind == PairSums::counted) scores[i][j] *= n / (n + h);
    }
  }
  return scores;
}

void expect_best(const Neighbours& found, const std::vector<std::vector<double>>& scores, std::size_t kept, std::span<const float> scales) {
  ASSERT_EQ(found.rows(), kItems);
  for (std::uint32_t row = 0; row < kItems; ++row) {
    std::vector<double> expected;
    for (const double score : scores[row]) {
      if (score > 1e-6) expected.push_back(score);
    }
    std::ranges::sort(expected, std::greater<>());
    expected.resize(std::min(expected.size(), kept));
    ASSERT_EQ(found.items_of(row).size(), expected.size()) << row;
    std::vector<double> weights;
    for (std::size_t n = 0; n < expected.size(); ++n) {
      const double scale = scales.empty() ? 1 : static_cast<double>(scales[row]);
      const auto weight = static_cast<double>(found.weights_of(row)[n]);
      EXPECT_NEAR(weight, scale * scores[row][found.items_of(row)[n]], 1e-5 * weight);
      weights.push_back(weight / scale);
    }
    std::ranges::sort(weights, std::greater<>());
    for (std::size_t n = 0; n < expected.size(); ++n) EXPECT_NEAR(weights[n], expected[n], 1e-5 * expected[n]);
  }
}

class AllProducts : public AtEveryLevel {};

TEST_P(AllProducts, AreThoseOfADenseLoop) {
  const Data data = make_data(1);
  Workers workers(2);
  const std::vector<ItemProducts> kinds{
      {.ratings = data.ratings},
      {.ratings = data.ratings, .user_weights = data.users, .row_scales = data.from, .column_scales = data.to},
      {.ratings = data.ratings, .values = data.values},
      {.ratings = data.ratings, .values = data.values, .user_weights = data.users, .column_scales = data.to},
      {.ratings = data.ratings, .kind = PairSums::counted, .user_weights = data.users, .column_scales = data.to, .shrinkage = 3},
      {.ratings = data.ratings, .kind = PairSums::counted, .values = data.values, .shrinkage = 20},
      {.ratings = data.ratings, .kind = PairSums::moments, .values = data.values},
      {.ratings = data.ratings, .kind = PairSums::moments, .values = data.values, .row_scales = data.from, .shrinkage = 8}};
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    const auto scores = slow_scores(data, kinds[kind]);
    for (const std::uint32_t kept : {1U, 7U, 50U, kItems}) {
      for (const std::size_t block : {std::size_t{16}, std::size_t{100}, kMostBlockColumns}) {
        SCOPED_TRACE(std::to_string(kind) + " kept " + std::to_string(kept) + " block " + std::to_string(block));
        ItemProducts products = kinds[kind];
        products.kept = kept;
        expect_best(best_products(products, workers, block), scores, kept, products.row_scales);
      }
    }
  }
}

TEST_P(AllProducts, OfEqualScoresTheLowerItemsAreKept) {
  const Data data = make_data(2);
  Workers workers(2);
  const auto scores = slow_scores(data, {.ratings = data.ratings});
  const Neighbours found = best_products({.ratings = data.ratings, .kept = 9}, workers, 32);
  for (std::uint32_t row = 0; row < kItems; ++row) {
    std::vector<std::uint32_t> order;
    for (std::uint32_t item = 0; item < kItems; ++item) {
      if (scores[row][item] > 0) order.push_back(item);
    }
    std::ranges::stable_sort(order, [&](std::uint32_t a, std::uint32_t b) { return scores[row][a] > scores[row][b]; });
    order.resize(std::min<std::size_t>(order.size(), 9));
    std::ranges::sort(order);
    EXPECT_TRUE(std::ranges::equal(found.items_of(row), order)) << row;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, AllProducts, testing::ValuesIn(available_simd_levels()), level_name);

TEST(ItemProducts, BytesDoNotDependOnThreadsNorOnBlocks) {
  const Data data = make_data(3);
  const ItemProducts products{.ratings = data.ratings, .values = data.values, .user_weights = data.users, .kept = 12};
  Workers one(1);
  const Neighbours expected = best_products(products, one);
  for (const int threads : {2, 3, 8}) {
    Workers workers(threads);
    EXPECT_EQ(best_products(products, workers), expected);
    EXPECT_EQ(best_products(products, workers, 48), expected);
  }
}

TEST(ItemProducts, OfNothing) {
  Workers workers(2);
  const Ratings none = make_ratings({}, 3, 4);
  EXPECT_EQ(best_products({.ratings = none}, workers).size(), 0U);
  const Ratings one = make_ratings({{0, 2, 1}, {2, 2, 1}}, 3, 4);
  const Neighbours found = best_products({.ratings = one}, workers);
  EXPECT_EQ(found.size(), 0U);
  EXPECT_EQ(found.rows(), 4U);
}

}  // namespace
}  // namespace lowrank::item_products_test
