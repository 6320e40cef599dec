#include "lowrank/base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lowrank::error_test {
namespace {

std::string capitals(std::string_view option) {
  std::string text;
  for (const char c : option) text += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

TEST(Error, EveryKindHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t kind = 0; kind < kErrorKinds; ++kind) names.insert(name_of(static_cast<ErrorKind>(kind)));
  EXPECT_EQ(names.size(), kErrorKinds);
}

TEST(Error, TypesKnowTheirKind) {
  EXPECT_EQ(DataError("x").kind(), ErrorKind::data);
  EXPECT_EQ(DataError("file", 3, "x").kind(), ErrorKind::data);
  EXPECT_EQ(FileError("x").kind(), ErrorKind::file);
  EXPECT_EQ(OptionError("rank", "x").kind(), ErrorKind::option);
  EXPECT_EQ(UnknownIdError("x").kind(), ErrorKind::unknown_id);
  EXPECT_EQ(ModelFileError("x").kind(), ErrorKind::model_file);
  EXPECT_EQ(MemoryError("x").kind(), ErrorKind::memory);
  EXPECT_EQ(TrainingError("x").kind(), ErrorKind::training);
}

TEST(Error, ADoorSpellsTheOptionsOfAnyType) {
  const OptionError option("refit", "needs " + mention("validation") + " or " + mention("holdout"));
  EXPECT_STREQ(option.what(), "refit: needs validation or holdout");
  EXPECT_EQ(option.message(capitals), "REFIT: needs VALIDATION or HOLDOUT");
  EXPECT_EQ(option.option(), "refit");
  const DataError data("a.csv", 7, "{rank} twice (see " + mention("duplicates") + ")");
  EXPECT_STREQ(data.what(), "a.csv:7: {rank} twice (see duplicates)");
  EXPECT_EQ(data.message(capitals), "a.csv:7: {rank} twice (see DUPLICATES)");
  const OptionError nameless("", "standard input can be read only once");
  EXPECT_STREQ(nameless.what(), "standard input can be read only once");
}

}  // namespace
}  // namespace lowrank::error_test
