#include "train/residual_neighbours.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "lowrank/base/error.h"
#include "lowrank/evaluate/validation.h"
#include "lowrank/recommend/recommender.h"
#include "lowrank/train/train.h"
#include "train/fixtures.h"

namespace lowrank::residual_neighbours_test {
namespace {

constexpr std::uint32_t kUsers = 60;
constexpr std::uint32_t kItems = 40;
constexpr std::array kSides = {NeighbourSide::items, NeighbourSide::users};

using Cells = std::map<std::pair<std::uint32_t, std::uint32_t>, double>;

const std::vector<Triple>& triples() {
  static const std::vector<Triple> all = synthetic(kUsers, kItems, 900, 3);
  return all;
}

/// What mean and biases leave, by row and column of a side.
Cells residuals(const Model& model, bool of_users) {
  Cells cells;
  for (const Triple& triple : triples()) {
    const double left =
        double{triple.value} - model.centre.mean - double{model.users.biases[triple.user]} - double{model.items.biases[triple.item]};
    cells[of_users ? std::pair(triple.user, triple.item) : std::pair(triple.item, triple.user)] = left;
  }
  return cells;
}

/// Slow: all pairs of rows, all columns.
std::vector<std::vector<double>> slow_weights(const Cells& cells, std::uint32_t rows, std::uint32_t columns, double shrinkage,
                                              double power) {
  std::vector<std::vector<double>> weights(rows, std::vector<double>(rows));
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (std::uint32_t other = 0; other < rows; ++other) {
      double count = 0;
      double product = 0;
      double squares = 0;
      double other_squares = 0;
      for (std::uint32_t column = 0; column < columns; ++column) {
        const auto a = cells.find({row, column});
        const auto b = cells.find({other, column});
        if (row == other || a == cells.end() || b == cells.end()) continue;
        count += 1;
        product += a->second * b->second;
        squares += a->second * a->second;
        other_squares += b->second * b->second;
      }
      if (count < 2 || product <= 0) continue;
      weights[row][other] = std::pow(product / std::sqrt(squares * other_squares) * (count - 1) / (count - 1 + shrinkage), power);
    }
  }
  return weights;
}

ItemNeighbours pearson(NeighbourSide side, std::uint32_t neighbours) {
  ItemNeighbours options{.neighbours = neighbours, .similarity = NeighbourSimilarity::pearson, .shrinkage = 7};
  options.side = side;
  options.power = 1.5;
  options.damping = 0.3;
  return options;
}

Model full_model(const ItemNeighbours& options, int threads = 1) {
  TrainInput input;
  input.data.ratings = make_ratings(triples(), kUsers, kItems);
  return train(std::move(input), options, {}, TrainingObserver::silent(), {.threads = threads, .min_rating = {}, .max_rating = {}}).model;
}

TEST(PearsonNeighbours, AreThoseOfASlowLoop) {
  for (const NeighbourSide side : kSides) {
    const bool of_users = side == NeighbourSide::users;
    const std::uint32_t rows = of_users ? kUsers : kItems;
    const std::uint32_t columns = of_users ? kItems : kUsers;
    for (const std::uint32_t kept : {5U, 1000U}) {
      const Model model = train_quietly(make_ratings(triples(), kUsers, kItems), pearson(side, kept)).model;
      const auto expected = slow_weights(residuals(model, of_users), rows, columns, 7, 1.5);
      for (std::uint32_t row = 0; row < rows; ++row) {
        std::vector<double> descending = expected[row];
        std::ranges::sort(descending, std::greater());
        const double least = kept < rows ? descending[kept - 1] : 0;
        for (std::uint32_t other = 0; other < rows; ++other) {
          const double weight = double{of_users ? model.neighbours->weight(row, other) : model.neighbours->weight(other, row)};
          EXPECT_NEAR(weight, expected[row][other] >= least ? expected[row][other] : 0, 1e-6) << row << " " << other;
        }
      }
    }
  }
}

TEST(PearsonNeighbours, PredictTheDampedMeanOfResiduals) {
  for (const NeighbourSide side : kSides) {
    const bool of_users = side == NeighbourSide::users;
    const Model model = full_model(pearson(side, 1000));
    const Cells cells = residuals(model, of_users);
    const auto weights = slow_weights(cells, of_users ? kUsers : kItems, of_users ? kItems : kUsers, 7, 1.5);
    std::vector<std::uint32_t> users;
    std::vector<std::uint32_t> items;
    for (std::uint32_t item = 0; item < kItems; ++item) {
      for (std::uint32_t user = 0; user < kUsers; ++user) {
        users.push_back(user);
        items.push_back(item);
      }
    }
    std::vector<double> predictions(users.size());
    predict_pairs(model, users, items, predictions, 2);
    for (std::size_t n = 0; n < users.size(); ++n) {
      double sum = 0;
      double divisor = 0.3;
      const std::uint32_t own = of_users ? users[n] : items[n];
      const std::uint32_t column = of_users ? items[n] : users[n];
      for (std::uint32_t other = 0; other < weights.size(); ++other) {
        const auto found = cells.find({other, column});
        if (found == cells.end()) continue;
        sum += weights[own][other] * found->second;
        divisor += weights[own][other];
      }
      const double baseline = model.centre.mean + double{model.users.biases[users[n]]} + double{model.items.biases[items[n]]};
      EXPECT_NEAR(predictions[n], model.centre.rating(baseline + sum / divisor), 2e-6) << users[n] << " " << items[n];
      EXPECT_EQ(predictions[n], predict(model, users[n], items[n])) << "one by one";
    }
    EXPECT_TRUE(model.centre.predicts_ratings);
  }
}

TEST(PearsonNeighbours, AreTheSameOnAnyNumberOfThreads) {
  for (const NeighbourSide side : kSides) {
    const std::string one = serialize_model(full_model(pearson(side, 9), 1));
    for (const int threads : {2, 3, 8}) EXPECT_EQ(serialize_model(full_model(pearson(side, 9), threads)), one) << threads;
  }
}

TEST(PearsonNeighbours, TakeDislikesAndAnyScale) {
  std::vector<Triple> scaled = triples();
  for (Triple& triple : scaled) triple.value = (triple.value - 3) * 1e20F;
  const Model model = train_quietly(make_ratings(triples(), kUsers, kItems), pearson(NeighbourSide::items, 5)).model;
  const Model of_scaled = train_quietly(make_ratings(scaled, kUsers, kItems), pearson(NeighbourSide::items, 5)).model;
  ASSERT_EQ(of_scaled.neighbours->items().size(), model.neighbours->items().size());
  for (std::size_t n = 0; n < model.neighbours->size(); ++n)
    EXPECT_NEAR(of_scaled.neighbours->weights()[n], model.neighbours->weights()[n], 1e-3);
}

TEST(PearsonNeighbours, OfOneRatingAreNone) {
  const Model model = train_quietly(make_ratings({{0, 0, 4}}, 1, 1), pearson(NeighbourSide::items, 5)).model;
  EXPECT_EQ(model.neighbours->size(), 0U);
  EXPECT_EQ(predict(model, 0, 0), 4);
}

TEST(NeighbourCorrection, IsTheMeanOfWhatTheFactorsLeave) {
  const Sgd plain{.rank = 4, .epochs = 8, .prior_ratings = 20};
  Sgd corrected = plain;
  corrected.neighbours = 12;
  corrected.neighbour_weight = 0.75;
  const Trained without = train_quietly(make_ratings(triples(), kUsers, kItems), plain);
  const Trained with = train_quietly(make_ratings(triples(), kUsers, kItems), corrected);
  EXPECT_EQ(with.model.users.factors, without.model.users.factors);
  const Model baseline = train_quietly(make_ratings(triples(), kUsers, kItems), Baseline{}).model;
  const auto weights = slow_weights(residuals(baseline, false), kItems, kUsers, 200, 2);
  double squared = 0;
  for (const Triple& triple : triples()) {
    double sum = 0;
    double divisor = 0.1;
    for (const Triple& other : triples()) {
      if (other.user != triple.user || with.model.neighbours->weight(other.item, triple.item) == 0) continue;
      const double weight = weights[triple.item][other.item];
      sum += weight * (double{other.value} - score(without.model, other.user, other.item));
      divisor += weight;
    }
    const double expected = score(without.model, triple.user, triple.item) + 0.75 * sum / divisor;
    EXPECT_NEAR(score(with.model, triple.user, triple.item), expected, 1e-5);
    squared += std::pow(double{triple.value} - with.model.centre.rating(expected), 2);
  }
  EXPECT_NEAR(*with.train_rmse, std::sqrt(squared / static_cast<double>(triples().size())), 1e-5);
}

TEST(NeighbourCorrection, ByFactorsFollowsTheirAnglesAndDistances) {
  for (const CorrectionSimilarity similarity : {CorrectionSimilarity::cosine, CorrectionSimilarity::distance}) {
    Als options{.rank = 3, .epochs = 3, .prior_ratings = 5};
    options.neighbours = 1000;
    options.neighbour_similarity = similarity;
    options.neighbour_power = 2;
    const Model model = train_quietly(make_ratings(triples(), kUsers, kItems), options).model;
    const auto dot = [&](std::uint32_t a, std::uint32_t b) {
      double sum = 0;
      for (std::size_t k = 0; k < 3; ++k) sum += double{model.items.factors.row(a)[k]} * double{model.items.factors.row(b)[k]};
      return sum;
    };
    double mean_square = 0;
    for (std::uint32_t item = 0; item < kItems; ++item) mean_square += dot(item, item) / kItems;
    for (std::uint32_t item = 0; item < kItems; ++item) {
      for (std::uint32_t other = 0; other < kItems; ++other) {
        if (item == other) continue;
        const double cosine = dot(item, other) / std::sqrt(dot(item, item) * dot(other, other));
        const double apart = dot(item, item) + dot(other, other) - 2 * dot(item, other);
        const double base = similarity == CorrectionSimilarity::cosine ? std::max(0.0, cosine) : mean_square / apart;
        EXPECT_NEAR(double{model.neighbours->weight(other, item)}, base * base, 1e-3 * base * base);
      }
    }
  }
}

/// The weight that validation chooses is at least as good there as any other, and none where neighbours only harm.
TEST(NeighbourCorrection, FindsItsWeightByValidation) {
  std::vector<Triple> kept = triples();
  const std::vector<Triple> held = take_tenth(kept);
  Sgd options{.rank = 2, .epochs = 5, .prior_ratings = 20};
  options.neighbours = 20;
  options.neighbour_shrinkage = 5;
  const Validation by_error{.measure = [&](const Model& model) { return rmse_of(model, held); }};
  const Model chosen = train_quietly(make_ratings(kept, kUsers, kItems), options, 1, by_error).model;
  const double value = rmse_of(chosen, held);
  for (const double weight : {0.25, 0.5, 0.75, 1.0, 1.25, 1.5}) {
    Sgd fixed = options;
    fixed.neighbour_weight = weight;
    EXPECT_LE(value, rmse_of(train_quietly(make_ratings(kept, kUsers, kItems), fixed, 1, by_error).model, held)) << weight;
  }
  const Validation against{.measure = [](const Model& model) { return model.neighbours ? model.neighbours->rule().scale : 0; }};
  EXPECT_FALSE(train_quietly(make_ratings(kept, kUsers, kItems), options, 1, against).model.neighbours);
}

TEST(NeighbourCorrection, ItsTrainingErrorGoesByTheWeightsOfRatings) {
  RatingsBuilder builder;
  const auto weight_of = [](const Triple& triple) { return triple.user % 3 == 0 ? 4.0F : 0.5F; };
  for (const Triple& triple : triples()) builder.add_weighted(triple.user, triple.item, triple.value, weight_of(triple));
  Sgd options{.rank = 3, .epochs = 4, .prior_ratings = 20};
  options.neighbours = 12;
  const Trained trained = train_quietly(builder.build(kUsers, kItems), options);
  ASSERT_TRUE(trained.model.neighbours);
  double squared = 0;
  double weights = 0;
  for (const Triple& triple : triples()) {
    const auto weight = double{weight_of(triple)};
    squared += weight * std::pow(double{triple.value} - predict(trained.model, triple.user, triple.item), 2);
    weights += weight;
  }
  EXPECT_NEAR(*trained.train_rmse, std::sqrt(squared / weights), 1e-9);
}

TEST(NeighbourCorrection, IsTheSameOnAnyNumberOfThreads) {
  for (const CorrectionSimilarity similarity :
       {CorrectionSimilarity::pearson, CorrectionSimilarity::cosine, CorrectionSimilarity::distance}) {
    Sgd options{.rank = 4, .epochs = 3, .prior_ratings = 20};
    options.neighbours = 9;
    options.neighbour_similarity = similarity;
    const auto bytes = [&](int threads) {
      TrainInput input;
      input.data.ratings = make_ratings(triples(), kUsers, kItems);
      return serialize_model(
          train(std::move(input), options, {}, TrainingObserver::silent(), {.threads = threads, .min_rating = {}, .max_rating = {}}).model);
    };
    const std::string one = bytes(1);
    for (const int threads : {2, 3, 8}) EXPECT_EQ(bytes(threads), one) << threads;
  }
}

}  // namespace
}  // namespace lowrank::residual_neighbours_test
