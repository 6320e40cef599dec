#include "lowrank/train/asymmetric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "fixtures.h"
#include "lowrank/base/error.h"
#include "lowrank/recommend/fold_in.h"

namespace lowrank::asymmetric_test {
namespace {

constexpr std::uint32_t kUsers = 300;
constexpr std::uint32_t kItems = 120;

const std::vector<Triple>& triples() {
  static const std::vector<Triple> all = synthetic(kUsers, kItems, 9000, 3);
  return all;
}
Ratings ratings() { return make_ratings(triples(), kUsers, kItems); }

/// Ratings of users who like items of the kind that they have more of: what they have tells what they like.
std::vector<Triple> tastes() {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<float> chance;
  std::vector<Triple> all;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) {
      const bool same = user % 2 == item % 2;
      if (chance(random) < (same ? 0.4F : 0.1F)) all.push_back({user, item, (same ? 4.0F : 2.0F) + chance(random)});
    }
  }
  return all;
}

Asymmetric options(bool user_factors) {
  Asymmetric options;
  options.rank = 7;
  options.epochs = 8;
  options.prior_ratings = 20;
  options.user_factors = user_factors;
  return options;
}

std::vector<float> values_of(const Ratings& ratings, std::uint32_t user) {
  std::vector<float> values;
  for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) values.push_back(ratings.value(at));
  return values;
}

/// The factor k of a user as the equations have it: a sum over all cells, in double.
double dense_sum(const Model& model, const Ratings& ratings, std::uint32_t user, std::size_t k) {
  double sum = 0;
  double n = 0;
  for (std::uint32_t item = 0; item < kItems; ++item) {
    const auto items = ratings.items_of(user);
    if (std::find(items.begin(), items.end(), item) == items.end()) continue;
    sum += static_cast<double>(model.history_factors.row(item)[k]);
    ++n;
  }
  return n == 0 ? 0 : sum / std::sqrt(n);
}

class AsymmetricOf : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(UserFactors, AsymmetricOf, testing::Bool());

TEST_P(AsymmetricOf, SameBytesForAnyNumberOfThreads) {
  const Ratings data = ratings();
  const std::string bytes = bytes_of(train_quietly(data, options(GetParam()), 1).model, data);
  for (const int threads : {2, 3, 8}) EXPECT_EQ(bytes_of(train_quietly(data, options(GetParam()), threads).model, data), bytes) << threads;
  Asymmetric other = options(GetParam());
  other.seed = 2;
  EXPECT_NE(train_quietly(data, other).model.items, train_quietly(data, options(GetParam())).model.items);
}

TEST_P(AsymmetricOf, LearnsMoreThanBiases) {
  std::vector<Triple> training = tastes();
  const std::vector<Triple> test = take_tenth(training);
  Asymmetric biases = options(GetParam());
  biases.rank = 0;
  const double baseline = rmse_of(train_quietly(make_ratings(training, kUsers, kItems), biases).model, test);
  Asymmetric method = options(GetParam());
  method.epochs = 30;
  EXPECT_LT(rmse_of(train_quietly(make_ratings(training, kUsers, kItems), method).model, test), baseline / 1.5);
}

TEST(Asymmetric, UsersAreTheSumsOfTheirItems) {
  const Ratings data = ratings();
  const Model model = train_quietly(data, options(false)).model;
  ASSERT_EQ(model.history_factors.rows(), kItems);
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    double error = 0;
    for (std::size_t k = 0; k < model.rank(); ++k) EXPECT_NEAR(model.users.factors.row(user)[k], dense_sum(model, data, user, k), 1e-5);
    // The prediction of every cell by a slow loop.
    for (std::uint32_t item = 0; item < kItems; item += 11) {
      double expected = model.centre.mean + static_cast<double>(model.users.biases[user]) + static_cast<double>(model.items.biases[item]);
      for (std::size_t k = 0; k < model.rank(); ++k)
        expected += dense_sum(model, data, user, k) * static_cast<double>(model.items.factors.row(item)[k]);
      error = std::max(error, std::abs(score(model, user, item) - expected));
    }
    EXPECT_LT(error, 1e-5);
  }
}

