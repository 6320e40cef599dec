#include "model/count_weight.h"

#include <gtest/gtest.h>

namespace lowrank::count_weight_test {
namespace {

const std::vector<std::uint32_t> kCounts{1, 0, 4, 4, 9};

TEST(CountWeight, OfExponentZeroIsOneForEveryRow) {
  const CountWeight weight(0, kCounts, CountWeight::Mean::over_rows);
  EXPECT_EQ(weight.of(kCounts), std::vector<double>(5, 1));
  EXPECT_EQ(weight.sum(kCounts), 5);
}

TEST(CountWeight, HasAMeanOfOneOverRowsWithRatings) {
  // 1, 2, 2 and 3, whose mean is 2.
  const CountWeight weight(0.5, kCounts, CountWeight::Mean::over_rows);
  EXPECT_EQ(weight.of(kCounts), (std::vector<double>{0.5, 0, 1, 1, 1.5}));
  EXPECT_EQ(weight.sum(kCounts), 4);
  // Of a row that was not counted.
  EXPECT_EQ(weight(16), 2);
}

TEST(CountWeight, HasAMeanOfOneOverRatings) {
  // 1, 1/4, 1/4 and 1/9, of 18 ratings: 4 in all.
  const CountWeight weight(-1, kCounts, CountWeight::Mean::over_ratings);
  EXPECT_DOUBLE_EQ(weight(1), 4.5);
  EXPECT_DOUBLE_EQ(weight(9), 0.5);
  EXPECT_EQ(weight(0), 0);
}

TEST(CountWeight, OfNoRatingsAtAllIsFinite) {
  const std::vector<std::uint32_t> none{0, 0};
  for (const CountWeight::Mean mean : {CountWeight::Mean::over_rows, CountWeight::Mean::over_ratings}) {
    const CountWeight weight(-1.5, none, mean);
    EXPECT_EQ(weight.sum(none), 0);
    EXPECT_EQ(weight(1), 1);
  }
}

}  // namespace
}  // namespace lowrank::count_weight_test
