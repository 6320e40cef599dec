#include "tune/trial_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "lowrank/base/error.h"
#include "pipeline/run_fixture.h"

namespace lowrank::trial_file_test {
namespace {

class TrialFileTest : public RunTest {
 protected:
  static std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  /// The files of a search, from nothing or from what is there.
  TuneSummary tuned(const std::string& trials, std::uint64_t seed = 1) {
    TuneOptions options;
    options.trials = 8;
    options.seed = seed;
    options.trials_file = trials;
    TuneFiles files;
    files.ratings = path("ratings.csv");
    files.output = path("model");
    return tune(files, options);
  }
  std::string problem(const std::string& trials, std::uint64_t seed = 1) {
    try {
      tuned(trials, seed);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

/// A search that was killed while it wrote any of its bytes comes to the same trials and the same model.
TEST_F(TrialFileTest, WhatAKilledSearchLeftIsGoneOnWith) {
  static_cast<void>(synthetic_run());
  tuned(path("whole"));
  const std::string whole = content(path("whole"));
  const std::string model = content(path("model"));
  for (std::size_t size = 0; size <= whole.size(); size += 1 + whole.size() / 9) {
    std::filesystem::remove(path("model"));
    write("part", whole.substr(0, size));
    tuned(path("part"));
    EXPECT_EQ(content(path("part")), whole) << size;
    EXPECT_EQ(content(path("model")), model) << size;
  }
}

TEST_F(TrialFileTest, AFileOfAnotherSearchIsRefusedAndLeftAlone) {
  static_cast<void>(synthetic_run());
  tuned(path("trials"));
  const std::string before = content(path("trials"));
  EXPECT_EQ(problem(path("trials"), 2), path("trials") + ": is the file of another search: its seed is 1, not 2");
  EXPECT_EQ(content(path("trials")), before);
  EXPECT_EQ(problem(write("text", "some words\n")), path("text") + ": is not a file of trials");
  EXPECT_EQ(problem(write("line", "some words")), path("line") + ": is not a file of trials");
  EXPECT_EQ(content(path("line")), "some words");
}

TEST_F(TrialFileTest, ALineThatIsNotOfThePathIsRefused) {
  static_cast<void>(synthetic_run());
  tuned(path("trials"));
  std::string text = content(path("trials"));
  const std::size_t second = text.find("\"trial\":2");
  text.replace(second, 9, "\"trial\":3");
  write("altered", text);
  EXPECT_EQ(problem(path("altered")),
            path("altered") + ":3: is not what this search comes to; it is the file of another version, or was altered");
}

}  // namespace
}  // namespace lowrank::trial_file_test
