#include "lowrank/evaluate/rating_metrics.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "evaluate/hand_model.h"
#include "lowrank/base/error.h"
#include "model/context_models.h"

namespace lowrank::rating_metrics_test {
namespace {

Pairs pairs_of(std::vector<std::uint32_t> users, std::vector<std::uint32_t> items, std::vector<float> values) {
  Pairs pairs;
  pairs.users = std::move(users);
  pairs.items = std::move(items);
  pairs.values = std::move(values);
  pairs.known_users = 3;
  pairs.known_items = 3;
  return pairs;
}

TEST(ScoreRatings, MatchesErrorsComputedByHand) {
  // Predictions 2.5, 4.5, 2, 2.5: errors -.5, .5, -2, -.5.
  const RatingScores scores = score_ratings(hand_model(), pairs_of({0, 0, 1, 1}, {0, 1, 0, 1}, {3, 4, 4, 3}));
  EXPECT_DOUBLE_EQ(scores.rmse, std::sqrt((0.25 + 0.25 + 4 + 0.25) / 4));
  EXPECT_DOUBLE_EQ(scores.mae, (0.5 + 0.5 + 2 + 0.5) / 4);
  EXPECT_EQ(scores.ratings, 4U);
  EXPECT_EQ(scores.unknown, 0U);
}

/// Pairs with times and with levels have the errors of their predictions in those contexts.
TEST(ScoreRatings, TakesPairsInTheirContexts) {
  const Model model = testing_models::model_with_all();
  Pairs pairs = pairs_of({}, {}, {});
  pairs.known_users = 9;
  pairs.known_items = 7;
  ContextColumn mood{.name = "mood", .period = Period::none, .levels = {}};
  for (std::uint32_t level = 0; level < 4; ++level) mood.levels.add("2001-01-0" + std::to_string(level + 1));
  pairs.situations.columns = {mood};
  for (std::uint32_t user = 0; user < 10; ++user) {
    for (std::uint32_t item = 0; item < 8; ++item) {
      pairs.users.push_back(user);
      pairs.items.push_back(item);
      pairs.values.push_back(static_cast<float>(1 + (user + item) % 5));
      pairs.times.push_back(testing_models::kFirstDay + 86400 * ((user + item) % 4));
      const std::array<std::uint16_t, 1> level = {static_cast<std::uint16_t>((user * 3 + item) % 4)};
      pairs.situation.push_back(pairs.situations.number(level));
    }
  }
  std::vector<double> predictions(pairs.size());
  predict_pairs(model, pairs, predictions, 3);
  double squares = 0;
  double plain = 0;
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    squares += std::pow(predictions[n] - static_cast<double>(pairs.values[n]), 2);
    plain += std::pow(predict(model, pairs.users[n], pairs.items[n]) - static_cast<double>(pairs.values[n]), 2);
  }
  EXPECT_NEAR(score_ratings(model, pairs, 2).rmse, std::sqrt(squares / static_cast<double>(pairs.size())), 1e-12);
  EXPECT_GT(std::abs(squares - plain), 1);
}

TEST(ScoreRatings, CountsRepeats) {
  const RatingScores scores = score_ratings(hand_model(), pairs_of({0, 0, 0}, {0, 0, 0}, {3, 3, 0.5F}));
  EXPECT_DOUBLE_EQ(scores.rmse, std::sqrt((0.25 + 0.25 + 4) / 3));
  EXPECT_EQ(scores.ratings, 3U);
}

TEST(ScoreRatings, ScoresUnknownIdsWithWhatIsKnown) {
  // User 2 and item 2 are in the model without a rating; 7 is beyond it. Item 1 alone: 3.5; user 1 alone: 4; neither: 3.
  const RatingScores scores = score_ratings(hand_model(), pairs_of({2, 7, 1, 1, 7, 0}, {1, 1, 2, 7, 7, 0}, {3, 3, 3, 3, 1, 2.5F}));
  EXPECT_DOUBLE_EQ(scores.mae, (0.5 + 0.5 + 1 + 1 + 2 + 0) / 6);
  EXPECT_DOUBLE_EQ(scores.rmse, std::sqrt((0.25 + 0.25 + 1 + 1 + 4) / 6));
  EXPECT_EQ(scores.ratings, 6U);
  EXPECT_EQ(scores.unknown, 5U);
}

TEST(ScoreRatings, ClipsWhereTheModelClips) {
  Model model = hand_model();
  model.centre.max_rating = 4;
  const Pairs pairs = pairs_of({0}, {1}, {4.25F});
  EXPECT_DOUBLE_EQ(score_ratings(model, pairs).mae, 0.25);
  model.centre.clips = false;
  EXPECT_DOUBLE_EQ(score_ratings(model, pairs).rmse, 0.25);
  EXPECT_DOUBLE_EQ(score_ratings(model, pairs_of({0}, {1}, {4.5F})).rmse, 0);
}

TEST(ScoreRatings, RefusesNothing) {
  EXPECT_THROW(score_ratings(hand_model(), Pairs()), DataError);
  EXPECT_THROW(score_ratings(hand_model(), Ratings()), DataError);
  EXPECT_THROW(score_ratings(hand_model(), pairs_of({0}, {1}, {})), DataError);
}

/// 500 users x 400 items, about 100,000 ratings: several ranges, with users without a rating at the start, between and at the end.
Ratings many_ratings() {
  RandomStream random(1, Purpose::rating_order);
  RatingsBuilder builder;
  for (std::uint32_t user = 1; user < 499; ++user) {
    for (std::uint32_t item = 0; item < 400; ++item) {
      if (user % 10 != 0 && random.below(2) == 0) builder.add(user, item, static_cast<float>(random.normal()));
    }
  }
  return builder.build(500, 400);
}

Model random_model() {
  RandomStream random(2, Purpose::user_factors);
  Model model;
  model.users.factors = FactorMatrix(500, 20);
  model.items.factors = FactorMatrix(400, 20);
  for (std::size_t row = 0; row < 500; ++row) {
    for (float& value : model.users.factors.row(row)) value = static_cast<float>(0.3 * random.normal());
  }
  for (std::size_t row = 0; row < 400; ++row) {
    for (float& value : model.items.factors.row(row)) value = static_cast<float>(0.3 * random.normal());
  }
  for (std::size_t row = 0; row < 500; ++row) model.users.biases.push_back(static_cast<float>(random.normal()));
  for (std::size_t row = 0; row < 400; ++row) model.items.biases.push_back(static_cast<float>(random.normal()));
  model.users.counts.assign(500, 1);
  model.items.counts.assign(400, 1);
  model.items.counts[3] = 0;
  model.centre.min_rating = -2;
  model.centre.max_rating = 2;
  return model;
}

TEST(ScoreRatings, IsTheSameForRatingsPairsAndAnyNumberOfThreads) {
  const Ratings ratings = many_ratings();
  const Model model = random_model();
  Pairs pairs;
  double squares = 0;
  double absolutes = 0;
  std::size_t unknown = 0;
  for (std::uint32_t user = 0; user < 500; ++user) {
    for (std::size_t n = ratings.row_offsets()[user]; n < ratings.row_offsets()[user + 1]; ++n) {
      const std::uint32_t item = ratings.items()[n];
      pairs.users.push_back(user);
      pairs.items.push_back(item);
      pairs.values.push_back(ratings.value(n));
      double prediction = static_cast<double>(model.users.biases[user]);
      if (item == 3) {
        ++unknown;
      } else {
        prediction += static_cast<double>(model.items.biases[item]);
        for (std::size_t k = 0; k < 20; ++k) {
          prediction += static_cast<double>(model.users.factors.row(user)[k]) * static_cast<double>(model.items.factors.row(item)[k]);
        }
      }
      const double error = std::min(2.0, std::max(-2.0, prediction)) - static_cast<double>(ratings.value(n));
      squares += error * error;
      absolutes += std::abs(error);
    }
  }
  const auto size = static_cast<double>(ratings.size());
  ASSERT_GT(ratings.size(), 70000U);
  const RatingScores one = score_ratings(model, ratings, 1);
  EXPECT_NEAR(one.rmse, std::sqrt(squares / size), 1e-6);
  EXPECT_NEAR(one.mae, absolutes / size, 1e-6);
  EXPECT_EQ(one.unknown, unknown);
  EXPECT_GT(unknown, 0U);
  const RatingScores one_of_pairs = score_ratings(model, pairs, 1);
  EXPECT_NEAR(one_of_pairs.rmse, one.rmse, 1e-12);
  EXPECT_NEAR(one_of_pairs.mae, one.mae, 1e-12);
  for (const int threads : {1, 2, 3, 8}) {
    const auto expect_same = [&](const RatingScores& scores, const RatingScores& expected) {
      EXPECT_EQ(scores.rmse, expected.rmse) << threads;
      EXPECT_EQ(scores.mae, expected.mae) << threads;
      EXPECT_EQ(scores.ratings, one.ratings);
      EXPECT_EQ(scores.unknown, one.unknown);
    };
    expect_same(score_ratings(model, ratings, threads), one);
    expect_same(score_ratings(model, pairs, threads), one_of_pairs);
  }
}

}  // namespace
}  // namespace lowrank::rating_metrics_test
