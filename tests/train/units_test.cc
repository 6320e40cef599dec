#include "train/units.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "fixtures.h"

namespace lowrank::units_test {
namespace {

/// Ratings with few distinct values (coded) or with many, of users with none to a thousand ratings, over several pieces of a sum.
std::vector<Triple> random_ratings(bool few_values, double mean, double spread) {
  std::vector<Triple> triples;
  RandomStream random(1, Purpose::rating_order);
  for (std::uint32_t user = 0; user < 1500; ++user) {
    const std::size_t count = user % 500 == 7 ? 1000 : random.below(20);
    for (std::uint32_t item = 0; item < count; ++item) {
      const double draw = few_values ? std::round(2 * random.normal()) / 2 : random.normal();
      triples.push_back({user, item, static_cast<float>(mean + spread * draw)});
    }
  }
  return triples;
}

TEST(Units, MomentsAreThoseOfALoopOverTheRatings) {
  for (const bool few_values : {true, false}) {
    for (const double mean : {0.0, 3.5, -1e4}) {
      const std::vector<Triple> triples = random_ratings(few_values, mean, 2);
      const Ratings ratings = make_ratings(triples, 1500, 1000);
      ASSERT_EQ(ratings.coded(), few_values);
      long double sum = 0;
      long double squares = 0;
      long double deviations = 0;
      float least = triples[0].value;
      float most = triples[0].value;
      for (const Triple& triple : triples) {
        sum += triple.value;
        squares += static_cast<long double>(triple.value) * triple.value;
        least = std::min(least, triple.value);
        most = std::max(most, triple.value);
      }
      const auto n = static_cast<long double>(triples.size());
      for (const Triple& triple : triples) deviations += (triple.value - sum / n) * (triple.value - sum / n);
      Workers workers(2);
      const RatingMoments moments = moments_of(ratings, workers);
      const double scale = 1e-12 * std::max(1.0, std::abs(mean));
      EXPECT_NEAR(moments.mean, static_cast<double>(sum / n), scale);
      EXPECT_NEAR(moments.standard_deviation, static_cast<double>(std::sqrt(deviations / n)), 1e-9);
      EXPECT_NEAR(moments.root_mean_square, static_cast<double>(std::sqrt(squares / n)), scale);
      EXPECT_EQ(moments.least, least);
      EXPECT_EQ(moments.most, most);
    }
  }
}

TEST(Units, MomentsDoNotDependOnTheThreads) {
  for (const bool few_values : {true, false}) {
    const Ratings ratings = make_ratings(random_ratings(few_values, 0.1, 0.7), 1500, 1000);
    Workers one(1);
    const RatingMoments expected = moments_of(ratings, one);
    for (const int threads : {2, 3, 8}) {
      Workers workers(threads);
      const RatingMoments moments = moments_of(ratings, workers);
      EXPECT_EQ(moments.mean, expected.mean);
      EXPECT_EQ(moments.standard_deviation, expected.standard_deviation);
      EXPECT_EQ(moments.root_mean_square, expected.root_mean_square);
    }
  }
}

/// With codes, equal values are counted; the same ratings without codes are added one by one.
TEST(Units, CodesChangeNoMoment) {
  std::vector<Triple> triples = random_ratings(true, 3, 1);
  Workers workers(2);
  const RatingMoments coded = moments_of(make_ratings(triples, 1501, 1000), workers);
  // One user more whose 300 values are all different, in pairs that leave mean and extent as they are.
  const auto n = static_cast<double>(triples.size());
  double added = 0;
  for (std::uint32_t item = 0; item < 300; ++item) {
    const std::uint32_t pair = item / 2;
    const double offset = (item % 2 == 0 ? 1e-3 : -1e-3) * (1 + pair);
    triples.push_back({1500, item, static_cast<float>(coded.mean + offset)});
    added += offset * offset;
  }
  const Ratings floats = make_ratings(triples, 1501, 1000);
  ASSERT_FALSE(floats.coded());
  const RatingMoments moments = moments_of(floats, workers);
  const double variance = coded.standard_deviation * coded.standard_deviation;
  EXPECT_NEAR(moments.mean, coded.mean, 1e-7);
  EXPECT_NEAR(moments.standard_deviation, std::sqrt((n * variance + added) / (n + 300)), 1e-7);
  EXPECT_EQ(moments.least, coded.least);
  EXPECT_EQ(moments.most, coded.most);
}

TEST(Units, TrainingValuesHaveMeanZeroAndUnitSpread) {
  const std::vector<Triple> triples = random_ratings(false, 50, 20);
  Workers workers(2);
  const RatingMoments moments = moments_of(make_ratings(triples, 1500, 1000), workers);
  for (const bool biases : {true, false}) {
    const Units units = training_units(moments, biases);
    double sum = 0;
    double squares = 0;
    for (const Triple& triple : triples) {
      const auto value = static_cast<double>(units.to_training(triple.value));
      sum += value;
      squares += value * value;
    }
    const auto n = static_cast<double>(triples.size());
    EXPECT_NEAR(squares / n, 1, 1e-6) << "variance with biases, mean square without";
    EXPECT_NEAR(sum / n, biases ? 0 : moments.mean / moments.root_mean_square, 1e-6);
  }
}

TEST(Units, ScaleAndShiftOfTheRatingsDoNotReachTraining) {
  const std::vector<Triple> triples = random_ratings(true, 3, 1);
  Workers workers(2);
  const Units stars = training_units(moments_of(make_ratings(triples, 1500, 1000), workers), true);
  for (const double scale : {20.0, 1e-6, 1e12}) {
    for (const double shift : {0.0, -3.0}) {
      std::vector<Triple> other = triples;
      for (Triple& triple : other) triple.value = static_cast<float>(scale * (static_cast<double>(triple.value) + shift));
      const Units units = training_units(moments_of(make_ratings(other, 1500, 1000), workers), true);
      for (std::size_t n = 0; n < triples.size(); n += 100) {
        EXPECT_NEAR(units.to_training(other[n].value), stars.to_training(triples[n].value), 1e-5);
      }
    }
  }
}

TEST(Units, EqualRatingsHaveScaleOne) {
  Workers workers(1);
  for (const float value : {0.0F, 0.1F, 4.0F}) {
    const std::vector<Triple> triples = {{0, 0, value}, {0, 1, value}, {1, 0, value}};
    const Units units = training_units(moments_of(make_ratings(triples, 2, 2), workers), true);
    EXPECT_EQ(units.scale, 1);
    EXPECT_NEAR(units.to_training(value), 0, 1e-7);
  }
}

TEST(Units, TheRangeIsTheRatingsOrWhatWasStated) {
  Workers workers(1);
  const RatingMoments moments = moments_of(make_ratings({{0, 0, 2}, {0, 1, 4.5F}, {1, 0, 3}}, 2, 2), workers);
  Model model;
  TrainContext context;
  set_range(model, moments, context);
  EXPECT_EQ(model.centre.min_rating, 2);
  EXPECT_EQ(model.centre.max_rating, 4.5F);
  EXPECT_NEAR(model.centre.rating_mean, 9.5 / 3, 1e-12);
  EXPECT_TRUE(model.centre.clips);
  context.min_rating = 1;
  context.max_rating = 5;
  context.clips = false;
  set_range(model, moments, context);
  EXPECT_EQ(model.centre.min_rating, 1);
  EXPECT_EQ(model.centre.max_rating, 5);
  EXPECT_FALSE(model.centre.clips);
}

TEST(Units, ABiasStaysFinite) {
  EXPECT_EQ(to_bias(0.5), 0.5F);
  EXPECT_EQ(to_bias(1e39), std::numeric_limits<float>::max());
  EXPECT_EQ(to_bias(-1e39), -std::numeric_limits<float>::max());
}

}  // namespace
}  // namespace lowrank::units_test
