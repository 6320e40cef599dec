#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "lowrank/base/error.h"

namespace lowrank::file_test {
namespace {

namespace fs = std::filesystem;

/// Every case runs with each kind of temporary, in a folder of its own.
class AtomicFileTest : public testing::TestWithParam<AtomicFile::Temporary> {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "lowrank-file-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ / "target";
  }
  void TearDown() override { fs::remove_all(folder_); }

  void put(const fs::path& path, const std::string& content) const { std::ofstream(path, std::ios::binary) << content; }
  [[nodiscard]] std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {})); }
  void write(const fs::path& path, std::string_view content) const {
    AtomicFile file(path.string(), GetParam());
    file.write(content);
    file.commit();
  }
  [[nodiscard]] std::string refusal(const std::string& path) const {
    try {
      AtomicFile file(path, GetParam());
    } catch (const FileError& error) {
      EXPECT_THROW(check_writable(path), FileError) << path;
      return error.what();
    }
    return "accepted";
  }
  static mode_t mode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 07777U;
  }

  fs::path folder_;
  fs::path path_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, AtomicFileTest, testing::Values(AtomicFile::Temporary::automatic, AtomicFile::Temporary::named),
                         [](const auto& kind) { return kind.param == AtomicFile::Temporary::named ? "named" : "automatic"; });

TEST_P(AtomicFileTest, KeepsTheOldFileUntilCommit) {
  put(path_, "old");
  AtomicFile file(path_.string(), GetParam());
  const std::string content = std::string("new\0", 4) + std::string(3U << 20U, 'x') + "end";
  file.write(std::string_view(content).substr(0, 10));
  file.write(std::string_view(content).substr(10));
  EXPECT_EQ(read_file(path_.string()), "old");
  file.commit();
  EXPECT_EQ(read_file(path_.string()), content);
  EXPECT_EQ(files(), 1U);
}

TEST_P(AtomicFileTest, ManySmallWritesArriveInOrder) {
  std::string expected;
  AtomicFile file(path_.string(), GetParam());
  for (int i = 0; i < 300000; ++i) {
    const std::string piece = std::to_string(i);
    expected += piece;
    file.write(piece);
  }
  file.commit();
  EXPECT_EQ(read_file(path_.string()), expected);
}

TEST_P(AtomicFileTest, LeavesNothingWithoutCommit) {
  {
    AtomicFile file(path_.string(), GetParam());
    file.write("half");
  }
  EXPECT_EQ(files(), 0U);
}

/// Files of the pattern of temporary ones; `held` by a process of this user, or left by one that was killed.
TEST_P(AtomicFileTest, RemovesWhatKilledRunsLeft) {
  const auto in = [this](const char* name) { return folder_ / name; };
  const char* const left = ".lowrank-0123456789abcdef.tmp";
  const char* const held = ".lowrank-fedcba9876543210.tmp";
  const std::vector<const char*> others = {".lowrank-0123456789abcdef", ".lowrank-0123456789ABCDEF.tmp", ".lowrank-123.tmp", "lowrank.tmp"};
  for (const char* const name : others) put(in(name), "mine");
  put(in(left), "half");
  put(in(held), "half");
  fs::create_directory(in(".lowrank-aaaaaaaaaaaaaaaa.tmp"));
  const int descriptor = ::open(in(held).c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(descriptor, LOCK_EX), 0);
  write(path_, "new");
  EXPECT_FALSE(fs::exists(in(left)));
  EXPECT_TRUE(fs::exists(in(held)));
  EXPECT_TRUE(fs::exists(in(".lowrank-aaaaaaaaaaaaaaaa.tmp")));
  for (const char* const name : others) EXPECT_EQ(read_file(in(name).string()), "mine");
  ::close(descriptor);
  write(path_, "newer");
  EXPECT_FALSE(fs::exists(in(held)));
}