TEST(Asymmetric, FoldInOfATrainingUserGivesTheTrainedPrediction) {
  const Ratings data = ratings();
  for (const bool biases : {true, false}) {
    Asymmetric method = options(false);
    method.biases = biases;
    const Model model = train_quietly(data, method).model;
    for (std::uint32_t user = 0; user < kUsers; user += 13) {
      const FoldedRow row = fold_in_user(model, data.items_of(user), values_of(data, user));
      EXPECT_NEAR(row.bias, model.users.biases[user], 1e-5);
      for (std::size_t k = 0; k < model.rank(); ++k) EXPECT_NEAR(row.factors[k], model.users.factors.row(user)[k], 1e-5);
    }
  }
}

TEST(Asymmetric, FoldInWithUserFactorsMinimisesTheLossOfTheUser) {
  const Ratings data = ratings();
  const Model model = train_quietly(data, options(true)).model;
  const auto& problem = std::get<HistorySum>(model.fold_in);
  EXPECT_TRUE(problem.solves_factors);
  for (std::uint32_t user = 0; user < kUsers; user += 29) {
    const std::vector<float> values = values_of(data, user);
    const auto items = data.items_of(user);
    const FoldedRow row = fold_in_user(model, items, values);
    const auto n = static_cast<double>(items.size());
    // The loss of the user at the solution, `by` further along coordinate `at`; the last one is the bias.
    const auto loss = [&](std::size_t at, double by) {
      std::vector<double> x(row.factors.begin(), row.factors.end());
      double bias = row.bias;
      (at == x.size() ? bias : x[at]) += by;
      double sum = problem.users.bias_constant * bias * bias;
      for (std::size_t k = 0; k < x.size(); ++k)
        sum += (problem.users.l2 * n + problem.users.l2_constant) * std::pow(x[k] - dense_sum(model, data, user, k), 2);
      for (std::size_t i = 0; i < items.size(); ++i) {
        double error = static_cast<double>(values[i]) - model.centre.mean - bias - static_cast<double>(model.items.biases[items[i]]);
        for (std::size_t k = 0; k < x.size(); ++k) error -= x[k] * static_cast<double>(model.items.factors.row(items[i])[k]);
        sum += error * error;
      }
      return sum;
    };
    for (std::size_t at = 0; at <= row.factors.size(); ++at) {
      EXPECT_GE(loss(at, 0.01), loss(at, 0) - 1e-6);
      EXPECT_GE(loss(at, -0.01), loss(at, 0) - 1e-6);
      EXPECT_NEAR(loss(at, 0.001), loss(at, -0.001), 2e-4);
    }
  }
}

TEST(Asymmetric, ManyUsersAreFoldedInAsOne) {
  const Ratings data = ratings();
  for (const bool user_factors : {false, true}) {
    Model model = train_quietly(data, options(user_factors)).model;
    Pairs pairs;
    for (std::uint32_t user = 0; user < kUsers; ++user) model.users.ids.add("u" + std::to_string(user));
    for (std::uint32_t item = 0; item < kItems; ++item) model.items.ids.add("i" + std::to_string(item));
    pairs.known_users = kUsers;
    pairs.known_items = kItems;
    for (std::uint32_t user = 5; user < 9; ++user) {
      for (std::size_t at = data.row_offsets()[user]; at < data.row_offsets()[user + 1]; ++at) {
        pairs.users.push_back(user);
        pairs.items.push_back(data.items()[at]);
        pairs.values.push_back(data.value(at));
      }
    }
    const Model folded = fold_in(model, pairs);
    EXPECT_EQ(folded.history_factors, model.history_factors);
    for (std::uint32_t user = 0; user < 4; ++user) {
      const FoldedRow row = fold_in_user(model, data.items_of(user + 5), values_of(data, user + 5));
      EXPECT_FLOAT_EQ(row.bias, folded.users.biases[user]);
      for (std::size_t k = 0; k < model.rank(); ++k) EXPECT_FLOAT_EQ(row.factors[k], folded.users.factors.row(user)[k]);
    }
    // A user of nothing that is known has zeros.
    const FoldedRow none = fold_in_user(model, {}, {});
    EXPECT_EQ(none.bias, 0);
    for (const float x : none.factors) EXPECT_EQ(x, 0);
  }
}

