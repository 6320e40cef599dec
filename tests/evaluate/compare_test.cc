#include "lowrank/evaluate/compare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>

#include "base/random.h"
#include "evaluate/random_pairs.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "model/models.h"

namespace lowrank::compare_test {
namespace {

using testing_models::random_model;

/// `model` with its users and items numbered from the last to the first, and `more` of each that the other does not have in front.
Model turned(const Model& model, std::uint32_t more) {
  Model turned = model;
  const auto turn = [&](const Side& from, Side& side, const std::string& name) {
    side = {};
    side.factors = FactorMatrix(from.size() + more, model.rank());
    for (std::uint32_t row = 0; row < from.size() + more; ++row) {
      const bool is_new = row < more;
      const std::uint32_t old = is_new ? 0 : from.size() + more - 1 - row;
      side.ids.add(is_new ? name + std::to_string(row) : std::string(from.ids.id(old)));
      side.biases.push_back(is_new ? 0 : from.biases[old]);
      side.counts.push_back(is_new ? 0 : from.counts[old]);
      if (!is_new) std::ranges::copy(from.factors.row(old), side.factors.row(row).begin());
    }
  };
  turn(model.users, turned.users, "other user ");
  turn(model.items, turned.items, "other item ");
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < model.users.size(); ++user) {
    for (const std::uint32_t item : model.history.items_of(user)) {
      builder.add(model.users.size() + more - 1 - user, model.items.size() + more - 1 - item, 1);
    }
  }
  turned.history = History(builder.build(turned.users.size(), turned.items.size()));
  return turned;
}

std::vector<ComparedMetric> compare_two(const Model& a, const Model& b, const Pairs& test, const CompareOptions& options) {
  return compare(std::array{&a, &b}, test, options);
}

UserFigures figures_of(const Model& model, const Pairs& test) {
  UserFigures figures;
  score_ratings(model, test, 1, &figures);
  return figures;
}

double value_of(double sum, double weight, bool is_root) { return is_root ? std::sqrt(sum / weight) : sum / weight; }

TEST(Compare, AModelWithItself) {
  const Model model = random_model(50, 60, 4);
  const auto found = compare_two(model, model, random_pairs(model, 900, 1), {.tops = {5, 10}});
  ASSERT_EQ(found.size(), 14U);
  for (const ComparedMetric& metric : found) {
    ASSERT_EQ(metric.differences.size(), 1U);
    const Difference& difference = metric.differences.front();
    EXPECT_EQ(metric.models[0], metric.models[1]) << metric.name;
    EXPECT_EQ(difference, (Difference{.value = 0, .interval = Interval{0, 0}, .p = 1, .p_holm = 1, .better = 0, .worse = 0}));
    EXPECT_EQ(metric.higher_is_better, metric.name != "rmse" && metric.name != "mae");
  }
}

TEST(Compare, TheSameModelInOtherNumbers) {
  Model model = random_model(50, 60, 4);
  // Items that are equally popular are listed in the order of their numbers.
  std::iota(model.items.counts.begin(), model.items.counts.end(), 1U);
  const Pairs test = random_pairs(model, 900, 2);
  for (const Model& other : {turned(model, 0), turned(model, 7)}) {
    for (const ComparedMetric& metric : compare_two(model, other, test, {.tops = {3, 20}})) {
      // Sums of predictions may be rounded in another order.
      EXPECT_NEAR(metric.differences[0].value, 0, 1e-6) << metric.name;
      EXPECT_NEAR(metric.models[0].interval->low, metric.models[1].interval->low, 1e-6) << metric.name;
      if (metric.name != "rmse" && metric.name != "mae") {
        EXPECT_EQ(metric.differences[0].p, 1) << metric.name;
        EXPECT_EQ(metric.models[0], metric.models[1]) << metric.name;
      }
    }
  }
}

TEST(Compare, FiguresAreThoseOfEachModelAlone) {
  const Model a = random_model(50, 60, 4, 1);
  Model b = random_model(50, 60, 9, 2);
  b.history = a.history;
  b.users.ids = a.users.ids;
  const Pairs test = random_pairs(a, 900, 3);
  const CompareOptions options{.tops = {4, 10}, .relevant_from = 3.0F, .intervals = {.level = 0.9, .draws = 200}, .permutations = 10};
  const auto found = compare_two(a, b, test, options);
  for (std::size_t model = 0; model < 2; ++model) {
    const Model& own = model == 0 ? a : b;
    UserFigures ratings;
    UserFigures lists;
    score_ratings(own, test, 1, &ratings);
    static_cast<void>(RankingTest(test, own.history, 3.0F).score(own, options.tops, {.by_user = &lists}));
    std::size_t metric = 0;
    for (const UserFigures& figures : {ratings, lists}) {
      const std::vector<Interval> expected = intervals(figures, options.intervals);
      for (std::size_t figure = 0; figure < figures.figures.size(); ++figure, ++metric) {
        EXPECT_EQ(found[metric].name, figures.figures[figure].name);
        EXPECT_EQ(found[metric].users, figures.users.size());
        EXPECT_EQ(found[metric].models[model].value, figures.value(figure));
        EXPECT_EQ(found[metric].models[model].interval, expected[figure]);
      }
    }
    EXPECT_EQ(metric, found.size());
  }
}

TEST(Compare, DifferencesAreThoseOfSlowLoops) {
  const Model a = random_model(40, 30, 3, 1);
  const Model b = random_model(40, 30, 3, 5);
  const Pairs test = random_pairs(a, 300, 4);
  const std::array figures{figures_of(a, test), figures_of(b, test)};
  const CompareOptions options{.intervals = {.draws = 300, .seed = 9}, .permutations = 500};
  const auto found = compare(figures, options);
  const std::size_t users = figures[0].users.size();
  const double weight = std::accumulate(figures[0].weights.begin(), figures[0].weights.end(), 0.0);
  for (std::size_t figure = 0; figure < 2; ++figure) {
    const bool root = figure == 0;
    const std::vector<double>& of_a = figures[0].figures[figure].sums;
    const std::vector<double>& of_b = figures[1].figures[figure].sums;
    const Difference& difference = found[figure].differences[0];
    EXPECT_DOUBLE_EQ(difference.value, figures[1].value(figure) - figures[0].value(figure));
    std::vector<double> draws;
    for (std::size_t draw = 0; draw < 300; ++draw) {
      RandomStream random(9, Purpose::bootstrap, draw);
      std::array<double, 3> sums{};
      for (std::size_t n = 0; n < users; ++n) {
        const std::size_t user = random.below(users);
        sums[0] += of_a[user];
        sums[1] += of_b[user];
        sums[2] += figures[0].weights[user];
      }
      draws.push_back(value_of(sums[1], sums[2], root) - value_of(sums[0], sums[2], root));
    }
    std::sort(draws.begin(), draws.end());
    // 2.5 % of 299 steps is 7.475.
    EXPECT_NEAR(difference.interval->low, draws[7] + 0.475 * (draws[8] - draws[7]), 1e-12);
    EXPECT_NEAR(difference.interval->high, draws[291] + 0.525 * (draws[292] - draws[291]), 1e-12);
    std::size_t as_great = 0;
    for (std::size_t draw = 0; draw < 500; ++draw) {
      RandomStream random(9, Purpose::sign_flips, draw);
      std::array<double, 2> sums{};
      std::uint64_t bits = 0;
      for (std::size_t user = 0; user < users; ++user) {
        if (user % 64 == 0) bits = random.bits();
        const bool exchanged = (bits >> user % 64 & 1U) != 0;
        sums[0] += exchanged ? of_b[user] : of_a[user];
        sums[1] += exchanged ? of_a[user] : of_b[user];
      }
      const double own = value_of(sums[1], weight, root) - value_of(sums[0], weight, root);
      as_great += std::abs(own) >= std::abs(difference.value) - 1e-12 ? 1U : 0U;
    }
    EXPECT_DOUBLE_EQ(difference.p, static_cast<double>(1 + as_great) / 501);
    double better = 0;
    double worse = 0;
    for (std::size_t user = 0; user < users; ++user) {
      better += of_b[user] < of_a[user] ? 1 : 0;
      worse += of_b[user] > of_a[user] ? 1 : 0;
    }
    EXPECT_DOUBLE_EQ(difference.better, better / static_cast<double>(users));
    EXPECT_DOUBLE_EQ(difference.worse, worse / static_cast<double>(users));
  }
}

TEST(Compare, PIsThatOfAllExchangesTogether) {
  // Ten users: all 1024 exchanges can be listed. Values are such that none is equal to the observed one but its mirror image.
  RandomStream random(3, Purpose::generate_users);
  std::array<UserFigures, 2> figures;
  for (UserFigures& own : figures) {
    own.figures = {{.name = "rmse", .is_root = true, .sums = {}}, {.name = "recall@5", .higher_is_better = true, .sums = {}}};
    for (std::uint32_t user = 0; user < 10; ++user) {
      own.users.push_back(user);
      own.weights.push_back(1);
      const double shift = &own == &figures[1] ? 0.5 : 0;
      own.figures[0].sums.push_back(std::abs(random.normal() + shift));
      own.figures[1].sums.push_back(random.uniform() + shift);
    }
  }
  const auto found = compare(figures, {.permutations = 100000});
  for (std::size_t figure = 0; figure < 2; ++figure) {
    std::size_t as_great = 0;
    for (unsigned exchange = 0; exchange < 1024; ++exchange) {
      std::array<double, 2> sums{};
      for (unsigned user = 0; user < 10; ++user) {
        const unsigned flipped = exchange >> user & 1U;
        sums[flipped] += figures[0].figures[figure].sums[user];
        sums[1 - flipped] += figures[1].figures[figure].sums[user];
      }
      const double own = value_of(sums[1], 10, figure == 0) - value_of(sums[0], 10, figure == 0);
      as_great += std::abs(own) >= std::abs(found[figure].differences[0].value) - 1e-12 ? 1U : 0U;
    }
    const double exact = static_cast<double>(as_great) / 1024;
    // Five standard errors of 100,000 draws.
    EXPECT_NEAR(found[figure].differences[0].p, exact, 5 * std::sqrt(exact * (1 - exact) / 1e5));
    EXPECT_LT(exact, 0.9);
  }
}

TEST(Compare, WhatAnyModelHasSeenIsNeitherRelevantNorListed) {
  // Both models like items in the order of their numbers. The first was trained on item 0 of user 0, the second on item 1.
  const auto model_that_saw = [](std::uint32_t item) {
    Model model;
    for (const char* id : {"u", "v"}) model.users.ids.add(id);
    for (const char* id : {"a", "b", "c", "d"}) model.items.ids.add(id);
    model.users.factors = FactorMatrix(2, 0);
    model.items.factors = FactorMatrix(4, 0);
    model.users.biases = {0, 0};
    model.items.biases = {4, 3, 2, 1};
    model.users.counts = {1, 1};
    model.items.counts = {1, 1, 1, 1};
    RatingsBuilder builder;
    builder.add(0, item, 1);
    model.history = History(builder.build(2, 4));
    return model;
  };
  const Model first = model_that_saw(0);
  Model second = model_that_saw(1);
  Pairs test;
  test.known_users = 2;
  test.known_items = 4;
  // User u: a and b were seen by one model each, so that c alone is relevant, at place 1 of both lists c, d.
  test.users = {0, 0, 0, 1};
  test.items = {0, 1, 2, 0};
  const CompareOptions options{.tops = {1}};
  for (const auto& models : {std::array<const Model*, 2>{&first, &second}, std::array<const Model*, 2>{&second, &first}}) {
    Pairs rated = test;
    rated.values.assign(4, 1.0F);
    const auto found = compare(models, rated, options);
    for (std::size_t model = 0; model < 2; ++model) {
      EXPECT_EQ(found[2].name, "recall@1");
      EXPECT_EQ(found[2].users, 2U);
      EXPECT_DOUBLE_EQ(found[2].models[model].value, 1);
    }
  }
  // An item that the second does not know cannot be listed by it, and counts as missed.
  second.centre.predicts_ratings = false;
  second.items.counts[2] = 0;
  const auto found = compare_two(first, second, test, options);
  ASSERT_EQ(found.size(), 6U);
  EXPECT_DOUBLE_EQ(found[0].models[0].value, 1);
  EXPECT_DOUBLE_EQ(found[0].models[1].value, 0.5);
  EXPECT_DOUBLE_EQ(found[0].differences[0].worse, 0.5);
}

TEST(Compare, DoesNotDependOnThreads) {
  const Model a = random_model(80, 60, 4, 1);
  const Model b = random_model(80, 60, 9, 2);
  const Model c = random_model(90, 60, 9, 3);
  const Pairs test = random_pairs(a, 900, 3);
  CompareOptions options{.tops = {5}, .intervals = {.draws = 100, .threads = 1}, .permutations = 300};
  const auto expected = compare(std::array{&a, &b, &c}, test, options);
  EXPECT_EQ(expected.front().differences.size(), 2U);
  for (const int threads : {2, 3, 8}) {
    options.intervals.threads = threads;
    EXPECT_EQ(compare(std::array{&a, &b, &c}, test, options), expected) << threads;
  }
}

TEST(Compare, SaysWhatIsWrong) {
  const Model model = random_model(20, 30, 2);
  const Pairs test = random_pairs(model, 100, 1);
  EXPECT_THROW(compare(std::array{&model}, test), DataError);
  EXPECT_THROW(compare_two(model, model, test, {.tops = {0}}), OptionError);
  EXPECT_THROW(compare_two(model, model, test, {.relevant_from = 1.0F}), OptionError);
  EXPECT_THROW(compare_two(model, model, test, {.intervals = {.level = 1}}), OptionError);
  EXPECT_THROW(compare_two(model, model, test, {.permutations = 0}), OptionError);
  EXPECT_THROW(compare_two(model, model, Pairs(), {}), DataError);
  EXPECT_THROW(compare_two(model, model, test, {.tops = {5}, .relevant_from = 6.0F}), DataError);
  Model lists = model;
  lists.centre.predicts_ratings = false;
  EXPECT_THROW(compare_two(model, lists, test, {}), OptionError);
  std::array figures{figures_of(model, test), figures_of(model, test)};
  figures[1].weights[0] += 1;
  EXPECT_THROW(compare(figures, {}), DataError);
}

TEST(Holm, IsTheStepDownOfItsDefinition) {
  EXPECT_EQ(holm({}), std::vector<double>());
  EXPECT_EQ(holm(std::array{0.03}), std::vector<double>{0.03});
  // Ascending .01 * 4, .02 * 3, .03 * 2, .5 * 1, each at least the one before.
  const std::vector<double> found = holm(std::array{0.03, 0.01, 0.5, 0.02});
  const std::vector<double> expected{0.06, 0.04, 0.5, 0.06};
  for (std::size_t n = 0; n < 4; ++n) EXPECT_DOUBLE_EQ(found[n], expected[n]);
  EXPECT_EQ(holm(std::array{0.9, 0.8}), (std::vector<double>{1, 1}));
}

}  // namespace
}  // namespace lowrank::compare_test