TEST_P(AtomicFileTest, AKilledRunsFileIsRemovedByTheNextOne) {
  put(path_, "old");
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(path_.string(), GetParam());
    file.write(std::string(3U << 20U, 'x'));
    if (::write(ready[1], "x", 1) != 1) _exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const std::size_t named = GetParam() == AtomicFile::Temporary::named ? 1 : 0;
  {
    // While the other process runs, its file stays.
    const AtomicFile file(path_.string(), GetParam());
    EXPECT_EQ(files(), 1 + 2 * named);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(read_file(path_.string()), "old");
  EXPECT_EQ(files(), 1 + named);
  write(path_, "new");
  EXPECT_EQ(files(), 1U);
  for (const int end : ready) ::close(end);
}

TEST_P(AtomicFileTest, RemovesNamedFilesForASignalHandler) {
  AtomicFile file(path_.string(), GetParam());
  remove_temporaries();
  EXPECT_EQ(files(), 0U);
}

TEST_P(AtomicFileTest, DescriptorsOfStandardStreamsAreNotUsed) {
  const int copy = ::dup(STDIN_FILENO);
  ::close(STDIN_FILENO);
  {
    const AtomicFile file(path_.string(), GetParam());
    EXPECT_EQ(::fcntl(STDIN_FILENO, F_GETFD), -1);
  }
  ::dup2(copy, STDIN_FILENO);
  ::close(copy);
}

TEST_P(AtomicFileTest, FilesThatBelongTogetherAreCommittedAsOne) {
  const fs::path second = folder_ / "second";
  const fs::path third = folder_ / "third";
  put(path_, "old");
  put(third, "old");
  AtomicFile files[] = {AtomicFile(path_.string(), GetParam()), AtomicFile(second.string(), GetParam()),
                        AtomicFile(third.string(), GetParam())};
  AtomicFile* const all[] = {&files[0], &files[1], &files[2]};
  for (AtomicFile* const file : all) file->write("new");
  // The third cannot be put in place: nothing changes.
  fs::remove(third);
  fs::create_directory(third);
  EXPECT_THROW(AtomicFile::commit_all(all), FileError);
  EXPECT_EQ(read_file(path_.string()), "old");
  EXPECT_FALSE(fs::exists(second));
  fs::remove(third);
  AtomicFile::commit_all(all);
  for (const fs::path& path : {path_, second, third}) EXPECT_EQ(read_file(path.string()), "new");
}

TEST_P(AtomicFileTest, NewFilesFollowTheMask) {
  const mode_t mask = ::umask(027);
  write(path_, "x");
  ::umask(mask);
  EXPECT_EQ(mode_of(path_), 0640U);
}

TEST_P(AtomicFileTest, AnExistingFileHandsItsPermissionsOn) {
  put(path_, "old");
  fs::permissions(path_, static_cast<fs::perms>(0604));
  write(path_, "new");
  EXPECT_EQ(mode_of(path_), 0604U);
  EXPECT_EQ(read_file(path_.string()), "new");
}

TEST_P(AtomicFileTest, FollowsLinks) {
  fs::create_directory(folder_ / "deep");
  put(folder_ / "deep" / "real", "old");
  fs::create_symlink("deep/second", path_);
  fs::create_symlink("real", folder_ / "deep" / "second");
  write(path_, "new");
  EXPECT_TRUE(fs::is_symlink(path_));
  EXPECT_EQ(read_file((folder_ / "deep" / "real").string()), "new");

  fs::create_symlink("deep/not-yet", folder_ / "dangling");
  write(folder_ / "dangling", "made");
  EXPECT_TRUE(fs::is_symlink(folder_ / "dangling"));
  EXPECT_EQ(read_file((folder_ / "deep" / "not-yet").string()), "made");
}

TEST_P(AtomicFileTest, RefusesWhatIsNoRegularFile) {
  fs::create_directory(path_);
  EXPECT_EQ(refusal(path_.string()), path_.string() + ": cannot write: it is a directory");
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(refusal(pipe), pipe + ": cannot write: it is not a regular file");
  EXPECT_EQ(refusal("/dev/null"), "/dev/null: cannot write: it is not a regular file");
  EXPECT_EQ(files(), 2U);
}

TEST_P(AtomicFileTest, RefusesImpossibleNames) {
  const std::string missing = (folder_ / "none" / "file").string();
  EXPECT_EQ(refusal(missing), missing + ": cannot write in the folder " + (folder_ / "none").string() + ": No such file or directory");
  EXPECT_EQ(refusal(""), "the name of a file to write is empty");
  EXPECT_EQ(refusal(folder_.string() + "/new/"), folder_.string() + "/new/: names a directory, not a file to write");
  fs::create_symlink("loop", folder_ / "loop");
  EXPECT_NE(refusal((folder_ / "loop").string()).find("cannot follow the link"), std::string::npos);
  EXPECT_NE(refusal((folder_ / std::string(300, 'x')).string()).find("File name too long"), std::string::npos);
}

TEST_P(AtomicFileTest, RefusesProtectedPlaces) {
  if (::geteuid() == 0) GTEST_SKIP() << "nothing is protected against the superuser";
  put(path_, "old");
  fs::permissions(path_, static_cast<fs::perms>(0444));
  EXPECT_EQ(refusal(path_.string()), path_.string() + ": cannot write: Permission denied");
  fs::create_directory(folder_ / "closed");
  fs::permissions(folder_ / "closed", static_cast<fs::perms>(0555));
  EXPECT_NE(refusal((folder_ / "closed" / "file").string()).find("Permission denied"), std::string::npos);
}

TEST_P(AtomicFileTest, AFullDiskIsAClearErrorAndLeavesTheOldFile) {
  put(path_, "old");
  // A limit on file sizes stands in for a full disk: write() fails half way, just so.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1U << 21U, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  try {
    AtomicFile file(path_.string(), GetParam());
    for (int i = 0; i < 100; ++i) file.write(std::string(100000, 'x'));
    file.commit();
  } catch (const FileError& error) {
    message = error.what();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, system_message(path_.string(), "cannot write", EFBIG));
  EXPECT_EQ(read_file(path_.string()), "old");
  EXPECT_EQ(files(), 1U);
}

