// Rows around what their features let expect: als and implicit with features, against their objectives in double.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/random.h"
#include "fixtures.h"
#include "lowrank/base/error.h"
#include "lowrank/train/als.h"
#include "lowrank/train/implicit.h"
#include "train/feature_rows.h"
#include "train/units.h"

namespace lowrank::feature_prior_test {
namespace {

constexpr std::uint32_t kUsers = 14;
constexpr std::uint32_t kItems = 11;
/// The last user and the last item have features and no rating.
constexpr std::uint32_t kCold = 1;

/// A feature matrix with numbers and flags; row 3 has none.
Features random_features(std::uint32_t rows, std::uint32_t columns, std::uint64_t seed) {
  RandomStream random(seed, Purpose::split);
  Features features;
  for (std::uint32_t column = 0; column < columns; ++column) features.description.names.add("f" + std::to_string(column));
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (std::uint32_t column = 0; row != 3 && column < columns; ++column) {
      if (random.uniform() > 0.6) continue;
      features.columns.push_back(column);
      features.values.push_back(column == 0 ? static_cast<float>(random.normal()) + 2.5F : 1.0F);
    }
    features.offsets.push_back(features.columns.size());
  }
  return features;
}

std::vector<Triple> small_ratings() {
  RandomStream random(5, Purpose::split);
  std::vector<Triple> triples;
  for (std::uint32_t user = 0; user + kCold < kUsers; ++user) {
    for (std::uint32_t item = 0; item + kCold < kItems; ++item) {
      if (random.uniform() < 0.55) triples.push_back({user, item, static_cast<float>(1 + random.below(5))});
    }
  }
  return triples;
}

struct Given {
  Features users = random_features(kUsers, 3, 1);
  Features items = random_features(kItems, 4, 2);
  Ratings ratings = make_ratings(small_ratings(), kUsers, kItems);
};

Trained train_with(const Given& given, const Method& method, int threads = 1) {
  TrainContext context;
  context.threads = threads;
  context.user_features = &given.users;
  context.item_features = &given.items;
  return train_ratings(Ratings(given.ratings), method, {}, TrainingObserver::silent(), context);
}

/// A side in double: what an objective is a function of. A row or feature is its factors, then its bias.
struct Point {
  std::vector<std::vector<double>> rows;
  std::vector<std::vector<double>> vectors;
};

Point point_of(const Side& side, double scale) {
  const auto read = [scale](std::span<const float> factors, float bias) {
    std::vector<double> row;
    for (const float x : factors) row.push_back(static_cast<double>(x) / std::sqrt(scale));
    row.push_back(static_cast<double>(bias) / scale);
    return row;
  };
  Point point;
  for (std::uint32_t row = 0; row < side.size(); ++row) point.rows.push_back(read(side.factors.row(row), side.biases[row]));
  for (std::uint32_t column = 0; column < side.features->description.size(); ++column) {
    point.vectors.push_back(read(side.features->factors.row(column), side.features->biases[column]));
  }
  return point;
}

/// The sum over rows with ratings of w |row - X B|^2, biases included, and the weight of |B|^2.
double prior_terms(const Point& side, const Features& features, const std::vector<double>& weights, bool biased) {
  double sum = 0;
  double mean = 0;
  double rated = 0;
  for (std::uint32_t row = 0; row < features.rows(); ++row) {
    if (weights[row] == 0) continue;
    mean += weights[row];
    rated += 1;
    std::vector<double> left = side.rows[row];
    for (std::size_t at = features.offsets[row]; at < features.offsets[row + 1]; ++at) {
      for (std::size_t k = 0; k < left.size(); ++k)
        left[k] -= static_cast<double>(features.values[at]) * side.vectors[features.columns[at]][k];
    }
    for (std::size_t k = 0; k + (biased ? 0 : 1) < left.size(); ++k) sum += weights[row] * left[k] * left[k];
  }
  for (const std::vector<double>& vector : side.vectors) {
    for (std::size_t k = 0; k + (biased ? 0 : 1) < vector.size(); ++k) sum += kFeatureStrength * mean / rated * vector[k] * vector[k];
  }
  return sum;
}

double product(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t k = 0; k + 1 < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

/// No number of the point can be moved so that the objective falls: the slopes are 0 next to its curvature.
void expect_minimum(Point& users, Point& items, bool biased, const std::function<double()>& objective) {
  constexpr double kStep = 1e-4;
  const double here = objective();
  for (Point* side : {&users, &items}) {
    for (auto* table : {&side->rows, &side->vectors}) {
      for (std::size_t row = 0; row < table->size(); ++row) {
        // Cold rows are functions of the features.
        if (table == &side->rows && row + kCold == table->size()) continue;
        for (std::size_t k = 0; k + (biased ? 0 : 1) < (*table)[row].size(); ++k) {
          double& number = (*table)[row][k];
          const double before = number;
          number = before + kStep;
          const double up = objective();
          number = before - kStep;
          const double down = objective();
          number = before;
          const double slope = (up - down) / (2 * kStep);
          const double curvature = (up - 2 * here + down) / (kStep * kStep);
          EXPECT_GT(curvature, 0);
          // How far the minimum is along this number.
          EXPECT_LT(std::abs(slope / curvature), 2e-4) << "row " << row << ", number " << k;
        }
      }
    }
  }
}

/// The last row of a side is what its features let expect.
void expect_cold_rows(const Side& side, const Features& features, bool biased) {
  const std::uint32_t row = side.size() - 1;
  ASSERT_EQ(side.counts[row], 0U);
  ASSERT_GT(features.entries(row), 0U);
  EXPECT_TRUE(side.knows(row));
  EXPECT_FALSE(side.rated(row));
  std::vector<float> expected(side.factors.rank());
  const float bias = side.features->expect(features.columns_of(row), features.values_of(row), expected);
  for (std::size_t k = 0; k < expected.size(); ++k) EXPECT_NEAR(side.factors.row(row)[k], expected[k], 1e-5);
  if (biased) {
    EXPECT_NEAR(side.biases[row], bias, 1e-5);
  }
}

TEST(FeaturePrior, AlsEndsInTheMinimumOfItsObjective) {
  for (const Solver solver : {Solver::exact, Solver::cg}) {
    const Given given;
    const Als options{.rank = 2,
                      .epochs = 4000,
                      .regularization = 0.05,
                      .prior_ratings = 4,
                      .bias_regularization = BiasRegularization::factors,
                      .solver = solver};
    const Trained trained = train_with(given, options);
    Workers alone(1);
    const RatingMoments moments = moments_of(given.ratings, alone);
    const double scale = moments.standard_deviation;
    Point users = point_of(trained.model.users, scale);
    Point items = point_of(trained.model.items, scale);
    const auto weights_of = [](const Side& side) {
      std::vector<double> weights;
      for (const std::uint32_t count : side.counts) weights.push_back(count == 0 ? 0 : 0.05 * (count + 4.0));
      return weights;
    };
    const std::vector<double> user_weights = weights_of(trained.model.users);
    const std::vector<double> item_weights = weights_of(trained.model.items);
    const auto objective = [&] {
      double sum = prior_terms(users, given.users, user_weights, true) + prior_terms(items, given.items, item_weights, true);
      for (const Triple& triple : small_ratings()) {
        const std::vector<double>& p = users.rows[triple.user];
        const std::vector<double>& q = items.rows[triple.item];
        const double error = (static_cast<double>(triple.value) - moments.mean) / scale - p.back() - q.back() - product(p, q);
        sum += error * error;
      }
      return sum;
    };
    EXPECT_NEAR(*trained.train_loss / (scale * scale), objective(), 1e-3);
    expect_minimum(users, items, true, objective);
    expect_cold_rows(trained.model.users, given.users, true);
    expect_cold_rows(trained.model.items, given.items, true);
  }
}

TEST(FeaturePrior, ImplicitEndsInTheMinimumOfItsObjective) {
  constexpr double kUnobserved = 0.3;
  for (const Solver solver : {Solver::exact, Solver::cg, Solver::subspace}) {
    for (const double user_exponent : {0.0, 0.5}) {
      const Given given;
      const Implicit options{.rank = 3,
                             .epochs = 4000,
                             .unobserved_weight = kUnobserved,
                             .alpha = 0.5,
                             .unobserved_user_exponent = user_exponent,
                             .regularization = 0.1,
                             .regularization_exponent = 0,
                             .solver = solver};
      const Trained trained = train_with(given, options);
      Point users = point_of(trained.model.users, 1);
      Point items = point_of(trained.model.items, 1);
      const auto weights_of = [](const Side& side) {
        std::vector<double> weights;
        for (const std::uint32_t count : side.counts) weights.push_back(count == 0 ? 0 : 0.1);
        return weights;
      };
      const std::vector<double> user_weights = weights_of(trained.model.users);
      const std::vector<double> item_weights = weights_of(trained.model.items);
      double mean_power = 0;
      double rated = 0;
      for (const std::uint32_t count : trained.model.users.counts) {
        if (count != 0) mean_power += std::pow(count, user_exponent);
        if (count != 0) rated += 1;
      }
      mean_power /= rated;
      const auto objective = [&] {
        double sum = prior_terms(users, given.users, user_weights, false) + prior_terms(items, given.items, item_weights, false);
        for (std::uint32_t user = 0; user + kCold < kUsers; ++user) {
          const double share = std::pow(trained.model.users.counts[user], user_exponent) / mean_power;
          for (std::uint32_t item = 0; item + kCold < kItems; ++item) {
            sum += kUnobserved * share * std::pow(product(users.rows[user], items.rows[item]), 2);
          }
        }
        for (const Triple& triple : small_ratings()) {
          const double weight = 1 + 0.5 * static_cast<double>(triple.value);
          sum += weight * std::pow(1 - product(users.rows[triple.user], items.rows[triple.item]), 2);
        }
        return sum;
      };
      EXPECT_NEAR(*trained.train_loss, objective(), 1e-3 * objective());
      expect_minimum(users, items, false, objective);
      expect_cold_rows(trained.model.users, given.users, false);
      expect_cold_rows(trained.model.items, given.items, false);
    }
  }
}

TEST(FeaturePrior, RowsWithoutRatingsAndFeaturesStayUnknown) {
  Given given;
  given.users.offsets.back() = given.users.offsets[kUsers - 1];
  given.users.columns.resize(given.users.offsets.back());
  given.users.values.resize(given.users.offsets.back());
  const Model model = train_with(given, Als{.rank = 2, .prior_ratings = 4}).model;
  EXPECT_FALSE(model.users.knows(kUsers - 1));
  EXPECT_EQ(model.users.biases[kUsers - 1], 0);
  EXPECT_EQ(model.users.known(), kUsers - kCold);
  EXPECT_EQ(model.items.known(), kItems);
  EXPECT_EQ(predict(model, kUsers - 1, 0), model.centre.rating(model.centre.mean + static_cast<double>(model.items.biases[0])));
}

TEST(FeaturePrior, FeaturesOfOneSideLeaveTheOtherAlone) {
  const Given given;
  TrainContext context;
  context.threads = 2;
  context.item_features = &given.items;
  const Model model =
      train_ratings(Ratings(given.ratings), Als{.rank = 2, .prior_ratings = 4}, {}, TrainingObserver::silent(), context).model;
  EXPECT_FALSE(model.users.features);
  ASSERT_TRUE(model.items.features);
  for (std::uint32_t column = 0; column < 4; ++column) {
    std::uint32_t rows = 0;
    for (std::uint32_t row = 0; row + kCold < kItems; ++row) {
      for (const std::uint32_t own : given.items.columns_of(row)) rows += own == column ? 1U : 0U;
    }
    EXPECT_EQ(model.items.features->counts[column], rows);
  }
}

TEST(FeaturePrior, AWarmStartGoesOnFromTheVectors) {
  const Given given;
  Als options{.rank = 3, .epochs = 6, .prior_ratings = 4};
  const Model whole = train_with(given, options).model;
  options.epochs = 3;
  const Model half = train_with(given, options).model;
  TrainContext context;
  context.threads = 1;
  context.init = &half;
  context.user_features = &given.users;
  context.item_features = &given.items;
  const Model rest = train_ratings(Ratings(given.ratings), options, {}, TrainingObserver::silent(), context).model;
  for (std::uint32_t column = 0; column < 4; ++column) {
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(rest.items.features->factors.row(column)[k], whole.items.features->factors.row(column)[k], 1e-4);
    }
  }
}

TEST(FeaturePrior, NonNegativeFactorsAreRefused) {
  const Given given;
  EXPECT_THROW(train_with(given, Als{.rank = 2, .prior_ratings = 4, .non_negative = true}), OptionError);
}

TEST(FeaturePrior, OtherNumbersOfRowsAreRefused) {
  Given given;
  given.items.extend(kItems + 1);
  EXPECT_THROW(train_with(given, Als{.rank = 2}), DataError);
}

TEST(FeaturePrior, TheSameBytesForAnyNumberOfThreads) {
  Given given;
  const std::vector<Triple> triples = synthetic(1500, 400, 20000, 3);
  given.ratings = make_ratings(triples, 1510, 405);
  given.users = random_features(1510, 30, 4);
  given.items = random_features(405, 20, 5);
  for (const Method& method : {Method(Als{.rank = 40, .epochs = 2}), Method(Implicit{.rank = 40, .epochs = 2})}) {
    const std::string expected = bytes_of(train_with(given, method, 1).model, given.ratings);
    for (const int threads : {2, 3, 8}) EXPECT_EQ(bytes_of(train_with(given, method, threads).model, given.ratings), expected) << threads;
  }
}

}  // namespace
}  // namespace lowrank::feature_prior_test
