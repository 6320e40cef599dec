#include "lowrank/model/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "model/models.h"

namespace lowrank::model_test {
namespace {

/// Two users, two items, of which the second each is unknown; rank 2.
Model half_known_model() {
  Model model;
  for (const char* id : {"a", "b"}) {
    model.users.ids.add(id);
    model.items.ids.add(id);
  }
  model.users.factors = FactorMatrix(2, 2);
  model.items.factors = FactorMatrix(2, 2);
  model.users.factors.row(0)[0] = 2;
  model.users.factors.row(0)[1] = 0.5F;
  model.items.factors.row(0)[0] = 0.25F;
  model.items.factors.row(0)[1] = -3;
  // An unknown row counts for nothing even if something stands there.
  model.users.factors.row(1)[0] = 100;
  model.items.factors.row(1)[0] = 100;
  model.users.biases = {0.5F, 100};
  model.items.biases = {-0.25F, 100};
  model.centre.mean = 3.5;
  model.centre.rating_mean = 3.25;
  model.centre.min_rating = 3;
  model.centre.max_rating = 3.9F;
  model.users.counts = {1, 0};
  model.items.counts = {1, 0};
  return model;
}

TEST(Score, AddsWhatIsKnown) {
  const Model model = half_known_model();
  EXPECT_EQ(score(model, 0, 0), 3.5 + 0.5 - 0.25 + (2 * 0.25 - 0.5 * 3));
  for (const std::uint32_t unknown : {1U, 2U, 4294967295U}) {
    EXPECT_EQ(score(model, 0, unknown), 4.0);
    EXPECT_EQ(score(model, unknown, 0), 3.25);
    EXPECT_EQ(score(model, unknown, unknown), 3.25);
  }
}

TEST(Score, WithoutBiasesBothMustBeKnown) {
  Model model = half_known_model();
  model.centre.has_biases = false;
  model.centre.mean = 0;
  model.users.biases = {0, 0};
  model.items.biases = {0, 0};
  EXPECT_EQ(score(model, 0, 0), -1);
  EXPECT_EQ(score(model, 0, 1), 3.25);
  EXPECT_EQ(score(model, 9, 0), 3.25);
}

TEST(Score, RankZeroIsTheBaseline) {
  Model model = half_known_model();
  model.users.factors = FactorMatrix(2, 0);
  model.items.factors = FactorMatrix(2, 0);
  EXPECT_EQ(score(model, 0, 0), 3.75);
}

TEST(Score, AgreesWithADoublePrecisionLoop) {
  for (const std::size_t rank : {1U, 7U, 16U, 33U, 100U}) {
    const Model model = testing_models::random_model(12, 9, rank, rank, 1.0);
    for (std::uint32_t user = 0; user < 12; ++user) {
      for (std::uint32_t item = 0; item < 9; ++item) {
        double expected = model.centre.mean + double{model.users.biases[user]} + double{model.items.biases[item]};
        double size = 1;
        for (std::size_t k = 0; k < rank; ++k) {
          const double product = double{model.users.factors.row(user)[k]} * double{model.items.factors.row(item)[k]};
          expected += product;
          size += std::abs(product);
        }
        EXPECT_NEAR(score(model, user, item), expected, 1e-6 * size);
      }
    }
  }
}

// Products and sums beyond the floats, of either sign, and of both: in whatever order they are added, the score is finite.
TEST(Score, IsAlwaysFinite) {
  constexpr float kMost = std::numeric_limits<float>::max();
  constexpr std::size_t kRank = 40;
  for (const float size : {1e15F, 1e19F, 1e30F, kMost}) {
    for (const auto& [mean, bias] : {std::pair(0.0, 0.0F), std::pair(0.0, kMost), std::pair(1e300, kMost), std::pair(-1e300, kMost)}) {
      Model model = half_known_model();
      model.users.factors = FactorMatrix(2, kRank);
      model.items.factors = FactorMatrix(2, kRank);
      model.users.counts = {1, 1};
      model.items.counts = {1, 1};
      model.users.biases = {bias, -bias};
      model.items.biases = {bias, -bias};
      model.centre = {.mean = mean, .rating_mean = mean, .clips = false};
      for (std::size_t k = 0; k < kRank; ++k) {
        model.users.factors.row(0)[k] = size;
        model.users.factors.row(1)[k] = k % 3 == 0 ? -size : size;
        model.items.factors.row(0)[k] = k % 2 == 0 ? size : -size;
        model.items.factors.row(1)[k] = size;
      }
      const std::vector<std::uint32_t> users = {0, 0, 1, 1, 0, 9, 9};
      const std::vector<std::uint32_t> items = {0, 1, 0, 1, 9, 1, 9};
      std::vector<double> scores(users.size());
      predict_pairs(model, users, items, scores);
      for (std::size_t n = 0; n < users.size(); ++n) {
        EXPECT_TRUE(std::abs(scores[n]) <= static_cast<double>(kMost)) << size << " " << scores[n];
        EXPECT_EQ(scores[n], predict(model, users[n], items[n]));
        // The sign of the sum in double, unless product and biases work against each other.
        if (bias != 0 && mean == 0) continue;
        double expected = mean;
        if (users[n] < 2) expected += static_cast<double>(model.users.biases[users[n]]);
        if (items[n] < 2) expected += static_cast<double>(model.items.biases[items[n]]);
        if (users[n] < 2 && items[n] < 2) {
          double product = 0;
          for (std::size_t k = 0; k < kRank; ++k) {
            product +=
                static_cast<double>(model.users.factors.row(users[n])[k]) * static_cast<double>(model.items.factors.row(items[n])[k]);
          }
          expected += product;
        }
        if (std::abs(expected) > 1e39) {
          EXPECT_EQ(std::signbit(scores[n]), std::signbit(expected)) << size << " " << n;
        }
      }
    }
  }
}

TEST(Predict, ClipsToTheRange) {
  Model model = half_known_model();
  EXPECT_EQ(predict(model, 0, 0), 3.0);
  EXPECT_EQ(predict(model, 0, 1), double{3.9F});
  EXPECT_EQ(predict(model, 1, 1), 3.25);
  model.centre.clips = false;
  EXPECT_EQ(predict(model, 0, 0), score(model, 0, 0));
}

Vocabulary ids(std::initializer_list<const char*> names) {
  Vocabulary vocabulary;
  for (const char* name : names) vocabulary.add(name);
  return vocabulary;
}

struct Cell {
  std::uint32_t user, item;
  float value;
};
Ratings ratings_of(std::initializer_list<Cell> cells, std::uint32_t users = 2, std::uint32_t items = 2) {
  RatingsBuilder builder;
  for (const Cell& cell : cells) builder.add(cell.user, cell.item, cell.value);
  return builder.build(users, items);
}

TEST(Fingerprint, IsOfTheNamesAndLevelsOfContexts) {
  const auto print_of = [](const char* name, const std::vector<const char*>& levels, std::uint16_t first) {
    Situations situations;
    situations.columns.resize(1);
    situations.columns[0].name = name;
    for (const char* level : levels) situations.columns[0].levels.add(level);
    RatingsBuilder builder;
    builder.add_in_situation(0, 0, 1, situations.number(std::vector<std::uint16_t>{first}));
    builder.add_in_situation(1, 1, 2, situations.number(std::vector<std::uint16_t>{static_cast<std::uint16_t>(1 - first)}));
    return fingerprint(ids({"a", "b"}), ids({"x", "y"}), builder.build(2, 2), 1, &situations);
  };
  const std::string print = print_of("mood", {"calm", "gay"}, 0);
  EXPECT_EQ(print_of("mood", {"gay", "calm"}, 1), print);
  EXPECT_NE(print_of("mood", {"calm", "gay"}, 1), print);
  EXPECT_NE(print_of("mood", {"calm", "sad"}, 0), print);
  EXPECT_NE(print_of("company", {"calm", "gay"}, 0), print);
}

TEST(Fingerprint, ChangesWithEverythingItCovers) {
  const std::initializer_list<Cell> cells = {{0, 0, 1.0F}, {0, 1, 2.0F}, {1, 1, 3.0F}};
  const std::vector<std::string> prints = {
      fingerprint(ids({"a", "bc"}), ids({"x", "y"}), ratings_of(cells)),
      fingerprint(ids({"ab", "c"}), ids({"x", "y"}), ratings_of(cells)),
      fingerprint(ids({"bc", "a"}), ids({"x", "y"}), ratings_of(cells)),
      fingerprint(ids({"x", "y"}), ids({"a", "bc"}), ratings_of(cells)),
      fingerprint(ids({"a", "bc"}), ids({"x", "y"}), ratings_of({{0, 0, 1.0F}, {0, 1, 2.0F}, {1, 0, 3.0F}})),
      fingerprint(ids({"a", "bc"}), ids({"x", "y"}), ratings_of({{0, 0, 2.0F}, {0, 1, 1.0F}, {1, 1, 3.0F}})),
      fingerprint(ids({"a", "bc"}), ids({"x", "y"}), ratings_of({{0, 0, 1.0F}, {0, 1, 2.0F}, {1, 1, std::nextafter(3.0F, 4.0F)}})),
      fingerprint(ids({"a", "bc"}), ids({"x", "y"}), ratings_of({{0, 0, 1.0F}, {1, 0, 2.0F}, {1, 1, 3.0F}})),
      fingerprint(ids({"a", "bc"}), ids({"x", "y"}), ratings_of({{0, 0, 1.0F}, {0, 1, 2.0F}})),
      fingerprint(ids({"a", "bc"}), ids({"x", "y", "z"}), ratings_of(cells, 2, 3)),
      fingerprint(ids({}), ids({}), Ratings()),
  };
  for (std::size_t a = 0; a < prints.size(); ++a) {
    EXPECT_EQ(prints[a].size(), 16U);
    EXPECT_EQ(prints[a].find_first_not_of("0123456789abcdef"), std::string::npos);
    for (std::size_t b = 0; b < a; ++b) EXPECT_NE(prints[a], prints[b]) << a << " " << b;
  }
}

TEST(Fingerprint, DoesNotDependOnThreadsOrOrderOrTimes) {
  constexpr std::uint32_t kUsers = 5000;
  RandomStream random(5, Purpose::split);
  RatingsBuilder forward;
  RatingsBuilder timed;
  std::vector<Cell> cells;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < 20; item += 1 + static_cast<std::uint32_t>(random.below(3))) {
      cells.push_back({user, item, static_cast<float>(random.below(10))});
      forward.add(user, item, cells.back().value);
    }
  }
  random.shuffle(std::span(cells));
  for (const Cell& cell : cells) timed.add(cell.user, cell.item, cell.value, 12345);
  const Ratings ratings = forward.build(kUsers, 20);
  const Vocabulary names = ids({"a"});
  const std::string expected = fingerprint(names, names, ratings, 1);
  for (const int threads : {0, 2, 3, 8}) EXPECT_EQ(fingerprint(names, names, ratings, threads), expected);
  EXPECT_EQ(fingerprint(names, names, timed.build(kUsers, 20)), expected);
}

}  // namespace
}  // namespace lowrank::model_test
