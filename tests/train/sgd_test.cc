#include "lowrank/train/sgd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "base/random.h"
#include "fixtures.h"
#include "lowrank/base/error.h"
#include "train/bias_damping.h"

namespace lowrank::sgd_test {
namespace {

class CountingObserver : public TrainingObserver {
 public:
  bool on_epoch(const EpochReport& report, const std::function<Model()>& model) override {
    ++epochs;
    last = report;
    if (keep_models) models.push_back(model());
    return epochs != stop_after;
  }
  void on_divergence(const DivergenceReport& report) override {
    ++divergences;
    EXPECT_LT(report.new_learning_rate, report.old_learning_rate);
    EXPECT_GE(report.epoch, 1U);
  }

  int epochs = 0;
  int divergences = 0;
  int stop_after = 0;
  bool keep_models = false;
  EpochReport last;
  std::vector<Model> models;
};

/// Small data (one sequence) and data in blocks.
struct Size {
  const char* name;
  std::uint32_t users;
  std::uint32_t items;
  std::uint64_t ratings;
};

class SgdOfSize : public testing::TestWithParam<Size> {
 protected:
  static Ratings ratings() {
    const Size size = GetParam();
    return make_ratings(synthetic(size.users, size.items, size.ratings, 3), size.users, size.items);
  }
};

INSTANTIATE_TEST_SUITE_P(Sizes, SgdOfSize,
                         testing::Values(Size{"small", 300, 200, 8000}, Size{"blocks", 3000, 800, 250'000},
                                         Size{"narrow", 9000, 60, 250'000}),
                         [](const auto& size) { return size.param.name; });

TEST_P(SgdOfSize, SameBytesForAnyNumberOfThreads) {
  Sgd options;
  options.epochs = 4;
  options.rank = 12;
  const std::string expected = bytes_of(train_quietly(ratings(), options, 1).model, ratings());
  for (const int threads : {2, 3, 8, 16, 1})
    EXPECT_EQ(bytes_of(train_quietly(ratings(), options, threads).model, ratings()), expected) << threads;
}

TEST_P(SgdOfSize, SeedsDiffer) {
  Sgd options;
  options.epochs = 2;
  const Model one = train_quietly(ratings(), options).model;
  options.seed = 2;
  EXPECT_FALSE(train_quietly(ratings(), options).model == one);
}

TEST_P(SgdOfSize, RunsAwayGoesBackAndEndsFinite) {
  Sgd options;
  options.epochs = 5;
  options.learning_rate = 1000;
  std::string bytes;
  for (const int threads : {1, 8}) {
    CountingObserver observer;
    const Trained trained =
        train_ratings(ratings(), options, {}, observer, {.threads = threads, .init = nullptr, .min_rating = {}, .max_rating = {}});
    EXPECT_GT(observer.divergences, 0);
    EXPECT_EQ(observer.epochs, 5);
    EXPECT_EQ(trained.history.size(), 5U);
    EXPECT_TRUE(all_finite(trained.model));
    EXPECT_LT(*trained.history.back().train_rmse, 1.5);
    if (bytes.empty()) bytes = bytes_of(trained.model, ratings());
    EXPECT_EQ(bytes_of(trained.model, ratings()), bytes);
  }
}

TEST_P(SgdOfSize, LearnsBetterThanTheMean) {
  const Size size = GetParam();
  std::vector<Triple> triples = synthetic(size.users, size.items, size.ratings, 3);
  const std::vector<Triple> test = take_tenth(triples);
  const Model model = train_quietly(make_ratings(triples, size.users, size.items), Sgd{}).model;
  double squares = 0;
  for (const Triple& triple : test) squares += std::pow(static_cast<double>(triple.value) - model.centre.rating_mean, 2);
  EXPECT_LT(rmse_of(model, test), 0.95 * std::sqrt(squares / static_cast<double>(test.size())));
}

TEST_P(SgdOfSize, TrainRmseIsTheKeptModelsOwn) {
  const Size size = GetParam();
  const std::vector<Triple> triples = synthetic(size.users, size.items, size.ratings, 3);
  for (const bool clips : {true, false}) {
    TrainingObserver observer;
    const Trained trained = train_ratings(make_ratings(triples, size.users, size.items), Sgd{}, {}, observer,
                                          {.threads = 2, .init = nullptr, .min_rating = {}, .max_rating = {}, .clips = clips});
    EXPECT_EQ(trained.model.centre.clips, clips);
    EXPECT_NEAR(trained.train_rmse.value(), rmse_of(trained.model, triples), 1e-5);
  }
}

TEST_P(SgdOfSize, ModelOfTheEpochIsTheModelOfAShorterRun) {
  Sgd options;
  options.epochs = 3;
  options.schedule = Schedule::constant;
  CountingObserver observer;
  observer.keep_models = true;
  train_ratings(ratings(), options, {}, observer);
  options.epochs = 2;
  const Model two = train_quietly(ratings(), options).model;
  EXPECT_TRUE(observer.models[1].users.factors == two.users.factors);
  EXPECT_EQ(observer.models[1].items.biases, two.items.biases);
}

/// A matrix of rank 3 without noise: what was held out follows.
TEST(Sgd, RecoversAPlantedMatrix) {
  constexpr std::uint32_t kUsers = 300;
  constexpr std::uint32_t kItems = 200;
  RandomStream random(11, Purpose::generate_users);
  std::vector<double> p(kUsers * 3);
  std::vector<double> q(kItems * 3);
  for (double& x : p) x = random.normal();
  for (double& x : q) x = random.normal();
  std::vector<Triple> triples;
  double squares = 0;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) {
      if (random.uniform() > 0.4) continue;
      double value = 0;
      for (std::size_t k = 0; k < 3; ++k) value += p[user * 3 + k] * q[item * 3 + k];
      squares += value * value;
      triples.push_back({user, item, static_cast<float>(value)});
    }
  }
  const double deviation = std::sqrt(squares / static_cast<double>(triples.size()));
  const std::vector<Triple> test = take_tenth(triples);
  Sgd options;
  options.rank = 3;
  options.epochs = 200;
  options.regularization = 0;
  options.learning_rate = 0.05;
  options.initial_scale = 0.5;
  TrainingObserver observer;
  const Trained trained = train_ratings(make_ratings(triples, kUsers, kItems), options, {}, observer,
                                        {.threads = 2, .init = nullptr, .min_rating = {}, .max_rating = {}, .clips = false});
  EXPECT_LT(rmse_of(trained.model, test), 0.01 * deviation);
}

TEST(Sgd, DoesNotMindTheScaleOfRatings) {
  std::vector<Triple> triples = synthetic(400, 300, 20'000, 5);
  const std::vector<Triple> test = take_tenth(triples);
  const double rmse = rmse_of(train_quietly(make_ratings(triples, 400, 300), Sgd{}).model, test);
  for (const auto& [a, b] : {std::pair{25.0F, 0.0F}, std::pair{-3.0F, 7.0F}, std::pair{1e-4F, 0.0F}, std::pair{2e5F, -1e6F}}) {
    std::vector<Triple> moved = triples;
    std::vector<Triple> moved_test = test;
    for (Triple& triple : moved) triple.value = a * triple.value + b;
    for (Triple& triple : moved_test) triple.value = a * triple.value + b;
    const double moved_rmse = rmse_of(train_quietly(make_ratings(moved, 400, 300), Sgd{}).model, moved_test);
    EXPECT_NEAR(moved_rmse / std::abs(static_cast<double>(a)), rmse, 0.01 * rmse) << a << " r + " << b;
  }
}

TEST(Sgd, DoesNotMindTheScaleWithoutBiases) {
  std::vector<Triple> triples = synthetic(400, 300, 20'000, 5);
  const std::vector<Triple> test = take_tenth(triples);
  Sgd options;
  options.biases = false;
  const Model model = train_quietly(make_ratings(triples, 400, 300), options).model;
  EXPECT_EQ(model.centre.mean, 0.0);
  EXPECT_FALSE(model.centre.has_biases);
  for (const float bias : model.users.biases) EXPECT_EQ(bias, 0.0F);
  std::vector<Triple> moved = triples;
  std::vector<Triple> moved_test = test;
  for (Triple& triple : moved) triple.value *= 20;
  for (Triple& triple : moved_test) triple.value *= 20;
  const double rmse = rmse_of(model, test);
  EXPECT_NEAR(rmse_of(train_quietly(make_ratings(moved, 400, 300), options).model, moved_test) / 20, rmse, 0.01 * rmse);
}

TEST(Sgd, HugeRatingsStayFinite) {
  for (const UpdateOrder order : {UpdateOrder::equations, UpdateOrder::tutorial}) {
    for (const float scale : {1e30F, 6.7e37F, 1e-37F}) {
      std::vector<Triple> triples = synthetic(40, 30, 400, 5);
      for (Triple& triple : triples) triple.value *= scale;
      Sgd options;
      options.update_order = order;
      CountingObserver observer;
      const Trained trained = train_ratings(make_ratings(triples, 40, 30), options, {}, observer);
      EXPECT_TRUE(all_finite(trained.model)) << "order " << static_cast<int>(order) << " scale " << scale;
      EXPECT_TRUE(std::isfinite(predict(trained.model, 0, 0)));
    }
  }
}

TEST(Sgd, OneOutlierAmongOrdinaryRatings) {
  std::vector<Triple> triples = synthetic(200, 100, 5000, 5);
  triples[17].value = 1e30F;
  EXPECT_TRUE(all_finite(train_quietly(make_ratings(triples, 200, 100), Sgd{}).model));
}

TEST(Sgd, OneRating) {
  const Model model = train_quietly(make_ratings({{0, 0, 4.0F}}, 1, 1), Sgd{}).model;
  EXPECT_NEAR(predict(model, 0, 0), 4, 1e-6);
  EXPECT_EQ(model.centre.min_rating, 4);
  EXPECT_EQ(model.centre.max_rating, 4);
}

TEST(Sgd, AllRatingsEqual) {
  std::vector<Triple> triples = synthetic(50, 40, 600, 5);
  for (Triple& triple : triples) triple.value = 0.1F;
  const Model model = train_quietly(make_ratings(triples, 50, 40), Sgd{}).model;
  EXPECT_NEAR(score(model, 3, 7), 0.1, 1e-3);
  for (Triple& triple : triples) triple.value = 0;
  EXPECT_NEAR(score(train_quietly(make_ratings(triples, 50, 40), Sgd{}).model, 3, 7), 0, 1e-3);
}

TEST(Sgd, OneUserOneItem) {
  std::vector<Triple> row;
  std::vector<Triple> column;
  for (std::uint32_t n = 0; n < 30; ++n) {
    row.push_back({0, n, static_cast<float>(n % 5)});
    column.push_back({n, 0, static_cast<float>(n % 5)});
  }
  EXPECT_TRUE(all_finite(train_quietly(make_ratings(row, 1, 30), Sgd{}).model));
  EXPECT_TRUE(all_finite(train_quietly(make_ratings(column, 30, 1), Sgd{}).model));
}

TEST(Sgd, RankAboveUsersAndItems) {
  Sgd options;
  options.rank = 100;
  const Model model = train_quietly(make_ratings(article(), 5, 4), options).model;
  EXPECT_EQ(model.rank(), 100U);
  EXPECT_TRUE(all_finite(model));
}

/// Rank 0 descends sum (1/2) e^2 + (beta/2) (bu^2 + bd^2) over the ratings: at its minimum b_u = sum e / (beta n).
TEST(Sgd, RankZeroIsTheBaseline) {
  const std::vector<Triple> triples = synthetic(60, 50, 1500, 8);
  Sgd options;
  options.rank = 0;
  options.epochs = 400;
  options.learning_rate = 0.02;
  options.regularization = 0.05;
  options.bias_regularization = BiasRegularization::rating;
  const Model model = train_quietly(make_ratings(triples, 60, 50), options).model;
  EXPECT_EQ(model.rank(), 0U);
  std::vector<double> residual(60);
  std::vector<double> count(60);
  for (const Triple& triple : triples) {
    residual[triple.user] += static_cast<double>(triple.value) - score(model, triple.user, triple.item);
    count[triple.user] += 1;
  }
  for (std::uint32_t user = 0; user < 60; ++user) {
    EXPECT_NEAR(residual[user] / count[user], options.regularization * static_cast<double>(model.users.biases[user]), 2e-3);
  }
}

/// Ratings b_u + b_d + noise of known variances: the damping is their ratio.
TEST(BiasDamping, IsTheRatioOfVariances) {
  constexpr double kUserVariance = 0.04;
  constexpr double kItemVariance = 0.25;
  constexpr double kNoiseVariance = 0.49;
  RandomStream random(6, Purpose::generate_users);
  std::vector<double> users(400);
  std::vector<double> items(300);
  for (double& bias : users) bias = std::sqrt(kUserVariance) * random.normal();
  for (double& bias : items) bias = std::sqrt(kItemVariance) * random.normal();
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < 400; ++user) {
    for (std::uint32_t item = 0; item < 300; ++item) {
      if (random.uniform() < 0.2)
        builder.add(user, item, static_cast<float>(users[user] + items[item] + std::sqrt(kNoiseVariance) * random.normal()));
    }
  }
  const BiasDamping damping = estimate_bias_damping(builder.build(400, 300), Units{});
  // 400 and 300 rows know their variance to a relative sqrt(2 / rows), three times over.
  EXPECT_NEAR(damping.user, kNoiseVariance / kUserVariance, 0.25 * kNoiseVariance / kUserVariance);
  EXPECT_NEAR(damping.item, kNoiseVariance / kItemVariance, 0.25 * kNoiseVariance / kItemVariance);
}

TEST(BiasDamping, HasABoundWhereRowsCannotTell) {
  for (const std::vector<Triple>& triples : {std::vector<Triple>{{0, 0, 1.0F}}, {{0, 0, 1.0F}, {1, 1, 3.0F}}, article()}) {
    const BiasDamping damping = estimate_bias_damping(make_ratings(triples, 5, 4), Units{});
    EXPECT_GE(damping.user, 0.5);
    EXPECT_LE(damping.user, 100);
    EXPECT_GE(damping.item, 0.5);
    EXPECT_LE(damping.item, 100);
  }
}

/// What runs away slowly must be caught while there is a good state to go back to.
TEST(Sgd, GoesBackToAStateThatIsGood) {
  Sgd options;
  options.learning_rate = 1.2;
  options.prior_ratings = 0;
  options.epochs = 30;
  options.schedule = Schedule::constant;
  for (const std::vector<Triple>& triples : {article(), synthetic(300, 200, 8000, 3)}) {
    const Trained trained = train_quietly(make_ratings(triples, 300, 200), options);
    EXPECT_EQ(trained.epochs, 30U);
    for (const EpochReport& report : trained.history) EXPECT_LT(*report.train_rmse, 4);
  }
}

TEST(Sgd, RowsWithoutARatingAreZeroAndUnknown) {
  const Model model = train_quietly(make_ratings({{0, 1, 4.0F}, {2, 1, 2.0F}, {2, 3, 1.0F}}, 4, 5), Sgd{}).model;
  EXPECT_EQ(model.users.factors.rows(), 4U);
  EXPECT_FALSE(model.users.knows(1));
  EXPECT_FALSE(model.items.knows(0));
  EXPECT_TRUE(model.items.knows(3));
  for (const float x : model.users.factors.row(1)) EXPECT_EQ(x, 0.0F);
  for (const float x : model.items.factors.row(4)) EXPECT_EQ(x, 0.0F);
  EXPECT_EQ(model.users.biases[3], 0.0F);
  EXPECT_NEAR(predict(model, 1, 0), model.centre.rating_mean, 1e-6);
}

TEST(Sgd, NoRatingsAreAnError) { EXPECT_THROW(train_quietly(make_ratings({}, 0, 0), Sgd{}), DataError); }

TEST(Sgd, KeepsTheBestEpochAndEndsAfterPatience) {
  int calls = 0;
  const std::vector<double> values = {0.9, 0.8, 0.7, 0.75, 0.71, 0.72, 0.6};
  Validation validation;
  validation.measure = [&](const Model&) { return values.at(static_cast<std::size_t>(calls++)); };
  Sgd options;
  options.epochs = 30;
  options.patience = 3;
  options.schedule = Schedule::constant;
  const Ratings ratings = make_ratings(article(), 5, 4);
  const Trained trained = train_quietly(ratings, options, 1, validation);
  EXPECT_EQ(trained.stopped, Stopped::patience);
  EXPECT_EQ(trained.epochs, 6U);
  EXPECT_EQ(trained.best_epoch, 3U);
  EXPECT_EQ(trained.history[4].validation, 0.71);
  options.epochs = 3;
  EXPECT_TRUE(trained.model.users.factors == train_quietly(ratings, options).model.users.factors);

  calls = 0;
  validation.higher_is_better = true;
  EXPECT_EQ(train_quietly(ratings, options, 1, validation).best_epoch, 1U);
}

TEST(Sgd, EndsWhenTheTrainingErrorHasConverged) {
  Sgd options;
  options.epochs = 1000;
  options.tolerance = 1e-3;
  const Trained trained = train_quietly(make_ratings(synthetic(100, 80, 2000, 1), 100, 80), options);
  EXPECT_EQ(trained.stopped, Stopped::converged);
  EXPECT_LT(trained.epochs, 1000U);
  const std::size_t last = trained.history.size() - 1;
  EXPECT_GT(*trained.history[last].train_rmse, *trained.history[last - 1].train_rmse * (1 - 1e-3));
  EXPECT_LE(*trained.history[last - 1].train_rmse, *trained.history[last - 2].train_rmse * (1 - 1e-3));
}

TEST(Sgd, TheObserverCanEndTheRun) {
  CountingObserver observer;
  observer.stop_after = 2;
  const Trained trained = train_ratings(make_ratings(article(), 5, 4), Sgd{}, {}, observer);
  EXPECT_EQ(trained.stopped, Stopped::observer);
  EXPECT_EQ(trained.epochs, 2U);
  EXPECT_EQ(observer.last.epoch, 2U);
  EXPECT_GT(observer.last.ratings_per_second, 0);
}

TEST(Sgd, AnObserversExceptionReachesTheCaller) {
  struct Throwing : TrainingObserver {
    bool on_epoch(const EpochReport& /*report*/, const std::function<Model()>& /*model*/) override { throw Error("stop"); }
  } observer;
  EXPECT_THROW(train_ratings(make_ratings(article(), 5, 4), Sgd{}, {}, observer), Error);
}

TEST(Sgd, StartsFromAModel) {
  const std::vector<Triple> triples = synthetic(400, 300, 20'000, 5);
  Sgd options;
  options.epochs = 15;
  const Trained first = train_quietly(make_ratings(triples, 400, 300), options);
  options.epochs = 1;
  options.learning_rate = 1e-6;
  TrainingObserver observer;
  const Trained second = train_ratings(make_ratings(triples, 400, 300), options, {}, observer,
                                       {.threads = 1, .init = &first.model, .min_rating = {}, .max_rating = {}});
  EXPECT_NEAR(rmse_of(second.model, triples), rmse_of(first.model, triples), 1e-4);
  options.rank = 5;
  EXPECT_THROW(train_ratings(make_ratings(triples, 400, 300), options, {}, observer,
                             {.threads = 1, .init = &first.model, .min_rating = {}, .max_rating = {}}),
               OptionError);
}

TEST(Sgd, ClippingRangeCanBeStated) {
  TrainingObserver observer;
  const Model model = train_ratings(make_ratings(article(), 5, 4), Sgd{}, {}, observer,
                                    {.threads = 1, .init = nullptr, .min_rating = 2.0F, .max_rating = 3.0F})
                          .model;
  for (std::uint32_t user = 0; user < 5; ++user) {
    for (std::uint32_t item = 0; item < 4; ++item) {
      EXPECT_GE(predict(model, user, item), 2);
      EXPECT_LE(predict(model, user, item), 3);
    }
  }
}

}  // namespace
}  // namespace lowrank::sgd_test
