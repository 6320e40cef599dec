// What the default options, and the recipes of docs/methods/sgd.md, reach on real ratings. The figures are bounds, not yesterday's output:
// see docs/methods/sgd.md for what was measured.

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "lowrank/evaluate/rating_metrics.h"
#include "real_data.h"
#include "splits.h"
#include "train/train_ratings.h"

namespace lowrank::accuracy_test {
namespace {

double test_rmse(const Split& split, const Method& method, int threads) {
  Vocabulary users;
  Vocabulary items;
  RatingsBuilder builder;
  for (const RealRating& rating : split.train) builder.add(users.add(rating.user), items.add(rating.item), rating.value);
  TrainingObserver observer;
  const Model model = train_ratings(builder.build(users.size(), items.size()), method, {}, observer,
                                    {.threads = threads, .init = nullptr, .min_rating = {}, .max_rating = {}})
                          .model;
  double squares = 0;
  for (const RealRating& rating : split.test) {
    squares += std::pow(static_cast<double>(rating.value) - predict(model, users.find(rating.user), items.find(rating.item)), 2);
  }
  return std::sqrt(squares / static_cast<double>(split.test.size()));
}

Sgd biases_alone() {
  Sgd options;
  options.rank = 0;
  return options;
}

class Accuracy : public testing::Test {
 protected:
  void SetUp() override {
    if (data_folder().empty()) GTEST_SKIP() << "no data sets: LOWRANK_DATA is not set and ../shared/data is not there";
  }
};

/// Mean over the five folds that come with the data.
double movielens_100k(const Method& method) {
  double sum = 0;
  for (int fold = 1; fold <= 5; ++fold) {
    const std::string name = "u" + std::to_string(fold);
    const Split split{read_real(data_folder() / "ml-100k" / (name + ".base.gz")),
                      read_real(data_folder() / "ml-100k" / (name + ".test.gz"))};
    sum += test_rmse(split, method, 1 + fold % 3);
  }
  return sum / 5;
}

TEST_F(Accuracy, MovieLens100k) {
  const double rmse = movielens_100k(Sgd{});
  RecordProperty("rmse", std::to_string(rmse));
  EXPECT_LE(rmse, .9120);
}

TEST_F(Accuracy, MovieLens100kByRecipe) {
  const Sgd recipe{.rank = 128, .epochs = 30, .learning_rate = .05, .regularization = .045, .prior_ratings = 67, .initial_scale = .02};
  EXPECT_LE(movielens_100k(recipe), .9070);
}

// Surprise's non-negative factorization reaches .9650 with its defaults.
TEST_F(Accuracy, MovieLens100kNonNegative) {
  const double rmse = movielens_100k(Nmf{});
  RecordProperty("rmse", std::to_string(rmse));
  EXPECT_LE(rmse, .9180);
  EXPECT_LT(rmse, movielens_100k(Baseline{}) - .01);
}

TEST_F(Accuracy, MovieLens1m) {
  EXPECT_LE(test_rmse(shuffled_split(read_real(data_folder() / "ml-1m/ratings.uirt.tsv.xz")), Sgd{}, 2), .8420);
}

TEST_F(Accuracy, MovieLens1mByRecipe) {
  const Split split = shuffled_split(read_real(data_folder() / "ml-1m/ratings.uirt.tsv.xz"));
  const Sgd recipe{.rank = 128, .epochs = 25, .learning_rate = .045, .regularization = .036, .prior_ratings = 55, .initial_scale = .01};
  EXPECT_LE(test_rmse(split, recipe, 2), .8385);
}

TEST_F(Accuracy, MovieTweetings) {
  const Split split = shuffled_split(read_real(data_folder() / "movietweetings-100k/ratings.dat.gz"));
  const double rmse = test_rmse(split, Sgd{}, 2);
  EXPECT_LE(rmse, 1.525);
  EXPECT_LT(rmse, test_rmse(split, biases_alone(), 2));
}

TEST_F(Accuracy, Jester) {
  EXPECT_LE(test_rmse(shuffled_split(read_jester(data_folder() / "jester-1/jester-data-1.zip")), Sgd{}, 2), 4.10);
}

Split inst_eval() {
  ReadOptions options;
  options.columns = Columns::parse("user=s,item=d,rating=y");
  return shuffled_split(read_real(data_folder() / "insteval/InstEval.csv.gz", options));
}

TEST_F(Accuracy, InstEval) {
  const Split split = inst_eval();
  const double rmse = test_rmse(split, Sgd{}, 2);
  EXPECT_LE(rmse, 1.200);
  EXPECT_LE(rmse, test_rmse(split, biases_alone(), 2) + .005);
}

// myFM reaches .8829 on the five parts of ML-100K.
TEST_F(Accuracy, BayesOnMovieLens100k) {
  const double rmse = movielens_100k(Bayes{});
  RecordProperty("rmse", std::to_string(rmse));
  EXPECT_LE(rmse, .8790);
}

TEST_F(Accuracy, BayesOnMovieLens1m) {
  const double rmse = test_rmse(shuffled_split(read_real(data_folder() / "ml-1m/ratings.uirt.tsv.xz")), Bayes{}, 2);
  RecordProperty("rmse", std::to_string(rmse));
  EXPECT_LE(rmse, .8230);
}

TEST_F(Accuracy, BayesOnMovieTweetings) {
  const double rmse = test_rmse(shuffled_split(read_real(data_folder() / "movietweetings-100k/ratings.dat.gz")), Bayes{}, 2);
  RecordProperty("rmse", std::to_string(rmse));
  EXPECT_LE(rmse, 1.53);
}

TEST_F(Accuracy, BayesOnInstEval) {
  const double rmse = test_rmse(inst_eval(), Bayes{}, 2);
  RecordProperty("rmse", std::to_string(rmse));
  EXPECT_LE(rmse, 1.180);
}

}  // namespace
}  // namespace lowrank::accuracy_test
