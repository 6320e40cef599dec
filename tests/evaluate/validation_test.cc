#include "lowrank/evaluate/validation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "evaluate/hand_model.h"
#include "lowrank/base/error.h"

namespace lowrank {
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

TEST(ValidateOn, NamesTheMetricsThereAre) {
  const Pairs pairs = two_pairs();
  for (const std::string name : {"", "RMSE", "rmse@10", "accuracy"}) {
    try {
      validate_on(pairs, name);
      ADD_FAILURE() << name;
    } catch (const OptionError& error) {
      EXPECT_EQ(error.option(), "monitor");
      EXPECT_EQ(error.what(), "--monitor: there is no metric \"" + name + "\"; there are: rmse, mae");
    }
  }
}

TEST(ValidateOn, NeedsPairsOnceItMeasures) {
  const Pairs none;
  const Validation validation = validate_on(none, "rmse");
  EXPECT_THROW(validation.measure(hand_model()), DataError);
}

}  // namespace
}  // namespace lowrank