TEST_P(AsymmetricOf, LossIsThatOfTheModel) {
  const Ratings data = ratings();
  const Trained trained = train_quietly(data, options(GetParam()));
  const Model& model = trained.model;
  const auto& problem = std::get<HistorySum>(model.fold_in);
  double loss = 0;
  double squares = 0;
  for (const Triple& triple : triples()) {
    const double error = static_cast<double>(triple.value) - score(model, triple.user, triple.item);
    loss += error * error;
    squares += std::pow(static_cast<double>(triple.value) - predict(model, triple.user, triple.item), 2);
  }
  const auto row_loss = [](std::span<const float> row, double weight) {
    double sum = 0;
    for (const float x : row) sum += weight * std::pow(static_cast<double>(x), 2);
    return sum;
  };
  for (std::uint32_t item = 0; item < kItems; ++item) {
    const double weight = problem.items.l2 * model.items.counts[item] + problem.items.l2_constant;
    loss += row_loss(model.items.factors.row(item), weight) + row_loss(model.history_factors.row(item), weight);
    loss += problem.items.bias_constant * std::pow(static_cast<double>(model.items.biases[item]), 2);
  }
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    loss += problem.users.bias_constant * std::pow(static_cast<double>(model.users.biases[user]), 2);
    const double weight = problem.users.l2 * model.users.counts[user] + problem.users.l2_constant;
    for (std::size_t k = 0; k < model.rank() && GetParam(); ++k) {
      loss += weight * std::pow(static_cast<double>(model.users.factors.row(user)[k]) - dense_sum(model, data, user, k), 2);
    }
  }
  EXPECT_NEAR(*trained.train_loss, loss / 2, 1e-4 * loss);
  EXPECT_NEAR(*trained.train_rmse, std::sqrt(squares / static_cast<double>(triples().size())), 1e-5);
}

TEST_P(AsymmetricOf, RunsAwayGoesBackAndEndsFinite) {
  Asymmetric method = options(GetParam());
  method.learning_rate = 60;
  const Model model = train_quietly(ratings(), method).model;
  EXPECT_TRUE(all_finite(model));
  EXPECT_LT(rmse_of(model, triples()), 1.2);
}

TEST_P(AsymmetricOf, GoesOnFromItsOwnModel) {
  const Trained first = train_quietly(ratings(), options(GetParam()));
  Asymmetric again = options(GetParam());
  again.epochs = 1;
  again.learning_rate = 1e-7;
  TrainingObserver observer;
  const Trained second =
      train_ratings(ratings(), again, {}, observer, {.threads = 1, .init = &first.model, .min_rating = {}, .max_rating = {}});
  EXPECT_NEAR(rmse_of(second.model, triples()), rmse_of(first.model, triples()), 1e-4);
  // From a model without sums: the users of it are factors of their own.
  Sgd sgd;
  sgd.rank = 7;
  const Model other = train_quietly(ratings(), sgd).model;
  const Trained third = train_ratings(ratings(), again, {}, observer, {.threads = 1, .init = &other, .min_rating = {}, .max_rating = {}});
  if (GetParam()) {
    EXPECT_NEAR(rmse_of(third.model, triples()), rmse_of(other, triples()), 0.01);
  }
  EXPECT_TRUE(all_finite(third.model));
}

TEST(Asymmetric, FewRatingsAndOddShapes) {
  for (const bool user_factors : {false, true}) {
    Asymmetric method;
    method.user_factors = user_factors;
    EXPECT_TRUE(all_finite(train_quietly(make_ratings({{0, 0, 4}}, 1, 1), method).model));
    EXPECT_TRUE(all_finite(train_quietly(make_ratings(article(), 5, 4), method).model));
    EXPECT_TRUE(all_finite(train_quietly(make_ratings({{1, 2, 3}, {3, 2, 3}}, 5, 4), method).model));
    EXPECT_THROW(train_quietly(make_ratings({}, 0, 0), method), DataError);
    // Rows without a rating are zero and unknown.
    const Model model = train_quietly(make_ratings({{1, 2, 3}, {3, 2, 5}, {3, 1, 1}}, 5, 4), method).model;
    EXPECT_FALSE(model.users.knows(0));
    for (const float x : model.users.factors.row(0)) EXPECT_EQ(x, 0);
    for (const float x : model.items.factors.row(3)) EXPECT_EQ(x, 0);
    for (const float x : model.history_factors.row(3)) EXPECT_EQ(x, 0);
  }
}

}  // namespace
}  // namespace lowrank::asymmetric_test
