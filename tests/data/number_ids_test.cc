#include "data/number_ids.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "lowrank/base/error.h"

namespace lowrank::number_ids_test {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

/// The slow way.
template <class Integer>
void expect_numbered(const std::vector<Integer>& ids) {
  const NumberedIds result = number_ids(std::span(ids));
  std::unordered_map<std::int64_t, std::uint32_t> numbers;
  std::vector<std::int64_t> distinct;
  ASSERT_EQ(result.numbers.size(), ids.size());
  for (std::size_t at = 0; at < ids.size(); ++at) {
    const auto [entry, is_new] = numbers.try_emplace(ids[at], static_cast<std::uint32_t>(distinct.size()));
    if (is_new) distinct.push_back(ids[at]);
    ASSERT_EQ(result.numbers[at], entry->second);
  }
  EXPECT_EQ(result.ids, distinct);
}

TEST(NumberIds, InOrderOfFirstAppearance) {
  expect_numbered<std::int64_t>({});
  expect_numbered<std::int64_t>({0});
  expect_numbered<std::int64_t>({7, 3, 7, -3, 3, 0});
  expect_numbered<std::int64_t>({kMost, kLeast, 0, -1, kLeast, kMost});
  expect_numbered<std::int32_t>({std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min(), 5, 5});
  for (const std::uint64_t span : {std::uint64_t{5}, std::uint64_t{3000}, std::uint64_t{1} << 40U, ~std::uint64_t{0}}) {
    RandomStream random(1, Purpose::split, span);
    std::vector<std::int64_t> ids(50000);
    std::vector<std::int32_t> narrow(ids.size());
    for (std::size_t at = 0; at < ids.size(); ++at) {
      ids[at] = static_cast<std::int64_t>(random.below(span) - span / 2);
      narrow[at] = static_cast<std::int32_t>(ids[at]);
    }
    expect_numbered(ids);
    expect_numbered(narrow);
  }
}

// Every distance, powers of two above all: a table that looks at some bits only would search half of it for every id.
TEST(NumberIds, NoDistanceIsSlow) {
  constexpr std::int64_t kIds = 50000;
  for (unsigned shift = 0; shift < 48; ++shift) {
    std::vector<std::int64_t> ids;
    for (std::int64_t n = 0; n < kIds; ++n) ids.push_back(static_cast<std::int64_t>(static_cast<std::uint64_t>(n) << shift));
    ids.insert(ids.end(), ids.begin(), ids.end());
    const NumberedIds numbered = number_ids(ids);
    ASSERT_EQ(numbered.ids.size(), kIds);
    ASSERT_EQ(numbered.numbers[ids.size() - 1], kIds - 1);
  }
}

// Another thread writes ids of every size into the array meanwhile: an error or a result, but no access beyond a table.
#if !defined(__SANITIZE_THREAD__)
TEST(NumberIds, OfAnArrayThatChanges) {
  std::vector<std::int64_t> ids(1U << 16U, 1);
  std::atomic<bool> ends{false};
  std::thread writer([&] {
    for (std::uint64_t n = 0; !ends; ++n) {
      volatile std::int64_t& id = ids[n * 7919 % ids.size()];
      id = n % 3 == 0 ? kLeast : static_cast<std::int64_t>(n << 20U);
      id = 1;
    }
  });
  for (int time = 0; time < 200; ++time) {
    try {
      const NumberedIds numbered = number_ids(ids);
      for (const std::uint32_t number : numbered.numbers) ASSERT_LT(number, numbered.ids.size());
    } catch (const DataError& error) {
      EXPECT_STREQ(error.what(), "the ids changed while they were read");
    }
  }
  ends = true;
  writer.join();
}
#endif

TEST(NumberIds, VocabulariesAndBack) {
  const std::vector<std::int64_t> ids = {12, 0, -7, kMost, kLeast, 1000000};
  const Vocabulary vocabulary = vocabulary_of(ids);
  ASSERT_EQ(vocabulary.size(), ids.size());
  for (std::uint32_t number = 0; number < ids.size(); ++number) EXPECT_EQ(vocabulary.id(number), std::to_string(ids[number]));
  EXPECT_EQ(integers_of(vocabulary), ids);
  EXPECT_EQ(integers_of(Vocabulary()), std::vector<std::int64_t>());
  EXPECT_THROW(vocabulary_of(std::vector<std::int64_t>{1, 2, 1}), DataError);
}

TEST(NumberIds, OnlyShortestDecimalsAreIntegers) {
  for (const char* text :
       {"007", "-0", "+7", "seven", "7.0", " 7", "7 ", "-", "9223372036854775808", "-9223372036854775809", "0x7", "00", "1e3"}) {
    Vocabulary vocabulary;
    vocabulary.add("7");
    vocabulary.add(text);
    EXPECT_FALSE(integers_of(vocabulary).has_value()) << text;
  }
}

}  // namespace
}  // namespace lowrank::number_ids_test
