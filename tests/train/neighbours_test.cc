#include "lowrank/train/neighbours.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/recommend/recommender.h"
#include "lowrank/train/train.h"
#include "train/fixtures.h"

namespace lowrank::neighbours_test {
namespace {

constexpr std::uint32_t kUsers = 40;
constexpr std::uint32_t kItems = 30;

std::vector<Triple> clicks(std::uint64_t seed) {
  std::vector<Triple> triples;
  RandomStream random(seed, Purpose::split);
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) {
      if (random.uniform() < 0.05 + 0.3 / (1 + item % 7)) triples.push_back({user, item, 1});
    }
  }
  return triples;
}

/// The formula, loop by loop.
std::vector<std::vector<double>> slow_weights(const std::vector<Triple>& triples, double a, double c, double b, double shrinkage) {
  std::vector<std::set<std::uint32_t>> users_of(kItems);
  std::vector<double> sizes(kUsers);
  for (const Triple& triple : triples) {
    if (triple.value <= 0) continue;
    users_of[triple.item].insert(triple.user);
    ++sizes[triple.user];
  }
  std::vector<std::vector<double>> weights(kItems, std::vector<double>(kItems));
  for (std::uint32_t from = 0; from < kItems; ++from) {
    for (std::uint32_t to = 0; to < kItems; ++to) {
      if (from == to) continue;
      double sum = 0;
      double common = 0;
      for (const std::uint32_t user : users_of[from]) {
        if (!users_of[to].contains(user)) continue;
        sum += std::pow(sizes[user], -b);
        ++common;
      }
      if (common == 0) continue;
      weights[from][to] = std::pow(static_cast<double>(users_of[from].size()), -a) *
                          std::pow(static_cast<double>(users_of[to].size()), -c) * sum * common / (common + shrinkage);
    }
  }
  return weights;
}

struct Case {
  ItemNeighbours options;
  double item;
  double target;
  double user;
};

std::vector<Case> many_cases() {
  using enum NeighbourSimilarity;
  std::vector<Case> cases{{{.similarity = discounted}, .75, .35, .5},
                          {{.similarity = cosine}, .5, .5, 0},
                          {{.similarity = asymmetric_cosine}, .8, .2, 0},
                          {{.similarity = inverse_user_frequency}, .5, .5, .5},
                          {{.similarity = rp3beta}, 1, .6, 1},
                          {{.item_exponent = .1, .target_exponent = .2, .user_exponent = .3, .shrinkage = 4}, .1, .2, .3},
                          {{.similarity = cosine, .user_exponent = 2}, .5, .5, 2}};
  return cases;
}

TEST(ItemNeighbours, WeightsAreThoseOfTheFormula) {
  std::vector<Triple> triples = clicks(1);
  triples[5].value = 0;
  triples[9].value = -2;
  for (const Case& each : many_cases()) {
    const Model model = train_quietly(make_ratings(triples, kUsers, kItems), each.options).model;
    const auto expected = slow_weights(triples, each.item, each.target, each.user, each.options.shrinkage.value_or(0));
    ASSERT_TRUE(model.neighbours);
    for (std::uint32_t from = 0; from < kItems; ++from) {
      for (std::uint32_t to = 0; to < kItems; ++to)
        EXPECT_NEAR(double{model.neighbours->weight(from, to)}, expected[from][to], 1e-5 * expected[from][to]) << from << " " << to;
    }
  }
}

// Users must have many items, and a large share of all; rows without any do not count.
TEST(ItemNeighbours, TakeTheSimilarityThatSuitsHowManyPairsThereAre) {
  using enum NeighbourSimilarity;
  EXPECT_EQ(ItemNeighbours().similarity, automatic);
  const auto takes = [](std::uint32_t each, std::uint32_t items, NeighbourSimilarity similarity) {
    std::vector<Triple> triples;
    RandomStream random(3, Purpose::rating_order);
    for (std::uint32_t user = 0; user < 300; ++user) {
      std::vector<std::uint32_t> order(items);
      std::iota(order.begin(), order.end(), 0U);
      random.shuffle(std::span(order));
      for (std::uint32_t n = 0; n < each; ++n) triples.push_back({user, order[n], 1});
    }
    const Ratings ratings = make_ratings(triples, 900, 4 * items);
    const auto weights = [&](NeighbourSimilarity one) {
      const Model model = train_quietly(ratings, ItemNeighbours{.similarity = one}).model;
      const std::span<const float> all = model.neighbours->weights();
      return std::vector<float>(all.begin(), all.end());
    };
    EXPECT_NE(weights(discounted), weights(rp3beta));
    return weights(automatic) == weights(similarity);
  };
  EXPECT_TRUE(takes(15, 100, discounted));
  EXPECT_TRUE(takes(16, 100, rp3beta));
  EXPECT_TRUE(takes(20, 601, discounted));
  EXPECT_TRUE(takes(20, 600, rp3beta));
}

