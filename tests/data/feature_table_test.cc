#include "lowrank/data/feature_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lowrank/base/error.h"
#include "scratch_file.h"

namespace lowrank::feature_table_test {
namespace {

struct Read {
  Vocabulary ids;
  Features features;
  std::string summary;

  /// The names of the columns that a row has, with values other than 1.
  [[nodiscard]] std::string row(std::string_view id) const {
    const std::uint32_t number = ids.find(id);
    if (number == Vocabulary::kUnknown) return "unknown";
    std::string text;
    for (std::size_t n = 0; n < features.entries(number); ++n) {
      const float value = features.values_of(number)[n];
      text += (text.empty() ? "" : " ") + std::string(features.description.names.id(features.columns_of(number)[n]));
      if (value != 1) text += ":" + std::to_string(value).substr(0, 5);
    }
    return text;
  }
};

Read read_text(const std::string& text, FeatureReadOptions options = {}, const std::vector<std::string_view>& rated = {}) {
  const ScratchFile file(text);
  Read read;
  for (const std::string_view id : rated) read.ids.add(id);
  options.known = &read.ids;
  options.on_summary = [&](const std::string& summary) { read.summary = summary.substr(file.path().size()); };
  read.features = learn_features(read_feature_table(file.path(), options), read.ids, options);
  EXPECT_EQ(features_problem(read.features), std::nullopt);
  EXPECT_EQ(read.features.rows(), read.ids.size());
  return read;
}

/// The message by which a text is refused, without the name of the file.
std::string refusal(const std::string& text, const FeatureReadOptions& options = {}) {
  const ScratchFile file(text);
  Vocabulary ids;
  try {
    learn_features(read_feature_table(file.path(), options), ids, options);
  } catch (const DataError& error) {
    const std::string message = error.what();
    return message.starts_with(file.path()) ? message.substr(file.path().size()) : message;
  } catch (const OptionError& error) {
    return error.what();
  }
  return "read";
}

/// `rows` lines of what `line` gives for 1, 2 ...
template <class Line>
std::string lines(int rows, const Line& line) {
  std::string text;
  for (int row = 1; row <= rows; ++row) text += line(row) + "\n";
  return text;
}

TEST(FeatureTable, ATableWithAHeader) {
  const Read read = read_text("movieId,genres,animated\n7,Comedy|War,1\n8,War,0\n9,,\n");
  EXPECT_EQ(read.row("7"), "genres=Comedy genres=War animated");
  EXPECT_EQ(read.row("8"), "genres=War");
  EXPECT_EQ(read.row("9"), "");
  EXPECT_EQ(read.summary,
            ": 3 columns separated by commas, header; id = movieId; genres: 2 words in lists; animated: 0 and 1; 3 columns for 3 items");
}

TEST(FeatureTable, RowsFollowTheRatingsAndNewIdsComeLast) {
  const Read read = read_text("id,kind\nb,x\nnew,y\na,x\n", {}, {"a", "unmentioned", "b"});
  EXPECT_EQ(read.ids.size(), 4U);
  EXPECT_EQ(read.ids.id(3), "new");
  EXPECT_EQ(read.row("a"), "kind=x");
  EXPECT_EQ(read.row("unmentioned"), "");
  EXPECT_EQ(read.row("new"), "kind=y");
  EXPECT_NE(read.summary.find("1 of them without ratings"), std::string::npos) << read.summary;
}

TEST(FeatureTable, LinesOfIdFeatureValue) {
  for (const char* text :
       {"id\tfeature\tvalue\n1\twar\t0.5\n1\tfun\t\n2\tfun\t2\n2\tlong\n", "1\twar\t0.5\n2\tfun\t2\n1\tfun\t1\n2\tlong\t1\n"}) {
    const Read read = read_text(text);
    EXPECT_EQ(read.row("2"), "fun:2.000 long") << text;
    EXPECT_EQ(read.row("1").substr(0, 9), "war:0.500") << text;
  }
}

TEST(FeatureTable, PairsWithoutValues) {
  const Read read = read_text("1;war\n1;fun\n2;fun\n");
  EXPECT_EQ(read.row("1"), "war fun");
  EXPECT_EQ(read.row("2"), "fun");
}

TEST(FeatureTable, KnownIdsTellAHeaderFromARow) {
  EXPECT_EQ(read_text("film,kind\na,x\nb,y\n", {}, {"a", "b"}).row("film"), "unknown");
  EXPECT_EQ(read_text("film,kind\na,x\nb,y\n", {}, {"a", "b", "film"}).row("film"), "2=kind");
}

TEST(FeatureTable, AColumnThatIsNamedIsInAHeader) {
  // By its names and ids alone the first line looks like a row: `item` is an id, and 1984 a number.
  const std::string text = "item,1984,genre\nitem,1,War\nb,0,War\nc,1,Drama\n";
  EXPECT_EQ(read_text(text, {.columns = "id=item"}, {"item", "b", "c"}).row("c"), "1984 genre=Drama");
  EXPECT_EQ(read_text(text, {.columns = "genre"}, {"item", "b", "c"}).row("c"), "genre=Drama");
  EXPECT_NE(refusal(text, {.columns = "id=1"}).find("a second time"), std::string::npos) << "a number names nothing";
}

TEST(FeatureTable, ManyNumbersAreCutAtTheirDeciles) {
  const Read read = read_text("user_id,age\n" + lines(200, [](int row) { return std::to_string(row) + "," + std::to_string(row); }),
                              {.side = FeatureSide::users});
  EXPECT_EQ(read.features.description.size(), 10U);
  EXPECT_EQ(read.row("1"), "age=[,21)");
  EXPECT_EQ(read.row("20"), "age=[,21)");
  EXPECT_EQ(read.row("21"), "age=[21,41)");
  EXPECT_EQ(read.row("200"), "age=[181,)");
  EXPECT_NE(read.summary.find("age: in 10 ranges; 10 columns for 200 users"), std::string::npos) << read.summary;
}

TEST(FeatureTable, FewNumbersAreStandardised) {
  const Read read = read_text("id,age\na,10\nb,20\nc,30\nd,\n");
  ASSERT_EQ(read.features.description.size(), 1U);
  const FeatureField& field = read.features.description.fields[0];
  EXPECT_EQ(field.form, FeatureForm::standardized);
  EXPECT_EQ(field.mean, 20);
  EXPECT_NEAR(field.deviation, 8.16497, 1e-5);
  EXPECT_EQ(read.row("a"), "age:-1.22");
  // The mean, and none, are 0.
  EXPECT_EQ(read.row("b"), "");
  EXPECT_EQ(read.row("d"), "");
}

TEST(FeatureTable, CodesAreWords) {
  const Read read = read_text("id::code\n" + lines(60, [](int row) { return std::to_string(row) + "::" + std::to_string(row % 7); }));
  EXPECT_EQ(read.features.description.size(), 7U);
  EXPECT_EQ(read.row("7"), "code=0");
}

TEST(FeatureTable, TextsThatNearlyAllDifferAreLeftOutAndSaid) {
  const auto line = [](int row) { return std::to_string(row) + ",Film " + std::to_string(row) + "," + (row % 2 == 0 ? "x" : "y"); };
  const Read read = read_text("id,title,kind\n" + lines(40, line));
  EXPECT_EQ(read.features.description.size(), 2U);
  EXPECT_NE(read.summary.find("left out: title (40 different texts in 40 rows)"), std::string::npos) << read.summary;
  EXPECT_EQ(read_text("id,title,kind\n" + lines(40, line), {.columns = "title"}).features.description.size(), 40U);
}

TEST(FeatureTable, TheYearAtTheEndOfATitleCounts) {
  const auto line = [](int row) { return std::to_string(row) + "::Film " + std::to_string(row) + " (" + std::to_string(1900 + row) + ")"; };
  const Read read = read_text(lines(120, line));
  EXPECT_EQ(read.row("1"), "2=[,1913)");
  EXPECT_EQ(read.row("120"), "2=[2009,)");
}

TEST(FeatureTable, DatesAreTheirYears) {
  const Read read = read_text("id,released\na,01-Jan-1995\nb,4-Feb-1997\n");
  EXPECT_EQ(read.features.description.fields[0].number, FeatureNumber::date);
  EXPECT_EQ(read.features.description.fields[0].mean, 1996);
  EXPECT_EQ(read_text("id,released\na,1995-01-02\nb,1997-12-31\n").row("b"), "released");
}

TEST(FeatureTable, TextsOfOneNumberAreOne) {
  const auto line = [](int row) {
    return std::to_string(row) + "," + std::to_string(1 + row % 28) + "-Mar-" + std::to_string(1990 + row % 3);
  };
  const Read read = read_text("id,released\n" + lines(150, line));
  EXPECT_EQ(read.features.description.size(), 3U);
  EXPECT_EQ(read.row("1"), "released=[1991,1992)");
}

TEST(FeatureTable, ColumnsByNameAndNumber) {
  const std::string text = "name,age,city,code\nann,31,Rome,u1\nbob,32,Oslo,u2\n";
  EXPECT_EQ(read_text(text, {.side = FeatureSide::users, .columns = "id=code,city"}).row("u1"), "city=Rome");
  EXPECT_EQ(read_text(text, {.side = FeatureSide::users, .columns = "id=4, 3"}).row("u2"), "city=Oslo");
  EXPECT_NE(refusal(text, {.columns = "town"}).find("the header has no column \"town\""), std::string::npos);
  EXPECT_NE(refusal(text, {.columns = "5"}).find("columns from 1 to 4"), std::string::npos);
  EXPECT_NE(refusal(text, {.columns = "id=code,4"}).find("has the ids"), std::string::npos);
  EXPECT_NE(refusal(text, {.columns = "city,,age"}).find("must be names or numbers"), std::string::npos);
}

TEST(FeatureTable, QuotesMarksAndLineEnds) {
  const Read read = read_text("\xEF\xBB\xBFid,kind\r\n\"a\",\"x, \"\"y\"\"\"\r\n\r\nb,z");
  EXPECT_EQ(read.row("a"), "kind=x, \"y\"");
  EXPECT_EQ(read.row("b"), "kind=z");
}

TEST(FeatureTable, LatinOne) {
  const std::string text = "id,land\n1,\xD6sterreich\n2,Peru\n";
  EXPECT_NE(refusal(text).find("not valid UTF-8 in column \"land\"; use encoding"), std::string::npos) << refusal(text);
  EXPECT_TRUE(refusal(text).starts_with(":2: ")) << refusal(text);
  EXPECT_EQ(read_text(text, {.encoding = "latin-1"}).row("1"), "land=\xC3\x96sterreich");
  // A text that becomes no column may be of any encoding.
  const auto line = [](int row) { return std::to_string(row) + "|\xD6 " + std::to_string(row) + "|" + (row % 2 == 0 ? "x" : "y"); };
  EXPECT_EQ(read_text(lines(30, line)).row("2"), "3=x");
}

TEST(FeatureTable, WhatIsWrongIsSaidWithItsLine) {
  EXPECT_EQ(refusal(""), ": no features in the file");
  EXPECT_TRUE(refusal("one\ntwo\n").starts_with(":1: expected an id and features")) << refusal("one\ntwo\n");
  EXPECT_TRUE(refusal("id,a,b\n1,x,y\n2,x\n").starts_with(":3: expected 3 columns, found 2")) << refusal("id,a,b\n1,x,y\n2,x\n");
  EXPECT_TRUE(refusal("id,a,b\n1,x,y\n1,x,z\n").starts_with(":3: the id \"1\" a second time, after line 2"));
  EXPECT_TRUE(refusal("id,a,b\n,x,y\n2,x,z\n").starts_with(":2: an empty id"));
  EXPECT_TRUE(refusal("id,a,b\n1,\"x,y\n2,x,z\n").starts_with(":2: "));
  EXPECT_TRUE(refusal("id,a,a\n1,x,y\n").starts_with(":1: the header has the column \"a\" twice"));
  EXPECT_TRUE(refusal("id,feature,value\n1,x,1\n1,y,much\n").starts_with(":3: expected a finite number"))
      << refusal("id,feature,value\n1,x,1\n1,y,much\n");
  EXPECT_TRUE(refusal("id,feature,value\n1,x,inf\n").starts_with(":2: expected a finite number"));
  EXPECT_NE(refusal("id,a\n1,\n2,\n").find("no column is left"), std::string::npos);
  EXPECT_NE(refusal("[{\"id\": 1}]\n").find("JSON"), std::string::npos);
  EXPECT_NE(refusal(std::string("i\0d\0,\0a\0\n\0001\0,\0x\0\n\0", 16)).find("UTF-16"), std::string::npos);
}

TEST(FeatureTable, NewRowsAreReadIntoTheSameColumns) {
  const Read known =
      read_text("id,genres,age,animated\n" + lines(120, [](int row) {
                  return std::to_string(row) + "," + (row % 2 == 0 ? "Comedy|War" : "War") + "," + std::to_string(row + 40) + ",1";
                }));
  // A column of ones alone is a column.
  const FeatureDescription& description = known.features.description;
  for (const char* text : {"id,age,genres\nn,41,War|Western\nm,999,\n", "n,genres,War|Western\nn,age,41\nm,age,999\n",
                           "n,genres=War\nn,genres=Western\nn,age,41\nm,age,999\n"}) {
    const ScratchFile file(text);
    Read fresh;
    FeatureGaps gaps;
    fresh.features = apply_features(read_feature_table(file.path(), {}, &description), description, fresh.ids, gaps);
    EXPECT_EQ(features_problem(fresh.features), std::nullopt);
    EXPECT_EQ(fresh.row("n"), "genres=War age=[,53)") << text;
    EXPECT_EQ(fresh.row("m"), "age=[149,)") << text;
    EXPECT_EQ(gaps.unknown, 1U) << text;
    EXPECT_EQ(gaps_text(gaps, "f"), "f: 1 feature is unknown to the model and left out, such as \"genres=Western\"") << text;
  }
  const ScratchFile bad("id,age\nn,old\n");
  Vocabulary ids;
  FeatureGaps gaps;
  EXPECT_THROW(apply_features(read_feature_table(bad.path(), {}, &description), description, ids, gaps), DataError);
  gaps.takes_unreadable = true;
  EXPECT_EQ(apply_features(read_feature_table(bad.path(), {}, &description), description, ids, gaps).entries(0), 0U);
  EXPECT_EQ(gaps.unreadable, 1U);
}

TEST(FeatureTable, ATableInMemory) {
  Vocabulary ids;
  const FeatureTable table = make_feature_table({"item", "kind"}, {{"a", "b"}, {"x", ""}}, {});
  const Features features = learn_features(table, ids, {});
  EXPECT_EQ(features.description.names.id(0), "kind=x");
  EXPECT_EQ(features.entries(1), 0U);
  EXPECT_THROW(make_feature_table({"item", "kind"}, {{"a", "a"}, {"x", ""}}, {}), DataError);
  EXPECT_THROW(make_feature_table({"item", "kind"}, {{}, {}}, {}), DataError);
}

}  // namespace
}  // namespace lowrank::feature_table_test
