#include "lowrank/train/baseline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "fixtures.h"
#include "kernels/elimination.h"
#include "lowrank/base/error.h"
#include "lowrank/recommend/fold_in.h"
#include "train/bias_damping.h"
#include "train/units.h"

namespace lowrank::baseline_test {
namespace {

/// All biases at once from the dense normal equations, in double: users, then items.
std::vector<double> dense_solution(const std::vector<Triple>& triples, std::size_t users, std::size_t items, double user_damping,
                                   double item_damping) {
  const std::size_t n = users + items;
  double mean = 0;
  for (const Triple& triple : triples) mean += static_cast<double>(triple.value) / static_cast<double>(triples.size());
  std::vector<double> a(n * n);
  std::vector<double> b(n);
  for (std::size_t row = 0; row < n; ++row) a[row * n + row] = row < users ? user_damping : item_damping;
  for (const Triple& triple : triples) {
    const std::size_t u = triple.user;
    const std::size_t i = users + triple.item;
    a[u * n + u] += 1;
    a[i * n + i] += 1;
    a[u * n + i] += 1;
    a[i * n + u] += 1;
    b[u] += static_cast<double>(triple.value) - mean;
    b[i] += static_cast<double>(triple.value) - mean;
  }
  return eliminate(a, b);
}

double loss_of(const Model& model, const std::vector<Triple>& triples, double user_damping, double item_damping) {
  double loss = 0;
  for (const Triple& triple : triples) {
    const double predicted =
        model.centre.mean + static_cast<double>(model.users.biases[triple.user]) + static_cast<double>(model.items.biases[triple.item]);
    loss += std::pow(static_cast<double>(triple.value) - predicted, 2);
  }
  for (const float bias : model.users.biases) loss += user_damping * std::pow(static_cast<double>(bias), 2);
  for (const float bias : model.items.biases) loss += item_damping * std::pow(static_cast<double>(bias), 2);
  return loss / 2;
}

TEST(Baseline, EqualsTheDenseNormalEquations) {
  const std::vector<Triple> triples = synthetic(60, 40, 700, 3);
  const Baseline options{.epochs = 200, .user_damping = 7, .item_damping = 2.5, .tolerance = 0};
  const Trained trained = train_quietly(make_ratings(triples, 60, 40), options);
  const std::vector<double> expected = dense_solution(triples, 60, 40, 7, 2.5);
  for (std::size_t user = 0; user < 60; ++user) EXPECT_NEAR(trained.model.users.biases[user], expected[user], 1e-6);
  for (std::size_t item = 0; item < 40; ++item) EXPECT_NEAR(trained.model.items.biases[item], expected[60 + item], 1e-6);
  EXPECT_EQ(trained.model.rank(), 0U);
  EXPECT_NEAR(trained.train_rmse.value(), rmse_of(trained.model, triples), 1e-6);
  EXPECT_NEAR(trained.train_loss.value(), loss_of(trained.model, triples, 7, 2.5), 1e-6 * *trained.train_loss);
}

TEST(Baseline, LossNeverRisesAndIsTheModels) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<Triple> triples = synthetic(80, 50, 900, seed);
    const Baseline options{.epochs = 30, .user_damping = static_cast<double>(seed), .item_damping = .5, .tolerance = 0};
    const Trained trained = train_quietly(make_ratings(triples, 80, 50), options);
    ASSERT_EQ(trained.history.size(), 30U);
    for (std::size_t epoch = 1; epoch < 30; ++epoch) {
      EXPECT_LE(*trained.history[epoch].train_loss, *trained.history[epoch - 1].train_loss * (1 + 1e-13));
    }
    EXPECT_NEAR(*trained.history.back().train_loss, loss_of(trained.model, triples, static_cast<double>(seed), .5), 1e-4);
  }
}

TEST(Baseline, EstimatesDampingUnlessItIsStated) {
  const std::vector<Triple> triples = synthetic(300, 100, 6000, 4);
  Workers workers(1);
  const Ratings ratings = make_ratings(triples, 300, 100);
  const BiasDamping damping = estimate_bias_damping(ratings, training_units(moments_of(ratings, workers), true));
  const Baseline stated{.user_damping = damping.user, .item_damping = damping.item};
  const Model expected = train_quietly(make_ratings(triples, 300, 100), stated).model;
  const Model model = train_quietly(make_ratings(triples, 300, 100), Baseline{}).model;
  EXPECT_EQ(model.users.biases, expected.users.biases);
  EXPECT_EQ(model.items.biases, expected.items.biases);
  EXPECT_EQ(std::get<LeastSquares>(model.fold_in).users.bias_constant, damping.user);
  EXPECT_EQ(std::get<LeastSquares>(model.fold_in).items.bias_constant, damping.item);
  const Model other = train_quietly(make_ratings(triples, 300, 100), Baseline{.user_damping = damping.user + 5}).model;
  EXPECT_NE(other.users.biases, expected.users.biases);
  EXPECT_THROW(train_quietly(make_ratings(triples, 300, 100), Baseline{.user_damping = -.5}), OptionError);
  EXPECT_THROW(train_quietly(make_ratings(triples, 300, 100), Baseline{.item_damping = -2}), OptionError);
}

