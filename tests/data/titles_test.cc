#include "lowrank/data/titles.h"

#include <gtest/gtest.h>

#include "data/scratch_file.h"
#include "lowrank/base/error.h"

namespace lowrank::titles_test {
namespace {

TEST(Titles, ReadsTheThreeLayouts) {
  const ScratchFile colons("1::Toy Story (1995)::Animation|Comedy\r\n2::Se7en: the, end\n\n", ".dat");
  const Titles a = Titles::read(colons.path());
  EXPECT_EQ(a.size(), 2U);
  EXPECT_EQ(a.find("1"), "Toy Story (1995)");
  EXPECT_EQ(a.find("2"), "Se7en: the, end");
  EXPECT_EQ(a.find("3"), "");
  const ScratchFile commas("1,\"American President, The (1995)\",Comedy\n\"2\",Plain\n3,\"The \"\"Best\"\"\"\n3,Second\n");
  const Titles b = Titles::read(commas.path());
  EXPECT_EQ(b.find("1"), "American President, The (1995)");
  EXPECT_EQ(b.find("2"), "Plain");
  EXPECT_EQ(b.find("3"), "The \"Best\"");
  const ScratchFile bars("1|GoldenEye, (1995)|01-Jan-1995||0\n");
  EXPECT_EQ(Titles::read(bars.path()).find("1"), "GoldenEye, (1995)");
}

TEST(Titles, KeepsTheSeparatorsOfOtherFilesInATitle) {
  const ScratchFile semicolons("\"ISBN\";\"Title\";\"Author\"\n\"01\";\"Mythology; a\\\"new\\\" start, 1|2\";\"M. P.\"\n02;Plain, x;y\n");
  const Titles a = Titles::read(semicolons.path());
  EXPECT_EQ(a.find("01"), "Mythology; a\"new\" start, 1|2");
  EXPECT_EQ(a.find("02"), "Plain, x");
  const ScratchFile tabs("1\tToy Story; or: A, B|C\tx\n2\t\"Quoted\ttab\"\n3\t\"Half\" quoted\n4\t\"Open\n\"5\"\t6 ;7\n");
  const Titles b = Titles::read(tabs.path());
  EXPECT_EQ(b.find("1"), "Toy Story; or: A, B|C");
  EXPECT_EQ(b.find("2"), "Quoted\ttab");
  EXPECT_EQ(b.find("3"), "\"Half\" quoted");
  EXPECT_EQ(b.find("4"), "\"Open");
  EXPECT_EQ(b.find("5"), "6 ;7");
  const ScratchFile ends("1,\"C:\\\"\n2,\"D:\\\",\"x\"\n3,\"a \"\"b\"\" c\\d\",y\n");
  const Titles c = Titles::read(ends.path());
  EXPECT_EQ(c.find("1"), "C:\\");
  EXPECT_EQ(c.find("2"), "D:\\");
  EXPECT_EQ(c.find("3"), "a \"b\" c\\d");
}

TEST(Titles, ReadsLatin1WhereALineIsNotUtf8) {
  const ScratchFile file("1|Am\xE9lie|x\n2|Zo\xC3\xAB|y\n");
  const Titles titles = Titles::read(file.path());
  EXPECT_EQ(titles.find("1"), "Amélie");
  EXPECT_EQ(titles.find("2"), "Zoë");
}

TEST(Titles, RefusesOtherFormatsByName) {
  using namespace std::string_literals;
  const ScratchFile wide(
      "\xFF\xFE"
      "1\0|\0a\0"s);
  EXPECT_EQ(error_of<DataError>([&] { Titles::read(wide.path()); }, wide.path()),
            "F: this is UTF-16 text, which is not read; convert it to UTF-8");
  const ScratchFile json("{\"id\": 1, \"title\": \"a\"}\n");
  EXPECT_EQ(error_of<DataError>([&] { Titles::read(json.path()); }, json.path()).find("F: this is JSON lines, which is not read"), 0U);
}

TEST(Titles, RefusesLinesWithoutIdOrTitle) {
  const ScratchFile lone("1|a\njust words\n");
  EXPECT_EQ(error_of<DataError>([&] { Titles::read(lone.path()); }, lone.path()), "F:2: expected an id and a title, found \"just words\"");
  const ScratchFile empty("|a\n");
  EXPECT_EQ(error_of<DataError>([&] { Titles::read(empty.path()); }, empty.path()), "F:1: a title without an id");
  const ScratchFile open("1,\"a\n");
  EXPECT_EQ(error_of<DataError>([&] { Titles::read(open.path()); }, open.path()), "F:1: a quoted field does not end on its line");
  const ScratchFile after("1,\"a\"b,c\n");
  EXPECT_EQ(error_of<DataError>([&] { Titles::read(after.path()); }, after.path()), "F:1: text after a closing quote");
}

}  // namespace
}  // namespace lowrank::titles_test
