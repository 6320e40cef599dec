#include "lowrank/train/popular.h"

#include <gtest/gtest.h>

#include "fixtures.h"
#include "lowrank/recommend/fold_in.h"
#include "lowrank/recommend/recommend.h"

namespace lowrank::popular_test {
namespace {

std::vector<Triple> some() { return {{0, 1, 5}, {0, 2, -1}, {1, 1, 0}, {2, 1, 3}, {2, 3, 1}, {1, 3, 4}}; }

TEST(Popular, ScoresAreNumbersOfRatingsForEverybody) {
  const Trained trained = train_quietly(make_ratings(some(), 4, 5), Popular{});
  const Model& model = trained.model;
  EXPECT_EQ(model.rank(), 0U);
  EXPECT_FALSE(model.centre.predicts_ratings);
  EXPECT_FALSE(trained.train_rmse.has_value());
  EXPECT_FALSE(trained.train_loss.has_value());
  EXPECT_EQ(trained.epochs, 1U);
  constexpr double kCounts[] = {0, 2, 0, 2, 0, 0};  // ratings of 0 and below are not counted
  // User 3 has no rating, user 4 and item 5 are not there at all.
  for (std::uint32_t user = 0; user < 5; ++user) {
    for (std::uint32_t item = 0; item < 6; ++item) {
      EXPECT_EQ(score(model, user, item), kCounts[item]) << user << ' ' << item;
      EXPECT_EQ(predict(model, user, item), kCounts[item]);
    }
  }
}

TEST(Popular, ListsAreTheSameForKnownAndUnknownUsersAndFoldedInOnes) {
  Ratings ratings = make_ratings(synthetic(60, 40, 700, 3), 61, 40);
  const Model model = train_quietly(std::move(ratings), Popular{}).model;
  std::vector<std::vector<std::uint32_t>> lists;
  const std::uint32_t users[] = {0, 1, 60};
  recommend(model, users, {.top = 40}, [&](std::size_t, std::span<const Scored> items) {
    lists.emplace_back();
    for (const Scored& item : items) lists.back().push_back(item.index);
  });
  ASSERT_EQ(lists.size(), 3U);
  EXPECT_EQ(lists[0], lists[1]);
  EXPECT_EQ(lists[0], lists[2]);
  const std::uint32_t item = 3;
  const float value = 5;
  const FoldedRow folded = fold_in_user(model, {&item, 1}, {&value, 1});
  EXPECT_TRUE(folded.factors.empty());
  EXPECT_EQ(folded.bias, 0.0F);
}

TEST(Popular, SameBytesForAnyNumberOfThreads) {
  const auto ratings = [] { return make_ratings(synthetic(60, 40, 700, 3), 60, 40); };
  const std::string expected = bytes_of(train_quietly(ratings(), Popular{}, 1).model, ratings());
  EXPECT_EQ(bytes_of(train_quietly(ratings(), Popular{}, 8).model, ratings()), expected);
}

}  // namespace
}  // namespace lowrank::popular_test
