// What the caller says about a file: separator, decimal mark, encoding, and that malformed lines are to be left out.

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "data/read_tuned.h"
#include "data/scratch_file.h"
#include "lowrank/base/error.h"
#include "lowrank/data/read.h"

namespace lowrank::read_options_test {
namespace {

using Triples = std::vector<std::tuple<std::string, std::string, float>>;

Triples triples_of(const Dataset& dataset) {
  Triples triples;
  for (std::uint32_t user = 0; user < dataset.ratings.user_count(); ++user) {
    for (std::size_t at = dataset.ratings.row_offsets()[user]; at < dataset.ratings.row_offsets()[user + 1]; ++at) {
      triples.emplace_back(dataset.users.id(user), dataset.items.id(dataset.ratings.items()[at]), dataset.ratings.value(at));
    }
  }
  return triples;
}

Triples read_text(std::string_view text, const ReadOptions& options = {}) {
  const ScratchFile file(text);
  return triples_of(read_ratings(file.path(), options));
}

/// The fault of a file of `text`, without the line and what the file was taken for.
std::string fault_of(const std::string& text, const ReadOptions& options = {}) {
  const ScratchFile file(text);
  return without_context(error_of<DataError>([&] { read_ratings(file.path(), options); }, file.path()));
}

ReadOptions separated_by(const std::string& separator) {
  ReadOptions options;
  options.separator = separator;
  return options;
}

TEST(Separators, AreTakenAsStated) {
  const Triples expected{{"a", "x", 4.0F}, {"b", "y", 3.5F}};
  for (const std::string mark : {",", ";", "|", "^", "~", "&", ":", "/", "$", "=", "!", "*", "\x01", "\t", "::", " "}) {
    const std::string text = "a" + mark + "x" + mark + "4\nb" + mark + "y" + mark + "3.5\n";
    EXPECT_EQ(read_text(text, separated_by(mark)), expected) << mark;
    EXPECT_EQ(read_text("user" + mark + "item" + mark + "rating\n" + text, separated_by(mark)), expected) << mark;
  }
  EXPECT_EQ(read_text("a\tx\t4\nb\ty\t3.5\n", separated_by("tab")), expected);
  EXPECT_EQ(read_text("a  x\t4\nb y 3.5\n", separated_by("blank")), expected);
  // What the lines alone would be taken for does not matter.
  EXPECT_EQ(read_text("a,1,2|x|4\nb,2,3|y|3.5\n", separated_by("|")), (Triples{{"a,1,2", "x", 4.0F}, {"b,2,3", "y", 3.5F}}));
  EXPECT_EQ(read_text("a|x|4\nb|y|3.5\n"), expected);
  EXPECT_EQ(read_text("\"a\"|\"x\"|4\nb|\"y\"|\"3.5\"\n"), expected);
  ReadOptions wide = separated_by("^");
  wide.format = Format::matrix;
  EXPECT_EQ(read_text("^x^y\na^4^-\nb^-^3.5\n", wide), expected);
  wide.format = Format::adjacency;
  EXPECT_EQ(read_text("a^x\nb^y^z\n", wide), (Triples{{"a", "x", 1.0F}, {"b", "y", 1.0F}, {"b", "z", 1.0F}}));
  wide.format = Format::movielens;
  const ScratchFile file("a::x::4\n");
  EXPECT_THROW(read_ratings(file.path(), wide), OptionError);
}

TEST(Separators, AreOneCharacterOrAName) {
  EXPECT_EQ(parse_separator("tab"), "\t");
  EXPECT_EQ(parse_separator("\\t"), "\t");
  EXPECT_EQ(parse_separator("pipe"), "|");
  for (const char* text : {"", "ab", "4", "x", ".", "-", "+", "\"", "\n", "||", "\xC2\xA6", ":::"}) {
    EXPECT_THROW(parse_separator(text), OptionError) << text;
  }
}

TEST(DecimalMarks, AreTakenAsStated) {
  ReadOptions options;
  options.decimal = ',';
  EXPECT_EQ(read_text("a;x;1,000\nb;y;2\n", options), (Triples{{"a", "x", 1.0F}, {"b", "y", 2.0F}}));
  EXPECT_EQ(fault_of("a;x;1.5\n", options), "F:1: expected a decimal comma, found \"1.5\"");
  // The fraction is not a column of its own.
  EXPECT_TRUE(fault_of("a,x,4,5\nb,y,3,5\n", options).starts_with("F:1: too few columns"));
  options.separator = ",";
  EXPECT_EQ(read_text("a,x,\"4,5\"\nb,y,2\n", options), (Triples{{"a", "x", 4.5F}, {"b", "y", 2.0F}}));
  options = {};
  options.decimal = '.';
  EXPECT_EQ(fault_of("a;x;4,5\n", options), "F:1: expected a decimal point, found \"4,5\"");
  EXPECT_EQ(parse_decimal("auto"), 0);
  for (const char* text : {"", "comma", ";", ",,"}) EXPECT_THROW(parse_decimal(text), OptionError) << text;
}

/// A text of ASCII and Latin-1 as UTF-16, by hand.
std::string utf16(std::string_view latin, bool big) {
  std::string text;
  for (const char c : latin) text.append(big ? 1 : 0, '\0').append(1, c).append(big ? 0 : 1, '\0');
  return text;
}

TEST(Encodings, AreReadAsUtf8) {
  const std::string latin = "Jos\xE9,caf\xE9,4\nb,y,3.5\n";
  const Triples expected{{"Jos\u00E9", "caf\u00E9", 4.0F}, {"b", "y", 3.5F}};
  const auto encoded = [](const std::string& encoding) {
    ReadOptions options;
    options.encoding = encoding;
    return options;
  };
  for (const char* name : {"latin-1", "Latin1", "iso-8859-1", "cp1252", "windows-1252", "ISO_8859-1"}) {
    EXPECT_EQ(read_text(latin, encoded(name)), expected) << name;
  }
  for (const char* name : {"utf-16", "UTF16", "utf-16le"})
    EXPECT_EQ(read_text("\xFF\xFE" + utf16(latin, false), encoded(name)), expected) << name;
  EXPECT_EQ(read_text("\xFE\xFF" + utf16(latin, true), encoded("utf_16")), expected);
  EXPECT_EQ(read_text(utf16(latin, true), encoded("utf-16be")), expected);
  for (const char* name : {"utf-8", "UTF8", "utf-8-sig"})
    EXPECT_EQ(read_text("\xEF\xBB\xBFJos\u00E9,caf\u00E9,4\nb,y,3.5\n", encoded(name)), expected) << name;
  EXPECT_EQ(fault_of("a,x,4\n\xA4,x,3\n", encoded("ascii")), "F:2: bytes that are not text in US-ASCII");
  EXPECT_EQ(fault_of(utf16("a,x,4\nb,y,3\n", true) + "x", encoded("utf-16be")), "F:3: the text ends within a character of UTF-16BE");
  EXPECT_EQ(fault_of(utf16("a,x,4\nb,y,z\n", true), encoded("utf-16be")), "F:2: expected a number, found \"z\"");
  const ScratchFile file(latin);
  for (const char* name : {"klingon", "../x", "utf-8//IGNORE", "latin-1 ", "\n"}) {
    EXPECT_THROW(read_ratings(file.path(), encoded(name)), OptionError) << name;
  }
  // More than the buffers hold.
  std::string lines;
  Triples many;
  for (int user = 0; user < 30000; ++user) {
    lines += "u" + std::to_string(user) + "\xE9,i,1\n";
    many.emplace_back("u" + std::to_string(user) + "\u00E9", "i", 1.0F);
  }
  EXPECT_EQ(read_text(lines, encoded("latin-1")), many);
  EXPECT_EQ(read_text(utf16(lines, true), encoded("utf-16be")), many);
}

/// What reading with skipped lines gives, the same through every way of reading.
struct Skipping {
  Triples triples;
  SkippedLines skipped;
};

Skipping skip_in(const std::string& text, ReadOptions options = {}) {
  const ScratchFile file(text);
  Skipping result;
  options.skip_bad_lines = true;
  options.on_skipped = [&](const std::string& name, const SkippedLines& lines) {
    EXPECT_EQ(name, file.path());
    result.skipped = lines;
  };
  for_each_rating(file.path(), options, [&](const RatingLine& line) { result.triples.emplace_back(line.user, line.item, line.value); });
  const SkippedLines first = result.skipped;
  for (const std::size_t chunk_bytes : {1U, 20U, 300U, 100000U}) {
    for (const int threads : {1, 3}) {
      ReadTuning tuning;
      tuning.chunk_bytes = chunk_bytes;
      options.threads = threads;
      result.skipped = {};
      const Pairs pairs = read_pairs_tuned(file.path(), {}, {}, options, tuning);
      Triples found;
      for (std::size_t at = 0; at < pairs.size(); ++at) {
        found.emplace_back(pairs.unknown_users.id(pairs.users[at]), pairs.unknown_items.id(pairs.items[at]), pairs.values[at]);
      }
      EXPECT_EQ(found, result.triples) << chunk_bytes;
      EXPECT_EQ(result.skipped.count, first.count) << chunk_bytes;
      EXPECT_EQ(result.skipped.first, first.first) << chunk_bytes;
      // A skipped line leaves no id behind.
      std::set<std::string_view> users;
      for (const auto& triple : found) users.insert(std::get<0>(triple));
      EXPECT_EQ(pairs.unknown_users.size(), users.size()) << chunk_bytes;
    }
  }
  for (std::string& fault : result.skipped.first) fault.replace(0, file.path().size(), "F");
  return result;
}

TEST(BadLines, AreSkippedCountedAndNamed) {
  const Skipping few = skip_in("ann,x,4\nbob,y\ncid,x,good\n,z,3\ndan,w\xFF,3\neve,\x01,3\nann,\"q,3\nfay,x,2\n");
  EXPECT_EQ(few.triples, (Triples{{"ann", "x", 4.0F}, {"fay", "x", 2.0F}}));
  EXPECT_EQ(few.skipped.count, 6U);
  ASSERT_EQ(few.skipped.first.size(), 6U);
  EXPECT_EQ(few.skipped.first[0], "F:2: too few columns: expected at least 3, found 2 in \"bob,y\"");
  EXPECT_EQ(few.skipped.first[1], "F:3: expected a number, found \"good\" in \"cid,x,good\"");
  EXPECT_EQ(few.skipped.first[5], "F:7: a quoted field does not end on its line in \"ann,\\\"q,3\"");
  EXPECT_EQ(description({1, {"F:2: x"}}, "F"), "F: 1 malformed line skipped:\n  F:2: x");
}

TEST(BadLines, AreSkippedAmongAnyOthers) {
  // Lines of every path through the parser, with ids that are new, known, small and not. The test keeps the good ones itself.
  std::string text = "user,item,rating\n";
  Triples good;
  std::uint64_t bad = 0;
  std::uint64_t state = 1;
  const auto draw = [&state](std::uint64_t below) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (state >> 33U) % below;
  };
  for (int line = 0; line < 5000; ++line) {
    const std::string user = (draw(2) == 0 ? "" : "user") + std::to_string(draw(300));
    const std::string item = (draw(2) == 0 ? "" : "item") + std::to_string(draw(3000));
    const auto value = static_cast<float>(draw(700)) / 4;
    std::string number = std::to_string(value);
    number.erase(number.find_last_not_of('0') + 1);
    const std::string bads[] = {user + "\x01," + item + "," + number, "x" + user + "," + item + "\xFF," + number, user + "z," + item + ",",
                                "new" + user + "," + item};
    if (draw(6) == 0) {
      text += bads[draw(4)] + "\n";
      ++bad;
    } else {
      text += user + "," + item + "," + number + "\n";
      good.emplace_back(user, item, value);
    }
  }
  const Skipping all = skip_in(text);
  EXPECT_EQ(all.triples, good);
  EXPECT_EQ(all.skipped.count, bad);
  EXPECT_EQ(all.skipped.first.size(), 10U);
}

TEST(BadLines, AreSkippedWhole) {
  ReadOptions options;
  options.format = Format::matrix;
  EXPECT_EQ(skip_in(",x,y\nann,4,3\nbob,2,bad\ncid,1\ndan,-,5\n", options).triples,
            (Triples{{"ann", "x", 4.0F}, {"ann", "y", 3.0F}, {"dan", "y", 5.0F}}));
  const Skipping market = skip_in("%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 4\n3 1 2\n2 2 1\n");
  EXPECT_EQ(market.triples, (Triples{{"1", "1", 4.0F}, {"2", "2", 1.0F}}));
  EXPECT_EQ(market.skipped.count, 1U);
  // A first line that cannot be told from a header is malformed, too.
  EXPECT_EQ(skip_in("1,10,4 stars\n1,20,4\n2,20,3\n").triples, (Triples{{"1", "20", 4.0F}, {"2", "20", 3.0F}}));
  EXPECT_EQ(skip_in("ann,x,4\nbob,y,3\n").skipped.count, 0U);
}

TEST(BadLines, AreAnErrorWhereNothingElseIs) {
  ReadOptions options;
  options.skip_bad_lines = true;
  const std::string fault = fault_of("ann,x,good\nbob,y,bad\n", options);
  EXPECT_TRUE(fault.starts_with("F: no ratings; 2 malformed lines, the first one is F:1: expected a number")) << fault;
}

}  // namespace
}  // namespace lowrank::read_options_test
