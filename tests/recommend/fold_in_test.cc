#include "lowrank/recommend/fold_in.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lowrank/base/error.h"
#include "lowrank/recommend/recommend.h"
#include "model/models.h"

namespace lowrank::fold_in_test {
namespace {

using testing_models::random_model;

double power(const PowerWeight& weight, std::size_t count) {
  if (weight.exponent == 0) return 1;
  return count == 0 ? 0 : weight.scale * std::pow(static_cast<double>(count), weight.exponent);
}

double penalty_of(const RowPenalty& penalty, double size, double squares, double length, double bias) {
  return (penalty.l2 * size + penalty.l2_constant) * squares + 2 * (penalty.l1 * size + penalty.l1_constant) * length +
         (penalty.bias * size + penalty.bias_constant) * bias * bias;
}

enum class Folded : std::uint8_t { user, item };

/// The objective that a FoldIn states for a new row, cell by cell over all rows of the other side. `x` is p, then b.
double objective(const Model& model, Folded side, const std::map<std::uint32_t, float>& ratings, const std::vector<double>& x) {
  const std::size_t rank = model.rank();
  const bool user = side == Folded::user;
  const Side& others = user ? model.items : model.users;
  double squares = 0;
  double length = 0;  // |p|_1 where p >= 0, and on beyond as a line
  for (std::size_t k = 0; k < rank; ++k) {
    squares += x[k] * x[k];
    length += x[k];
  }
  const auto dot = [&](std::uint32_t other) {
    double sum = 0;
    for (std::size_t k = 0; k < rank; ++k) sum += x[k] * double{others.factors.row(other)[k]};
    return sum;
  };
  const auto bias_free = [&](std::uint32_t other) { return model.centre.mean + double{others.biases[other]}; };
  if (const auto* problem = std::get_if<LeastSquares>(&model.fold_in)) {
    double sum = 0;
    for (const auto& [other, value] : ratings) sum += std::pow(double{value} - bias_free(other) - x[rank] - dot(other), 2);
    return sum + penalty_of(user ? problem->users : problem->items, static_cast<double>(ratings.size()), squares, length, x[rank]);
  }
  const auto& problem = std::get<WeightedLeastSquares>(model.fold_in);
  double size = static_cast<double>(ratings.size());
  double sum = 0;
  for (std::uint32_t other = 0; other < others.size(); ++other) {
    const std::size_t of_user = user ? ratings.size() : others.counts[other];
    const std::size_t of_item = user ? others.counts[other] : ratings.size();
    const double unobserved = problem.unobserved_weight * power(problem.unobserved_item, of_item) * power(problem.unobserved_user, of_user);
    const auto found = ratings.find(other);
    size += unobserved;
    if (found == ratings.end() || problem.unobserved_includes_seen) sum += unobserved * std::pow(dot(other), 2);
    if (found == ratings.end()) continue;
    const double value = double{found->second};
    const double weight = (problem.observed_weight + problem.alpha * std::abs(value)) * power(problem.observed_item, of_item);
    sum += weight * std::pow((problem.binary_target ? (value > 0 ? 1 : 0) : value) - bias_free(other) - dot(other), 2);
  }
  return sum + penalty_of(user ? problem.users : problem.items, std::pow(size, problem.size_exponent), squares, length, 0);
}

bool solves_bias(const FoldIn& fold_in) {
  const auto* problem = std::get_if<LeastSquares>(&fold_in);
  return problem != nullptr && problem->solves_bias;
}

bool is_non_negative(const FoldIn& fold_in) {
  return std::visit(
      [](const auto& problem) {
        if constexpr (requires { problem.non_negative; }) {
          return problem.non_negative;
        } else {
          return false;
        }
      },
      fold_in);
}

/// How far `x` is from the minimum along one coordinate: exact, for the objective is a parabola.
double step_to_minimum(const Model& model, Folded side, const std::map<std::uint32_t, float>& ratings, std::vector<double> x,
                       std::size_t k) {
  constexpr double kStep = 0.5;
  const double here = objective(model, side, ratings, x);
  x[k] += kStep;
  const double above = objective(model, side, ratings, x);
  x[k] -= 2 * kStep;
  const double below = objective(model, side, ratings, x);
  const double curvature = (above - 2 * here + below) / (kStep * kStep);
  return -(above - below) / (2 * kStep) / curvature;
}

void expect_minimum(const Model& model, Folded side, const std::map<std::uint32_t, float>& ratings, const FoldedRow& row) {
  std::vector<double> x(row.factors.begin(), row.factors.end());
  x.push_back(double{row.bias});
  for (std::size_t k = 0; k <= model.rank(); ++k) {
    if (k == model.rank() && !solves_bias(model.fold_in)) {
      EXPECT_EQ(row.bias, 0);
      continue;
    }
    const double step = step_to_minimum(model, side, ratings, x, k);
    if (is_non_negative(model.fold_in) && k < model.rank()) {
      EXPECT_GE(x[k], 0);
      if (x[k] == 0) {
        EXPECT_LT(step, 1e-5) << "only a negative factor would be better";
        continue;
      }
    }
    EXPECT_NEAR(step, 0, 2e-5) << "coordinate " << k;
  }
}

std::vector<FoldIn> many_problems() {
  std::vector<FoldIn> problems;
  for (const bool non_negative : {false, true}) {
    const double l1 = non_negative ? 0.05 : 0;
    const RowPenalty users{.l2 = 0.1, .l2_constant = 0.4, .l1 = l1, .l1_constant = 14 * l1, .bias = 0.02, .bias_constant = 0.3};
    const RowPenalty items{.l2 = 0.2, .l2_constant = 0.3, .l1 = 2 * l1, .l1_constant = 3 * l1, .bias = 0.05, .bias_constant = 0.1};
    for (const bool bias : {false, true})
      problems.emplace_back(LeastSquares{.users = users, .items = items, .solves_bias = bias, .non_negative = non_negative});
    for (const double exponent : {0.0, 0.5, 1.0}) {
      WeightedLeastSquares problem{.users = users, .items = items, .non_negative = non_negative, .size_exponent = exponent};
      problem.binary_target = false;
      problems.emplace_back(problem);
      problem.unobserved_weight = 0.3;
      problems.emplace_back(problem);
      problem.unobserved_includes_seen = false;
      problem.binary_target = true;
      problem.alpha = 4;
      problem.observed_weight = 0.5;
      problems.emplace_back(problem);
      problem.unobserved_item = {.exponent = 0.5, .scale = 0.3};
      problem.unobserved_user = {.exponent = -0.25, .scale = 2};
      problem.observed_item = {.exponent = -1, .scale = 5};
      problems.emplace_back(problem);
    }
  }
  return problems;
}

/// Folds a row of 12 ratings (fewer where one is drawn twice) of 40 others in, for every problem and several ranks.
void expect_minima(Folded side) {
  for (const FoldIn& problem : many_problems()) {
    for (const std::size_t rank : {0U, 1U, 5U, 18U}) {
      Model model = side == Folded::user ? random_model(5, 40, rank, 3 + rank, 1.0) : random_model(40, 5, rank, 3 + rank, 0.7);
      model.fold_in = problem;
      RandomStream random(rank, Purpose::split);
      std::map<std::uint32_t, float> ratings;
      for (int i = 0; i < 12; ++i) ratings[static_cast<std::uint32_t>(random.below(40))] = static_cast<float>(1 + random.below(5));
      if (side == Folded::item) std::erase_if(ratings, [&](const auto& rating) { return !model.users.knows(rating.first); });
      std::vector<std::uint32_t> others;
      std::vector<float> values;
      for (const auto& [other, value] : ratings) {
        others.push_back(other);
        values.push_back(value);
      }
      const FoldedRow row = side == Folded::user ? fold_in_user(model, others, values) : fold_in_item(model, others, values);
      ASSERT_EQ(row.factors.size(), rank);
      expect_minimum(model, side, ratings, row);
    }
  }
}

TEST(FoldInUser, MinimisesTheStatedObjective) { expect_minima(Folded::user); }

TEST(FoldInItem, MinimisesTheStatedObjective) { expect_minima(Folded::item); }

TEST(FoldInItem, IsAUserOfTheTransposedModel) {
  Model model = random_model(20, 9, 4, 6, 1.0);
  for (Side* side : {&model.users, &model.items}) {
    for (std::uint32_t row = 0; row < side->size(); ++row) {
      for (float& x : side->factors.row(row)) x = std::abs(x);
    }
  }
  model.centre.mean = 0;
  const RowPenalty users{.l2 = 0.1, .l1 = 0.3};
  const RowPenalty items{.l2 = 0.2, .l1_constant = 0.1};
  model.fold_in = Divergence{.users = users, .items = items, .absent_weight = 0.4};
  Model transposed = model;
  std::swap(transposed.users, transposed.items);
  transposed.fold_in = Divergence{.users = items, .items = users, .absent_weight = 0.4};
  const std::vector<std::uint32_t> others{2, 3, 11};
  const std::vector<float> values{4, 1, 3};
  EXPECT_EQ(fold_in_item(model, others, values).factors, fold_in_user(transposed, others, values).factors);
  model.fold_in = NoFoldIn();
  EXPECT_EQ(fold_in_item(model, others, values).factors, std::vector<float>(4));
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
      const RowPenalty penalty{
          .l2 = regularization, .l2_constant = regularization / 2, .l1 = regularization / 2, .l1_constant = regularization};
      model.fold_in = Divergence{.users = penalty, .absent_weight = unobserved};
      const auto scale = static_cast<double>(rated.size());
      const FoldedRow user = fold_in_user(model, rated, values);
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
  model.fold_in = LeastSquares{};
  std::vector<std::uint32_t> items;
  std::vector<float> values;
  for (std::uint32_t item = 0; item < 30; item += 2) {
    items.push_back(item);
    values.push_back(static_cast<float>(score(model, 1, item)));
  }
  const FoldedRow user = fold_in_user(model, items, values);
  for (std::size_t k = 0; k < 6; ++k) EXPECT_NEAR(user.factors[k], model.users.factors.row(1)[k], 1e-4);
  EXPECT_NEAR(user.bias, model.users.biases[1], 1e-4);
}

TEST(FoldInUser, FewRatingsWithoutRegularizationGiveTheShortestSolution) {
  Model model = random_model(3, 30, 6, 8, 1.0);
  model.fold_in = LeastSquares{.solves_bias = false};
  const FoldedRow user = fold_in_user(model, std::vector<std::uint32_t>{4}, std::vector<float>{5});
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
  const FoldedRow user = fold_in_user(model, messy, messy_values);
  const FoldedRow tidy = fold_in_user(model, std::vector<std::uint32_t>{2, 5}, std::vector<float>{4, 5});
  EXPECT_EQ(user.factors, tidy.factors);
  EXPECT_EQ(user.bias, tidy.bias);
}

TEST(FoldInUser, NothingKnownGivesZeros) {
  const Model model = random_model(5, 20, 3, 4, 1.0);
  const FoldedRow user = fold_in_user(model, std::vector<std::uint32_t>{20, 4294967295U}, std::vector<float>{1, 2});
  EXPECT_EQ(user.factors, std::vector<float>(3));
  EXPECT_EQ(user.bias, 0);
}

TEST(FoldInUser, DegenerateNumbersGiveAFiniteUser) {
  Model model = random_model(5, 20, 3, 4, 1.0);
  for (const bool non_negative : {false, true}) {
    for (const float value : {0.0F, -10.0F, 3e38F}) {
      for (const float factor : {0.0F, 1e-38F, 3e38F}) {
        std::fill_n(model.items.factors.row(3).data(), 3, factor);
        if (value < 0) {
          model.fold_in = WeightedLeastSquares{.alpha = 40, .non_negative = non_negative};
        } else {
          model.fold_in = LeastSquares{.non_negative = non_negative};
        }
        const FoldedRow user = fold_in_user(model, std::vector<std::uint32_t>{3}, std::vector<float>{value});
        for (const float number : user.factors) EXPECT_TRUE(std::isfinite(number));
        EXPECT_TRUE(std::isfinite(user.bias));
      }
    }
  }
}

// Whatever the ratings: finite numbers, or an error that says so.
TEST(FoldInUser, ExtremeRatingsGiveAFiniteUserOrAnError) {
  const std::vector<std::uint32_t> items = {0, 1, 2, 3, 4};
  for (const float size : {1e-40F, 1.0F, 1e19F, 3e38F}) {
    for (const float factor : {1e-30F, 1.0F, 1e19F, 3e38F}) {
      Model model = random_model(5, 20, 3, 4, 1.0);
      for (std::uint32_t item = 0; item < 5; ++item) {
        for (float& number : model.items.factors.row(item)) number *= factor / 10;
      }
      const std::vector<float> values = {size, -size, size / 3, size, -size};
      for (const FoldIn& problem : {FoldIn(LeastSquares{.solves_bias = true}), FoldIn(LeastSquares{.non_negative = true}),
                                    FoldIn(WeightedLeastSquares{.alpha = 40}), FoldIn(WeightedLeastSquares{.unobserved_weight = 1})}) {
        model.fold_in = problem;
        try {
          const FoldedRow user = fold_in_user(model, items, values);
          EXPECT_TRUE(std::isfinite(user.bias));
          for (const float number : user.factors) EXPECT_TRUE(std::isfinite(number)) << size << " " << factor;
        } catch (const DataError& error) {
          EXPECT_STREQ(error.what(), "the ratings given cannot be folded in: the factors that fit them are beyond the range of float32");
        }
      }
    }
  }
  EXPECT_THROW(fold_in_user(random_model(2, 2, 2), items, std::vector<float>{1}), DataError);
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
  std::vector<FoldIn> problems = many_problems();
  problems.emplace_back(PairwiseLogistic{.users = {.l2 = 0.1}, .negatives = 3, .hardest = true, .negative_exponent = 0.5});
  for (const FoldIn& problem : problems) {
    Model model = random_model(8, 25, 9, 2, 1.0);
    model.fold_in = problem;
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
      EXPECT_EQ(folded.history.items_of(index), seen);
      EXPECT_EQ(folded.users.counts[index], seen.size());
      const FoldedRow alone = fold_in_user(model, items, values);
      const auto factors = folded.users.factors.row(index);
      EXPECT_EQ(std::vector<float>(factors.begin(), factors.end()), alone.factors);
      EXPECT_EQ(folded.users.biases[index], alone.bias);
    }
    EXPECT_EQ(folded.users.ids.size(), users);
  }
}

TEST(FoldIn, KeepsWhatTheModelIs) {
  Model model = random_model(8, 25, 4, 2, 1.0);
  model.centre.predicts_ratings = false;
  model.centre.clips = false;
  const Model folded = fold_in(model, some_pairs(model, 50));
  EXPECT_EQ(folded.centre, model.centre);
  EXPECT_EQ(folded.fold_in, model.fold_in);
  EXPECT_EQ(folded.items, model.items);
}

TEST(FoldIn, NewUsersHaveTheKindOfIdsOfThePairs) {
  Model model = random_model(8, 10, 3, 2, 1.0);
  model.users.ids.set_kind(IdKind::string);
  model.items.ids.set_kind(IdKind::string);
  Pairs pairs = some_pairs(model, 100);
  pairs.unknown_users.set_kind(IdKind::integer);
  const Model folded = fold_in(model, pairs);
  EXPECT_EQ(folded.users.ids.kind(), IdKind::integer);
  EXPECT_EQ(folded.items.ids.kind(), IdKind::string);
}

/// `pairs`, which are numbered in the vocabulary of `from`, in that of `to`, which has the same items.
Pairs renumbered(const Pairs& pairs, const Model& from, const Model& to) {
  Pairs result = pairs;
  result.known_users = to.users.ids.size();
  result.unknown_users = Vocabulary();
  for (std::uint32_t& user : result.users) {
    const std::string_view id = pairs.user_id(from.users.ids, user);
    user = to.users.ids.find(id);
    if (user == Vocabulary::kUnknown) user = result.known_users + result.unknown_users.add(id);
  }
  return result;
}

TEST(FoldIn, TwiceIsTheSameAsOnce) {
  Model model = random_model(8, 25, 4, 2, 1.0);
  model.fold_in = WeightedLeastSquares{.users = {.l2 = 0.1}, .unobserved_weight = 0.1, .unobserved_user = {.exponent = 0.5, .scale = 0.7}};
  const Pairs few = some_pairs(model, 40);
  const Model once = fold_in(model, few);
  const Model other = fold_in(model, some_pairs(model, 300));
  EXPECT_EQ(fold_in(other, renumbered(few, model, other)).users, once.users) << "who was folded in before has no part in it";
}

TEST(FoldIn, PairsThatDoNotFitAreRefused) {
  const Model model = random_model(4, 6, 2);
  Pairs pairs;
  pairs.users = {0, 3};
  pairs.items = {1, 2};
  EXPECT_THROW(fold_in(model, pairs), DataError) << "no user is known";
  pairs.known_users = 4;
  pairs.known_items = 6;
  EXPECT_EQ(fold_in(model, pairs).users.size(), 2U);
  pairs.values = {1};
  EXPECT_THROW(fold_in(model, pairs), DataError) << "a value is missing";
}

TEST(FoldIn, DoesNotDependOnThreads) {
  Model model = random_model(8, 100, 7, 2, 1.0);
  model.fold_in = WeightedLeastSquares{.users = {.l2 = 0.1}, .unobserved_weight = 0.1};
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
}  // namespace lowrank::fold_in_test
