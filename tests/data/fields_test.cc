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

namespace lowrank {
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
  const std::pair<std::string, std::string> kFiles[] = {
      {"PAR1\x15\x04", "a Parquet file"},   {"ARROW1\0\0"s, "an Arrow or Feather file"},
      {"FEA1\0"s, "a Feather file"},        {"\x93NUMPY\x01\0"s, "an npy file"},
      {"\xFF\xFEu\0,\0a\0"s, "UTF-16"},     {"\xFE\xFF\0u\0,\0a"s, "UTF-16"},
      {"u\0,\0a\0,\0001\0\n\0"s, "UTF-16"}, {"{\"user\": 1, \"item\": 2}\n", "JSON"},
      {" [\n {\"user\": 1}]\n", "JSON"},
  };
  for (const auto& [text, format] : kFiles) {
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
}  // namespace lowrank
