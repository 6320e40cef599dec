#include "lowrank/recommend/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "lowrank/base/error.h"
#include "lowrank/recommend/recommender.h"
#include "model/models.h"

namespace lowrank::explain_test {
namespace {

using testing_models::random_model;
using testing_models::random_neighbours;
using testing_models::random_ratings;

/// The normal equations of a user, written down from what fold_in.h states, and solved by Gauss' elimination.
class Dense {
 public:
  Dense(const Model& model, const std::vector<std::uint32_t>& items, const std::vector<float>& values) : model_(model) {
    const std::size_t rank = model.rank();
    const auto* squares = std::get_if<LeastSquares>(&model.fold_in);
    bias_ = squares != nullptr && squares->solves_bias;
    const std::size_t size = rank + (bias_ ? 1 : 0);
    matrix_.assign(size, std::vector<double>(size, 0.0));
    const auto add = [&](std::uint32_t item, double weight) {
      const std::vector<double> q = vector(item);
      for (std::size_t k = 0; k < size; ++k) {
        for (std::size_t l = 0; l < size; ++l) matrix_[k][l] += weight * q[k] * q[l];
      }
    };
    const auto count = static_cast<double>(items.size());
    if (squares != nullptr) {
      for (std::size_t k = 0; k < rank; ++k) matrix_[k][k] += squares->users.l2 * count + squares->users.l2_constant;
      if (bias_) matrix_[rank][rank] += squares->users.bias * count + squares->users.bias_constant;
      for (std::size_t n = 0; n < items.size(); ++n) {
        add(items[n], 1);
        values_.push_back(double{values[n]} - model.centre.mean - double{model.items.biases[items[n]]});
      }
    } else {
      const auto& problem = std::get<WeightedLeastSquares>(model.fold_in);
      double size_sum = count;
      for (std::uint32_t item = 0; item < model.items.size(); ++item) {
        const double unobserved = problem.unobserved_weight * power(problem.unobserved_item, model.items.counts[item]) *
                                  power(problem.unobserved_user, items.size());
        size_sum += unobserved;
        const bool has = std::ranges::find(items, item) != items.end();
        if (!has || problem.unobserved_includes_seen) add(item, unobserved);
      }
      const double ridge = problem.users.l2 * std::pow(size_sum, problem.size_exponent) + problem.users.l2_constant;
      for (std::size_t k = 0; k < rank; ++k) matrix_[k][k] += ridge;
      for (std::size_t n = 0; n < items.size(); ++n) {
        const double value{values[n]};
        const double weight =
            (problem.observed_weight + problem.alpha * std::abs(value)) * power(problem.observed_item, model.items.counts[items[n]]);
        add(items[n], weight);
        values_.push_back(
            weight * ((problem.binary_target ? (value > 0 ? 1 : 0) : value) - model.centre.mean - double{model.items.biases[items[n]]}));
      }
    }
  }

  /// What a rating adds to the score of an item: its value times <q, A^-1 q_j>.
  [[nodiscard]] double term(std::uint32_t item, std::uint32_t rated, std::size_t n) const {
    const std::vector<double> q = vector(item);
    const std::vector<double> x = solve(vector(rated));
    double sum = 0;
    for (std::size_t k = 0; k < q.size(); ++k) sum += q[k] * x[k];
    return values_[n] * sum;
  }

 private:
  static double power(const PowerWeight& weight, std::size_t count) {
    return weight.exponent == 0 ? 1 : count == 0 ? 0 : weight.scale * std::pow(static_cast<double>(count), weight.exponent);
  }
  [[nodiscard]] std::vector<double> vector(std::uint32_t item) const {
    std::vector<double> q(model_.items.factors.row(item).begin(), model_.items.factors.row(item).end());
    if (bias_) q.push_back(1);
    return q;
  }
  [[nodiscard]] std::vector<double> solve(std::vector<double> b) const {
    std::vector<std::vector<double>> a = matrix_;
    for (std::size_t pivot = 0; pivot < b.size(); ++pivot) {
      for (std::size_t row = 0; row < b.size(); ++row) {
        if (row == pivot) continue;
        const double factor = a[row][pivot] / a[pivot][pivot];
        for (std::size_t k = 0; k < b.size(); ++k) a[row][k] -= factor * a[pivot][k];
        b[row] -= factor * b[pivot];
      }
    }
    for (std::size_t row = 0; row < b.size(); ++row) b[row] /= a[row][row];
    return b;
  }

