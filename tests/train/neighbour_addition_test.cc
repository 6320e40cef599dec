#include "train/neighbour_addition.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/random.h"
#include "lowrank/recommend/recommender.h"
#include "lowrank/train/train.h"
#include "train/fixtures.h"

namespace lowrank::neighbour_addition_test {
namespace {

constexpr std::uint32_t kUsers = 60;
constexpr std::uint32_t kItems = 45;

std::vector<Triple> clicks(std::uint64_t seed) {
  std::vector<Triple> triples;
  RandomStream random(seed, Purpose::split);
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) {
      if (random.uniform() < 0.05 + 0.4 / (1 + (item + user) % 7)) triples.push_back({user, item, 1});
    }
  }
  return triples;
}

std::vector<Method> with_neighbours(std::uint32_t neighbours, std::optional<double> weight) {
  return {Implicit{.rank = 6, .epochs = 4, .neighbours = neighbours, .neighbour_weight = weight},
          Bpr{.rank = 6, .epochs = 4, .negatives = 2, .neighbours = neighbours, .neighbour_weight = weight}};
}

double deviation(const std::vector<double>& numbers) {
  const auto n = static_cast<double>(numbers.size());
  const double mean = std::accumulate(numbers.begin(), numbers.end(), 0.0) / n;
  double squares = 0;
  for (const double number : numbers) squares += (number - mean) * (number - mean);
  return std::sqrt(squares / n);
}

/// Averages over the users of the standard deviations of <p, q> and of the sums of a model's neighbours.
std::pair<double, double> spreads(const Model& model, const std::vector<Triple>& triples) {
  double factors = 0;
  double sums = 0;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    std::vector<double> products(kItems);
    std::vector<double> added(kItems);
    for (std::uint32_t item = 0; item < kItems; ++item) {
      for (std::size_t k = 0; k < model.rank(); ++k)
        products[item] += double{model.users.factors.row(user)[k]} * double{model.items.factors.row(item)[k]};
    }
    for (const Triple& triple : triples) {
      for (std::uint32_t item = 0; triple.user == user && item < kItems; ++item)
        added[item] += double{model.neighbours->weight(triple.item, item)};
    }
    factors += deviation(products);
    sums += deviation(added);
  }
  return {factors, sums};
}

TEST(NeighbourAddition, WeighsDeviationsOverTheItems) {
  const std::vector<Triple> triples = clicks(1);
  const Model alone = train_quietly(make_ratings(triples, kUsers, kItems), ItemNeighbours{.neighbours = 12}).model;
  for (const double weight : {0.7, 2.0}) {
    for (const Method& method : with_neighbours(12, weight)) {
      const Model model = train_quietly(make_ratings(triples, kUsers, kItems), method).model;
      ASSERT_TRUE(model.neighbours);
      const auto [factors, sums] = spreads(model, triples);
      EXPECT_NEAR(sums / factors, weight, 1e-4 * weight);
      EXPECT_TRUE(std::ranges::equal(model.neighbours->items(), alone.neighbours->items()));
      const double ratio = double{model.neighbours->weights()[0]} / double{alone.neighbours->weights()[0]};
      for (std::size_t n = 0; n < model.neighbours->size(); ++n)
        EXPECT_NEAR(double{model.neighbours->weights()[n]}, ratio * double{alone.neighbours->weights()[n]}, 1e-4 * ratio);
    }
  }
}

TEST(NeighbourAddition, FactorsStayAsTheyAre) {
  const std::vector<Triple> triples = clicks(2);
  for (std::size_t n = 0; n < 2; ++n) {
    const Model without = train_quietly(make_ratings(triples, kUsers, kItems), with_neighbours(0, {})[n]).model;
    const Model with = train_quietly(make_ratings(triples, kUsers, kItems), with_neighbours(9, {})[n]).model;
    EXPECT_FALSE(without.neighbours);
    EXPECT_EQ(with.items, without.items);
    EXPECT_EQ(with.users, without.users);
  }
}

TEST(NeighbourAddition, ValidationChoosesTheWeight) {
  const std::vector<Triple> triples = clicks(3);
  for (const double wanted : {0.0, 0.1, 0.8, 1.6}) {
    const Validation validation{.measure =
                                    [&](const Model& model) {
                                      if (!model.neighbours) return wanted;
                                      const auto [factors, sums] = spreads(model, triples);
                                      return std::abs(sums / factors - wanted);
                                    },
                                .name = "distance",
                                .higher_is_better = false};
    for (const Method& method : with_neighbours(9, {})) {
      const Model model = train_quietly(make_ratings(triples, kUsers, kItems), method, 1, validation).model;
      ASSERT_EQ(model.neighbours.has_value(), wanted != 0);
      if (!model.neighbours) continue;
      const auto [factors, sums] = spreads(model, triples);
      EXPECT_NEAR(sums / factors, wanted, 1e-3);
    }
  }
}

/// Lists, single scores and those of a user folded in are the sum of both parts.
TEST(NeighbourAddition, ListsAreExact) {
  const std::vector<Triple> triples = clicks(4);
  for (const Method& method : with_neighbours(9, 1.0)) {
    TrainInput input;
    input.data.ratings = make_ratings(triples, kUsers, kItems);
    const Ratings ratings = make_ratings(triples, kUsers, kItems);
    const Model model = train(std::move(input), method).model;
    const Recommender recommender(model);
    const std::vector<std::uint32_t> users = recommender.known_users();
    const std::vector<float> ones(kItems, 1.0F);
    recommender.recommend(users, {.top = 10}, [&](std::size_t position, std::span<const Scored> list) {
      const std::uint32_t user = users[position];
      const auto own = ratings.items_of(user);
      std::vector<double> scores;
      for (std::uint32_t item = 0; item < kItems; ++item) {
        if (!std::ranges::binary_search(own, item)) scores.push_back(score(model, user, item));
      }
      std::ranges::sort(scores, std::greater<>());
      ASSERT_EQ(list.size(), std::min<std::size_t>(10, scores.size()));
      for (std::size_t n = 0; n < list.size(); ++n) EXPECT_FLOAT_EQ(list[n].score, static_cast<float>(scores[n]));
      const FoldedRow folded = recommender.fold_in_user(own, std::span(ones).first(own.size()));
      for (const Scored& item : recommender.recommend(folded, own, {.top = 10})) {
        double expected = double{model.items.biases[item.index]};
        for (std::size_t k = 0; k < model.rank(); ++k)
          expected += double{folded.factors[k]} * double{model.items.factors.row(item.index)[k]};
        for (const std::uint32_t from : own) expected += double{model.neighbours->weight(from, item.index)};
        EXPECT_NEAR(double{item.score}, expected, 1e-4 * (1 + std::abs(expected)));
      }
    });
  }
}

TEST(NeighbourAddition, BytesDoNotDependOnThreads) {
  const std::vector<Triple> triples = clicks(5);
  const Ratings ratings = make_ratings(triples, kUsers, kItems);
  for (const Method& method : with_neighbours(5, {})) {
    const std::string expected = bytes_of(train_quietly(make_ratings(triples, kUsers, kItems), method, 1).model, ratings);
    for (const int threads : {2, 3, 8})
      EXPECT_EQ(bytes_of(train_quietly(make_ratings(triples, kUsers, kItems), method, threads).model, ratings), expected);
  }
}

}  // namespace
}  // namespace lowrank::neighbour_addition_test
