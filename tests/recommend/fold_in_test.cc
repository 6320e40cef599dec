#include "lowrank/recommend/fold_in.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lowrank/recommend/recommend.h"
#include "model/models.h"

namespace lowrank {
namespace {

using testing_models::random_model;

/// The powers of RowProblem, each to a mean of 1.
struct Shares {
  Shares(const Model& model, std::size_t size)
      : observed_item(powers(model.items.counts, model.row_problem.observed_item_exponent, true)),
        unobserved_item(powers(model.items.counts, model.row_problem.unobserved_item_exponent, false)) {
    const double exponent = model.row_problem.unobserved_user_exponent;
    double sum = 0;
    double users = 0;
    for (const std::uint32_t count : model.users.counts) {
      sum += count == 0 ? 0 : std::pow(count, exponent);
      users += count == 0 ? 0 : 1;
    }
    if (exponent != 0) unobserved_user = std::pow(size, exponent) * users / sum;
  }

  static std::vector<double> powers(const std::vector<std::uint32_t>& counts, double exponent, bool of_ratings) {
    std::vector<double> result(counts.size(), 1);
    if (exponent == 0) return result;
    double sum = 0;
    double whole = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      result[i] = counts[i] == 0 ? 0 : std::pow(counts[i], exponent);
      sum += result[i] * (of_ratings ? counts[i] : 1);
      whole += of_ratings ? counts[i] : counts[i] == 0 ? 0 : 1;
    }
    for (double& share : result) share *= whole / sum;
    return result;
  }