TEST(Baseline, ShrunkToNothingItIsTheMeanAndWithoutDampingThatOfTheItem) {
  const std::vector<Triple> triples = {{0, 0, 5}, {1, 0, 4}, {2, 0, 3}, {0, 1, 1}, {1, 1, 2}};
  constexpr double kAll = 1e30;
  const Model mean = train_quietly(make_ratings(triples, 4, 3), Baseline{.user_damping = kAll, .item_damping = kAll}).model;
  for (std::uint32_t user = 0; user < 5; ++user) {
    for (std::uint32_t item = 0; item < 4; ++item) EXPECT_DOUBLE_EQ(predict(mean, user, item), 3.0);
  }
  const Model items = train_quietly(make_ratings(triples, 4, 3), Baseline{.user_damping = kAll, .item_damping = 0}).model;
  constexpr double kItemMeans[] = {4, 1.5, 3, 3};
  for (std::uint32_t user = 0; user < 5; ++user) {
    for (std::uint32_t item = 0; item < 4; ++item) EXPECT_NEAR(predict(items, user, item), kItemMeans[item], 1e-6);
  }
}

TEST(Baseline, SameBytesForAnyNumberOfThreads) {
  // One user and one item have more than one task's ratings.
  std::vector<Triple> triples = synthetic(40'000, 300, 60'000, 3);
  for (std::uint32_t n = 0; n < 39'000; ++n) triples.push_back({n, 300, static_cast<float>(n % 5)});
  for (std::uint32_t n = 301; n < 40'000; ++n) triples.push_back({7, n, static_cast<float>(n % 4)});
  const auto ratings = [&] { return make_ratings(triples, 40'000, 40'000); };
  const std::string expected = bytes_of(train_quietly(ratings(), Baseline{}, 1).model, ratings());
  for (const int threads : {2, 3, 8}) EXPECT_EQ(bytes_of(train_quietly(ratings(), Baseline{}, threads).model, ratings()), expected);
}

TEST(Baseline, DoesNotMindTheScaleOfRatings) {
  std::vector<Triple> triples = synthetic(200, 100, 5000, 5);
  const double rmse = train_quietly(make_ratings(triples, 200, 100), Baseline{}).train_rmse.value();
  for (const float scale : {-3.0F, 1e30F, 6e37F, 1e-30F}) {
    std::vector<Triple> scaled = triples;
    for (Triple& triple : scaled) triple.value *= scale;
    const Trained trained = train_quietly(make_ratings(scaled, 200, 100), Baseline{});
    EXPECT_TRUE(all_finite(trained.model));
    EXPECT_NEAR(trained.train_rmse.value() / std::abs(static_cast<double>(scale)), rmse, 1e-4) << scale;
  }
}

TEST(Baseline, OneRatingIsItsMean) {
  const Trained trained = train_quietly(make_ratings({{0, 0, 4}}, 2, 2), Baseline{});
  EXPECT_EQ(predict(trained.model, 0, 0), 4.0);
  EXPECT_EQ(trained.train_rmse.value(), 0.0);
}

TEST(Baseline, StartsFromTheBiasesOfAnyModel) {
  const std::vector<Triple> triples = synthetic(200, 100, 5000, 5);
  const auto ratings = [&] { return make_ratings(triples, 200, 100); };
  const Model first = train_quietly(ratings(), Sgd{.rank = 3}).model;
  const auto first_loss = [&](const Model* init) {
    TrainingObserver observer;
    return train_ratings(ratings(), Baseline{.epochs = 1}, {}, observer, {.threads = 1, .init = init, .min_rating = {}, .max_rating = {}})
        .history[0]
        .train_loss.value();
  };
  const double fresh = first_loss(nullptr);
  EXPECT_LT(first_loss(&first), fresh);
  // Counts are no biases of ratings.
  const Model popular = train_quietly(ratings(), Popular{}).model;
  EXPECT_EQ(first_loss(&popular), fresh);
}

TEST(Baseline, FoldInIsATrainingHalfStep) {
  const std::vector<Triple> triples = synthetic(200, 100, 5000, 5);
  const Model model = train_quietly(make_ratings(triples, 200, 100), Baseline{}).model;
  for (std::uint32_t user = 0; user < 200; ++user) {
    std::vector<std::uint32_t> items;
    std::vector<float> values;
    for (const Triple& triple : triples) {
      if (triple.user != user) continue;
      items.push_back(triple.item);
      values.push_back(triple.value);
    }
    EXPECT_NEAR(fold_in_user(model, items, values).bias, model.users.biases[user], 1e-5);
  }
}

TEST(Baseline, ValidationKeepsTheBestEpochAndPatienceEnds) {
  const std::vector<Triple> triples = synthetic(200, 100, 5000, 5);
  int calls = 0;
  const Validation validation{.measure = [&](const Model&) { return ++calls == 2 ? 0.5 : 1.0; }};
  TrainingObserver observer;
  const Trained trained =
      train_ratings(make_ratings(triples, 200, 100), Baseline{.epochs = 50, .tolerance = 0, .patience = 3}, validation, observer);
  EXPECT_EQ(trained.best_epoch, 2U);
  EXPECT_EQ(trained.epochs, 5U);
  EXPECT_EQ(trained.stopped, Stopped::patience);
}

}  // namespace
}  // namespace lowrank::baseline_test
