// New rows that have features: around what those let expect, against the gradient of the documented problem.

#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "lowrank/recommend/fold_in.h"
#include "lowrank/recommend/recommender.h"
#include "model/models.h"

namespace lowrank::feature_rows_test {
namespace {

constexpr std::size_t kRank = 5;
constexpr std::uint32_t kColumns = 4;

/// A random model whose sides have features; `mean` is the mean of rows without any.
Model featured_model(bool biases, bool mean) {
  Model model = testing_models::random_model(20, 12, kRank, 3);
  RandomStream random(9, Purpose::item_factors);
  model.centre.has_biases = biases;
  for (Side* side : {&model.users, &model.items}) {
    FeatureVectors features;
    for (std::uint32_t column = 0; column < kColumns; ++column) features.description.names.add("f" + std::to_string(column));
    features.factors = FactorMatrix(kColumns, kRank);
    for (std::uint32_t column = 0; column < kColumns; ++column) {
      for (float& x : features.factors.row(column)) x = static_cast<float>(random.normal());
      features.biases.push_back(biases ? static_cast<float>(random.normal()) : 0.0F);
    }
    features.counts.assign(kColumns, 3);
    features.rows.assign(side->size(), 1);
    if (mean) features.mean = {0.3F, -0.2F, 0.1F, 0.5F, -0.4F};
    if (mean && biases) features.mean_bias = 0.25F;
    side->features = features;
  }
  return model;
}

const std::vector<std::uint32_t> kOwnColumns = {0, 2};
const std::vector<float> kOwnValues = {1, -0.5F};
const FeatureRow kOwn{.columns = kOwnColumns, .values = kOwnValues};
const std::vector<std::uint32_t> kRated = {1, 4, 5, 9};
const std::vector<float> kRatings = {4, 1, 3, 5};

TEST(FeatureRows, LeastSquaresAroundTheMean) {
  for (const bool mean : {false, true}) {
    const Model model = featured_model(true, mean);
    const FoldedRow row = fold_in_user(model, kRated, kRatings, kOwn);
    std::vector<float> around(kRank);
    const auto bias = static_cast<double>(model.users.features->expect(kOwnColumns, kOwnValues, around));
    const RowPenalty& penalty = std::get<LeastSquares>(model.fold_in).users;
    const double size = static_cast<double>(kRated.size());
    std::vector<double> slope(kRank + 1);
    for (std::size_t k = 0; k < kRank; ++k) {
      slope[k] = (penalty.l2 * size + penalty.l2_constant) * (static_cast<double>(row.factors[k]) - static_cast<double>(around[k]));
    }
    slope[kRank] = (penalty.bias * size + penalty.bias_constant) * (static_cast<double>(row.bias) - bias);
    for (std::size_t n = 0; n < kRated.size(); ++n) {
      const std::span<const float> q = model.items.factors.row(kRated[n]);
      double error = static_cast<double>(kRatings[n]) - model.centre.mean - static_cast<double>(row.bias) -
                     static_cast<double>(model.items.biases[kRated[n]]);
      for (std::size_t k = 0; k < kRank; ++k) error -= static_cast<double>(row.factors[k]) * static_cast<double>(q[k]);
      for (std::size_t k = 0; k < kRank; ++k) slope[k] -= error * static_cast<double>(q[k]);
      slope[kRank] -= error;
    }
    for (const double number : slope) EXPECT_NEAR(number, 0, 2e-4);
  }
}

TEST(FeatureRows, WeightedLeastSquaresAroundTheMean) {
  for (const double user_exponent : {0.0, 0.5}) {
    Model model = featured_model(false, false);
    model.items.biases.assign(12, 0.0F);
    model.centre.mean = 0;
    // An item that is known by its features alone is no unobserved cell of training.
    model.items.counts[11] = 0;
    const WeightedLeastSquares problem{.users = {.l2 = 0.3},
                                       .alpha = 0.25,
                                       .unobserved_weight = 0.2,
                                       .size_exponent = 0.5,
                                       .unobserved_user = {.exponent = user_exponent, .scale = 0.7}};
    model.fold_in = problem;
    const FoldedRow row = fold_in_user(model, kRated, kRatings, kOwn);
    std::vector<float> around(kRank);
    std::ignore = model.users.features->expect(kOwnColumns, kOwnValues, around);
    const double share = user_exponent == 0 ? 1 : 0.7 * std::pow(4, user_exponent);
    const double ridge = 0.3 * std::pow(4 + 0.2 * share * 12, 0.5);
    std::vector<double> slope(kRank);
    for (std::size_t k = 0; k < kRank; ++k) slope[k] = ridge * (static_cast<double>(row.factors[k]) - static_cast<double>(around[k]));
    const auto product = [&](std::uint32_t item) {
      double sum = 0;
      for (std::size_t k = 0; k < kRank; ++k)
        sum += static_cast<double>(row.factors[k]) * static_cast<double>(model.items.factors.row(item)[k]);
      return sum;
    };
    for (std::uint32_t item = 0; item < 11; ++item) {
      for (std::size_t k = 0; k < kRank; ++k)
        slope[k] += 0.2 * share * product(item) * static_cast<double>(model.items.factors.row(item)[k]);
    }
    for (std::size_t n = 0; n < kRated.size(); ++n) {
      const double weight = 1 + 0.25 * static_cast<double>(kRatings[n]);
      for (std::size_t k = 0; k < kRank; ++k) {
        slope[k] -= weight * (1 - product(kRated[n])) * static_cast<double>(model.items.factors.row(kRated[n])[k]);
      }
    }
    for (const double number : slope) EXPECT_NEAR(number, 0, 2e-4);
  }
}

TEST(FeatureRows, WithoutRatingsARowIsItsMean) {
  const Model model = featured_model(true, true);
  std::vector<float> around(kRank);
  const float bias = model.users.features->expect(kOwnColumns, kOwnValues, around);
  const FoldedRow row = fold_in_user(model, {}, {}, kOwn);
  EXPECT_EQ(row.factors, around);
  EXPECT_EQ(row.bias, bias);
}

NewFeatures two_rows() {
  NewFeatures rows;
  rows.ids.add("new a");
  rows.ids.add("new b");
  for (std::uint32_t column = 0; column < kColumns; ++column) rows.features.description.names.add("f" + std::to_string(column));
  rows.features.offsets = {0, 2, 3};
  rows.features.columns = {0, 2, 3};
  rows.features.values = {1, -0.5F, 2};
  return rows;
}

TEST(FeatureRows, UsersWithFeaturesAndRatings) {
  const Model model = featured_model(true, false);
  Pairs pairs;
  pairs.known_users = model.users.ids.size();
  pairs.known_items = model.items.ids.size();
  const std::uint32_t fresh = pairs.known_users + pairs.unknown_users.add("new a");
  for (std::size_t n = 0; n < kRated.size(); ++n) {
    pairs.users.push_back(fresh);
    pairs.items.push_back(kRated[n]);
    pairs.values.push_back(kRatings[n]);
  }
  const NewFeatures rows = two_rows();
  const Model folded = fold_in(model, pairs, 2, &rows);
  ASSERT_EQ(folded.users.size(), 2U);
  const FoldedRow alone = fold_in_user(model, kRated, kRatings, kOwn);
  for (std::size_t k = 0; k < kRank; ++k) EXPECT_NEAR(folded.users.factors.row(0)[k], alone.factors[k], 1e-5);
  EXPECT_TRUE(folded.users.knows(1));
  EXPECT_FALSE(folded.users.rated(1));
  const Recommender recommender(folded);
  int lists = 0;
  recommender.recommend(std::vector<std::uint32_t>{0, 1}, {.top = 3}, [&](std::size_t user, std::span<const Scored> items) {
    ++lists;
    ASSERT_EQ(items.size(), 3U);
    for (const Scored& item : items) EXPECT_EQ(item.score, static_cast<float>(score(folded, static_cast<std::uint32_t>(user), item.index)));
  });
  EXPECT_EQ(lists, 2);
  EXPECT_EQ(deserialize_model(serialize_model(folded)), folded);
}

TEST(FeatureRows, ItemsByTheirFeaturesAlone) {
  const Model model = featured_model(true, false);
  NewFeatures rows = two_rows();
  const Model wider = add_items(model, rows);
  ASSERT_EQ(wider.items.size(), 14U);
  EXPECT_TRUE(wider.items.knows(12));
  EXPECT_EQ(wider.items.counts[13], 0U);
  EXPECT_EQ(wider.items.factors.row(13)[2], 2 * model.items.features->factors.row(3)[2]);
  for (std::uint32_t user = 0; user < 20; ++user) {
    for (std::uint32_t item = 0; item < 12; ++item) EXPECT_EQ(score(wider, user, item), score(model, user, item));
  }
  const Recommender recommender(wider);
  bool listed = false;
  RecommendOptions options{.top = 14, .include_seen = true};
  options.items = std::vector<std::uint32_t>{12, 13};
  recommender.recommend(std::vector<std::uint32_t>{0}, options,
                        [&](std::size_t, std::span<const Scored> items) { listed = items.size() == 2; });
  EXPECT_TRUE(listed);
  options.min_count = 2;
  recommender.recommend(std::vector<std::uint32_t>{0}, options,
                        [&](std::size_t, std::span<const Scored> items) { EXPECT_TRUE(items.empty()); });
  EXPECT_EQ(deserialize_model(serialize_model(wider)), wider);
  // Items with ratings stay.
  rows.ids.clear();
  rows.ids.add(model.items.ids.id(0));
  rows.ids.add("new b");
  EXPECT_EQ(add_items(model, rows).items.factors.row(0)[0], model.items.factors.row(0)[0]);
}

TEST(FeatureRows, UsersByTheirFeaturesAlone) {
  Model model = featured_model(true, false);
  RowPrior prior;
  prior.precision = FactorMatrix(kRank + 1, kRank + 1);
  for (std::size_t k = 0; k <= kRank; ++k) prior.precision.row(k)[k] = 1;
  model.users.prior = prior;
  prior.history = FactorMatrix(20, kRank + 1);
  prior.history.row(19)[3] = 2.5F;
  model.items.prior = prior;
  PosteriorMean rule;
  model.fold_in = rule;
  NewFeatures rows = two_rows();
  const Model wider = add_users(model, rows);
  ASSERT_EQ(wider.users.size(), 22U);
  EXPECT_TRUE(wider.users.knows(20));
  EXPECT_FALSE(wider.users.rated(21));
  for (std::size_t k = 0; k < kRank; ++k) EXPECT_EQ(wider.users.factors.row(21)[k], 2 * model.users.features->factors.row(3)[k]);
  EXPECT_TRUE(wider.history.items_of(21).empty());
  ASSERT_EQ(wider.items.prior->history.rows(), 22U);
  EXPECT_EQ(wider.items.prior->history.row(19)[3], 2.5F);
  EXPECT_EQ(wider.items.prior->history.row(20)[3], 0.0F);
  for (std::uint32_t user = 0; user < 20; ++user) {
    EXPECT_EQ(wider.history.items_of(user), model.history.items_of(user));
    for (std::uint32_t item = 0; item < 12; ++item) EXPECT_EQ(score(wider, user, item), score(model, user, item));
  }
  // The row that folding in without ratings ends in.
  const FoldedRow alone = fold_in_user(model, {}, {}, {.columns = rows.features.columns_of(1), .values = rows.features.values_of(1)});
  for (std::size_t k = 0; k < kRank; ++k) EXPECT_EQ(wider.users.factors.row(21)[k], alone.factors[k]);
  EXPECT_EQ(wider.users.biases[21], alone.bias);
  EXPECT_EQ(deserialize_model(serialize_model(wider)), wider);
  // Users with ratings stay.
  rows.ids.clear();
  rows.ids.add(model.users.ids.id(0));
  rows.ids.add("new b");
  EXPECT_EQ(add_users(model, rows).users.factors.row(0)[0], model.users.factors.row(0)[0]);
}

TEST(FeatureRows, ModelsWithoutFeaturesRefuseThem) {
  const Model model = testing_models::random_model(20, 12, kRank);
  const NewFeatures rows = two_rows();
  EXPECT_THROW(fold_in_user(model, kRated, kRatings, kOwn), OptionError);
  EXPECT_THROW(fold_in(model, Pairs{}, 1, &rows), OptionError);
  EXPECT_THROW(add_items(model, rows), OptionError);
  EXPECT_THROW(add_users(model, rows), OptionError);
}

}  // namespace
}  // namespace lowrank::feature_rows_test
