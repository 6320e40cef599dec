#include "lowrank/model/history.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lowrank/base/error.h"
#include "model/models.h"

namespace lowrank::history_test {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Offsets = std::vector<std::uint64_t>;

void expect_items_of(const Ratings& ratings) {
  const History seen(ratings);
  ASSERT_EQ(seen.user_count(), ratings.user_count());
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    const auto items = ratings.items_of(user);
    EXPECT_EQ(seen.items_of(user), std::vector<std::uint32_t>(items.begin(), items.end())) << user;
  }
  const History again(Bytes(seen.bytes().begin(), seen.bytes().end()), Offsets(seen.offsets().begin(), seen.offsets().end()),
                      ratings.item_count());
  EXPECT_EQ(again, seen);
}

TEST(History, HoldsTheItemsOfEveryUser) {
  for (const double density : {0.0, 0.01, 0.5, 1.0}) expect_items_of(testing_models::random_ratings(40, 300, density, 7));
}

TEST(History, KeepsTheValues) {
  RatingsBuilder many;
  for (std::uint32_t item = 0; item < 600; ++item) many.add(item % 3, item, 0.125F * static_cast<float>(item));
  for (const Ratings& ratings : {testing_models::random_ratings(40, 300, 0.2, 7), many.build(4, 600)}) {
    EXPECT_FALSE(History(ratings).has_values());
    const History history(ratings, HistoryValues::kept);
    ASSERT_TRUE(history.has_values());
    for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
      const std::vector<float> values = history.values_of(user);
      ASSERT_EQ(values.size(), ratings.items_of(user).size());
      for (std::size_t n = 0; n < values.size(); ++n) EXPECT_EQ(values[n], ratings.value(ratings.row_offsets()[user] + n));
    }
    EXPECT_TRUE(history.values_of(ratings.user_count()).empty());
  }
}

TEST(History, RefusesValuesThatDoNotFit) {
  const auto refusal = [](Bytes codes, std::vector<float> values) {
    try {
      const History history({0, 1, 0}, {0, 2, 3}, 5, std::move(codes), std::move(values));
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("made");
  };
  EXPECT_EQ(refusal({0, 1, 1}, {2, 3}), "made");
  EXPECT_EQ(refusal({}, {2, 3, 4}), "made");
  EXPECT_EQ(refusal({0, 1}, {2, 3}), "seen items: items and values differ in number");
  EXPECT_EQ(refusal({}, {2, 3}), "seen items: items and values differ in number");
  EXPECT_EQ(refusal({0, 1, 2}, {2, 3}), "seen items: a value is not in the table");
  EXPECT_EQ(refusal({0, 1, 1}, {2, std::numeric_limits<float>::infinity()}), "seen items: a value is not finite");
}

TEST(History, HoldsItemsAtTheEdgesOfTheCode) {
  RatingsBuilder builder;
  std::uint32_t user = 0;
  for (const std::uint32_t gap : {1U, 127U, 128U, 129U, 16383U, 16384U, 2097151U, 2097152U, 268435455U, 268435456U, 4294967290U}) {
    builder.add(user, gap, 1);
    builder.add(user, gap + 1, 1);
    builder.add(user, 0, 1);
    ++user;
  }
  expect_items_of(builder.build(user, 4294967294U));
}

TEST(History, IsSmallAtTheShapeOfMovieLens1M) {
  // 6040 users, 3706 items, 1,000,209 ratings; items by a Zipf-like law.
  RandomStream random(3, Purpose::split);
  RatingsBuilder builder;
  for (std::uint32_t i = 0; i < 1000209; ++i) {
    const auto item = static_cast<std::uint32_t>(3706.0 * std::pow(random.uniform(), 2.0));
    builder.add(static_cast<std::uint32_t>(random.below(6040)), item, 1);
  }
  const Ratings ratings = builder.build(6040, 3706);
  const History seen(ratings);
  EXPECT_LE(seen.bytes().size() + seen.offsets().size_bytes(), 3 * ratings.size() + 8 * 6040U);
}

TEST(History, AppendsAndKnowsNobodyBeyond) {
  RatingsBuilder builder;
  builder.add(0, 2, 1);
  const History seen(builder.build(1, 3));
  std::vector<std::uint32_t> items{9};
  seen.append_items_of(0, items);
  seen.append_items_of(1, items);
  EXPECT_EQ(items, (std::vector<std::uint32_t>{9, 2}));
  EXPECT_EQ(History().user_count(), 0U);
  EXPECT_TRUE(History().items_of(0).empty());
}

std::string refusal(const Bytes& bytes, const Offsets& offsets, std::uint32_t item_count) {
  try {
    const History seen(bytes, offsets, item_count);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(History, RefusesUnsoundBytes) {
  EXPECT_EQ(refusal({0, 0}, {0, 2}, 2), "accepted");
  EXPECT_EQ(refusal({0, 0}, {0, 2}, 1), "seen items: an item is out of range");
  EXPECT_EQ(refusal({0, 1}, {0, 2}, 2), "seen items: an item is out of range");
  EXPECT_EQ(refusal({}, {0}, 0), "accepted");
  EXPECT_EQ(refusal({}, {}, 5), "accepted");
  EXPECT_EQ(refusal({1}, {}, 5), "seen items: the offsets do not span the bytes");
  EXPECT_EQ(refusal({1}, {0}, 5), "seen items: the offsets do not span the bytes");
  EXPECT_EQ(refusal({1}, {1, 1}, 5), "seen items: the offsets do not span the bytes");
  EXPECT_EQ(refusal({1}, {0, 2}, 5), "seen items: the offsets do not span the bytes");
  EXPECT_EQ(refusal({1, 1}, {0, 2, 1, 2}, 9), "seen items: the offsets do not ascend");
  EXPECT_EQ(refusal({1, 1}, {0, ~0ULL, 2}, 9), "seen items: the offsets do not ascend");
  EXPECT_EQ(refusal({0x80}, {0, 1}, 9), "seen items: a row ends within a number");
  EXPECT_EQ(refusal({0x80, 0x01}, {0, 1, 2}, 999), "seen items: a row ends within a number");
  EXPECT_EQ(refusal({0x81, 0x00}, {0, 2}, 9), "seen items: a number is longer than it needs to be");
  EXPECT_EQ(refusal({0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, {0, 6}, 9), "seen items: a number is too long");
  // 2^35 - 1 fits five bytes of code, but no 32-bit number: it must not wrap around into the range.
  EXPECT_EQ(refusal({0xFF, 0xFF, 0xFF, 0xFF, 0x7F}, {0, 5}, 4294967294U), "seen items: an item is out of range");
  EXPECT_EQ(refusal({0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00}, {0, 6}, 4294967294U), "seen items: an item is out of range");
}

TEST(History, HasAnItemOnceWhateverItsSituations) {
  RatingsBuilder builder;
  builder.add_in_situation(0, 2, 4, 0);
  builder.add_in_situation(0, 2, 1, 1);
  builder.add_in_situation(0, 5, 3, 1);
  builder.add_in_situation(1, 0, 2, 0);
  const History history(builder.build(2, 6), HistoryValues::kept);
  EXPECT_EQ(history.items_of(0), (std::vector<std::uint32_t>{2, 5}));
  EXPECT_EQ(history.values_of(0), (std::vector<float>{2.5F, 3}));
  EXPECT_EQ(history.items_of(1), (std::vector<std::uint32_t>{0}));
}

}  // namespace
}  // namespace lowrank::history_test
