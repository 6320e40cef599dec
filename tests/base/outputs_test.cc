#include "base/outputs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "lowrank/base/error.h"

namespace lowrank::outputs_test {
namespace {

namespace fs = std::filesystem;

class OutputsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "lowrank-outputs-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    fs::create_directory(folder_ / "deep");
    std::ofstream(folder_ / "a") << "a";
    std::ofstream(folder_ / "b") << "b";
    fs::create_symlink("a", folder_ / "symbolic");
    fs::create_symlink("../symbolic", folder_ / "deep" / "second");
    fs::create_hard_link(folder_ / "a", folder_ / "hard");
    fs::create_symlink("deep/new", folder_ / "dangling");
    ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string in(const std::string& name) const { return name.empty() || name == "-" ? name : folder_.string() + "/" + name; }

  /// The refusal without the folder.
  [[nodiscard]] std::string refusal(const std::vector<std::string>& inputs, const std::vector<std::string>& outputs) const {
    std::vector<NamedFile> read;
    std::vector<NamedFile> written;
    for (const std::string& name : inputs) read.push_back({"in", in(name)});
    for (const std::string& name : outputs) written.push_back({"out", in(name)});
    try {
      check_outputs(read, written);
    } catch (const OptionError& error) {
      std::string text = error.what();
      for (std::size_t at = text.find(in("x").substr(0, in("x").size() - 1)); at != std::string::npos;
           at = text.find(in("x").substr(0, in("x").size() - 1))) {
        text.erase(at, in("x").size() - 1);
      }
      return text;
    }
    return "accepted";
  }

  fs::path folder_;
};

TEST_F(OutputsTest, DifferentFiles) {
  EXPECT_EQ(refusal({}, {}), "accepted");
  EXPECT_EQ(refusal({"a", "", "missing", "nowhere/x"}, {"b", "", "new", "deep/a", "nowhere/y"}), "accepted");
  EXPECT_EQ(refusal({"pipe"}, {"pipe"}), "accepted");
  EXPECT_EQ(refusal({"a", "a"}, {"b"}), "accepted");
}

TEST_F(OutputsTest, AnInputUnderEveryName) {
  EXPECT_EQ(refusal({"b", "a"}, {"new", "a"}), "out: a is an input of this command; writing would destroy it");
  for (const char* const name : {"symbolic", "hard", "deep/second", "./a", "deep/../a", "deep//../hard"}) {
    EXPECT_EQ(refusal({"a"}, {name}), std::string("out: ") + name + " is the same file as the input a; writing would destroy it");
    EXPECT_EQ(refusal({name}, {"a"}), std::string("out: a is the same file as the input ") + name + "; writing would destroy it");
  }
}

TEST_F(OutputsTest, TwoOutputsThatAreOne) {
  EXPECT_EQ(refusal({}, {"new", "new"}), "out: new is the same file as new, which is also written");
  EXPECT_EQ(refusal({}, {"new", "./new"}), "out: ./new is the same file as new, which is also written");
  EXPECT_EQ(refusal({}, {"dangling", "deep/new"}), "out: deep/new is the same file as dangling, which is also written");
  EXPECT_EQ(refusal({}, {"a", "b", "hard"}), "out: hard is the same file as a, which is also written");
}

TEST_F(OutputsTest, StandardStreams) {
  const int old_input = ::dup(STDIN_FILENO);
  const int old_output = ::dup(STDOUT_FILENO);
  ASSERT_NE(::dup2(::open(in("a").c_str(), O_RDONLY), STDIN_FILENO), -1);
  const std::string read = refusal({"-"}, {"hard"});
  const int file = ::open(in("b").c_str(), O_WRONLY | O_APPEND);
  ::dup2(file, STDOUT_FILENO);
  const std::string written = refusal({"b"}, {"-"});
  const std::string neither = refusal({"-"}, {"-"});
  ::dup2(old_input, STDIN_FILENO);
  ::dup2(old_output, STDOUT_FILENO);
  for (const int descriptor : {old_input, old_output, file}) ::close(descriptor);
  EXPECT_EQ(read, "out: hard is the same file as the input standard input; writing would destroy it");
  EXPECT_EQ(written, "out: standard output is the same file as the input b; writing would destroy it");
  EXPECT_EQ(neither, "accepted");
}

}  // namespace
}  // namespace lowrank::outputs_test
