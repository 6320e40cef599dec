// What a field means: decimal marks, times, quotes and byte order marks; and what is no text of ratings at all.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "data/scratch_file.h"
#include "lowrank/base/error.h"
#include "lowrank/data/read.h"

namespace lowrank::fields_test {
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

ReadOptions with_format(Format format) {
  ReadOptions options;
  options.format = format;
  return options;
}

/// The fault of a file of `text`, without the line and what the file was taken for.
std::string fault_of(const std::string& text, const ReadOptions& options = {}) {
  const ScratchFile file(text);
  return without_context(error_of<DataError>([&] { read_ratings(file.path(), options); }, file.path()));
}

TEST(ReadRatings, ReadsDecimalCommasWhereCommasDoNotSeparate) {
  const Triples expected{{"a", "x", 4.0F}, {"a", "y", 3.5F}, {"b", "x", -0.25F}};
  for (const std::string separator : {";", "\t", " ", "::"}) {
    std::string text =
        "a" + separator + "x" + separator + "4\na" + separator + "y" + separator + "3,5\nb" + separator + "x" + separator + "-,25\n";
    EXPECT_EQ(read_text(text), expected) << text;
    text = "user" + separator + "item" + separator + "rating\n" + text;
    std::string layout;
    ReadOptions options;
    options.on_layout = [&](const std::string& taken) { layout = taken; };
    EXPECT_EQ(read_text(text, options), expected) << text;
    EXPECT_NE(layout.find(", header, decimal commas; user = user"), std::string::npos) << layout;
  }
  EXPECT_EQ(fault_of("a;x;4,5\na;y;1.000\n"), "F:2: expected a decimal comma, found \"1.000\"");
  EXPECT_EQ(fault_of("a;x;1.000\na;y;4,5\n"), "F:1: expected a decimal comma, found \"1.000\"");
  EXPECT_EQ(fault_of("a;x;4.5\na;y;1,000\n"), "F:2: expected a decimal point, found \"1,000\"");
  EXPECT_EQ(fault_of("a,x,4\na,y,\"4,5\"\n"),
            "F:2: expected a number, found \"4,5\"; use decimal , with separator , to read decimal commas");
}

TEST(ReadRatings, RefusesSeparatorsOfThousands) {
  for (const std::string number : {"1,000,000", "1.000.000", "1'000", "1\u00A0000", "-12,345.5", "1.000,5"}) {
    for (const std::string first : {"4", "4,5"}) {
      if (number == "1.000,5" && first == "4") continue;
      const std::string expected = "F:2: expected a number without separators of thousands, found ";
      EXPECT_TRUE(fault_of("a;x;" + first + "\na;y;" + number + "\n").starts_with(expected)) << first << " " << number;
    }
    EXPECT_TRUE(fault_of("a,x,4\na,y,\"" + number + "\"\n").starts_with("F:2: expected a number without separators")) << number;
  }
  EXPECT_TRUE(fault_of("a\tx\t1 000\nb\tx\t2 000\n").starts_with("F:1: expected a number without separators"));
  // Nothing tells what these commas are.
  EXPECT_EQ(fault_of("a;x;4\na;y;1,000\n"),
            "F:2: expected a number, found \"1,000\", whose comma may be decimal or separate thousands; use decimal , if it is decimal");
  EXPECT_EQ(fault_of("a;x;2,500\na;y;1,000\n"),
            "F:1: expected a number, found \"2,500\", whose comma may be decimal or separate thousands; use decimal , if it is decimal");
  EXPECT_EQ(read_text("a;x;2,500\na;y;4,5\n"), (Triples{{"a", "x", 2.5F}, {"a", "y", 4.5F}}));
  EXPECT_EQ(read_text("a;x;2.500\na;y;1.000\n"), (Triples{{"a", "x", 2.5F}, {"a", "y", 1.0F}}));
}

TEST(ReadRatings, ReadsDecimalCommasOfMatrices) {
  for (const std::string separator : {";", "\t", " "}) {
    std::string text;
    for (const char* field : {"-", "A", "B", "C\n", "ann", "4,5", "3", "-\n", "bob", "1,25", "-", "-,5\n"}) {
      text += field;
      if (text.back() != '\n') text += separator;
    }
    EXPECT_EQ(read_text(text, with_format(Format::matrix)),
              (Triples{{"ann", "A", 4.5F}, {"ann", "B", 3.0F}, {"bob", "A", 1.25F}, {"bob", "C", -0.5F}}))
        << text;
  }
  // Without names above and in front, it is no matrix that could be read, and not ratings of the user 4,5.
  const ScratchFile file("4,5;3,0;2,0;1,5\n3,5;2,5;1,0;4,0\n2,5;1,5;5,0;4,5\n");
  EXPECT_NE(error_of<DataError>([&] { read_ratings(file.path()); }, file.path()).find("a matrix of users x items without names"),
            std::string::npos);
}

TEST(ReadRatings, TakesTimesAsTheFirstOnesAre) {
  ReadOptions options;
  options.keep_times = true;
  const auto times_of = [&](const std::string& text) {
    const ScratchFile file(text);
    const Ratings ratings = read_ratings(file.path(), options).ratings;
    return std::vector<std::int64_t>(ratings.times().begin(), ratings.times().end());
  };
  EXPECT_EQ(times_of("u,a,1,1.28e9\nv,a,2,978300760\n"), (std::vector<std::int64_t>{1280000000, 978300760}));
  EXPECT_EQ(times_of("u,a,1,1970-01-01T00:00:02Z\nv,a,2,1970-01-01T02:00:01+02:00\n"), (std::vector<std::int64_t>{2000000, 1000000}));
  EXPECT_EQ(times_of("u,a,1,978300760\nv,a,2,NaT\n"), std::vector<std::int64_t>{});
  EXPECT_EQ(fault_of("u,a,1,978300760\nv,a,2,978300760123\n", options),
            "F:2: a timestamp in milliseconds, \"978300760123\", after others in seconds");
  EXPECT_EQ(fault_of("user,item,rating,date\nu,a,1,2020-01-01\nv,a,2,2020-02-30\n", options), "F:3: expected a date, found \"2020-02-30\"");
  EXPECT_EQ(fault_of("user,item,rating,time\nu,a,1,7\nv,a,2,2020-02-20\n", options), "F:3: expected a timestamp, found \"2020-02-20\"");
  EXPECT_EQ(fault_of("u a 1 2020-01-01 10:00:00\nv a 2 2020-01-01 11:00:00\n", options),
            "F:1: a date and a time of day in two columns; put both in quotes, or a T between them");
  options.times_needed = true;
  const ScratchFile timeless("u,a,1\nv,a,2\n");
  EXPECT_EQ(
      error_of<DataError>([&] { read_ratings(timeless.path(), options); }, timeless.path()),
      "F: no column of timestamps; use columns to name it (3 columns separated by commas, no header; user = column 1, item = column 2, "
      "rating = column 3)");
  EXPECT_EQ(fault_of("u,a,1,978300760\nv,a,2,NaT\n", options), "F:2: expected a timestamp, found \"NaT\"");
  EXPECT_EQ(fault_of("u,a,1,978300760\nv,a,2\n", options), "F:2: too few columns: expected at least 4, found 3");
}

TEST(ReadRatings, RemovesByteOrderMarksBetweenJoinedFiles) {
  const std::string bom = "\xEF\xBB\xBF";
  EXPECT_EQ(read_text(bom + "u,a,1\n" + bom + "7,a,2\n" + bom + "v,a,3\n" + bom + "\"w\",a,4\n\"" + bom + "x\",a,5\n"),
            (Triples{{"u", "a", 1.0F}, {"7", "a", 2.0F}, {"v", "a", 3.0F}, {"w", "a", 4.0F}, {bom + "x", "a", 5.0F}}));
  std::string users;
  const ScratchFile file("u,a,1\n" + bom + "7,a,2\n");
  for_each_rating(file.path(), {}, [&](const RatingLine& line) { users += line.user; });
  EXPECT_EQ(users, "u7");
}

TEST(ReadRatings, NamesTheFormatsThatItDoesNotRead) {
  using namespace std::string_literals;
  const std::pair<std::string, std::string> files[] = {
      {"PAR1\x15\x04", "a Parquet file"},   {"ARROW1\0\0"s, "an Arrow or Feather file"},
      {"FEA1\0"s, "a Feather file"},        {"\x93NUMPY\x01\0"s, "an npy file"},
      {"\xFF\xFEu\0,\0a\0"s, "UTF-16"},     {"\xFE\xFF\0u\0,\0a"s, "UTF-16"},
      {"u\0,\0a\0,\0001\0\n\0"s, "UTF-16"}, {"{\"user\": 1, \"item\": 2}\n", "JSON lines"},
      {" [\n {\"user\": 1}]\n", "JSON"},
  };
  for (const auto& [text, format] : files) {
    const ScratchFile file(text);
    const std::string message = error_of<DataError>([&] { read_ratings(file.path()); }, file.path());
    EXPECT_TRUE(message.starts_with("F: this is " + format)) << message;
  }
  EXPECT_EQ(read_text("PAR1,BZh9,5\n"), (Triples{{"PAR1", "BZh9", 5.0F}}));
}

TEST(ReadRatings, UndoesQuotesWhateverTheSeparator) {
  const Triples expected{{"a b", "x", 4.0F}, {"say \"hi\"", " y", 3.0F}};
  for (const char* separator : {",", ";", "\t", " ", "  "}) {
    std::string text;
    for (const char* field : {"\"a b\"", "x", "\"4\"", "\"say \"\"hi\"\"\"", "\" y\"", "3"}) {
      text += field;
      text += std::string_view(field) == "\"4\"" || std::string_view(field) == "3" ? "\n" : separator;
    }
    EXPECT_EQ(read_text(text), expected) << text;
    EXPECT_EQ(read_text("\"user\"" + std::string(separator) + "\"item\"" + separator + "\"rating\"\n" + text), expected) << text;
  }
}

TEST(ReadRatings, KeepsQuotesThatEncloseNoFieldBetweenTabs) {
  // Names as people write them. The third column is not read.
  ReadOptions options;
  options.columns = Columns::parse("user=1,item=2,rating=4");
  EXPECT_EQ(read_text("a\t\"Weird Al\" Yankovic\t\"7\" single\t4\nb\t\"x\ty\t3\nc\t\"y\"\t\"z\t2\n", options),
            (Triples{{"a", "\"Weird Al\" Yankovic", 4.0F}, {"b", "\"x", 3.0F}, {"c", "y", 2.0F}}));
  EXPECT_EQ(fault_of("a,x,3\na,\"Weird Al\" Yankovic,4\n"), "F:2: text after a closing quote");
  EXPECT_EQ(fault_of("a x 3\na \"Weird Al\"- 4\n"), "F:2: text after a closing quote");
}

}  // namespace
}  // namespace lowrank::fields_test
