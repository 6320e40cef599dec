// The readers against a naive one that is written for the test alone: one line, one split, one strtof, maps and vectors.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "data/read_tuned.h"
#include "data/scratch_file.h"
#include "lowrank/data/read.h"

namespace lowrank::read_differential_test {
namespace {

struct Line {
  std::string user;
  std::string item;
  std::string value;
};

/// A random file and what stands in it.
struct Made {
  std::string text;
  std::vector<Line> lines;
};

std::string pick(RandomStream& random, std::initializer_list<const char*> choices) { return choices.begin()[random.below(choices.size())]; }

std::string random_id(RandomStream& random, int kind) {
  const std::uint64_t number = random.below(1U << (1 + random.below(12)));
  switch (kind) {
    case 0:
      return std::to_string(number);
    case 1:
      return "user_" + std::to_string(number * 7919 % 4096);
    case 2:
      return std::to_string(number * 10000019);
    default:
      return pick(random, {"0", "00", "007", "7", "4194303", "4194304", "12345678", "-1", "x", "é日", "a:b", "#", "A", "a", "1.0",
                           "a rather long id of some length"}) +
             (random.below(3) == 0 ? std::to_string(number) : "");
  }
}

std::string quote(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

Made make_file(std::uint64_t seed) {
  RandomStream random(seed, Purpose::split);
  const std::string separators[] = {",", "\t", "::", ";", " "};
  const std::string& separator = separators[random.below(5)];
  const bool quotes = separator == "," || separator == ";";
  const bool blanks = separator == " ";
  const std::string end = random.below(3) == 0 ? "\r\n" : "\n";
  const int kind_of_users = static_cast<int>(random.below(blanks ? 3 : 4));
  const int kind_of_items = static_cast<int>(random.below(blanks ? 3 : 4));
  const bool many_values = random.below(4) == 0;
  const bool further = random.below(3) == 0;
  const std::size_t count = 1 + random.below(seed % 10 == 0 ? 20000 : 300);
  Made made;
  if (random.below(4) == 0) made.text += "\xEF\xBB\xBF";
  if (random.below(3) == 0 && separator != "::") made.text += "user" + separator + "item" + separator + "rating" + end;
  for (std::size_t at = 0; at < count; ++at) {
    Line line{random_id(random, kind_of_users), random_id(random, kind_of_items), ""};
    line.value = many_values ? std::to_string(random.normal())
                             : pick(random, {"1", "2", "3.5", "4.0", "5", "0", "-0", "1e1", "-2.25", "10.000000", "+3"});
    const auto field = [&](const std::string& text, bool may_hold_separator) {
      std::string content = text;
      if (quotes && may_hold_separator && random.below(20) == 0) return quote(content);
      if (!blanks && separator != "\t" && random.below(30) == 0) return " " + content + "  ";
      return content;
    };
    if (quotes && random.below(25) == 0) {
      line.user += separator + " \"x\"";
      made.text += quote(line.user);
    } else {
      made.text += field(line.user, true);
    }
    made.text += separator + field(line.item, true) + separator + field(line.value, true);
    if (further || (random.below(10) == 0)) made.text += separator + std::to_string(random.below(1000000000)) + separator + "text";
    if (at + 1 < count || random.below(2) == 0) made.text += end;
    if (random.below(40) == 0 && at + 1 < count) made.text += pick(random, {"", " ", "\t", "   "}) + end;
    made.lines.push_back(line);
  }
  return made;
}

struct Expected {
  std::vector<std::string> users;
  std::vector<std::string> items;
  std::map<std::pair<std::uint32_t, std::uint32_t>, float> cells;
};

std::uint32_t number_of(std::vector<std::string>& ids, std::map<std::string, std::uint32_t>& numbers, const std::string& id) {
  const auto [place, added] = numbers.try_emplace(id, static_cast<std::uint32_t>(ids.size()));
  if (added) ids.push_back(id);
  return place->second;
}

Expected expect(const Made& made) {
  Expected expected;
  std::map<std::string, std::uint32_t> users;
  std::map<std::string, std::uint32_t> items;
  for (const Line& line : made.lines) {
    const std::uint32_t user = number_of(expected.users, users, line.user);
    const std::uint32_t item = number_of(expected.items, items, line.item);
    expected.cells[{user, item}] = std::strtof(line.value.c_str(), nullptr);
  }
  return expected;
}

void expect_same(const Vocabulary& ids, const std::vector<std::string>& expected) {
  ASSERT_EQ(ids.size(), expected.size());
  for (std::uint32_t index = 0; index < ids.size(); ++index) ASSERT_EQ(ids.id(index), expected[index]);
}

class DifferentialTest : public testing::TestWithParam<int> {};

TEST_P(DifferentialTest, ReadsRandomFilesAsTheNaiveReaderDoes) {
  for (std::uint64_t part = 0; part < 12; ++part) {
    const std::uint64_t seed = static_cast<std::uint64_t>(GetParam()) * 12 + part;
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Made made = make_file(seed);
    const Expected expected = expect(made);
    const ScratchFile file(made.text);
    RandomStream random(seed, Purpose::holdout);
    for (const int threads : {1, 2, 3, 8}) {
      ReadTuning tuning;
      const std::size_t sizes[] = {1 + random.below(40), 50 + random.below(1000), std::size_t{1} << 18U};
      tuning.chunk_bytes = made.text.size() > 20000 && threads == 1 ? sizes[2] : sizes[random.below(made.text.size() > 20000 ? 2 : 3)];
      if (made.text.size() > 20000) tuning.chunk_bytes = std::max<std::size_t>(tuning.chunk_bytes, 200);
      tuning.chunks_per_thread = 1 + random.below(9);
      ReadOptions options;
      options.threads = threads;
      const Dataset dataset = read_ratings_tuned(file.path(), options, tuning);
      expect_same(dataset.users, expected.users);
      expect_same(dataset.items, expected.items);
      ASSERT_EQ(dataset.ratings.size(), expected.cells.size());
      ASSERT_EQ(dataset.duplicates, made.lines.size() - expected.cells.size());
      auto cell = expected.cells.begin();
      for (std::uint32_t user = 0; user < dataset.ratings.user_count(); ++user) {
        for (std::size_t at = dataset.ratings.row_offsets()[user]; at < dataset.ratings.row_offsets()[user + 1]; ++at, ++cell) {
          ASSERT_EQ(std::pair(user, dataset.ratings.items()[at]), cell->first);
          ASSERT_EQ(dataset.ratings.value(at), cell->second);
        }
      }
      const Pairs pairs = read_pairs_tuned(file.path(), {}, {}, options, tuning);
      expect_same(pairs.unknown_users, expected.users);
      ASSERT_EQ(pairs.size(), made.lines.size());
      std::size_t line = 0;
      for_each_line(file.path(), options, tuning, [&](const RatingLine& rating, std::size_t) {
        ASSERT_EQ(rating.user, made.lines[line].user);
        ASSERT_EQ(rating.item, made.lines[line].item);
        ASSERT_EQ(rating.value, std::strtof(made.lines[line].value.c_str(), nullptr));
        ASSERT_EQ(pairs.unknown_users.id(pairs.users[line]), rating.user);
        ASSERT_EQ(pairs.unknown_items.id(pairs.items[line]), rating.item);
        ASSERT_EQ(pairs.values[line], rating.value);
        ++line;
      });
      ASSERT_EQ(line, made.lines.size());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, DifferentialTest, testing::Range(0, 20));

}  // namespace
}  // namespace lowrank::read_differential_test