  const Model& model_;
  bool bias_ = false;
  std::vector<std::vector<double>> matrix_;
  std::vector<double> values_;
};

std::vector<FoldIn> linear_problems() {
  const RowPenalty users{.l2 = 0.1, .l2_constant = 0.4, .bias = 0.02, .bias_constant = 0.3};
  std::vector<FoldIn> problems;
  problems.emplace_back(LeastSquares{.users = users});
  problems.emplace_back(LeastSquares{.users = users, .solves_bias = false});
  problems.emplace_back(LeastSquares{.users = {.l2_constant = 0.4}});
  for (const bool binary : {false, true}) {
    for (const double unobserved : {0.0, 0.3}) {
      for (const bool all : {true, false}) {
        WeightedLeastSquares problem{.users = users, .observed_weight = 0.5, .alpha = 2, .unobserved_weight = unobserved};
        problem.unobserved_includes_seen = all;
        problem.binary_target = binary;
        problem.size_exponent = 0.5;
        problems.emplace_back(problem);
        problem.unobserved_item = {.exponent = 0.5, .scale = 0.3};
        problem.unobserved_user = {.exponent = -0.25, .scale = 2};
        problem.observed_item = {.exponent = -1, .scale = 5};
        problems.emplace_back(problem);
      }
    }
  }
  return problems;
}

const std::vector<std::uint32_t> kItems{2, 3, 5, 8, 13, 21, 30, 31, 32, 39};
const std::vector<float> kValues{5, 1, 4, 3, 2, 5, -1, 4, 3, 5};

/// A model over 40 items; only least squares without weights has mean and biases.
Model model_of(const FoldIn& fold_in, std::size_t rank) {
  Model model = random_model(30, 40, rank, 3 + rank);
  model.fold_in = fold_in;
  model.items.counts[3] = std::max(model.items.counts[3], 1U);
  for (const std::uint32_t item : kItems) model.items.counts[item] = std::max(model.items.counts[item], 1U);
  if (!std::holds_alternative<LeastSquares>(fold_in)) {
    model.centre.mean = 0;
    model.centre.has_biases = false;
    std::ranges::fill(model.items.biases, 0.0F);
    std::ranges::fill(model.users.biases, 0.0F);
  }
  return model;
}

double total(const Explanation& explanation) {
  double sum = explanation.base + explanation.others;
  for (const Contribution& one : explanation.contributions) sum += one.amount;
  return sum;
}

/// score() of a folded-in user.
double score_of(const Model& model, const FoldedRow& user, std::uint32_t item) {
  double sum = model.centre.mean + double{user.bias} + double{model.items.biases[item]};
  for (std::size_t k = 0; k < user.factors.size(); ++k) sum += double{user.factors[k]} * double{model.items.factors.row(item)[k]};
  return sum;
}

TEST(Explain, TermsOfLeastSquaresAreThoseOfTheClosedForm) {
  for (const FoldIn& problem : linear_problems()) {
    for (const std::size_t rank : {1U, 4U, 10U, 33U}) {
      const Model model = model_of(problem, rank);
      const Recommender recommender(model);
      const Dense dense(model, kItems, kValues);
      const std::vector<std::uint32_t> asked{0, 7, 13, 39};
      const std::vector<Explanation> explanations = recommender.explain(kItems, kValues, asked, {.top = 100});
      const FoldedRow user = recommender.fold_in_user(kItems, kValues);
      ASSERT_EQ(explanations.size(), asked.size());
      for (std::size_t at = 0; at < asked.size(); ++at) {
        const Explanation& one = explanations[at];
        EXPECT_EQ(one.kind, ExplanationKind::sum);
        double size = std::abs(one.base);
        for (const Contribution& contribution : one.contributions) size += std::abs(contribution.amount);
        EXPECT_NEAR(total(one), one.explained, 1e-12 * size);
        EXPECT_NEAR(one.explained, score_of(model, user, asked[at]), 2e-5 * size);
        EXPECT_NEAR(one.score, score_of(model, user, asked[at]), 1e-12 * size);
        EXPECT_NEAR(one.base, model.centre.mean + double{model.items.biases[asked[at]]}, 1e-12);
        EXPECT_EQ(one.other_items, 0U);
        std::map<std::uint32_t, Contribution> found;
        for (const Contribution& contribution : one.contributions) found[contribution.item] = contribution;
        for (std::size_t n = 0; n < kItems.size(); ++n) {
          const double expected = dense.term(asked[at], kItems[n], n);
          EXPECT_NEAR(found[kItems[n]].amount, expected, 2e-5 * size) << problem.index() << " rank " << rank << " item " << kItems[n];
          EXPECT_TRUE(expected == 0 || found[kItems[n]].value == kValues[n]);
        }
      }
    }
  }
}

TEST(Explain, TheGreatestComeFirstAndTheOthersAreSummedUp) {
  const Model model = model_of(LeastSquares{.users = {.l2_constant = 0.4, .bias_constant = 1}}, 5);
  const Recommender recommender(model);
  const Explanation all = recommender.explain(kItems, kValues, std::vector<std::uint32_t>{7}, {.top = 100}).front();
  EXPECT_TRUE(std::ranges::is_sorted(all.contributions, [](const auto& a, const auto& b) { return a.amount > b.amount; }));
  const Explanation some = recommender.explain(kItems, kValues, std::vector<std::uint32_t>{7}, {.top = 3}).front();
  ASSERT_EQ(some.contributions.size(), 3U);
  EXPECT_EQ(some.other_items, all.contributions.size() - 3);
  for (std::size_t n = 0; n < 3; ++n) EXPECT_EQ(some.contributions[n].item, all.contributions[n].item);
  EXPECT_NEAR(total(some), total(all), 1e-12);
  EXPECT_EQ(some.explained, all.explained);
}

TEST(Explain, WithoutASumTheHistoryIsLeftOutItemByItem) {
  const RowPenalty users{.l2 = 0.05, .l2_constant = 0.1, .l1_constant = 0.2};
  std::vector<FoldIn> problems;
  problems.emplace_back(LeastSquares{.users = users, .non_negative = true});
  problems.emplace_back(Divergence{.users = users, .absent_weight = 1});
  problems.emplace_back(PairwiseLogistic{.users = {.l2_constant = 0.5}});
  for (const FoldIn& problem : problems) {
    Model model = model_of(problem, 6);
    if (!std::holds_alternative<PairwiseLogistic>(problem)) {
      for (std::uint32_t item = 0; item < 40; ++item) {
        for (float& number : model.items.factors.row(item)) number = std::abs(number);
      }
    }
    std::vector<float> values = kValues;
    for (float& value : values) value = std::abs(value);
    const Recommender recommender(model);
    const std::vector<std::uint32_t> asked{1, 13};
    const std::vector<Explanation> explanations = recommender.explain(kItems, values, asked, {.top = 100});
    const FoldedRow whole = recommender.fold_in_user(kItems, values);
    for (std::size_t at = 0; at < asked.size(); ++at) {
      EXPECT_EQ(explanations[at].kind, ExplanationKind::leave_one_out) << problem.index();
      EXPECT_NEAR(explanations[at].explained, score_of(model, whole, asked[at]), 1e-6);
      std::map<std::uint32_t, double> found;
      for (const Contribution& one : explanations[at].contributions) found[one.item] = one.amount;
      for (std::size_t n = 0; n < kItems.size(); ++n) {
        std::vector<std::uint32_t> others = kItems;
        std::vector<float> other_values = values;
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(n));
        other_values.erase(other_values.begin() + static_cast<std::ptrdiff_t>(n));
        const FoldedRow without = recommender.fold_in_user(others, other_values);
        EXPECT_NEAR(found[kItems[n]], score_of(model, whole, asked[at]) - score_of(model, without, asked[at]), 1e-6) << problem.index();
      }
    }
  }
}

TEST(Explain, WhatASumOfTheHistoryOwesToAnItemIsWhatItLosesWithTheVectorAndTheResidual) {
  const RowPenalty users{.l2 = 0.1, .l2_constant = 0.4, .bias = 0.02, .bias_constant = 0.3};
  for (const auto& [solves_bias, solves_factors] : {std::pair(false, false), {true, false}, {false, true}, {true, true}}) {
    for (const std::size_t rank : {1U, 4U, 33U}) {
      Model model = model_of(LeastSquares{}, rank);
      model.fold_in = HistorySum{.users = users, .exponent = 0.5, .solves_bias = solves_bias, .solves_factors = solves_factors};
      model.history_factors = random_model(30, 40, rank, 91 + rank).items.factors;
      const std::vector<std::uint32_t> asked{0, 13};
      const Recommender recommender(model);
      const std::vector<Explanation> explanations = recommender.explain(kItems, kValues, asked, {.top = 100});
      const FoldedRow whole = recommender.fold_in_user(kItems, kValues);
      for (std::size_t at = 0; at < asked.size(); ++at) {
        const Explanation& one = explanations[at];
        EXPECT_EQ(one.kind, ExplanationKind::sum);
        double size = std::abs(one.base);
        std::map<std::uint32_t, double> found;
        for (const Contribution& contribution : one.contributions) {
          size += std::abs(contribution.amount);
          found[contribution.item] = contribution.amount;
        }
        EXPECT_NEAR(one.explained, score_of(model, whole, asked[at]), 2e-5 * size) << rank;
        EXPECT_NEAR(total(one), one.explained, 1e-12 * size);
        EXPECT_NEAR(one.base, model.centre.mean + double{model.items.biases[asked[at]]}, 1e-12);
        // The score is linear in an item's vector and residual together.
        for (std::size_t n = 0; n < kItems.size(); ++n) {
          Model without = model;
          std::ranges::fill(without.history_factors.row(kItems[n]), 0.0F);
          std::vector<float> values = kValues;
          values[n] = static_cast<float>(model.centre.mean + double{model.items.biases[kItems[n]]});
          const FoldedRow other = Recommender(without).fold_in_user(kItems, values);
          const double expected = score_of(model, whole, asked[at]) - score_of(model, other, asked[at]);
          EXPECT_NEAR(found[kItems[n]], expected, 4e-5 * size)
              << solves_bias << solves_factors << " rank " << rank << " item " << kItems[n];
        }
      }
    }
  }
}

TEST(Explain, FactorsThatAreAllAboveZeroAreASumWithTheShareOfThePenalty) {
  Model model = model_of(LeastSquares{.users = {.l2_constant = 3, .l1_constant = 0.1}, .solves_bias = false, .non_negative = true}, 3);
  for (std::uint32_t item = 0; item < 40; ++item) {
    std::ranges::fill(model.items.factors.row(item), 0.2F);
    model.items.factors.row(item)[item % 3] = 1;
  }
  std::ranges::fill(model.items.biases, 0.0F);
  model.centre.mean = 0;
  const Recommender recommender(model);
  std::vector<float> values(kItems.size(), 4);
  const FoldedRow user = recommender.fold_in_user(kItems, values);
  ASSERT_TRUE(std::ranges::all_of(user.factors, [](float factor) { return factor > 0; }));
  const Explanation one = recommender.explain(kItems, values, std::vector<std::uint32_t>{9}, {.top = 4}).front();
  EXPECT_EQ(one.kind, ExplanationKind::sum);
  EXPECT_LT(one.base, 0) << "the penalty lowers the score";
  EXPECT_NEAR(total(one), score_of(model, user, 9), 1e-4);
}

TEST(Explain, NeighboursAreTermsAsTheyAre) {
  for (const std::size_t rank : {0U, 4U}) {
    Model model = model_of(LeastSquares{.users = {.l2_constant = 1, .bias_constant = 1}}, rank);
    if (rank == 0) model.fold_in = NoFoldIn{};
    model.neighbours = random_neighbours(40, 0.3, 5);
    const Model folded = model;
    const Recommender recommender(folded);
    model.neighbours.reset();
    const Recommender factors(model);
    for (const std::uint32_t asked : {0U, 13U}) {
      const Explanation one = recommender.explain(kItems, kValues, std::vector<std::uint32_t>{asked}, {.top = 100}).front();
      std::map<std::uint32_t, double> expected;
      for (std::size_t n = 0; n < kItems.size(); ++n) {
        if (kValues[n] > 0) expected[kItems[n]] = double{folded.neighbours->weight(kItems[n], asked)};
      }
      if (rank != 0) {
        const Explanation plain = factors.explain(kItems, kValues, std::vector<std::uint32_t>{asked}, {.top = 100}).front();
        for (const Contribution& of_factors : plain.contributions) expected[of_factors.item] += of_factors.amount;
      }
      std::erase_if(expected, [](const auto& entry) { return entry.second == 0; });
      EXPECT_EQ(one.contributions.size(), expected.size());
      for (const Contribution& contribution : one.contributions) EXPECT_NEAR(contribution.amount, expected[contribution.item], 1e-12);
      EXPECT_EQ(one.kind, ExplanationKind::sum);
      EXPECT_NEAR(total(one), one.score, 2e-4);
    }
  }
}

/// The same weights by another rule.
Neighbours by_rule(const Neighbours& neighbours, const NeighbourRule& rule) {
  return Neighbours({neighbours.offsets().begin(), neighbours.offsets().end()}, {neighbours.items().begin(), neighbours.items().end()},
                    {neighbours.weights().begin(), neighbours.weights().end()}, rule);
}

TEST(Explain, MeansOfResidualsAreTheSumOfTheirTerms) {
  const NeighbourRule rule{.form = NeighbourForm::mean, .damping = 2, .scale = 0.7};
  for (const std::size_t rank : {0U, 4U}) {
    Model model = model_of(LeastSquares{.users = {.l2_constant = 1, .bias_constant = 1}}, rank);
    if (rank == 0) model.fold_in = NoFoldIn{};
    model.neighbours = by_rule(random_neighbours(40, 0.3, 5), rule);
    const Recommender recommender(model);
    const FoldedRow user = recommender.fold_in_user(kItems, kValues);
    std::map<std::uint32_t, double> listed;
    for (const Scored& one : recommender.recommend(user, {}, {.top = 40, .include_seen = true})) listed[one.index] = double{one.score};
    for (const std::uint32_t asked : {0U, 13U, 22U}) {
      const Explanation one = recommender.explain(kItems, kValues, std::vector<std::uint32_t>{asked}, {.top = 100}).front();
      EXPECT_NEAR(one.score, listed[asked], 1e-5);
      EXPECT_NEAR(total(one), one.score, 2e-4);
      EXPECT_NEAR(total(one), one.explained, 1e-12);
      if (rank != 0) continue;
      double divisor = rule.damping;
      for (const std::uint32_t item : kItems) divisor += std::abs(double{model.neighbours->weight(item, asked)});
      for (const Contribution& contribution : one.contributions) {
        const double rating{*contribution.value};
        const double residual = rating - model.centre.mean - double{model.items.biases[contribution.item]};
        const double weight{model.neighbours->weight(contribution.item, asked)};
        EXPECT_NEAR(contribution.amount, 0.7 * weight * residual / divisor, 1e-6);
      }
    }
  }
}

TEST(Explain, WhatOtherUsersSayIsNotOfTheHistory) {
  const NeighbourRule rule{.form = NeighbourForm::mean, .side = NeighbourSide::users, .damping = 1};
  Model model = model_of(LeastSquares{.users = {.l2_constant = 1, .bias_constant = 1}}, 4);
  model.history = History(random_ratings(30, 40, 0.3, 8), HistoryValues::kept);
  const ExplainQuery query{.user = 3, .items = {1, 17}};
  std::vector<Explanation> without;
  Recommender(model).explain({&query, 1}, {},
                             [&](std::size_t, std::span<const Explanation> found) { without.assign(found.begin(), found.end()); });
  std::vector<double> plain;
  for (const std::uint32_t item : query.items) plain.push_back(score(model, 3, item));
  model.neighbours = by_rule(random_neighbours(30, 0.5, 6), rule);
  Recommender(model).explain({&query, 1}, {}, [&](std::size_t, std::span<const Explanation> found) {
    for (std::size_t at = 0; at < found.size(); ++at) {
      const double said = score(model, 3, query.items[at]) - plain[at];
      EXPECT_NEAR(found[at].base - without[at].base, said, 1e-6);
      EXPECT_EQ(found[at].contributions.front().amount, without[at].contributions.front().amount);
      EXPECT_NEAR(found[at].score - found[at].explained, without[at].score - without[at].explained, 1e-5);
    }
  });
  Model rank_0 = model_of(LeastSquares{}, 0);
  rank_0.history = model.history;
  rank_0.neighbours = model.neighbours;
  EXPECT_THROW(Recommender(rank_0).check_explains(), DataError);
}

/// The users of a model, whose history has the values of `random_ratings`.
Model with_values(Model model) {
  model.history = History(random_ratings(30, 40, 0.3, 8), HistoryValues::kept);
  return model;
}

TEST(Explain, UsersOfTheModelAreExplainedByTheFoldInOfTheirHistory) {
  const Model model = with_values(model_of(LeastSquares{.users = {.l2_constant = 1, .bias_constant = 1}}, 6));
  const Recommender recommender(model);
  std::vector<ExplainQuery> queries;
  for (const std::uint32_t user : recommender.known_users()) queries.push_back({.user = user, .items = {user % 40, 0, 39}});
  queries.push_back({.user = 4000, .items = {1}});
  queries.push_back({.user = 0, .items = {}});
  for (const int threads : {1, 3}) {
    std::size_t next = 0;
    recommender.explain(queries, {.top = 4, .threads = threads}, [&](std::size_t position, std::span<const Explanation> found) {
      EXPECT_EQ(position, next++);
      const ExplainQuery& query = queries[position];
      ASSERT_EQ(found.size(), query.items.size());
      if (!model.users.knows(query.user)) {
        EXPECT_EQ(found[0].kind, ExplanationKind::none);
        EXPECT_EQ(found[0].score, score(model, query.user, 1));
        return;
      }
      const std::vector<Explanation> given =
          recommender.explain(model.history.items_of(query.user), model.history.values_of(query.user), query.items, {.top = 4});
      for (std::size_t at = 0; at < found.size(); ++at) {
        EXPECT_EQ(found[at].score, score(model, query.user, query.items[at]));
        EXPECT_EQ(found[at].explained, given[at].explained);
        EXPECT_EQ(found[at].others, given[at].others);
        ASSERT_EQ(found[at].contributions.size(), given[at].contributions.size());
        for (std::size_t n = 0; n < found[at].contributions.size(); ++n) {
          EXPECT_EQ(found[at].contributions[n].item, given[at].contributions[n].item);
          EXPECT_EQ(found[at].contributions[n].value, given[at].contributions[n].value);
          EXPECT_EQ(found[at].contributions[n].amount, given[at].contributions[n].amount);
        }
      }
    });
    EXPECT_EQ(next, queries.size());
  }
}

TEST(Explain, UsersWhoAreFoldedInAsAModelKeepTheirRatings) {
  const Model model = model_of(LeastSquares{.users = {.l2_constant = 1, .bias_constant = 1}}, 6);
  Pairs pairs;
  pairs.known_users = 30;
  for (std::size_t n = 0; n < kItems.size(); ++n) {
    pairs.users.push_back(2);
    pairs.items.push_back(kItems[n]);
    pairs.values.push_back(kValues[n]);
  }
  const Model guests = fold_in(model, pairs);
  const ExplainQuery query{.user = 0, .items = {1, 7}};
  const std::vector<Explanation> expected = Recommender(model).explain(kItems, kValues, query.items, {});
  Recommender(guests).explain({&query, 1}, {}, [&](std::size_t, std::span<const Explanation> found) {
    for (std::size_t at = 0; at < found.size(); ++at) {
      EXPECT_EQ(found[at].explained, expected[at].explained);
      EXPECT_NEAR(found[at].score, found[at].explained, 1e-4);
      EXPECT_EQ(found[at].contributions.front().value, expected[at].contributions.front().value);
    }
  });
}

TEST(Explain, LikesNeedNoValues) {
  Model model = model_of(WeightedLeastSquares{.users = {.l2_constant = 1}, .unobserved_weight = 0.1}, 4);
  const ExplainQuery query{.user = 3, .items = {1}};
  Recommender(model).explain({&query, 1}, {.top = 100}, [&](std::size_t, std::span<const Explanation> found) {
    EXPECT_EQ(found[0].kind, ExplanationKind::sum);
    EXPECT_FALSE(found[0].contributions.front().value.has_value());
    EXPECT_EQ(found[0].contributions.size(), model.history.items_of(3).size());
  });
}

TEST(Explain, WhatCannotBeExplainedSaysWhy) {
  Model model = model_of(LeastSquares{}, 4);
  const auto problem_of = [](const Model& given) -> std::string {
    try {
      Recommender(given).check_explains();
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(problem_of(model).find("values"), std::string::npos);
  EXPECT_EQ(problem_of(with_values(model)), "");
  Model no_history = model;
  no_history.history = History();
  EXPECT_NE(problem_of(no_history).find("does not have the items"), std::string::npos);
  Model baseline = with_values(model_of(LeastSquares{}, 0));
  EXPECT_NE(problem_of(baseline).find("nothing to explain"), std::string::npos);
  model.fold_in = NoFoldIn{};
  EXPECT_NE(problem_of(model).find("nothing to explain"), std::string::npos);
  EXPECT_THROW(static_cast<void>(Recommender(baseline).explain(kItems, kValues, kItems, {})), DataError);
}

TEST(Explain, UnknownItemsAndHistoriesWithoutAKnownItemAreNotExplained) {
  Model model = model_of(LeastSquares{.users = {.l2_constant = 1}}, 4);
  model.items.counts[7] = 0;
  const Recommender recommender(model);
  const std::vector<Explanation> found = recommender.explain(kItems, kValues, std::vector<std::uint32_t>{7, 8, 4000}, {});
  EXPECT_EQ(found[0].kind, ExplanationKind::none);
  EXPECT_EQ(found[1].kind, ExplanationKind::sum);
  EXPECT_EQ(found[2].kind, ExplanationKind::none);
  const std::vector<std::uint32_t> unknown{7};
  const std::vector<float> value{4};
  const Explanation nobody = recommender.explain(unknown, value, std::vector<std::uint32_t>{8}, {}).front();
  EXPECT_EQ(nobody.kind, ExplanationKind::none);
  EXPECT_EQ(nobody.score, score(model, Vocabulary::kUnknown, 8));
}

}  // namespace
}  // namespace lowrank::explain_test
