#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "fixtures.h"
#include "lowrank/base/error.h"

namespace lowrank::sgd_tutorial_test {
namespace {

Sgd article_options(std::uint64_t seed) {
  Sgd options;
  options.rank = 2;
  options.epochs = 20;
  options.learning_rate = 0.1;
  options.regularization = 0.01;
  options.update_order = UpdateOrder::tutorial;
  options.seed = seed;
  return options;
}

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

/// The article's program over 500 random starts: figures of docs/mathematics.md.
TEST(SgdTutorial, ReproducesTheArticlesProgram) {
  constexpr int kStarts = 500;
  const std::vector<Triple> ratings = article();
  std::vector<double> after_10;
  std::vector<double> after_20;
  std::vector<std::vector<double>> cell_errors(ratings.size());
  std::vector<double> missing;  // the cell of user 1, item 3
  for (int seed = 0; seed < kStarts; ++seed) {
    const Trained trained = train_quietly(make_ratings(ratings, 5, 4), article_options(static_cast<std::uint64_t>(seed)));
    after_10.push_back(*trained.history[9].root_squared_error);
    after_20.push_back(*trained.history[19].root_squared_error);
    for (std::size_t n = 0; n < ratings.size(); ++n) {
      cell_errors[n].push_back(std::abs(score(trained.model, ratings[n].user, ratings[n].item) - static_cast<double>(ratings[n].value)));
    }
    missing.push_back(score(trained.model, 0, 2));
  }
  EXPECT_NEAR(percentile(after_20, 0.5), 0.057, 0.2 * 0.057);
  EXPECT_NEAR(percentile(after_10, 0.5), 0.33, 0.2 * 0.33);
  EXPECT_NEAR(percentile(after_20, 0.05), 0.036, 0.3 * 0.036);
  EXPECT_NEAR(percentile(after_20, 0.95), 0.35, 0.3 * 0.35);
  EXPECT_NEAR(percentile(after_10, 0.05), 0.10, 0.3 * 0.10);
  EXPECT_NEAR(percentile(after_10, 0.95), 1.03, 0.3 * 1.03);
  for (const std::vector<double>& errors : cell_errors) EXPECT_LT(percentile(errors, 0.5), 0.1);
  // 13 ratings do not pin down what is missing.
  EXPECT_GT(percentile(missing, 0.9) - percentile(missing, 0.1), 0.5);
}

/// The program of the article, written down once more in double.
TEST(SgdTutorial, FollowsTheProgramsOrderOfUpdates) {
  Sgd options = article_options(4);
  options.epochs = 1;
  const Trained start_and_one = train_quietly(make_ratings({{0, 0, 4.0F}}, 1, 1), options);
  // One rating: the mean is the rating itself, so that e = -p.q at the start.
  options.learning_rate = 1e-12;
  const Model before = train_quietly(make_ratings({{0, 0, 4.0F}}, 1, 1), options).model;
  double p[2] = {before.users.factors.row(0)[0], before.users.factors.row(0)[1]};
  double q[2] = {before.items.factors.row(0)[0], before.items.factors.row(0)[1]};
  const double error = 4.0 - (4.0 + p[0] * q[0] + p[1] * q[1]);
  for (int k = 0; k < 2; ++k) p[k] += 0.1 * (error * q[k] - 0.01 * p[k]);
  for (int k = 0; k < 2; ++k) q[k] += 0.1 * (error * p[k] - 0.01 * q[k]);
  for (std::size_t k = 0; k < 2; ++k) {
    EXPECT_NEAR(static_cast<double>(start_and_one.model.users.factors.row(0)[k]), p[k], 1e-6);
    EXPECT_NEAR(static_cast<double>(start_and_one.model.items.factors.row(0)[k]), q[k], 1e-6);
  }
  EXPECT_NEAR(static_cast<double>(start_and_one.model.users.biases[0]), 0.1 * error, 1e-6);
}

TEST(SgdTutorial, RefusesWhatItWouldNotRead) {
  for (const char* name : {"schedule", "prior_ratings", "bias_regularization", "initial_scale"}) {
    Method method = article_options(1);
    const bool number = std::string_view(name) == "prior_ratings" || std::string_view(name) == "initial_scale";
    set_option(method, name, number ? "3" : std::string_view(name) == "schedule" ? "constant" : "rating");
    EXPECT_THROW(check_reads(method, {}, true), OptionError) << name;
    EXPECT_THROW(train({.data = {{}, {}, make_ratings(article(), 5, 4), 0}}, method), OptionError) << name;
  }
}

TEST(SgdTutorial, FactorsStartWithStandardDeviationOneOverK) {
  Sgd options = article_options(1);
  options.rank = 5;
  options.epochs = 1;
  options.learning_rate = 1e-12;
  const Model model = train_quietly(make_ratings(synthetic(500, 40, 3000, 1), 500, 40), options).model;
  double squares = 0;
  for (std::size_t user = 0; user < 500; ++user) {
    for (const float x : model.users.factors.row(user)) squares += static_cast<double>(x) * static_cast<double>(x);
  }
  // 2500 draws: five standard deviations of their sample variance.
  EXPECT_NEAR(squares / 2500 * 25, 1.0, 5 * std::sqrt(2.0 / 2500));
}

}  // namespace
}  // namespace lowrank::sgd_tutorial_test