/// Clicks with values, some of them 0 or less, which count for nothing.
std::vector<Triple> counts(std::uint64_t seed) {
  std::vector<Triple> triples = clicks(seed);
  RandomStream random(seed, Purpose::rating_order);
  for (Triple& triple : triples) triple.value = static_cast<float>(random.below(9)) - 1;
  return triples;
}

/// Items as documents whose terms are the users: x of every pair, and the weight of every user.
struct Documents {
  explicit Documents(const std::vector<Triple>& triples)
      : x(kUsers, std::vector<double>(kItems)), lengths(kItems), sizes(kUsers), users(kUsers) {
    std::set<std::uint32_t> items;
    for (const Triple& triple : triples) {
      if (triple.value <= 0) continue;
      x[triple.user][triple.item] = static_cast<double>(triple.value);
      lengths[triple.item] += static_cast<double>(triple.value);
      ++sizes[triple.user];
      items.insert(triple.item);
    }
    for (std::uint32_t user = 0; user < kUsers; ++user)
      users[user] = std::pow(std::log(static_cast<double>(items.size()) / (1 + sizes[user])), 2);
    mean_length = std::accumulate(lengths.begin(), lengths.end(), 0.0) / static_cast<double>(items.size());
  }
  [[nodiscard]] double product(std::uint32_t i, std::uint32_t j) const {
    double sum = 0;
    for (std::uint32_t user = 0; user < kUsers; ++user) sum += users[user] * x[user][i] * x[user][j];
    return sum;
  }

  std::vector<std::vector<double>> x;
  std::vector<double> lengths;
  std::vector<double> sizes;
  std::vector<double> users;
  double mean_length = 0;
};

void expect_weights(const Model& model, const std::function<double(std::uint32_t, std::uint32_t)>& expected) {
  for (std::uint32_t from = 0; from < kItems; ++from) {
    for (std::uint32_t to = 0; to < kItems; ++to) {
      if (from == to) continue;
      const double weight = expected(from, to);
      EXPECT_NEAR(double{model.neighbours->weight(from, to)}, weight, 1e-5 * weight) << from << " " << to;
    }
  }
}

TEST(ItemNeighbours, TfIdfIsACosineOfDocuments) {
  const std::vector<Triple> triples = counts(4);
  Documents documents(triples);
  for (auto& row : documents.x) std::ranges::transform(row, row.begin(), [](double x) { return std::sqrt(x); });
  const ItemNeighbours options{.similarity = NeighbourSimilarity::tf_idf};
  expect_weights(train_quietly(make_ratings(triples, kUsers, kItems), options).model, [&](std::uint32_t from, std::uint32_t to) {
    const double product = documents.product(from, to);
    return product == 0 ? 0 : product / std::sqrt(documents.product(from, from) * documents.product(to, to));
  });
}

TEST(ItemNeighbours, Bm25) {
  const std::vector<Triple> triples = counts(5);
  for (const double k1 : {0.0, 1.2, 40.0}) {
    Documents documents(triples);
    for (std::uint32_t item = 0; item < kItems; ++item) {
      for (auto& row : documents.x) {
        if (row[item] > 0)
          row[item] = row[item] * (k1 + 1) / (k1 * (0.25 + 0.75 * documents.lengths[item] / documents.mean_length) + row[item]);
      }
    }
    const ItemNeighbours options{.similarity = NeighbourSimilarity::bm25, .bm25_k1 = k1};
    expect_weights(train_quietly(make_ratings(triples, kUsers, kItems), options).model,
                   [&](std::uint32_t from, std::uint32_t to) { return documents.product(from, to); });
  }
}

TEST(ItemNeighbours, KeepsTheGreatestWeightsOfEachItem) {
  const std::vector<Triple> triples = clicks(2);
  const Model all = train_quietly(make_ratings(triples, kUsers, kItems), ItemNeighbours{}).model;
  const Model few = train_quietly(make_ratings(triples, kUsers, kItems), ItemNeighbours{.neighbours = 4}).model;
  for (std::uint32_t from = 0; from < kItems; ++from) {
    std::vector<float> weights(all.neighbours->weights_of(from).begin(), all.neighbours->weights_of(from).end());
    std::ranges::sort(weights, std::greater<>());
    weights.resize(std::min<std::size_t>(weights.size(), 4));
    std::vector<float> kept(few.neighbours->weights_of(from).begin(), few.neighbours->weights_of(from).end());
    std::ranges::sort(kept, std::greater<>());
    EXPECT_EQ(kept, weights);
  }
}

TEST(ItemNeighbours, BytesDoNotDependOnThreads) {
  const std::vector<Triple> triples = clicks(3);
  const Ratings ratings = make_ratings(triples, kUsers, kItems);
  const ItemNeighbours options{.neighbours = 5};
  const std::string expected = bytes_of(train_quietly(make_ratings(triples, kUsers, kItems), options, 1).model, ratings);
  for (const int threads : {2, 3, 8})
    EXPECT_EQ(bytes_of(train_quietly(make_ratings(triples, kUsers, kItems), options, threads).model, ratings), expected);
}

