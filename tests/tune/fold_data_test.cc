// The parts of folds of ratings that have contexts.

#include "tune/fold_data.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowrank::fold_data_test {
namespace {

std::string levels_of(const Situations& situations, std::uint32_t number) {
  std::string text;
  for (std::size_t column = 0; column < situations.columns.size(); ++column) {
    const std::uint16_t level = situations.levels(number)[column];
    text += text.empty() ? "" : " ";
    text += level == Situations::kMissing ? "-" : std::string(situations.columns[column].levels.id(level));
  }
  return text;
}

TEST(FoldData, TrainsOnTheLevelsOfItsOwnRatings) {
  RatingLines lines;
  lines.situations.columns = {{"mood", Period::none, {}}, {"hour", Period::hour, {}}};
  for (const char* level : {"good", "bad"}) lines.situations.columns[0].levels.add(level);
  for (const char* level : {"07", "12"}) lines.situations.columns[1].levels.add(level);
  using Levels = std::vector<std::uint16_t>;
  const auto add = [&](const char* user, const char* item, float value, const Levels& levels) {
    lines.user.push_back(lines.users.add(user));
    lines.item.push_back(lines.items.add(item));
    lines.value.push_back(value);
    lines.situation.push_back(lines.situations.number(levels));
  };
  add("u", "i", 1, {0, 0});
  add("u", "i", 2, {1, 1});
  add("v", "i", 3, {1, 0});
  add("u", "i", 4, {1, 1});
  Folds folds;
  folds.count = 2;
  folds.windows = {1, 2, 2, 2};
  const FoldData data = fold_data(lines, folds, 1, Duplicates::last, 1);
  // Two ratings of one pair in one situation are one.
  ASSERT_EQ(data.train.ratings.size(), 2U);
  EXPECT_EQ(data.train.duplicates, 1U);
  EXPECT_EQ(data.train.ratings.value(0), 4);
  EXPECT_EQ(levels_of(data.train.situations, data.train.ratings.situation(0)), "bad 12");
  EXPECT_EQ(levels_of(data.train.situations, data.train.ratings.situation(1)), "bad 07");
  EXPECT_EQ(data.train.situations.columns[0].levels.size(), 1U);
  // Hours by the clock, although 12 is met first.
  EXPECT_EQ(data.train.situations.columns[1].levels.id(0), "07");
  ASSERT_EQ(data.test.size(), 1U);
  // No training rating was given in a good mood.
  EXPECT_EQ(levels_of(data.test.situations, data.test.situation[0]), "- 07");
}

}  // namespace
}  // namespace lowrank::fold_data_test
