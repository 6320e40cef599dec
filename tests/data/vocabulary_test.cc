#include "lowrank/data/vocabulary.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "lowrank/base/error.h"

namespace lowrank::vocabulary_test {
namespace {

TEST(Vocabulary, NumbersInOrderOfFirstAppearance) {
  Vocabulary ids;
  EXPECT_TRUE(ids.empty());
  EXPECT_EQ(ids.find("7"), Vocabulary::kUnknown);
  EXPECT_EQ(ids.add("7"), 0U);
  EXPECT_EQ(ids.add("007"), 1U);
  EXPECT_EQ(ids.add("7"), 0U);
  EXPECT_EQ(ids.add("Zoë"), 2U);
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_EQ(ids.id(0), "7");
  EXPECT_EQ(ids.id(1), "007");
  EXPECT_EQ(ids.id(2), "Zoë");
  EXPECT_EQ(ids.find("07"), Vocabulary::kUnknown);
  EXPECT_EQ(ids.characters(), "7007Zoë");
  EXPECT_EQ(ids.offsets().size(), 4U);
}

TEST(Vocabulary, AgreesWithAMapOverManyIdsOfAllLengths) {
  RandomStream random(1, Purpose::split);
  Vocabulary ids;
  std::map<std::string, std::uint32_t> expected;
  for (int step = 0; step < 60000; ++step) {
    std::string id;
    const std::size_t length = 1 + random.below(random.below(10) == 0 ? 40 : 5);
    for (std::size_t at = 0; at < length; ++at) id += static_cast<char>('a' + random.below(4));
    const auto [place, added] = expected.try_emplace(id, static_cast<std::uint32_t>(expected.size()));
    if (step % 3 == 0 && added) {
      ASSERT_EQ(ids.find(id), Vocabulary::kUnknown);
    }
    ASSERT_EQ(ids.add(id), place->second);
    ASSERT_EQ(ids.find(id, Vocabulary::hash(id)), place->second);
  }
  ids.shrink_to_fit();
  ASSERT_EQ(ids.size(), expected.size());
  for (const auto& [id, number] : expected) {
    ASSERT_EQ(ids.id(number), id);
    ASSERT_EQ(ids.find(id), number);
  }
  ids.clear();
  EXPECT_EQ(ids.size(), 0U);
  EXPECT_EQ(ids.find("a"), Vocabulary::kUnknown);
  EXPECT_EQ(ids.add("a"), 0U);
}

TEST(Vocabulary, IsMadeFromAListOfDistinctValidIds) {
  const std::vector<std::string_view> list = {"b", "a", "c"};
  const Vocabulary ids{std::span(list)};
  EXPECT_EQ(ids.find("a"), 1U);
  Vocabulary same;
  for (const std::string_view id : list) same.add(id);
  EXPECT_EQ(ids, same);
  same.add("d");
  EXPECT_FALSE(ids == same);
  const std::vector<std::string_view> twice = {"b", "a", "b"};
  EXPECT_THROW(Vocabulary{std::span(twice)}, DataError);
  const std::vector<std::string_view> empty = {"b", ""};
  EXPECT_THROW(Vocabulary{std::span(empty)}, DataError);
  EXPECT_TRUE(Vocabulary{std::span<const std::string_view>()}.empty());
}

// The keys that the hash had once, fixed. An id that starts with the second one was 0 times anything: all these ids had one hash.
TEST(Vocabulary, IdsMadeToCollideDoNot) {
  constexpr std::uint64_t kOldKey = 0xe7037ed1a0b428dbULL;
  std::string id(16, '\0');
  std::memcpy(id.data(), &kOldKey, 8);
  Vocabulary vocabulary;
  std::set<std::uint64_t> hashes;
  constexpr std::uint32_t kIds = 200000;
  for (std::uint32_t n = 0; n < kIds; ++n) {
    std::memcpy(id.data() + 8, &n, sizeof n);
    hashes.insert(Vocabulary::hash(id));
    ASSERT_EQ(vocabulary.add(id), n);
  }
  EXPECT_EQ(hashes.size(), kIds);
}

TEST(IdProblem, NamesWhatCannotBeAnId) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(id_problem("a b"));
  EXPECT_FALSE(id_problem("\xF0\x9F\x8E\xAC \xEF\xBF\xBD \xED\x9F\xBF"));
  EXPECT_EQ(id_problem(""), "an empty id");
  for (const std::string_view id : {"a\x01"sv, "\x7F"sv, "a\tb"sv, "a\0b"sv, "x\r"sv})
    EXPECT_EQ(id_problem(id), "a control character in an id");
  const std::string_view wrong[] = {
      "\x80",
      "a\xC3",
      "\xC0\xAF",
      "\xC1\xBF",
      "\xE0\x9F\xBF",
      "\xED\xA0\x80",
      "\xF0\x8F\xBF\xBF",
      "\xF4\x90\x80\x80",
      "\xF5\x80\x80\x80",
      "\xE2\x82",
      "abcdefgh\xFFijkl",
      "\xC3\x28",
      "\xE2\x28\xA1",
  };
  for (const std::string_view id : wrong) EXPECT_EQ(id_problem(id), "an id that is not valid UTF-8") << testing::PrintToString(id);
}

}  // namespace
}  // namespace lowrank::vocabulary_test