  std::vector<double> observed_item;
  std::vector<double> unobserved_item;
  double unobserved_user = 1;
};

/// The objective that RowProblem states, cell by cell over all items. `x` is p, then b.
double objective(const Model& model, const std::map<std::uint32_t, float>& ratings, const std::vector<double>& x) {
  const RowProblem& problem = model.row_problem;
  const Shares shares(model, ratings.size());
  const std::size_t rank = model.rank();
  const double b = x[rank];
  double sum = 0;
  double squares = 0;
  double length = 0;  // |p|_1 where p >= 0, and on beyond as a line
  double unobserved_sum = 0;
  for (std::size_t k = 0; k < rank; ++k) {
    squares += x[k] * x[k];
    length += x[k];
  }
  for (std::uint32_t item = 0; item < model.items.ids.size(); ++item) {
    double dot = 0;
    for (std::size_t k = 0; k < rank; ++k) dot += x[k] * double{model.items.factors.row(item)[k]};
    const auto found = ratings.find(item);
    if (found != ratings.end()) {
      const double value = double{found->second};
      const double target = problem.binary_target ? 1 : value;
      const double error = target - model.centre.mean - b - double{model.items.biases[item]} - dot;
      sum += (problem.observed_weight + problem.weight_per_rating * value) * shares.observed_item[item] * error * error;
    }
    const double unobserved = problem.unobserved_weight * shares.unobserved_item[item] * shares.unobserved_user;
    if (found == ratings.end() || problem.unobserved_includes_seen) sum += unobserved * dot * dot;
    unobserved_sum += unobserved;
  }
  const double scale = std::pow(static_cast<double>(ratings.size()) + unobserved_sum, problem.regularization_exponent);
  return sum + (scale * problem.regularization + problem.damping) * squares +
         (scale * problem.bias_regularization + problem.bias_damping) * b * b +
         2 * (scale * problem.l1_regularization + problem.l1_damping) * length;
}

/// How far `x` is from the minimum along one coordinate: exact, for the objective is a parabola.
double step_to_minimum(const Model& model, const std::map<std::uint32_t, float>& ratings, std::vector<double> x, std::size_t k) {
  constexpr double kStep = 0.5;
  const double here = objective(model, ratings, x);
  x[k] += kStep;
  const double above = objective(model, ratings, x);
  x[k] -= 2 * kStep;
  const double below = objective(model, ratings, x);
  const double curvature = (above - 2 * here + below) / (kStep * kStep);
  return -(above - below) / (2 * kStep) / curvature;
}

void expect_minimum(const Model& model, const std::map<std::uint32_t, float>& ratings, const FoldedUser& user) {
  const RowProblem& problem = model.row_problem;
  std::vector<double> x(user.factors.begin(), user.factors.end());
  x.push_back(double{user.bias});
  for (std::size_t k = 0; k <= model.rank(); ++k) {
    if (k == model.rank() && !problem.solves_bias) {
      EXPECT_EQ(user.bias, 0);
      continue;
    }
    const double step = step_to_minimum(model, ratings, x, k);
    if (problem.non_negative && k < model.rank()) {
      EXPECT_GE(x[k], 0);
      if (x[k] == 0) {
        EXPECT_LT(step, 1e-5) << "only a negative factor would be better";
        continue;
      }
    }
    EXPECT_NEAR(step, 0, 2e-5) << "coordinate " << k;
  }
}

std::vector<RowProblem> many_problems() {
  std::vector<RowProblem> problems;
  for (const bool bias : {false, true}) {
    for (const bool non_negative : {false, true}) {
      for (const double exponent : {0.0, 0.5, 1.0}) {
        RowProblem problem;
        problem.regularization = 0.1;
        problem.bias_regularization = 0.02;
        problem.damping = 0.4;
        problem.bias_damping = 0.3;
        problem.regularization_exponent = exponent;
        problem.solves_bias = bias;
        problem.non_negative = non_negative;
        problem.l1_regularization = non_negative ? 0.05 : 0;
        problem.l1_damping = non_negative ? 0.7 : 0;
        problems.push_back(problem);
        problem.unobserved_weight = 0.3;
        problems.push_back(problem);
        problem.unobserved_includes_seen = false;
        problem.binary_target = true;
        problem.weight_per_rating = 4;
        problem.observed_weight = 0.5;
        problems.push_back(problem);
        problem.unobserved_item_exponent = 0.5;
        problem.unobserved_user_exponent = -0.25;
        problem.observed_item_exponent = -1;
        problems.push_back(problem);
      }
    }
  }
  return problems;
}

TEST(FoldInUser, MinimisesTheStatedObjective) {
  for (const RowProblem& problem : many_problems()) {
    for (const std::size_t rank : {0U, 1U, 5U, 18U}) {
      Model model = random_model(5, 40, rank, 3 + rank, 1.0);
      model.row_problem = problem;
      RandomStream random(rank, Purpose::split);
      std::map<std::uint32_t, float> ratings;
      for (int i = 0; i < 12; ++i) ratings[static_cast<std::uint32_t>(random.below(40))] = static_cast<float>(1 + random.below(5));
      std::vector<std::uint32_t> items;
      std::vector<float> values;
      for (const auto& [item, value] : ratings) {
        items.push_back(item);
        values.push_back(value);
      }
      const FoldedUser user = fold_in_user(model, items, values);
      ASSERT_EQ(user.factors.size(), rank);
      expect_minimum(model, ratings, user);
    }
  }
}

TEST(FoldInUser, MinimisesTheStatedDivergence) {
  constexpr std::size_t kRank = 4;
  constexpr std::uint32_t kItems = 30;
  Model model = random_model(5, kItems, kRank, 3, 1.0);
  model.centre.mean = 0;
  std::fill(model.items.biases.begin(), model.items.biases.end(), 0.0F);
  for (std::uint32_t item = 0; item < kItems; ++item) {
    for (float& x : model.items.factors.row(item)) x = std::abs(x);
  }
  const std::vector<std::uint32_t> rated{1, 4, 7, 8, 15, 22, 29};
  const std::vector<float> values{5, 1, 3, 0, 2, 4, 1};
  for (const double unobserved : {0.0, 0.4, 1.0}) {
    for (const double regularization : {0.0, 0.3}) {
      RowProblem& problem = model.row_problem;
      problem = RowProblem{};
      problem.divergence = problem.non_negative = true;
      problem.solves_bias = problem.unobserved_includes_seen = false;
      problem.unobserved_weight = unobserved;
      problem.regularization = problem.l1_damping = regularization;
      problem.damping = problem.l1_regularization = regularization / 2;
      problem.regularization_exponent = 0.5;
      const double scale = std::sqrt(static_cast<double>(rated.size()) + unobserved * kItems);
      const FoldedUser user = fold_in_user(model, rated, values);
      const std::vector<double> p(user.factors.begin(), user.factors.end());
      EXPECT_EQ(user.bias, 0);
      for (std::size_t k = 0; k < kRank; ++k) {
        double gradient = (scale + 0.5) * regularization * p[k] + (0.5 * scale + 1) * regularization;
        for (std::uint32_t item = 0; item < kItems; ++item) {
          const auto q = model.items.factors.row(item);
          double product = 0;
          for (std::size_t l = 0; l < kRank; ++l) product += p[l] * double{q[l]};
          const auto found = std::find(rated.begin(), rated.end(), item);
          const double pull =
              found == rated.end() ? unobserved : 1 - double{values[static_cast<std::size_t>(found - rated.begin())]} / product;
          gradient += pull * double{q[k]};
        }
        EXPECT_GE(p[k], 0);
        EXPECT_GT(gradient, -1e-3) << k;
        if (p[k] > 1e-3) {
          EXPECT_NEAR(gradient, 0, 1e-3) << k;
        }
      }
    }
  }
}

TEST(FoldInUser, FindsAPlantedUser) {
  Model model = random_model(3, 30, 6, 8, 1.0);
  model.row_problem = {};
  std::vector<std::uint32_t> items;
  std::vector<float> values;
  for (std::uint32_t item = 0; item < 30; item += 2) {
    items.push_back(item);
    values.push_back(static_cast<float>(score(model, 1, item)));
  }
  const FoldedUser user = fold_in_user(model, items, values);
  for (std::size_t k = 0; k < 6; ++k) EXPECT_NEAR(user.factors[k], model.users.factors.row(1)[k], 1e-4);
  EXPECT_NEAR(user.bias, model.users.biases[1], 1e-4);
}

TEST(FoldInUser, FewRatingsWithoutRegularizationGiveTheShortestSolution) {
  Model model = random_model(3, 30, 6, 8, 1.0);
  model.row_problem = {};
  model.row_problem.solves_bias = false;
  const FoldedUser user = fold_in_user(model, std::vector<std::uint32_t>{4}, std::vector<float>{5});
  // The closed form of the shortest p with <p, q> = t is t q / |q|^2.
  const auto q = model.items.factors.row(4);
  double squares = 0;
  for (const float value : q) squares += double{value} * double{value};
  const double target = 5 - model.centre.mean - double{model.items.biases[4]};
  for (std::size_t k = 0; k < 6; ++k) EXPECT_NEAR(double{user.factors[k]}, target * double{q[k]} / squares, 1e-5);
}

TEST(FoldInUser, TidiesWhatItIsGiven) {
  Model model = random_model(5, 20, 3, 4, 1.0);
  model.items.counts[7] = 0;
  const std::vector<std::uint32_t> messy{5, 100, 2, 7, 5, 2, 5};
  const std::vector<float> messy_values{1, 9, 2, 9, 3, 4, 5};
  const FoldedUser user = fold_in_user(model, messy, messy_values);
  const FoldedUser tidy = fold_in_user(model, std::vector<std::uint32_t>{2, 5}, std::vector<float>{4, 5});
  EXPECT_EQ(user.factors, tidy.factors);
  EXPECT_EQ(user.bias, tidy.bias);
}

TEST(FoldInUser, NothingKnownGivesZeros) {
  const Model model = random_model(5, 20, 3, 4, 1.0);
  const FoldedUser user = fold_in_user(model, std::vector<std::uint32_t>{20, 4294967295U}, std::vector<float>{1, 2});
  EXPECT_EQ(user.factors, std::vector<float>(3));
  EXPECT_EQ(user.bias, 0);
}

TEST(FoldInUser, DegenerateNumbersGiveAFiniteUser) {
  Model model = random_model(5, 20, 3, 4, 1.0);
  model.row_problem = {};
  for (const bool non_negative : {false, true}) {
    model.row_problem.non_negative = non_negative;
    for (const float value : {0.0F, -10.0F, 3e38F}) {
      for (const float factor : {0.0F, 1e-38F, 3e38F}) {
        std::fill_n(model.items.factors.row(3).data(), 3, factor);
        model.row_problem.weight_per_rating = value < 0 ? 40 : 0;
        const FoldedUser user = fold_in_user(model, std::vector<std::uint32_t>{3}, std::vector<float>{value});
        for (const float number : user.factors) EXPECT_TRUE(std::isfinite(number));
        EXPECT_TRUE(std::isfinite(user.bias));
      }
    }
  }
}

/// Pairs against `model`: user numbers 8 and up are new users "new 8", "new 9" ...
Pairs some_pairs(const Model& model, std::size_t size) {
  RandomStream random(size, Purpose::split);
  Pairs pairs;
  pairs.known_users = model.users.ids.size();
  pairs.known_items = model.items.ids.size();
  for (std::uint32_t user = 0; user < 60; ++user) pairs.unknown_users.add("new " + std::to_string(pairs.known_users + user));
  for (std::uint32_t item = 0; item < 3; ++item) pairs.unknown_items.add("new item " + std::to_string(item));
  for (std::size_t i = 0; i < size; ++i) {
    pairs.users.push_back(static_cast<std::uint32_t>(random.below(pairs.known_users + 60U)));
    pairs.items.push_back(static_cast<std::uint32_t>(random.below(pairs.known_items + 3U)));
    pairs.values.push_back(static_cast<float>(1 + random.below(5)));
  }
  return pairs;
}

TEST(FoldIn, SolvesEveryUserAsIfAlone) {
  for (const RowProblem& problem : many_problems()) {
    Model model = random_model(8, 25, 4, 2, 1.0);
    model.row_problem = problem;
    const Pairs pairs = some_pairs(model, 400);
    const Model folded = fold_in(model, pairs, 2);
    EXPECT_EQ(folded.users.ids.id(0), pairs.user_id(model.users.ids, pairs.users[0]));
    EXPECT_EQ(folded.items.factors, model.items.factors);
    EXPECT_EQ(folded.record, model.record);
    std::size_t users = 0;
    for (std::uint32_t number = 0; number < 68; ++number) {
      std::vector<std::uint32_t> items;
      std::vector<float> values;
      std::vector<std::uint32_t> seen;
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        if (pairs.users[i] != number) continue;
        items.push_back(pairs.items[i]);
        values.push_back(pairs.values[i]);
        if (pairs.items[i] < pairs.known_items) seen.push_back(pairs.items[i]);
      }
      const std::uint32_t index = folded.users.ids.find(pairs.user_id(model.users.ids, number));
      if (items.empty()) {
        EXPECT_EQ(index, Vocabulary::kUnknown);
        continue;
      }
      ++users;
      std::sort(seen.begin(), seen.end());
      seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
      EXPECT_EQ(folded.seen.items_of(index), seen);
      EXPECT_EQ(folded.users.counts[index], seen.size());
      const FoldedUser alone = fold_in_user(model, items, values);
      const auto factors = folded.users.factors.row(index);
      EXPECT_EQ(std::vector<float>(factors.begin(), factors.end()), alone.factors);
      EXPECT_EQ(folded.users.biases[index], alone.bias);
    }
    EXPECT_EQ(folded.users.ids.size(), users);
  }
}

