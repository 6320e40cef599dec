#include "lowrank/pipeline/baselines.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lowrank/base/error.h"
#include "lowrank/evaluate/rating_metrics.h"

namespace lowrank {
namespace {

Ratings some_ratings() {
  RatingsBuilder builder;
  builder.add(0, 0, 5);
  builder.add(1, 0, 4);
  builder.add(2, 0, 3);
  builder.add(0, 1, 1);
  builder.add(1, 1, 2);
  return builder.build(4, 3);
}

TEST(BaselinesTest, GlobalMeanIsTheSameEverywhere) {
  const Model model = baseline_model(some_ratings(), Baseline::global_mean);
  for (std::uint32_t user = 0; user < 5; ++user) {
    for (std::uint32_t item = 0; item < 4; ++item) EXPECT_DOUBLE_EQ(predict(model, user, item), 3.0);
  }
}

TEST(BaselinesTest, ItemMeanIsThatOfTheItem) {
  const Model model = baseline_model(some_ratings(), Baseline::item_mean);
  for (std::uint32_t user = 0; user < 5; ++user) {
    EXPECT_NEAR(predict(model, user, 0), 4.0, 1e-6);
    EXPECT_NEAR(predict(model, user, 1), 1.5, 1e-6);
    EXPECT_NEAR(predict(model, user, 2), 3.0, 1e-6);
  }
  // Deviations 1, 0, -1 and -0.5, 0.5.
  EXPECT_NEAR(score_ratings(model, some_ratings()).rmse, std::sqrt(2.5 / 5), 1e-6);
}

TEST(BaselinesTest, NeedRatings) {
  const Ratings none = RatingsBuilder().build(2, 2);
  EXPECT_THROW(baseline_model(none, Baseline::global_mean), DataError);
}

}  // namespace
}  // namespace lowrank