TEST_P(AtomicFileTest, TwoWritersOfOneTargetDoNotMix) {
  AtomicFile first(path_.string(), GetParam());
  AtomicFile second(path_.string(), GetParam());
  first.write("first");
  second.write("second");
  second.commit();
  EXPECT_EQ(read_file(path_.string()), "second");
  first.commit();
  EXPECT_EQ(read_file(path_.string()), "first");
  EXPECT_EQ(files(), 1U);
}

TEST(CheckWritable, LeavesNoTrace) {
  const std::string path = testing::TempDir() + "lowrank-check-writable" + std::to_string(::getpid());
  check_writable(path);
  EXPECT_FALSE(fs::exists(path));
}

TEST(ReadFile, ReadsWhatIsThere) {
  const std::string path = testing::TempDir() + "lowrank-read-file" + std::to_string(::getpid());
  for (const std::string& content : {std::string(), std::string("a\0b", 3), std::string((1U << 20U) + 7, 'y')}) {
    std::ofstream(path, std::ios::binary) << content;
    EXPECT_EQ(read_file(path), content);
    RegularFile file(path);
    EXPECT_EQ(file.size(), content.size());
    char byte = 0;
    EXPECT_EQ(file.read(&byte, 1), content.empty() ? 0U : 1U);
  }
  fs::remove(path);
  EXPECT_GT(read_file("/proc/self/status").size(), 100U) << "a file of the kernel, whose size is said to be 0";
}

TEST(ReadFile, RefusesWhatItCannotRead) {
  const auto message = [](const std::string& path) -> std::string {
    try {
      read_file(path);
    } catch (const FileError& error) {
      return error.what();
    }
    return "read";
  };
  EXPECT_EQ(message("/nowhere/file"), "/nowhere/file: cannot open: No such file or directory");
  EXPECT_EQ(message("/"), "/: cannot read: it is a directory");
  EXPECT_EQ(message("/dev/null"), "/dev/null: cannot read: it is not a regular file");
  // A pipe without a writer must not make it wait.
  const std::string pipe = testing::TempDir() + "lowrank-read-pipe" + std::to_string(::getpid());
  ::unlink(pipe.c_str());
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(message(pipe), pipe + ": cannot read: it is not a regular file");
  ::unlink(pipe.c_str());
}

}  // namespace
}  // namespace lowrank::file_test