TEST(FoldIn, DoesNotDependOnThreads) {
  Model model = random_model(8, 100, 7, 2, 1.0);
  model.row_problem.unobserved_weight = 0.1;
  const Pairs pairs = some_pairs(model, 2000);
  const Model expected = fold_in(model, pairs, 1);
  for (const int threads : {0, 2, 8}) EXPECT_EQ(fold_in(model, pairs, threads), expected);
}

TEST(FoldIn, UsersOfUnknownItemsAreUnknown) {
  const Model model = random_model(8, 10, 3, 2, 1.0);
  Pairs pairs;
  pairs.known_users = 8;
  pairs.known_items = 10;
  pairs.unknown_users.add("zoe");
  pairs.unknown_items.add("what");
  pairs.users = {8, 3};
  pairs.items = {10, 4};
  const Model folded = fold_in(model, pairs);
  ASSERT_EQ(folded.users.ids.size(), 2U);
  EXPECT_EQ(folded.users.ids.id(0), "zoe");
  EXPECT_FALSE(folded.users.knows(0));
  EXPECT_TRUE(folded.users.knows(1)) << "without values a pair counts as 1";
  const std::vector<std::uint32_t> users{0, 1};
  recommend(folded, users, {20, false, 1}, [&](std::size_t position, std::span<const Scored> items) {
    const std::vector<Scored> list(items.begin(), items.end());
    EXPECT_EQ(position == 0 ? list : popular_items(model, 20), popular_items(model, 20));
    EXPECT_EQ(list.size(), position == 0 ? 10U : 9U);
  });
  EXPECT_EQ(fold_in(model, Pairs()).users.size(), 0U);
}

}  // namespace
}  // namespace lowrank
