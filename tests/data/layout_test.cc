// What a line means: headers, formats and comments. The expected ratings are written by hand, or follow from how the test writes the file.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "data/read_tuned.h"
#include "data/scratch_file.h"
#include "lowrank/base/error.h"
#include "lowrank/data/read.h"

namespace lowrank::layout_test {
namespace {

using Triples = std::vector<std::tuple<std::string, std::string, float>>;

const Triples kThree = {{"1", "10", 4.0F}, {"1", "20", 3.5F}, {"2", "10", 1.0F}};

/// The ratings of a file of `text`, the same through every way of reading, and what it was taken for in `layout`.
Triples read_text(std::string_view text, const ReadOptions& options = {}, std::string* layout = nullptr) {
  const ScratchFile file(text);
  Triples triples;
  std::size_t reports = 0;
  ReadOptions reporting = options;
  reporting.on_layout = [&](const std::string& description) {
    ++reports;
    EXPECT_TRUE(description.starts_with(file.path() + ": ")) << description;
    if (layout != nullptr) *layout = description.substr(file.path().size() + 2);
  };
  for_each_rating(file.path(), reporting, [&](const RatingLine& line) { triples.emplace_back(line.user, line.item, line.value); });
  EXPECT_EQ(reports, 1U);
  for (const std::size_t chunk_bytes : {1U, 20U, 100000U}) {
    ReadTuning tuning;
    tuning.chunk_bytes = chunk_bytes;
    const Pairs pairs = read_pairs_tuned(file.path(), {}, {}, reporting, tuning);
    Triples found;
    for (std::size_t at = 0; at < pairs.size(); ++at) {
      found.emplace_back(pairs.unknown_users.id(pairs.users[at]), pairs.unknown_items.id(pairs.items[at]),
                         pairs.values.empty() ? 1.0F : pairs.values[at]);
    }
    EXPECT_EQ(found, triples) << chunk_bytes;
  }
  EXPECT_EQ(reports, 4U);
  return triples;
}

std::string layout_of(std::string_view text, const ReadOptions& options = {}) {
  std::string layout;
  read_text(text, options, &layout);
  return layout;
}

std::string error_for(std::string_view text, const ReadOptions& options = {}) {
  const ScratchFile file(text);
  const std::string message = error_of<DataError>([&] { read_ratings(file.path(), options); }, file.path());
  EXPECT_EQ(error_of<DataError>([&] { for_each_rating(file.path(), options, [](const RatingLine&) {}); }, file.path()), message);
  return message;
}

ReadOptions with_columns(const char* columns) {
  ReadOptions options;
  options.columns = Columns::parse(columns);
  return options;
}

ReadOptions with_format(Format format) {
  ReadOptions options;
  options.format = format;
  return options;
}

ReadOptions implicit() {
  ReadOptions options;
  options.implicit_values = true;
  return options;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Headers.

TEST(Header, DecidesByItsNamesInAnyOrderWithAnySeparator) {
  const std::map<std::string, std::array<std::string, 3>> columns = {{"userId", {"1", "1", "2"}},
                                                                     {"book_id", {"10", "20", "10"}},
                                                                     {"rating", {"4", "3.5", "1"}},
                                                                     {"timestamp", {"978300760", "978300761", "978300762"}},
                                                                     {"", {"0", "1", "2"}}};
  for (const std::string separator : {",", "\t", ";", "::"}) {
    std::vector<std::string> names;
    for (const auto& [name, values] : columns) names.push_back(name);
    do {
      std::string text;
      for (int row = -1; row < 3; ++row) {
        for (const std::string& name : names) {
          text += (&name == &names[0] ? "" : separator) + (row < 0 ? name : columns.at(name)[static_cast<std::size_t>(row)]);
        }
        text += "\n";
      }
      std::string layout;
      ASSERT_EQ(read_text(text, {}, &layout), kThree) << text;
      ASSERT_TRUE(contains(layout, "header; user = userId, item = book_id, rating = rating")) << layout;
    } while (std::next_permutation(names.begin(), names.end()));
  }
}

TEST(Header, GivesTheTimeByItsName) {
  ReadOptions options;
  options.keep_times = true;
  std::string layout;
  const ScratchFile file("date,rating,item,user\n50,4,10,1\n60,3,20,1\n");
  const Dataset dataset = read_ratings(file.path(), options);
  ASSERT_TRUE(dataset.ratings.has_times());
  EXPECT_EQ(dataset.ratings.times()[0], 50);
  EXPECT_EQ(layout_of("date,rating,item,user\n50,4,10,1\n", options),
            "4 columns separated by commas, header; user = user, item = item, rating = rating, time = date");
  // A fourth column of another name is no time.
  const ScratchFile other("user,item,rating,age\n1,10,4,50\n");
  EXPECT_FALSE(read_ratings(other.path(), options).ratings.has_times());
}

TEST(Header, ThatIsNotClearIsRefusedWithTheColumnsToGive) {
  const std::string r = error_for("\"\",\"s\",\"d\",\"age\",\"y\"\n\"1\",\"1\",\"1002\",2,5\n\"2\",\"1\",\"1050\",4,2\n");
  EXPECT_EQ(r,
            "F:1: a header that does not say which column is the user and the item: its names are \"\", \"s\", \"d\", \"age\", \"y\"; use "
            "columns "
            "user=s,item=d,rating=y");
  EXPECT_TRUE(contains(error_for("foo,bar,baz\n1,10,5\n1,20,3\n"), "use columns user=foo,item=bar,rating=baz"));
  EXPECT_TRUE(contains(error_for("user_id,movie_id,book_id,rating\n1,10,7,5\n"), "which column is the item"));
  EXPECT_TRUE(contains(error_for("user,item,price\n1,10,5\n"), "which column is the rating"));
  EXPECT_TRUE(contains(error_for("user,item,price\n1,10,5\n"), "user=user,item=item,rating=price, or implicit_values"));
  EXPECT_TRUE(contains(error_for("user,item,tag\n1,10,good\n1,20,bad\n"), "\"tag\"; use implicit_values to read every line"));
  EXPECT_TRUE(contains(error_for("item;rating\n4;5\n"), "user, item and, without implicit_values, rating need a column each"));
  ReadOptions pairs;
  pairs.implicit_values = true;
  const ScratchFile edges("from,to\n1,2\n1,3\n");
  EXPECT_TRUE(contains(error_of<DataError>([&] { read_ratings(edges.path(), pairs); }, edges.path()), "; use columns user=from,item=to"));
  // The columns that the message proposes are read.
  EXPECT_EQ(read_text("foo,bar,baz\n1,10,4\n1,20,3.5\n2,10,1\n", with_columns("user=foo,item=bar,rating=baz")), kThree);
  EXPECT_EQ(read_text("foo,bar,baz\n1,10,4\n1,20,3.5\n2,10,1\n", with_columns("user=1,item=2,rating=3")), kThree);
  // A part of them is enough if the names say the rest.
  EXPECT_EQ(read_text("\"\",s,d,age,y\n1,1,10,2,4\n2,1,20,2,3.5\n3,2,10,2,1\n", with_columns("user=s,item=d")), kThree);
}

TEST(Header, WithoutARatingIsAHeader) {
  const Triples ones = {{"1", "10", 1.0F}, {"1", "20", 1.0F}, {"2", "10", 1.0F}};
  EXPECT_EQ(read_text("user_id,item_id\n1,10\n1,20\n2,10\n", implicit()), ones);
  EXPECT_EQ(read_text("item_id\tuser_id\n10\t1\n20\t1\n10\t2\n", implicit()), ones);
  EXPECT_EQ(read_text("user,item,time\n1,10,978300760\n1,20,978300761\n2,10,978300762\n", implicit()), ones);
  EXPECT_EQ(read_text("customer,sku\na,x\na,y\n", implicit()), (Triples{{"a", "x", 1.0F}, {"a", "y", 1.0F}}));
  EXPECT_TRUE(contains(error_for("user_id,item_id\n1,10\n"), "use implicit_values to read every line as a rating of 1"));
  EXPECT_TRUE(contains(error_for("foo,bar\n1,10\n2,20\n", implicit()), "a header that does not say"));
  ReadOptions pairs;
  pairs.pairs_only = true;
  EXPECT_EQ(read_text("user_id,item_id\n1,10\n1,20\n2,10\n", pairs), ones);
  EXPECT_EQ(read_text("movieId,x,userId\n10,a,1\n20,b,1\n10,c,2\n", pairs), ones);
  EXPECT_EQ(read_text("user_id item_id\n1 10 20\n2 10\n", with_format(Format::adjacency)), ones);
  // Words are ids where nothing says otherwise.
  EXPECT_EQ(read_text("a b\na c\n", implicit()), (Triples{{"a", "b", 1.0F}, {"a", "c", 1.0F}}));
  EXPECT_EQ(read_text("guest,10\n2,20\n", implicit()), (Triples{{"guest", "10", 1.0F}, {"2", "20", 1.0F}}));
}

TEST(Header, IsNotALineWithNumbers) {
  for (const std::string first : {"1,10,", "1,10,4 stars", "1,10,x", "ann,10,bad", "1,b,?"}) {
    const std::string message = error_for(first + "\n1,20,4\n2,20,3\n");
    EXPECT_TRUE(message.starts_with("F:1: expected a number, found ")) << message;
    EXPECT_TRUE(contains(message, "in \"" + first + "\" (3 columns separated by commas, no header; ")) << message;
  }
  const std::string message = error_for("ann,film1,good\nann,film2,3\nbob,film1,2\n");
  EXPECT_EQ(
      message,
      "F:1: expected a number, found \"good\" in \"ann,film1,good\"; if the line is a header, use columns user=ann,item=film1,rating=good");
  EXPECT_EQ(error_for("ann,film1,good\nann,film2,3\n", with_columns("user=1,item=2,rating=3")), message);
  EXPECT_EQ(read_text("who,what,how\nann,f,3\n", with_columns("user=who,item=what,rating=how")), (Triples{{"ann", "f", 3.0F}}));
}

TEST(Header, OfRLacksTheNameOfTheRowNames) {
  EXPECT_EQ(read_text("user,item,rating\n1,1,10,4\n2,1,20,3.5\n3,2,10,1\n"), kThree);
  EXPECT_EQ(read_text("\"item\",\"rating\",\"user\"\n\"7\",10,4,1\n\"9\",20,3.5,1\n\"12\",10,1,2\n"), kThree);
  // A fourth column without a name is not the first one.
  EXPECT_EQ(read_text("user,item,rating\n1,10,4,978300760\n1,20,3.5,978300761\n2,10,1,978300762\n"), kThree);
  EXPECT_EQ(read_text("user,item,rating\n1,10,4,978300760\n2,20,3.5,978300761\n"), (Triples{{"1", "10", 4.0F}, {"2", "20", 3.5F}}));
  EXPECT_EQ(read_text("user,item,rating\n1,10,4,\n2,20,3.5,\n"), (Triples{{"1", "10", 4.0F}, {"2", "20", 3.5F}}));
}

TEST(Columns, WithoutARatingHaveNoneWhenValuesAreImplicit) {
  ReadOptions options = with_columns("user=1,item=2");
  options.implicit_values = true;
  const Triples ones = {{"1", "10", 1.0F}, {"1", "20", 1.0F}};
  EXPECT_EQ(read_text("user,item,time\n1,10,978300760\n1,20,978300761\n", options), ones);
  EXPECT_EQ(read_text("1,10,978300760\n1,20,978300761\n", options), ones);
  options.columns = Columns::parse("user=who,item=what");
  EXPECT_EQ(read_text("who,what,rating\n1,10,4\n1,20,3\n", options), ones);
  options.columns = Columns::parse("user=who,item=what,rating=rating");
  EXPECT_EQ(read_text("who,what,rating\n1,10,4\n", options), (Triples{{"1", "10", 4.0F}}));
}

TEST(Columns, OfTimesAreNoRatings) {
  for (const ReadOptions& options : {ReadOptions(), implicit()}) {
    EXPECT_TRUE(contains(error_for("1,10,978300760\n1,20,978300761\n", options), "F:1: times where ratings are expected, in column 3"));
    EXPECT_TRUE(contains(error_for("a b 978300760000\nc d 978300761000\n", options), "use columns user=1,item=2 with implicit_values"));
  }
  EXPECT_EQ(read_text("1,10,978300760\n1,20,978300761\n", with_columns("user=1,item=2,rating=3")).size(), 2U);
  EXPECT_EQ(read_text("1,10,978300760\n1,20,5\n").size(), 2U);
}

// Lists and matrices.

TEST(Lists, AreRefusedAndNamed) {
  const char* texts[] = {"1 10 20\n2 10 20 30\n3 10\n",
                         "0 5 6 7 8 9\n1 5\n2 6 7\n",
                         "1 10 20\n2 10 20 30\n3 10 20 30 40\n4 10 20 30 40 50\n",
                         "ann f1 f2 f3\nbob f1\ncy f1 f2 f3 f4\n",
                         "1\t10\t20\n2\t10\t20\t30\n3\t10\n",
                         "1,10,20\n2,10,20,30,40\n3,10\n",
                         "user items\n1 10 20\n2 10 20 30\n3 10\n",
                         "0 1 2 3 4\n1 2 4 6 8\n2 1 5 7 9\n"};
  for (const char* text : texts) {
    EXPECT_TRUE(contains(error_for(text), "use format adjacency")) << text;
    EXPECT_TRUE(contains(error_for(text, implicit()), "use format adjacency")) << text;
  }
  EXPECT_EQ(read_text("1,10,20\n2, 10\n", with_format(Format::adjacency)),
            (Triples{{"1", "10", 1.0F}, {"1", "20", 1.0F}, {"2", "10", 1.0F}}));
  EXPECT_EQ(read_text("a,b c\nd e,f g\n", with_format(Format::adjacency)),
            (Triples{{"a,b", "c", 1.0F}, {"d", "e,f", 1.0F}, {"d", "g", 1.0F}}));
}

TEST(Lists, AreNotRatingsWithFurtherColumns) {
  EXPECT_EQ(read_text("1 10 4\n1 20 3.5\n2 10 1 881250949\n"), kThree);
  EXPECT_EQ(read_text("1,10,4,99,1\n1,20,3.5\n2,10,1,,,,\n"), kThree);
  EXPECT_EQ(read_text("1 10 4 881250949\n2 20 3\n3 10 1 881250949\n").size(), 3U);
  EXPECT_EQ(read_text("1 10 4 7 7\n2 10 4 7 8\n3 10 4 7 9\n").size(), 3U);
  EXPECT_EQ(read_text("1 10 4 7 7\n1 20 3\n2 10 1 5 5 5\n").size(), 3U);
}

const Triples kMatrix = {{"Ann", "A", 5.0F}, {"Ann", "C", 3.0F}, {"Bob", "A", -1.5F}, {"Cy", "B", 0.0F}, {"Cy", "C", 2.0F}};

TEST(Matrix, IsRecognised) {
  for (const std::string missing : {"-", "NA", "NaN", "", "n/a", "null"}) {
    for (const std::string separator : {",", ";", "\t", " ", "  "}) {
      if (missing.empty() && separator[0] == ' ') continue;
      for (const std::string corner : {"", "user", "User ID", "user\\item"}) {
        if (separator[0] == ' ' && (corner.empty() || corner.find(' ') != std::string::npos)) continue;
        const std::string rows[] = {corner + ",A,B,C", "Ann,5," + missing + ",3", "Bob,-1.5," + missing + "," + missing,
                                    "Cy," + missing + ",0,2"};
        std::string text;
        for (const std::string& row : rows) {
          for (const char c : row) text += c == ',' ? separator : std::string(1, c);
          text += "\n";
        }
        EXPECT_EQ(read_text(text), kMatrix) << text;
        EXPECT_EQ(read_text(text, with_format(Format::matrix)), kMatrix) << text;
      }
    }
  }
  EXPECT_EQ(layout_of(",A,B,C\nAnn,5,2,3\nBob,1,2,4\n"), "matrix of users x items, 3 items in the header, separated by commas");
  EXPECT_EQ(read_text(",1,2,3\n7,5,2,3\n9,1,,4\n").size(), 5U);
  EXPECT_EQ(read_text("user,1,2,3\n7,5,2,3\n9,1,,4\n").size(), 5U);
  EXPECT_EQ(read_text("\xEF\xBB\xBF# by hand\n,A,B\r\nAnn,5,2\r\nBob,1,\r\n").size(), 3U);
}

TEST(Matrix, OfTheArticleIsRead) {
  const Triples expected = {{"U1", "D1", 5}, {"U1", "D2", 3}, {"U1", "D4", 1}, {"U2", "D1", 4}, {"U2", "D4", 1},
                            {"U3", "D1", 1}, {"U3", "D2", 1}, {"U3", "D4", 5}, {"U4", "D1", 1}, {"U4", "D4", 4},
                            {"U5", "D2", 1}, {"U5", "D3", 5}, {"U5", "D4", 4}};
  EXPECT_EQ(read_text("   D1 D2 D3 D4\nU1 5 3 - 1\nU2 4 - - 1\nU3 1 1 - 5\nU4 1 - - 4\nU5 - 1 5 4\n"), expected);
  EXPECT_EQ(read_text("\tD1\tD2\tD3\tD4\nU1\t5\t3\t-\t1\nU2\t4\t-\t-\t1\nU3\t1\t1\t-\t5\nU4\t1\t-\t-\t4\nU5\t-\t1\t5\t4\n"), expected);
  EXPECT_TRUE(
      contains(error_for("2,-7.82,8.79,99\n3,4.08,-0.29,6.36\n1,99,99,3\n4,8.35,1.8,99\n"), "a matrix of users x items without names"));
  EXPECT_TRUE(contains(error_for("5 3 - 1\n4 - - 1\n1 1 - 5\n1 - - 4\n- 1 5 4\n"), "a matrix of users x items without names"));
}

TEST(Matrix, IsNotATableOfRatings) {
  // Row numbers before columns of unknown names.
  EXPECT_TRUE(contains(error_for(",foo,bar,baz\n0,1,1000,5\n1,1,2000,3\n"), "use columns user=foo,item=bar,rating=baz"));
  EXPECT_TRUE(contains(error_for("user,foo,bar\n1,10,5\n2,20,3\n"), "does not say"));
  EXPECT_TRUE(contains(error_for("user,foo,bar\n1,10,5\n2,20,3\n"), "or format matrix for a table of users x items"));
  // Numbers of rows and columns that programs give to tables without names.
  EXPECT_TRUE(contains(error_for(",0,1,2\n0,1,10,5\n1,1,20,3\n2,2,10,4\n"), "use format matrix"));
  EXPECT_TRUE(contains(error_for("\"\",\"s\",\"d\",\"y\"\n\"1\",\"1\",\"2\",5\n\"2\",\"1\",\"3\",2\n"), "user=s,item=d,rating=y"));
  EXPECT_EQ(read_text(",0,1,2\n0,1,10,5\n1,1,20,3\n", with_format(Format::matrix)).size(), 6U);
  EXPECT_EQ(read_text(",user,item,rating\n0,1,10,4\n1,1,20,3.5\n2,2,10,1\n"), kThree);
}

TEST(Matrix, MayHaveAHeaderOfAnyLength) {
  constexpr std::size_t kItems = 60000;
  std::string text = "user";
  for (std::size_t item = 0; item < kItems; ++item) text += ",item" + std::to_string(item);
  text += "\nann";
  for (std::size_t item = 0; item < kItems; ++item) text += item % 1000 == 7 ? ",4" : ",";
  text += "\nbob";
  for (std::size_t item = 0; item < kItems; ++item) text += item == 59999 ? ",1" : ",";
  const Triples triples = read_text(text + "\n");
  ASSERT_EQ(triples.size(), 61U);
  EXPECT_EQ(triples[1], std::tuple("ann", "item1007", 4.0F));
  EXPECT_EQ(triples[60], std::tuple("bob", "item59999", 1.0F));
}

TEST(Matrix, ReportsItsFaults) {
  const ReadOptions matrix = with_format(Format::matrix);
  EXPECT_EQ(error_for(",A,B\nAnn,5,x\nBob,1,2\n", matrix),
            "F:2: expected a number, found \"x\" in \"Ann,5,x\" (matrix of users x items, 2 items in the header, separated by commas)");
  EXPECT_TRUE(
      error_for(",A,B\nAnn,5,4\nBob,1\n", matrix).starts_with("F:3: too few columns: expected a user and 2 ratings, found 2 in \"Bob,1\""));
  EXPECT_TRUE(error_for(",A,B\nAnn,5,4\nBob,1,2,3\n", matrix).starts_with("F:3: more cells than the 2 items of the header"));
  EXPECT_TRUE(error_for(",A,A\nAnn,5,4\n", matrix).starts_with("F:1: the header of a matrix has the item \"A\" twice"));
  EXPECT_TRUE(error_for(",A,,B\nAnn,5,4,1\n", matrix).starts_with("F:1: the header of a matrix has an empty id"));
  EXPECT_TRUE(error_for("Ann\nBob\n", matrix).starts_with("F:1: expected a header of items"));
  EXPECT_EQ(read_text(",A,B,\nAnn,5,4,\nBob,,2,\n", matrix).size(), 3U);
  const ScratchFile file(",A\nAnn,5\n");
  ReadOptions options = with_format(Format::matrix);
  options.columns = Columns::parse("user=1");
  EXPECT_EQ(error_of<OptionError>([&] { read_ratings(file.path(), options); }, file.path()),
            "columns: cannot be used with the format of F, whose columns are fixed");
}

// Comments and Matrix Market.

TEST(Comments, AreSkipped) {
  EXPECT_EQ(read_text("% bip weighted\n% 3 2 2\n1 10 4\n1 20 3.5\n2 10 1\n"), kThree);
  EXPECT_EQ(read_text("# 3 2 2\n#\n1 10 4\n# 9 9 9\n1 20 3.5\n%\n2 10 1\n% end\n"), kThree);
  EXPECT_EQ(read_text("# ratings, by hand\n1,10,4\n## more\n1,20,3.5\n2,10,1\n"), kThree);
  EXPECT_EQ(read_text("#made by x\n%and y\n1,10,4\n1,20,3.5\n2,10,1\n"), kThree);
  EXPECT_EQ(read_text("# c\nitem\trating\tuser\n10\t4\t1\n20\t3.5\t1\n10\t1\t2\n"), kThree);
  EXPECT_EQ(read_text("# c\n# item rating user\n10 4 1\n20 3.5 1\n10 1 2\n"), kThree);
  EXPECT_EQ(read_text("#user,item,rating\n1,10,4\n1,20,3.5\n2,10,1\n"), kThree);
  EXPECT_EQ(read_text("# lists\n1 10\n# more\n2 20\n", with_format(Format::adjacency)), (Triples{{"1", "10", 1.0F}, {"2", "20", 1.0F}}));
}

TEST(Comments, MayBeAllThereIs) {
  for (const char* text : {"# a\n# b\n", "%\n", "# a b c d\n# 1 2 3 4\n# 5 2 3 4\n"}) {
    EXPECT_EQ(error_for(text), "F: no ratings");
    EXPECT_EQ(error_for(text, with_format(Format::adjacency)), "F: no ratings");
    EXPECT_EQ(error_for(text, with_columns("user=1,item=2,rating=3")), "F: no ratings");
  }
}

TEST(Comments, AreNotIds) {
  EXPECT_EQ(read_text("#,x,3\n#1,x,4\n%,y,5\n"), (Triples{{"#", "x", 3.0F}, {"#1", "x", 4.0F}, {"%", "y", 5.0F}}));
  EXPECT_EQ(read_text("1,x,3\n#1,x,4\n\"# 2\",y,5\n"), (Triples{{"1", "x", 3.0F}, {"#1", "x", 4.0F}, {"# 2", "y", 5.0F}}));
  EXPECT_EQ(read_text("#cats a 1\n#dogs a 2\n"), (Triples{{"#cats", "a", 1.0F}, {"#dogs", "a", 2.0F}}));
  EXPECT_TRUE(error_for("1,x,3\n# 2,y,5\n").starts_with("F:2: a comment by its first byte, but a rating by its columns"));
  EXPECT_TRUE(error_for("# 943,1682,100000\n1,x,3\n").starts_with("F:1: a comment by its first byte, but a rating by its columns"));
}

TEST(MatrixMarket, IsReadInEveryVariant) {
  const Triples expected = {{"1", "1", 4.0F}, {"2", "1", 3.5F}};
  for (const std::string banner :
       {"%%MatrixMarket matrix coordinate real general", "%%matrixmarket MATRIX coordinate REAL General",
        "%MatrixMarket matrix coordinate real general", "%%MatrixMarket matrix coordinate double general",
        "\n  \n%%MatrixMarket matrix coordinate unsigned-integer general", "%% MatrixMarket matrix coordinate integer general"}) {
    EXPECT_EQ(read_text(banner + "\n%c\n2 2 2\n1 1 4.0D+00\n% between\n2 1 35d-1\n"), expected) << banner;
    EXPECT_EQ(read_text(banner + "\n2 2 2\n1 1 4\n2 1 3.5\n", with_format(Format::matrix_market)), expected) << banner;
  }
}

TEST(MatrixMarket, MirrorsSymmetricMatrices) {
  const std::string banner = "%%MatrixMarket matrix coordinate real ";
  EXPECT_EQ(read_text(banner + "symmetric\n3 3 3\n1 1 4\n2 1 3\n3 2 0\n"),
            (Triples{{"1", "1", 4.0F}, {"2", "1", 3.0F}, {"1", "2", 3.0F}, {"3", "2", 0.0F}, {"2", "3", 0.0F}}));
  EXPECT_EQ(read_text(banner + "skew-symmetric\n3 3 2\n2 1 3\n3 2 0\n"),
            (Triples{{"2", "1", 3.0F}, {"1", "2", -3.0F}, {"3", "2", 0.0F}, {"2", "3", 0.0F}}));
  EXPECT_EQ(layout_of(banner + "symmetric\n3 3 1\n2 1 3\n"), "Matrix Market, symmetric 3 x 3; user = row, item = column, rating = value");
  EXPECT_TRUE(error_for(banner + "symmetric\n3 3 1\n1 2 3\n").starts_with("F:3: an entry above the diagonal of a symmetric matrix"));
  EXPECT_TRUE(error_for(banner + "skew-symmetric\n3 3 1\n1 1 3\n").starts_with("F:3: an entry on or above the diagonal"));
  EXPECT_TRUE(error_for(banner + "symmetric\n3 2 1\n2 1 3\n").starts_with("F:2: expected as many rows as columns"));
  EXPECT_EQ(error_for(banner + "symmetric\n3 3 3\n2 1 3\n3 1 4\n"), "F: expected 3 entries, found 2");
  EXPECT_EQ(error_for(banner + "symmetric\n3 3 1\n2 1 3\n3 1 4\n"), "F: expected 1 entries by the size line, found more");
}

TEST(MatrixMarket, IsNeverReadAsLines) {
  EXPECT_TRUE(
      contains(error_for("% a comment\n3 2 4\n1 1 5\n1 2 3\n2 1 1\n3 2 2\n"), "the size line of a Matrix Market file without its banner"));
  const std::string text = "%%MatrixMarket matrix coordinate real general\n2 2 1\n2 1 3\n";
  for (const Format format : {Format::tsv, Format::csv, Format::adjacency, Format::matrix}) {
    EXPECT_TRUE(contains(error_for(text, with_format(format)), "use format matrix-market"));
  }
  EXPECT_TRUE(contains(error_for("%%MatrixMarket matrix coordinate complex hermitian\n2 2 1\n2 1 3 0\n"), "found \"hermitian\""));
}

// Faults.

TEST(Faults, AreThoseOfTheirLine) {
  EXPECT_EQ(error_for("user;item;rating\na;x;4,5 stars\nb;x;3\n"),
            "F:2: expected a number, found \"4,5 stars\" in \"a;x;4,5 stars\" (3 columns separated by semicolons, header; user = user, "
            "item = item, "
            "rating = rating)");
  EXPECT_EQ(error_for("1,10,5\n1,20,3\n2,x\n"),
            "F:3: too few columns: expected at least 3, found 2 in \"2,x\" (3 columns separated by commas, no header; user = column 1, "
            "item = column "
            "2, rating = column 3); use implicit_values to read a line without a rating as a rating of 1");
  EXPECT_TRUE(contains(error_for("1,10,5\n1,20,x" + std::string(500, 'y') + "\n"), "in \"1,20,x" + std::string(94, 'y') + "\"... ("));
}

}  // namespace
}  // namespace lowrank::layout_test