/// A figure of training comes from the items that the user had in training.
TEST(ItemNeighbours, ValidationSeesTheScores) {
  double measured = 0;
  const Validation validation{.measure =
                                  [&](const Model& model) {
                                    for (std::uint32_t user = 0; user < kUsers; ++user) measured += score(model, user, 0);
                                    return measured;
                                  },
                              .name = "sum",
                              .higher_is_better = true};
  const Model model = train_quietly(make_ratings(clicks(1), kUsers, kItems), ItemNeighbours{}, 1, validation).model;
  double expected = 0;
  for (std::uint32_t user = 0; user < kUsers; ++user) expected += score(model, user, 0);
  EXPECT_GT(expected, 0);
  EXPECT_EQ(measured, expected);
}

TEST(ItemNeighbours, ModelOnlyRanks) {
  const Model model = train_quietly(make_ratings(clicks(1), kUsers + 1, kItems), ItemNeighbours{}).model;
  EXPECT_EQ(model.rank(), 0U);
  EXPECT_FALSE(model.centre.predicts_ratings);
  EXPECT_FALSE(model.centre.has_biases);
  EXPECT_EQ(score(model, kUsers, 0), 0) << "an unknown user";
}

/// An item that a user dislikes is left out of their lists, but speaks for nothing, in any way of asking.
TEST(ItemNeighbours, DislikesSpeakForNothing) {
  std::vector<Triple> triples = clicks(1);
  for (std::size_t n = 0; n < triples.size(); n += 3) triples[n].value = n % 2 == 0 ? -1.0F : 0.0F;
  const Ratings ratings = make_ratings(triples, kUsers, kItems);
  TrainInput input;
  input.data.ratings = ratings;
  const Model model = train(std::move(input), ItemNeighbours{.neighbours = kItems}).model;
  const Recommender recommender(model);
  std::vector<std::vector<float>> expected(kUsers, std::vector<float>(kItems));
  for (const Triple& triple : triples) {
    for (std::uint32_t item = 0; triple.value > 0 && item < kItems; ++item)
      expected[triple.user][item] += model.neighbours->weight(triple.item, item);
  }
  const std::vector<std::uint32_t> users = recommender.known_users();
  std::vector<std::uint32_t> all_items(kItems);
  std::iota(all_items.begin(), all_items.end(), 0U);
  Pairs pairs;
  pairs.known_users = kUsers;
  pairs.known_items = kItems;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    std::vector<std::uint32_t> items(ratings.items_of(user).begin(), ratings.items_of(user).end());
    std::vector<float> values;
    for (std::size_t n = 0; n < items.size(); ++n) values.push_back(ratings.value(ratings.row_offsets()[user] + n));
    if (!model.users.knows(user)) continue;
    for (std::uint32_t item = 0; item < kItems; ++item) EXPECT_FLOAT_EQ(static_cast<float>(score(model, user, item)), expected[user][item]);
    const FoldedRow folded = recommender.fold_in_user(items, values);
    const auto known = [&](const Scored& scored) { EXPECT_FLOAT_EQ(scored.score, expected[user][scored.index]); };
    std::ranges::for_each(recommender.recommend(folded, {}, {.top = kItems}), known);
    for (std::size_t n = 0; n < items.size(); ++n) {
      pairs.users.push_back(user);
      pairs.items.push_back(items[n]);
      pairs.values.push_back(values[n]);
    }
  }
  recommender.recommend(users, {.top = kItems}, [&](std::size_t position, std::span<const Scored> list) {
    const auto seen = ratings.items_of(users[position]);
    for (const Scored& item : list) {
      EXPECT_FLOAT_EQ(item.score, expected[users[position]][item.index]);
      EXPECT_FALSE(std::ranges::binary_search(seen, item.index));
    }
  });
  for (const bool seen : {false, true}) {
    recommender.recommend_users(all_items, {.top = kUsers, .include_seen = seen}, [&](std::size_t item, std::span<const Scored> list) {
      for (const Scored& user : list) EXPECT_FLOAT_EQ(user.score, expected[user.index][item]);
    });
  }
  const Model folded = fold_in(model, pairs);
  for (std::uint32_t user = 0; user < folded.users.size(); ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) EXPECT_EQ(score(folded, user, item), score(model, users[user], item));
  }
}

TEST(ItemNeighbours, NothingAboveZeroIsAnError) {
  EXPECT_THROW(train_quietly(make_ratings({{0, 0, 0}, {1, 1, -1}}, 2, 2), ItemNeighbours{}), DataError);
}

}  // namespace
}  // namespace lowrank::neighbours_test
