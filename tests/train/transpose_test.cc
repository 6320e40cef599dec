#include "train/transpose.h"

#include <gtest/gtest.h>

#include <map>

#include "train/fixtures.h"

namespace lowrank::transpose_test {
namespace {

TEST(Transpose, HasEveryCellOnceByItemAndUser) {
  for (const bool coded : {true, false}) {
    std::vector<Triple> triples = synthetic(300, 90, 4000, 7);
    for (std::size_t n = 0; n < triples.size() && !coded; ++n) triples[n].value += static_cast<float>(n) / 7;
    // Two users and an item without a rating, at the ends.
    const Ratings ratings = make_ratings(triples, 302, 91);
    ASSERT_EQ(ratings.coded(), coded);
    std::map<std::pair<std::uint32_t, std::uint32_t>, float> cells;
    for (const Triple& triple : triples) cells[{triple.item, triple.user}] = triple.value;
    for (const int threads : {1, 3, 40}) {
      Workers workers(threads);
      const ByItem by_item = transpose(ratings, workers);
      ASSERT_EQ(by_item.offsets.size(), 92U);
      ASSERT_EQ(by_item.offsets.back(), cells.size());
      std::size_t position = 0;
      auto cell = cells.begin();
      for (std::uint32_t item = 0; item < 91; ++item) {
        for (const std::uint32_t user : by_item.users_of(item)) {
          ASSERT_EQ(cell->first, std::pair(item, user)) << position;
          ASSERT_EQ(cell->second, by_item.value(position));
          ++position;
          ++cell;
        }
      }
      EXPECT_EQ(position, cells.size());
    }
  }
}

TEST(Transpose, OfNothingIsEmpty) {
  Workers workers(2);
  const ByItem by_item = transpose(make_ratings({}, 3, 2), workers);
  EXPECT_EQ(by_item.offsets, (std::vector<std::size_t>{0, 0, 0}));
  EXPECT_TRUE(by_item.users.empty());
}

}  // namespace
}  // namespace lowrank::transpose_test
