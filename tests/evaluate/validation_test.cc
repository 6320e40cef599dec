#include "lowrank/evaluate/validation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "evaluate/hand_model.h"
#include "lowrank/base/error.h"

namespace lowrank::validation_test {
namespace {

Pairs two_pairs() {
  Pairs pairs;
  pairs.users = {0, 1};
  pairs.items = {0, 0};
  pairs.values = {3, 4};
  return pairs;
}

TEST(ValidateOn, MeasuresTheMetricAskedFor) {
  const Pairs pairs = two_pairs();
  // Errors -.5 and -2.
  const Validation rmse = validate_on(pairs, "rmse");
  EXPECT_EQ(rmse.name, "rmse");
  EXPECT_FALSE(rmse.higher_is_better);
  EXPECT_DOUBLE_EQ(rmse.measure(hand_model()), std::sqrt(4.25 / 2));
  const Validation mae = validate_on(pairs, "mae", 2);
  EXPECT_EQ(mae.name, "mae");
  EXPECT_FALSE(mae.higher_is_better);
  EXPECT_DOUBLE_EQ(mae.measure(hand_model()), 1.25);
}

TEST(ValidateOn, MeasuresLists) {
  Model model = hand_model();
  // Item 1 is the best for either; user 0 has it from training, so item 0 is first in his list.
  const Pairs pairs = two_pairs();
  RatingsBuilder builder;
  builder.add(0, 1, 1);
  const History seen(builder.build(3, 3));
  const Validation mrr = validate_on(pairs, "mrr@2", 1, {.items = &seen});
  EXPECT_EQ(mrr.name, "mrr@2");
  EXPECT_TRUE(mrr.higher_is_better);
  EXPECT_DOUBLE_EQ(mrr.measure(model), (1 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(validate_on(pairs, "recall@1", 1, {.items = &seen}).measure(model), 0.5);
  EXPECT_DOUBLE_EQ(validate_on(pairs, "recall@1").measure(model), 0) << "nobody has seen anything";

  // Held out from what was seen, the pairs count as unseen again.
  builder.add(0, 0, 1);
  builder.add(0, 1, 1);
  builder.add(1, 0, 1);
  const History all(builder.build(3, 3));
  EXPECT_DOUBLE_EQ(validate_on(pairs, "mrr@2", 1, {.items = &all, .includes_pairs = true}).measure(model), (1 + 0.5) / 2);
  EXPECT_THROW(validate_on(pairs, "mrr@2", 1, {.items = &all}).measure(model), DataError) << "nothing is relevant";
}

TEST(ValidateOn, NamesTheMetricsThereAre) {
  const Pairs pairs = two_pairs();
  for (const std::string name : {"", "RMSE", "rmse@10", "accuracy", "coverage@10", "@10"}) {
    try {
      validate_on(pairs, name);
      ADD_FAILURE() << name;
    } catch (const OptionError& error) {
      EXPECT_EQ(error.option(), "monitor");
      EXPECT_EQ(error.what(), "monitor: unknown metric \"" + name +
                                  "\", expected one of rmse, mae, recall@K, precision@K, ndcg@K, map@K, mrr@K, hit_rate@K");
    }
  }
}

TEST(ValidateOn, ListsHaveALength) {
  const Pairs pairs = two_pairs();
  for (const std::string name : {"ndcg", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@ten", "ndcg@10@10", "ndcg@99999999999999999999"}) {
    EXPECT_THROW(validate_on(pairs, name), OptionError) << name;
  }
  EXPECT_EQ(parse_monitor("hit_rate@7").metric, "hit_rate");
  EXPECT_EQ(parse_monitor("hit_rate@7").top, 7U);
  EXPECT_EQ(parse_monitor("mae").top, 0U);
}

TEST(ValidateOn, NeedsPairsOnceItMeasures) {
  const Pairs none;
  const Validation validation = validate_on(none, "rmse");
  EXPECT_THROW(validation.measure(hand_model()), DataError);
}

}  // namespace
}  // namespace lowrank::validation_test
