// Fold-in for models that know contexts.

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/recommend/fold_in.h"
#include "lowrank/recommend/fold_in_items.h"
#include "model/models.h"

namespace lowrank::fold_in_contexts_test {
namespace {

using testing_models::random_model;

/// Of a pair that is rated in several contexts, a history keeps the mean; one rating per pair is left where contexts are times.
TEST(FoldIn, RepeatsCountAsInTheHistoryOfTraining) {
  Model model = random_model(8, 10, 3, 2, 1.0);
  model.fold_in = LeastSquares{.users = {.l2 = 0.2}, .items = {.l2 = 0.3}};
  ContextVectors company{.name = "company",
                         .levels = {},
                         .user_factors = FactorMatrix(1, 3),
                         .item_factors = FactorMatrix(1, 3),
                         .biases = {0.5F},
                         .counts = {3}};
  company.levels.add("kids");
  Pairs pairs;
  pairs.known_users = model.users.ids.size();
  pairs.known_items = model.items.ids.size();
  pairs.unknown_users.add("new");
  const std::vector<std::uint32_t> items = {4, 1, 4, 2, 4};
  const std::vector<float> values = {1, 5, 3, 2, 5};
  pairs.users.assign(items.size(), pairs.known_users);
  pairs.items = items;
  pairs.values = values;
  for (const auto& [contexts, options, value] :
       {std::tuple(false, "{}", 5.0F), std::tuple(true, "{}", 3.0F), std::tuple(true, R"({"time":"none"})", 3.0F),
        std::tuple(true, R"({"time":"day"})", 5.0F)}) {
    model.contexts = contexts ? std::vector{company} : std::vector<ContextVectors>();
    model.record.options = options;
    const std::vector<std::uint32_t> once = {1, 2, 4};
    const FoldedRow expected = fold_in_user(model, once, std::vector<float>{5, 2, value});
    const FoldedRow alone = fold_in_user(model, items, values);
    EXPECT_EQ(alone.factors, expected.factors);
    EXPECT_EQ(alone.bias, expected.bias);
    const Model folded = fold_in(model, pairs, 2);
    const auto row = folded.users.factors.row(0);
    EXPECT_EQ(std::vector<float>(row.begin(), row.end()), expected.factors);
    EXPECT_EQ(folded.users.counts[0], 3U);
  }
  // Items that the model does not know are left out, whatever their number.
  model.record.options = "{}";
  const FoldedRow unknown = fold_in_user(model, std::vector<std::uint32_t>{1, Vocabulary::kUnknown}, std::vector<float>{5, 1});
  EXPECT_EQ(unknown.factors, fold_in_user(model, std::vector<std::uint32_t>{1}, std::vector<float>{5}).factors);
}

TEST(FoldInItems, SolvesEveryItemAsIfAloneAndKeepsTheRest) {
  Model model = random_model(30, 6, 4, 2, 1.0);
  model.fold_in = LeastSquares{.users = {.l2 = 0.2}, .items = {.l2 = 0.3}};
  ContextVectors day{.name = "day",
                     .period = Period::day,
                     .levels = {},
                     .user_factors = FactorMatrix(1, 4),
                     .item_factors = FactorMatrix(1, 4),
                     .biases = {0.5F},
                     .counts = {3}};
  day.levels.add("2001-01-01");
  model.contexts = {day};
  Pairs pairs;
  pairs.known_users = model.users.ids.size();
  pairs.known_items = model.items.ids.size();
  pairs.unknown_items.add("new");
  std::vector<std::uint32_t> users;
  std::vector<float> values;
  for (std::uint32_t user = 0; user < 9; ++user) {
    users.push_back(user);
    values.push_back(static_cast<float>(1 + user % 5));
    pairs.users.insert(pairs.users.end(), {user, user});
    pairs.items.insert(pairs.items.end(), {pairs.known_items, 2});
    pairs.values.insert(pairs.values.end(), {values.back(), 6 - values.back()});
  }
  const Model folded = fold_in_items(model, pairs, 2);
  ASSERT_EQ(folded.items.size(), 2U);
  EXPECT_EQ(folded.items.ids.id(0), "new");
  EXPECT_EQ(folded.items.ids.id(1), model.items.ids.id(2));
  EXPECT_EQ(folded.items.counts, (std::vector<std::uint32_t>{9, 9}));
  for (const std::uint32_t item : {0U, 1U}) {
    if (item == 1) std::ranges::transform(values, values.begin(), [](float value) { return 6 - value; });
    const FoldedRow alone = fold_in_item(model, users, values);
    const auto row = folded.items.factors.row(item);
    EXPECT_EQ(std::vector<float>(row.begin(), row.end()), alone.factors);
    EXPECT_EQ(folded.items.biases[item], alone.bias);
  }
  EXPECT_EQ(folded.users, model.users);
  EXPECT_EQ(folded.centre, model.centre);
  EXPECT_EQ(folded.fold_in, model.fold_in);
  EXPECT_EQ(folded.contexts, model.contexts);
  pairs.values.pop_back();
  EXPECT_THROW(fold_in_items(model, pairs), DataError);
}

}  // namespace
}  // namespace lowrank::fold_in_contexts_test
