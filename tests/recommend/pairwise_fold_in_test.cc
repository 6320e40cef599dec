#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "lowrank/recommend/fold_in.h"
#include "model/models.h"

namespace lowrank::pairwise_fold_in_test {
namespace {

using testing_models::random_model;

double score_of(const Model& model, std::uint32_t item, const std::vector<double>& p) {
  double sum = double{model.items.biases[item]};
  for (std::size_t k = 0; k < model.rank(); ++k) sum += p[k] * double{model.items.factors.row(item)[k]};
  return sum;
}

double softplus(double x) { return std::log1p(std::exp(x)); }

double squares(const std::vector<double>& x, std::size_t count) {
  double sum = 0;
  for (std::size_t k = 0; k < count; ++k) sum += x[k] * x[k];
  return sum;
}

/// `loss` is lower at `x` than at all points around it.
void expect_minimum(const std::function<double(const std::vector<double>&)>& loss, const std::vector<double>& x) {
  const double here = loss(x);
  RandomStream random(1, Purpose::split);
  for (int direction = 0; direction < 200; ++direction) {
    std::vector<double> away = x;
    for (double& number : away) number += 0.01 * random.normal();
    EXPECT_GT(loss(away), here);
  }
}

/// So many items per draw that each one of few is in every draw.
constexpr std::uint32_t kAll = 200;

TEST(PairwiseFoldIn, UserMinimisesTheHighestNegative) {
  Model model = random_model(4, 8, 5, 2, 1.0);
  model.fold_in = PairwiseLogistic{.users = {.l2 = 0.1, .l2_constant = 0.3}, .negatives = kAll, .hardest = true};
  const std::vector<std::uint32_t> items{0, 2, 3, 5, 6};
  const FoldedRow user = fold_in_user(model, items, std::vector<float>(5, 1.0F));
  EXPECT_EQ(user.bias, 0);
  expect_minimum(
      [&](const std::vector<double>& p) {
        double powers = 0;
        for (const std::uint32_t other : {1U, 4U, 7U}) powers += std::exp(10 * score_of(model, other, p));
        const double highest = 0.1 * std::log(powers);
        double loss = (0.1 * 5 + 0.3) * squares(p, 5);
        for (const std::uint32_t item : items) loss += 2 * softplus(highest - score_of(model, item, p));
        return loss;
      },
      {user.factors.begin(), user.factors.end()});
}

TEST(PairwiseFoldIn, UserMinimisesTheMeanOverNegatives) {
  Model model = random_model(4, 8, 5, 2, 1.0);
  model.fold_in = PairwiseLogistic{.users = {.l2 = 0.2}, .negatives = 7};
  const std::vector<std::uint32_t> items{0, 1, 2, 3, 4, 5, 6};
  const FoldedRow user = fold_in_user(model, items, std::vector<float>(7, 1.0F));
  expect_minimum(
      [&](const std::vector<double>& p) {
        double loss = 0.2 * 7 * squares(p, 5);
        for (const std::uint32_t item : items) loss += 2 * softplus(score_of(model, 7, p) - score_of(model, item, p));
        return loss;
      },
      {user.factors.begin(), user.factors.end()});
}

TEST(PairwiseFoldIn, ValuesAtOrBelowZeroAreNotPreferred) {
  Model model = random_model(4, 8, 5, 2, 1.0);
  model.fold_in = PairwiseLogistic{.users = {.l2 = 0.2}, .negatives = 3};
  const std::vector<std::uint32_t> items{0, 1, 2, 3};
  const FoldedRow user = fold_in_user(model, items, std::vector<float>{1, 0, 5, -2});
  const FoldedRow same = fold_in_user(model, std::vector<std::uint32_t>{0, 2}, std::vector<float>{1, 1});
  EXPECT_EQ(user.factors, same.factors);
  EXPECT_EQ(fold_in_user(model, items, std::vector<float>(4, 0.0F)).factors, std::vector<float>(5));
}

TEST(PairwiseFoldIn, AFoldedUserIsOfTheirItems) {
  Model model = random_model(4, 60, 12, 3, 1.0);
  model.items.biases.assign(60, 0.0F);
  model.fold_in = PairwiseLogistic{.users = {.l2 = 0.01}, .negatives = 4, .hardest = true};
  const std::vector<std::uint32_t> items{3, 17, 20, 41, 55};
  const FoldedRow user = fold_in_user(model, items, std::vector<float>(5, 1.0F));
  const std::vector<double> p(user.factors.begin(), user.factors.end());
  std::size_t above = 0;
  for (const std::uint32_t item : items) {
    for (std::uint32_t other = 0; other < 60; ++other)
      above += static_cast<std::size_t>(score_of(model, item, p) > score_of(model, other, p));
  }
  EXPECT_GE(above, 5U * 48U) << "nearly every item of theirs is above nearly every other";
}

TEST(PairwiseFoldIn, ItemMinimisesOverItsUsersAndTheRatingsOfOthers) {
  Model model = random_model(2, 3, 4, 5, 1.0);
  // Users 0 and 1 have item 0, so item 1 and 2 are drawn. Nearly all ratings are of user 1.
  RatingsBuilder builder;
  builder.add(0, 0, 1);
  builder.add(1, 0, 1);
  model.history = History(builder.build(2, 3));
  constexpr double kRatings = 1e6;
  model.users.counts = {1, static_cast<std::uint32_t>(kRatings) - 1};
  model.items.counts = {1, 1, 0};
  constexpr double kRidge = 0.5 + 20;
  model.fold_in = PairwiseLogistic{.items = {.l2 = 0.5, .l2_constant = 20, .bias = 1, .bias_constant = 2}, .negatives = 1};
  const FoldedRow item = fold_in_item(model, std::vector<std::uint32_t>{0}, std::vector<float>{1});
  const auto score_for = [&](std::uint32_t user, const std::vector<double>& x) {
    double sum = x[4];
    for (std::size_t k = 0; k < 4; ++k) sum += x[k] * double{model.users.factors.row(user)[k]};
    return sum;
  };
  std::vector<double> x(item.factors.begin(), item.factors.end());
  x.push_back(double{item.bias});
  const auto loss = [&](const std::vector<double>& at) {
    const double wanted = softplus(score(model, 0, 1) - model.centre.mean - double{model.users.biases[0]} - score_for(0, at));
    // Items 0 and 1 are drawn, each for every other rating.
    const double drawn = kRatings / 2 * softplus(score_for(1, at) - score(model, 1, 0) + model.centre.mean + double{model.users.biases[1]});
    return 2 * (wanted + drawn) + kRidge * squares(at, 4) + 3 * at[4] * at[4];
  };
  expect_minimum(loss, x);
}

}  // namespace
}  // namespace lowrank::pairwise_fold_in_test
