#include "lowrank/data/titles.h"

#include <gtest/gtest.h>

#include "data/scratch_file.h"
#include "lowrank/base/error.h"

namespace lowrank {
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

TEST(Titles, ReadsLatin1WhereALineIsNotUtf8) {
  const ScratchFile file("1|Am\xE9lie|x\n2|Zo\xC3\xAB|y\n");
  const Titles titles = Titles::read(file.path());
  EXPECT_EQ(titles.find("1"), "Amélie");
  EXPECT_EQ(titles.find("2"), "Zoë");
}

TEST(Titles, RefusesLinesWithoutIdOrTitle) {
  const ScratchFile lone("1|a\njust words\n");
  EXPECT_EQ(error_of<DataError>([&] { Titles::read(lone.path()); }, lone.path()), "F:2: expected an id and a title, found \"just words\"");
  const ScratchFile empty("|a\n");
  EXPECT_EQ(error_of<DataError>([&] { Titles::read(empty.path()); }, empty.path()), "F:1: a title without an id");
}

}  // namespace
}  // namespace lowrank
