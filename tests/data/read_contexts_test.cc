// Files whose ratings have contexts: columns, periods of times, tensors; and what is refused.

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "data/scratch_file.h"
#include "lowrank/base/error.h"
#include "lowrank/data/lines.h"
#include "lowrank/data/read.h"

namespace lowrank::read_contexts_test {
namespace {

ReadOptions contexts(std::vector<std::string> names, const std::string& columns = "") {
  ReadOptions options;
  options.contexts = std::move(names);
  if (!columns.empty()) options.columns = Columns::parse(columns);
  return options;
}

/// The levels of a situation, `-` for a missing one.
std::string levels_of(const Situations& situations, std::uint32_t number) {
  std::string text;
  for (std::size_t column = 0; column < situations.columns.size(); ++column) {
    const std::uint16_t level = situations.levels(number)[column];
    text += text.empty() ? "" : " ";
    text += level == Situations::kMissing ? "-" : std::string(situations.columns[column].levels.id(level));
  }
  return text;
}

/// What a file is read as: one line per rating, by user and item.
std::vector<std::string> ratings_of(const std::string& text, const ReadOptions& options, const std::string& ending = ".csv") {
  const ScratchFile file(text, ending);
  const Dataset data = read_ratings(file.path(), options);
  std::vector<std::string> lines;
  for (std::uint32_t user = 0; user < data.users.size(); ++user) {
    for (std::size_t at = data.ratings.row_offsets()[user]; at < data.ratings.row_offsets()[user + 1]; ++at) {
      std::string line = std::string(data.users.id(user)) + " " + std::string(data.items.id(data.ratings.items()[at])) + " " +
                         std::to_string(static_cast<int>(data.ratings.value(at)));
      if (data.ratings.has_situations()) line += " " + levels_of(data.situations, data.ratings.situation(at));
      lines.push_back(line);
    }
  }
  return lines;
}

using Lines = std::vector<std::string>;

constexpr const char* kFile =
    "user,item,rating,daytime,Seen With\n"
    "ann,a,5,evening,kids\n"
    "ann,a,3,noon,kids\n"
    "ann,a,4,noon, kids \n"
    "bob,a,1,NA,\n"
    "bob,b,2,\"late, \"\"very\"\"\",?\n"
    "bob,c,2,n/a,Zoë\n";

TEST(ReadContexts, ColumnsAreThoseOfTheHeader) {
  EXPECT_EQ(ratings_of(kFile, contexts({"daytime", "Seen With"})),
            (Lines{"ann a 5 evening kids", "ann a 4 noon kids", "bob a 1 - -", "bob b 2 late, \"very\" -", "bob c 2 - Zoë"}));
  // By the name as a model keeps it, and in another order.
  EXPECT_EQ(ratings_of(kFile, contexts({"seen_with"})), (Lines{"ann a 4 kids", "bob a 1 -", "bob b 2 -", "bob c 2 Zoë"}));
}

TEST(ReadContexts, ColumnsMayBeGivenNames) {
  EXPECT_EQ(ratings_of("1,2,3,9,-1\n1,2,4,8,x\n", contexts({"mood"}, "user=1,item=2,rating=3,mood=5")), (Lines{"1 2 3 -1", "1 2 4 x"}));
  ReadOptions missing = contexts({"mood"}, "user=1,item=2,rating=3,mood=5");
  missing.missing = {"-1", "none"};
  EXPECT_EQ(ratings_of("1,2,3,9,-1\n1,2,4,8,x\n", missing), (Lines{"1 2 3 -", "1 2 4 x"}));
}

TEST(ReadContexts, ATimeInWordsIsAContext) {
  // As DePaulMovie has it: the header calls a column of words a time.
  const std::string text = "userid,itemid,rating,Time\n1,2,3,Weekend\n1,2,4,Weekday\n";
  EXPECT_EQ(ratings_of(text, contexts({"Time"})), (Lines{"1 2 3 Weekend", "1 2 4 Weekday"}));
  ReadOptions timed = contexts({"time"});
  timed.keep_times = true;
  EXPECT_EQ(ratings_of(text, timed), (Lines{"1 2 3 Weekend", "1 2 4 Weekday"}));
}

TEST(ReadContexts, PeriodsComeFromTimes) {
  // 2000-12-31T22:12:40Z, a Sunday, and 2001-01-01T00:00:00Z, a Monday.
  const std::string text = "u,i,1,978307200\nu,i,2,978300760\nu,j,3,\nu,j,4,978307201\n";
  ReadOptions options;
  options.time_contexts = {Period::hour, Period::weekday, Period::season, Period::month};
  options.threads = 1;
  EXPECT_EQ(ratings_of(text, options),
            (Lines{"u i 1 00 monday winter 2001-01", "u i 2 22 sunday winter 2000-12", "u j 4 00 monday winter 2001-01", "u j 3 - - - -"}));
  const ScratchFile file(text);
  const Dataset data = read_ratings(file.path(), options);
  EXPECT_EQ(data.situations.columns[1].period, Period::weekday);
  // The order is that of the calendar, not of the file.
  EXPECT_EQ(data.situations.columns[3].levels.id(0), "2000-12");
  EXPECT_FALSE(data.ratings.has_times());
}

TEST(ReadContexts, TensorsHaveModes) {
  const std::string text = "# a tensor\n1 2 1 7 3.0\n\n#\n1 2 2 7 4\n  1 2 1 7 5\n2 2 1 8 -1\n";
  EXPECT_EQ(ratings_of(text, {}, ".tns"), (Lines{"1 2 5 1 7", "1 2 4 2 7", "2 2 -1 1 8"}));
  ReadOptions stated;
  stated.format = Format::tns;
  EXPECT_EQ(ratings_of("0 0 0 1\n0 0 1 2\n", stated), (Lines{"0 0 1 0", "0 0 2 1"}));
  EXPECT_EQ(ratings_of("0 0 1\n0 1 2\n", {}, ".tns"), (Lines{"0 0 1", "0 1 2"}));
}

TEST(ReadContexts, TensorsThatAreUnsoundAreRefused) {
  const auto problem = [](const std::string& text) {
    const ScratchFile file(text, ".tns");
    return without_context(error_of<DataError>([&] { read_ratings(file.path()); }, file.path()));
  };
  EXPECT_EQ(problem("1 1 1 5\n1 1 5\n"),
            "F:2: too few columns: expected at least 4, found 3; use implicit_values to read a line without a rating as a rating of 1");
  EXPECT_EQ(problem("1 1 1 5\n1 1 1 1 5\n"), "F:2: expected 4 fields as on the first line, found 5");
  EXPECT_EQ(problem("#\n1 5\n"), "F:2: expected 2 to 10 indices and a value, found 2 fields");
  EXPECT_EQ(problem("1 2 3 4 5 6 7 8 9 10 11 12\n"), "F:1: expected 2 to 10 indices and a value, found 12 fields");
  EXPECT_EQ(problem("1 1 x 5\n"), "F:1: expected an index, a whole number, found \"x\"");
  EXPECT_EQ(problem("1 1.5 1 5\n"), "F:1: expected an index, a whole number, found \"1.5\"");
  EXPECT_EQ(problem("1 1 1 abc\n"), "F:1: expected a number, found \"abc\"");
  EXPECT_EQ(problem("# nothing\n"), "F: no ratings");
}

TEST(ReadContexts, TheLayoutNamesThem) {
  std::string said;
  ReadOptions options = contexts({"daytime", "Seen With"});
  options.on_layout = [&](const std::string& text) { said = text; };
  const ScratchFile file(kFile);
  read_ratings(file.path(), options);
  EXPECT_EQ(said.substr(said.find(':')),
            ": 5 columns separated by commas, header; user = user, item = item, rating = rating; contexts daytime, seen_with");
}

std::string problem_of(const std::string& text, const ReadOptions& options) {
  const ScratchFile file(text);
  return without_context(error_of<Error>([&] { read_ratings(file.path(), options); }, file.path()));
}

TEST(ReadContexts, WhatIsRefusedIsNamed) {
  EXPECT_EQ(problem_of(kFile, contexts({"weather"})),
            "contexts: F: there is no column \"weather\"; the columns are \"user\", \"item\", \"rating\", \"daytime\", \"Seen With\"");
  EXPECT_EQ(problem_of("1,2,3,4\n", contexts({"mood"})),
            "contexts: F: there is no header that says which column is \"mood\"; use columns user=1,item=2,rating=3,mood=4");
  EXPECT_EQ(problem_of(kFile, contexts({"daytime", "Daytime"})), "contexts: \"daytime\" is given twice");
  EXPECT_EQ(problem_of(kFile, contexts({"rating"})), "contexts: F: rating cannot be in the column of the rating");
  EXPECT_EQ(problem_of(kFile, contexts({"user"})), "contexts: F: user cannot be in the column of the user");
  EXPECT_EQ(problem_of("1,2,3,4\n", contexts({"a", "b"}, "user=1,item=2,rating=3,a=4,b=4")),
            "contexts: F: a and b cannot be the same column");
  EXPECT_EQ(problem_of("1,2,3,4\n", contexts({}, "user=1,item=2,rating=3,mood=4")),
            "columns: expected user, item, rating, time or weight, or one of contexts, got \"mood\"");
  EXPECT_EQ(problem_of("1,2,3,4\n1,2,3\n", contexts({"mood"}, "user=1,item=2,rating=3,mood=4")),
            "F:2: too few columns: expected at least 4, found 3");
  EXPECT_EQ(problem_of("1,2,3,a\n1,2,3,\"b\n", contexts({"mood"}, "user=1,item=2,rating=3,mood=4")),
            "F:2: a quoted field does not end on its line");
  EXPECT_EQ(problem_of("1,2,3,a\n1,2,3,b\x02\n", contexts({"mood"}, "user=1,item=2,rating=3,mood=4")),
            "F:2: the context mood: a control character in an id: \"b\\x02\"");
  EXPECT_EQ(problem_of(kFile, contexts({"a", "b", "c", "d", "e", "f", "g", "h", "i"})), "contexts: at most 8 are read, got 9");
  EXPECT_EQ(problem_of(kFile, contexts({"época"})),
            "contexts: a name must have 1 to 64 letters (a to z), digits or _, got \"época\"; use columns to give the column another name");
  ReadOptions hours;
  hours.time_contexts = {Period::hour};
  for (ReadOptions unread : {ReadOptions{}, hours}) {
    unread.missing = {"-1"};
    EXPECT_EQ(problem_of("1,2,3,978307200\n", unread), "missing: is read only with contexts, and there are none");
  }
  EXPECT_EQ(problem_of("1,2,3\n", hours), "F: no column of timestamps to derive contexts from; use columns to name it");
  EXPECT_EQ(problem_of("1,2,3,5\n", hours), "F: the timestamps, 5 at most, count no seconds, milliseconds or microseconds since 1970");
}

TEST(ReadContexts, AColumnOfAContextThatIsGivenIsRefused) {
  ReadOptions options = contexts({"daytime"});
  options.given_contexts = {"seen_with"};
  EXPECT_EQ(problem_of(kFile, options), "context: seen_with is given, and F has a column \"Seen With\": leave one of them out");
  const ScratchFile file(kFile);
  EXPECT_EQ(error_of<OptionError>([&] { for_each_rating(file.path(), options, [](const RatingLine&) {}); }, file.path()),
            "context: seen_with is given, and F has a column \"Seen With\": leave one of them out");
  options.given_contexts = {"weather"};
  EXPECT_EQ(ratings_of(kFile, options)[0], "ann a 5 evening");
  // Without a header a column has the name that the caller gives it.
  ReadOptions named = contexts({}, "user=1,item=2,rating=3,weather=4");
  named.given_contexts = {"weather"};
  EXPECT_EQ(problem_of("1,2,3,sun\n", named), "columns: the context \"weather\" is given already: leave its column out");
  const ScratchFile tensor("1 2 7 3\n", ".tns");
  ReadOptions modes;
  modes.given_contexts = {"mode3"};
  EXPECT_EQ(error_of<OptionError>([&] { read_ratings(tensor.path(), modes); }, tensor.path()),
            "context: mode3 is given, and F has a column \"mode3\": leave one of them out");
}

TEST(ReadContexts, RepeatsAreOfOneSituation) {
  ReadOptions options = contexts({"daytime", "Seen With"});
  options.duplicates = Duplicates::error;
  EXPECT_EQ(problem_of(kFile, options), "F:4: user \"ann\" rated item \"a\" in the same context before, on line 3 (see duplicates)");
  options.duplicates = Duplicates::sum;
  EXPECT_EQ(ratings_of(kFile, options)[1], "ann a 7 noon kids");
}

TEST(ReadContexts, LevelsFitInTwoBytes) {
  std::string text = "user,item,rating,place\n";
  for (int level = 0; level < 65535; ++level) text += "u,i,1,p" + std::to_string(level) + "\n";
  const ScratchFile most(text);
  EXPECT_EQ(read_ratings(most.path(), contexts({"place"})).ratings.size(), 65535U);
  EXPECT_EQ(problem_of(text + "u,i,1,one more\n", contexts({"place"})), "F:65537: the context place has more than 65535 levels");
}

TEST(ReadContexts, PairsAreNumberedInTheColumnsOfAModel) {
  std::vector<ContextColumn> columns(2);
  columns[0].name = "seen_with";
  columns[0].levels.add("Zoë");
  columns[1].name = "daytime";
  columns[1].levels.add("noon");
  Vocabulary users;
  users.add("bob");
  const ScratchFile file(kFile);
  ReadOptions options = contexts({"daytime", "seen_with"});
  const Pairs pairs = read_pairs(file.path(), users, {}, options, columns);
  ASSERT_EQ(pairs.size(), 6U);
  EXPECT_EQ(pairs.users, (std::vector<std::uint32_t>{1, 1, 1, 0, 0, 0}));
  EXPECT_EQ(pairs.unknown_users.id(0), "ann");
  EXPECT_EQ(pairs.values[1], 3);
  const std::array<const char*, 6> expected = {"- -", "- noon", "- noon", "- -", "- -", "Zoë -"};
  for (std::size_t n = 0; n < 6; ++n) EXPECT_EQ(levels_of(pairs.situations, pairs.situation[n]), expected[n]) << n;
  // A file without the columns lacks their levels, where that is allowed.
  const ScratchFile plain("bob,a,1\n");
  options.contexts_needed = false;
  const Pairs without = read_pairs(plain.path(), users, {}, options, columns);
  EXPECT_EQ(levels_of(without.situations, without.situation[0]), "- -");
}

TEST(ReadContexts, LinesOfSeveralFilesGoOn) {
  ReadOptions options = contexts({"mood"}, "user=1,item=2,rating=3,time=4,mood=5");
  options.time_contexts = {Period::weekday};
  const ScratchFile first("u,i,1,978307200,good\nu,i,2,978307200,good\n");
  const ScratchFile second("v,i,4,978300760,bad\nu,i,3,978307200,good\n");
  RatingLines lines = read_lines(first.path(), options);
  append_lines(second.path(), options, lines);
  ASSERT_EQ(lines.size(), 4U);
  Lines levels;
  for (const std::uint32_t number : lines.situation) levels.push_back(levels_of(lines.situations, number));
  EXPECT_EQ(levels, (Lines{"good monday", "good monday", "bad sunday", "good monday"}));
  EXPECT_EQ(lines.situations.columns[1].levels.id(0), "monday");
  EXPECT_EQ(merge_repeats(lines, Duplicates::mean), 2U);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines.value, (std::vector<float>{2, 4}));
  EXPECT_EQ(levels_of(lines.situations, lines.situation[1]), "bad sunday");
}

}  // namespace
}  // namespace lowrank::read_contexts_test
