// Options of sgd for one side, for biases, and for what follows training.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "fixtures.h"
#include "lowrank/recommend/fold_in.h"
#include "lowrank/train/sgd.h"

namespace lowrank::sgd_retrain_test {
namespace {

constexpr std::uint32_t kUsers = 60;
constexpr std::uint32_t kItems = 40;

/// Weights of the factors of users and items, in units of training.
struct SideWeights {
  double users;
  double items;
};

double squares(const FactorMatrix& table, std::size_t row) {
  double sum = 0;
  for (const float x : table.row(row)) sum += static_cast<double>(x) * static_cast<double>(x);
  return sum;
}

/// The loss of a model without biases over `triples`, in rating units: the factors are in units of the root of `scale`.
double loss_of(const Model& model, const std::vector<Triple>& triples, double prior, const SideWeights& weights, double scale) {
  double loss = 0;
  for (const Triple& triple : triples) {
    double score = 0;
    for (std::size_t k = 0; k < model.rank(); ++k) {
      score += static_cast<double>(model.users.factors.row(triple.user)[k]) * static_cast<double>(model.items.factors.row(triple.item)[k]);
    }
    loss += std::pow(static_cast<double>(triple.value) - score, 2) / 2;
  }
  for (std::uint32_t user = 0; user < kUsers; ++user)
    loss += weights.users * scale * (model.users.counts[user] + prior) * squares(model.users.factors, user) / 2;
  for (std::uint32_t item = 0; item < kItems; ++item)
    loss += weights.items * scale * (model.items.counts[item] + prior) * squares(model.items.factors, item) / 2;
  return loss;
}

/// The greatest derivative of the loss by a factor, by finite differences.
double steepest(Model model, const std::vector<Triple>& triples, double prior, const SideWeights& weights, double scale) {
  constexpr float kStep = 1.0F / 128;
  double most = 0;
  for (FactorMatrix* table : {&model.users.factors, &model.items.factors}) {
    for (std::size_t row = 0; row < table->rows(); row += 7) {
      float& x = table->row(row)[row % table->rank()];
      const float old = x;
      x = old + kStep;
      const double above = loss_of(model, triples, prior, weights, scale);
      x = old - kStep;
      const double below = loss_of(model, triples, prior, weights, scale);
      x = old;
      most = std::max(most, std::abs(above - below) / static_cast<double>(2 * kStep));
    }
  }
  return most;
}

TEST(SgdSides, ComesToRestAtTheLossWithAWeightForEachSide) {
  const std::vector<Triple> triples = synthetic(kUsers, kItems, 1200, 4);
  double mean_square = 0;
  for (const Triple& triple : triples) mean_square += std::pow(static_cast<double>(triple.value), 2) / static_cast<double>(triples.size());
  const double scale = std::sqrt(mean_square);
  Sgd options;
  options.rank = 3;
  options.biases = false;
  options.epochs = 3000;
  options.learning_rate = 0.02;
  options.user_regularization = 0.02;
  options.item_regularization = 0.09;
  options.prior_ratings = 4;
  const Trained trained = train_quietly(make_ratings(triples, kUsers, kItems), options);
  const double right = steepest(trained.model, triples, 4, {.users = 0.02, .items = 0.09}, scale);
  EXPECT_LT(right, 0.05 * steepest(trained.model, triples, 4, {.users = 0.09, .items = 0.02}, scale));
  EXPECT_LT(right, 0.05 * steepest(trained.model, triples, 4, {.users = 0.04, .items = 0.04}, scale));
  EXPECT_NEAR(*trained.train_loss, loss_of(trained.model, triples, 4, {.users = 0.02, .items = 0.09}, scale), 1e-4 * *trained.train_loss);
}

TEST(SgdSides, TheCommonWeightIsThatOfBothSides) {
  const std::vector<Triple> triples = synthetic(kUsers, kItems, 1200, 4);
  const Ratings ratings = make_ratings(triples, kUsers, kItems);
  Sgd common;
  common.prior_ratings = 20;
  common.regularization = 0.07;
  Sgd both = common;
  both.user_regularization = both.item_regularization = 0.07;
  EXPECT_EQ(train_quietly(ratings, common).model.users, train_quietly(ratings, both).model.users);
  // Biases follow the common weight.
  common.bias_regularization = both.bias_regularization = BiasRegularization::rating;
  both.regularization = 0.5;
  EXPECT_NE(train_quietly(ratings, common).model.users.biases, train_quietly(ratings, both).model.users.biases);
}

TEST(SgdSides, FoldInKnowsBothWeights) {
  Sgd options;
  options.user_regularization = 0.01;
  options.item_regularization = 0.03;
  options.prior_ratings = 5;
  const Model model = train_quietly(make_ratings(synthetic(kUsers, kItems, 1200, 4), kUsers, kItems), options).model;
  const auto& problem = std::get<LeastSquares>(model.fold_in);
  EXPECT_NEAR(problem.items.l2, 3 * problem.users.l2, 1e-12);
  EXPECT_NEAR(problem.items.l2_constant, 5 * problem.items.l2, 1e-12);
}

TEST(SgdBiases, HaveARateOfTheirOwn) {
  // Two ratings that share no row, a mean of 2 and a standard deviation of 1: one step each, from zeros.
  const Ratings ratings = make_ratings({{0, 0, 1}, {1, 1, 3}}, 2, 2);
  Sgd options;
  options.rank = 2;
  options.initial_scale = 0;
  options.regularization = 0;
  options.epochs = 1;
  options.learning_rate = 0.5;
  options.bias_learning_rate = 0.02;
  const Model model = train_quietly(ratings, options).model;
  EXPECT_FLOAT_EQ(model.users.biases[0], -0.02F);
  EXPECT_FLOAT_EQ(model.items.biases[1], 0.02F);
  options.bias_learning_rate = 0.5;
  const Model same = train_quietly(ratings, options).model;
  options.bias_learning_rate.reset();
  EXPECT_EQ(train_quietly(ratings, options).model.users.biases, same.users.biases);
}

class SgdRetrain : public testing::TestWithParam<std::uint64_t> {
 protected:
  static constexpr std::uint32_t kRows = 2000;
  static constexpr std::uint32_t kColumns = 500;
  static Ratings ratings() { return make_ratings(synthetic(kRows, kColumns, GetParam(), 3), kRows, kColumns); }
  static Sgd options(Retrain retrain) {
    Sgd options;
    options.rank = 9;
    options.epochs = 4;
    options.prior_ratings = 40;
    options.retrain = retrain;
    return options;
  }
};

// One sequence, and blocks.
INSTANTIATE_TEST_SUITE_P(Sizes, SgdRetrain, testing::Values(12'000, 220'000));

TEST_P(SgdRetrain, UsersAreWhatFoldInGives) {
  const Ratings ratings = SgdRetrain::ratings();
  const Model before = train_quietly(ratings, options(Retrain::none)).model;
  const Model model = train_quietly(ratings, options(Retrain::users)).model;
  EXPECT_EQ(model.items, before.items);
  EXPECT_NE(model.users, before.users);
  for (std::uint32_t user = 0; user < kRows; user += 97) {
    std::vector<float> values;
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) values.push_back(ratings.value(at));
    const FoldedRow row = fold_in_user(before, ratings.items_of(user), values);
    EXPECT_NEAR(model.users.biases[user], row.bias, 1e-4);
    for (std::size_t k = 0; k < model.rank(); ++k) EXPECT_NEAR(model.users.factors.row(user)[k], row.factors[k], 1e-4);
  }
}

TEST_P(SgdRetrain, BothGoesOnWithTheItems) {
  const Ratings ratings = SgdRetrain::ratings();
  const Trained before = train_quietly(ratings, options(Retrain::none));
  const Trained trained = train_quietly(ratings, options(Retrain::both));
  EXPECT_EQ(trained.epochs, 4U);
  EXPECT_LT(*trained.train_rmse, *before.train_rmse);
  EXPECT_NE(trained.model.items, before.model.items);
}

TEST_P(SgdRetrain, SameBytesForAnyNumberOfThreads) {
  const Ratings ratings = SgdRetrain::ratings();
  for (const Retrain retrain : {Retrain::users, Retrain::both}) {
    Sgd method = options(retrain);
    method.user_regularization = 0.03;
    method.bias_learning_rate = 0.05;
    const std::string bytes = bytes_of(train_quietly(ratings, method, 1).model, ratings);
    for (const int threads : {2, 3, 8}) EXPECT_EQ(bytes_of(train_quietly(ratings, method, threads).model, ratings), bytes) << threads;
  }
}

TEST_P(SgdRetrain, WithValidationTheBetterOneIsKept) {
  const Ratings ratings = SgdRetrain::ratings();
  for (const Retrain retrain : {Retrain::users, Retrain::both}) {
    const Model before = train_quietly(ratings, options(Retrain::none)).model;
    const Model again = train_quietly(ratings, options(retrain)).model;
    for (const bool improves : {false, true}) {
      // Every epoch improves; then the new model is measured, and the old one.
      const int epochs = retrain == Retrain::both ? 8 : 4;
      int calls = 0;
      const auto figure = [&](const Model& /*model*/) {
        if (++calls <= epochs) return 10.0 - calls;
        return (calls == epochs + 1) == improves ? 0.0 : 1.0;
      };
      const Model kept = train_quietly(ratings, options(retrain), 1, {.measure = figure}).model;
      EXPECT_EQ(calls, epochs + 2);
      EXPECT_EQ(kept.users, improves ? again.users : before.users);
      EXPECT_EQ(kept.items, improves ? again.items : before.items);
    }
  }
}

}  // namespace
}  // namespace lowrank::sgd_retrain_test
