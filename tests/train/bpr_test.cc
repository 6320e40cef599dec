#include "lowrank/train/bpr.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "train/fixtures.h"

namespace lowrank::bpr_test {
namespace {

/// Users and items of two groups: users have items of their own group, but for every twentieth of them.
std::vector<Triple> two_groups(std::uint32_t users, std::uint32_t items, int per_user, std::uint64_t seed) {
  std::vector<Triple> triples;
  RandomStream random(seed, Purpose::split);
  for (std::uint32_t user = 0; user < users; ++user) {
    std::set<std::uint32_t> taken;
    while (taken.size() < static_cast<std::size_t>(per_user)) {
      const bool own = random.below(20) != 0;
      const auto item = static_cast<std::uint32_t>(2 * random.below(items / 2) + (own ? user % 2 : 1 - user % 2));
      if (taken.insert(item).second) triples.push_back({user, item, 1});
    }
  }
  return triples;
}

/// Share of pairs (item of the user's group, item of the other) in the right order.
double in_order(const Model& model) {
  double right = 0;
  double pairs = 0;
  for (std::uint32_t user = 0; user < model.users.counts.size(); ++user) {
    for (std::uint32_t a = user % 2; a < model.items.counts.size(); a += 2) {
      for (std::uint32_t b = 1 - user % 2; b < model.items.counts.size(); b += 2) {
        right += score(model, user, a) > score(model, user, b) ? 1 : 0;
        ++pairs;
      }
    }
  }
  return right / pairs;
}

Bpr small_options() {
  Bpr options;
  options.rank = 8;
  options.epochs = 40;
  options.negatives = 4;
  return options;
}

TEST(Bpr, LearnsWhoseItemsTheyAre) {
  for (const bool hardest : {false, true}) {
    for (const double exponent : {0.0, 0.75}) {
      Bpr options = small_options();
      options.hardest = hardest;
      options.negative_exponent = exponent;
      const Model model = train_quietly(make_ratings(two_groups(60, 80, 20, 1), 60, 80), options).model;
      EXPECT_GT(in_order(model), 0.93) << hardest << " " << exponent;
    }
  }
}

/// With one user who has one of two items, and one who has both, an epoch is one step, whose numbers are those of calculus.
TEST(Bpr, StepIsTheGradientOfTheStatedLoss) {
  Bpr options;
  options.rank = 3;
  options.epochs = 1;
  options.learning_rate = 0.5;
  options.regularization = 0.2;
  options.initial_scale = 1;
  Model init;
  init.users.counts = {1, 0};
  init.items.counts = {1, 1};
  init.users.factors = FactorMatrix(2, 3);
  init.items.factors = FactorMatrix(2, 3);
  init.users.biases.resize(2);
  init.items.biases = {0.3F, -0.2F};
  const std::vector<float> p{0.5F, -1.0F, 0.25F};
  const std::vector<float> q{1.0F, 0.5F, -0.5F};
  const std::vector<float> other{-0.25F, 0.75F, 1.0F};
  std::ranges::copy(p, init.users.factors.row(0).begin());
  std::ranges::copy(q, init.items.factors.row(0).begin());
  std::ranges::copy(other, init.items.factors.row(1).begin());
  const std::vector<Triple> triples{{0, 0, 1}, {1, 0, 1}, {1, 1, 1}};
  TrainingObserver observer;
  const Trained trained =
      train_ratings(make_ratings(triples, 2, 2), options, {}, observer, {.threads = 1, .init = &init, .min_rating = {}, .max_rating = {}});
  const auto loss = [](const std::vector<double>& x) {  // p, q, other, two biases
    double margin = x[10] - x[9];
    double squares = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      margin += x[k] * (x[6 + k] - x[3 + k]);
      squares += x[k] * x[k] + x[3 + k] * x[3 + k] + x[6 + k] * x[6 + k];
    }
    return std::log1p(std::exp(margin)) + 0.1 * squares;
  };
  std::vector<double> start;
  for (const auto* row : {&p, &q, &other}) start.insert(start.end(), row->begin(), row->end());
  start.push_back(0.3F);
  start.push_back(-0.2F);
  std::vector<double> after;
  const Model& model = trained.model;
  for (const auto row : {model.users.factors.row(0), model.items.factors.row(0), model.items.factors.row(1)})
    after.insert(after.end(), row.begin(), row.end());
  after.push_back(model.items.biases[0]);
  after.push_back(model.items.biases[1]);
  for (std::size_t n = 0; n < start.size(); ++n) {
    std::vector<double> up = start;
    std::vector<double> down = start;
    up[n] += 1e-5;
    down[n] -= 1e-5;
    EXPECT_NEAR(after[n], start[n] - 0.5 * (loss(up) - loss(down)) / 2e-5, 1e-6) << n;
  }
  EXPECT_NEAR(trained.train_loss.value(), std::log1p(std::exp(-0.5 + (-0.125 - 0.75 + 0.25) - (0.5 - 0.5 - 0.125))), 1e-6);
}

TEST(Bpr, BytesDoNotDependOnThreads) {
  const std::vector<Triple> triples = two_groups(400, 1200, 30, 2);
  const Ratings ratings = make_ratings(triples, 400, 1200);
  Bpr options = small_options();
  options.epochs = 3;
  options.negative_exponent = 0.5;
  const std::string expected = bytes_of(train_quietly(make_ratings(triples, 400, 1200), options, 1).model, ratings);
  for (const int threads : {2, 8}) {
    EXPECT_EQ(bytes_of(train_quietly(make_ratings(triples, 400, 1200), options, threads).model, ratings), expected) << threads;
  }
}

TEST(Bpr, WithoutBiasesThereAreNone) {
  Bpr options = small_options();
  options.biases = false;
  const Model model = train_quietly(make_ratings(two_groups(60, 80, 20, 1), 60, 80), options).model;
  EXPECT_FALSE(model.centre.has_biases);
  EXPECT_EQ(model.items.biases, std::vector<float>(80));
  EXPECT_GT(in_order(model), 0.93);
  EXPECT_FALSE(std::get<PairwiseLogistic>(model.fold_in).solves_bias);
}

TEST(Bpr, RunawayStepsAreCut) {
  Bpr options = small_options();
  options.learning_rate = 1e30;
  const Model model = train_quietly(make_ratings(two_groups(60, 80, 20, 1), 60, 80), options).model;
  EXPECT_TRUE(all_finite(model));
}

TEST(Bpr, NothingAboveZeroIsAnError) {
  const std::vector<Triple> triples{{0, 0, 0}, {0, 1, -3}, {1, 0, 0}};
  EXPECT_THROW(train_quietly(make_ratings(triples, 2, 2), Bpr{}), DataError);
}

TEST(Bpr, UsersWhoHaveEverythingAreNoTrouble) {
  const std::vector<Triple> triples{{0, 0, 1}, {0, 1, 1}, {1, 0, 1}, {1, 1, 1}};
  const Trained trained = train_quietly(make_ratings(triples, 2, 2), Bpr{});
  EXPECT_TRUE(all_finite(trained.model));
  EXPECT_EQ(trained.train_loss, 0);
}

TEST(Bpr, ModelOnlyRanks) {
  const Model model = train_quietly(make_ratings(two_groups(60, 80, 20, 1), 61, 81), small_options()).model;
  EXPECT_FALSE(model.centre.predicts_ratings);
  EXPECT_FALSE(model.centre.clips);
  EXPECT_EQ(model.centre.mean, 0);
  for (const float x : model.items.factors.row(80)) EXPECT_EQ(x, 0) << "an item without ratings";
  for (const float x : model.users.factors.row(60)) EXPECT_EQ(x, 0);
}

}  // namespace
}  // namespace lowrank::bpr_test
