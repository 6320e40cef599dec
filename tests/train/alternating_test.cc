#include "train/alternating.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace lowrank::alternating_test {
namespace {

TEST(Alternating, OneNumberThatIsNotFiniteIsSeenAnywhere) {
  Workers workers(2);
  for (const std::size_t size : {1U, 15U, 16U, 17U, 50U, 65'536U + 19U}) {
    std::vector<float> numbers(size, std::numeric_limits<float>::max());
    EXPECT_TRUE(all_finite(numbers, workers)) << size;
    for (std::size_t at = 0; at < size; at += size < 100 ? 1 : 13'111) {
      for (const float bad :
           {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        numbers[at] = bad;
        EXPECT_FALSE(all_finite(numbers, workers)) << at << " of " << size;
      }
      numbers[at] = -1;
    }
  }
  EXPECT_TRUE(all_finite(std::vector<float>{}, workers));
}

}  // namespace
}  // namespace lowrank::alternating_test
