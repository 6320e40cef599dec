#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>

#include "serve/store.h"
#include "serve/store_fixture.h"
#include "serve/store_kill.h"
#include "serve/store_vfs.h"

namespace lowrank::serve::store_durability_test {
namespace {

using testing_store::cut_power;
using testing_store::fail_next_sync;
using testing_store::Folder;
using testing_store::kFaultyVfs;
using testing_store::kill_at_random;
using testing_store::limit_space;
using testing_store::put;
using testing_store::reset_faulty_vfs;
using testing_store::Sequence;
using testing_store::unlimit_space;

StoreOptions faulty(const Folder& folder, Sync sync = Sync::full) {
  return {.folder = folder.state(), .sync = sync, .vfs = kFaultyVfs, .on_log = {}};
}

StoreOptions sound(const Folder& folder) { return {.folder = folder.state(), .vfs = {}, .on_log = {}}; }

TEST(StoreDurability, KilledAtRandomInstants) { kill_at_random(25); }

/// Writes until the power fails after `time`. \return the end of what was acknowledged
std::uint64_t write_until_dark(const Folder& folder, Sync sync, std::uint64_t start, std::chrono::microseconds time, std::uint64_t seed,
                               bool& forgot) {
  std::atomic<std::uint64_t> acknowledged{start};
  std::atomic<bool> dark{false};
  reset_faulty_vfs();
  {
    Store store(faulty(folder, sync));
    std::counting_semaphore<> room(16);
    std::thread writer([&] {
      for (std::uint64_t at = start; !dark; at = Sequence::end_of(at)) {
        room.acquire();
        store.submit(Sequence::submission(at), [&, end = Sequence::end_of(at)](const Outcome& outcome) {
          if (outcome) acknowledged = end;
          if (!outcome) dark = true;
          room.release();
        });
      }
    });
    std::this_thread::sleep_for(time);
    forgot = cut_power(seed);
    writer.join();
  }
  reset_faulty_vfs();
  return acknowledged;
}

TEST(StoreDurability, PowerLossForgetsNothingThatWasAcknowledged) {
  const Folder folder;
  std::uint64_t end = 1;
  int forgot = 0;
  for (std::uint64_t round = 0; round < 40; ++round) {
    bool some = false;
    const std::chrono::microseconds time(Sequence::mixed(round) % 30'000);
    const std::uint64_t acknowledged = write_until_dark(folder, Sync::full, end, time, round * 100'000, some);
    forgot += some ? 1 : 0;
    Store store(sound(folder));
    end = Sequence::check(store, acknowledged);
    ASSERT_TRUE(store.check().empty());
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
  EXPECT_GT(forgot, 5) << "the power never failed between a write and its sync: nothing was tested";
  EXPECT_GT(end, 1000U);
}

TEST(StoreDurability, NormalSyncLosesTheEndButNothingInTheMiddle) {
  // The same power loss without a sync per commit: shows that the loss is one (the test above can fail), and that the store stays sound.
  const Folder folder;
  std::uint64_t end = 1;
  std::uint64_t lost = 0;
  for (std::uint64_t round = 0; round < 20; ++round) {
    bool some = false;
    const std::uint64_t acknowledged = write_until_dark(folder, Sync::normal, end, std::chrono::milliseconds(20), round * 100'000, some);
    Store store(sound(folder));
    end = Sequence::check(store, 1);
    lost += acknowledged > end ? acknowledged - end : 0;
    ASSERT_TRUE(store.check().empty());
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
  EXPECT_GT(lost, 0U);
}

TEST(StoreDurability, FullDiskRefusesWritesKeepsReadsAndRecovers) {
  reset_faulty_vfs();
  const Folder folder;
  std::vector<std::string> log;
  StoreOptions options = faulty(folder);
  options.on_log = [&log](std::string_view message) { log.emplace_back(message); };
  {
    Store store(options);
    store.write({put("a", "x", 4)});
    limit_space(200'000);
    Outcome outcome;
    std::uint64_t at = 1;
    for (; outcome && at < 100'000; at = Sequence::end_of(at)) outcome = store.submit(Sequence::submission(at)).get();
    EXPECT_EQ(outcome.problem, StoreProblem::full);
    EXPECT_NE(outcome.message.find("no space on the disk"), std::string::npos) << outcome.message;
    EXPECT_FALSE(store.counts().writable);
    EXPECT_FALSE(store.counts().problem.empty());
    // The failed submission left nothing behind, neither in the file nor in what the writer remembers of ids.
    const auto ratings = store.ratings_of("a");
    ASSERT_TRUE(ratings);
    EXPECT_EQ(ratings->at(0).value, 4);
    const std::uint64_t count = store.counts().ratings;
    EXPECT_EQ(testing_store::ratings_in(store).size(), count);
    EXPECT_EQ(store.submit({put("new", "newer", 1)}).get().problem, StoreProblem::full);
    EXPECT_FALSE(store.ratings_of("new"));
    unlimit_space();
    // Without any request, as the writer looks for space by itself.
    for (int tries = 0; tries < 100 && !store.counts().writable; ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(store.counts().writable);
    const Change change = store.write({put("new", "newer", 1)}).front();
    EXPECT_TRUE(change.created_user);
    EXPECT_TRUE(change.created_item);
    EXPECT_TRUE(store.check().empty());
  }
  Store store(sound(folder));
  EXPECT_EQ(store.ratings_of("new")->at(0).item, "newer");
  EXPECT_GE(log.size(), 2U);
}

TEST(StoreDurability, OpensForReadingOnAFullDisk) {
  reset_faulty_vfs();
  const Folder folder;
  {
    Store store(faulty(folder));
    store.write({put("a", "x", 4)});
  }
  limit_space(0);
  Store store(faulty(folder));
  EXPECT_FALSE(store.counts().writable);
  EXPECT_EQ(store.ratings_of("a")->at(0).value, 4);
  EXPECT_EQ(store.submit({put("a", "y", 1)}).get().problem, StoreProblem::full);
  unlimit_space();
}

TEST(StoreDurability, AFailedSyncEndsAllWriting) {
  reset_faulty_vfs();
  const Folder folder;
  Store store(faulty(folder));
  store.write({put("a", "x", 4)});
  fail_next_sync();
  EXPECT_EQ(store.submit({put("a", "y", 1)}).get().problem, StoreProblem::failed);
  // The second sync would succeed. What became of the pages of the first, nobody knows.
  EXPECT_EQ(store.submit({put("a", "z", 1)}).get().problem, StoreProblem::failed);
  EXPECT_FALSE(store.counts().writable);
  EXPECT_EQ(store.ratings_of("a")->size(), 1U);
}

/// A file system of 1 MiB, where the test may make one.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    std::filesystem::create_directory(path);
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount(path_.c_str());
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST(StoreDurability, AFullFileSystem) {
  const Folder folder;
  const std::string disk = folder.path("disk");
  const SmallDisk small(disk);
  if (!small.mounted()) GTEST_SKIP() << "a small file system needs root";
  {
    Store store({.folder = disk + "/state", .vfs = {}, .on_log = {}});
    Outcome outcome;
    std::uint64_t at = 1;
    std::uint64_t acknowledged = 1;
    for (; outcome && at < 200'000; at = Sequence::end_of(at)) {
      outcome = store.submit(Sequence::submission(at)).get();
      if (outcome) acknowledged = Sequence::end_of(at);
    }
    EXPECT_EQ(outcome.problem, StoreProblem::full) << outcome.message;
    Sequence::check(store, acknowledged);
    EXPECT_TRUE(store.check().empty());
  }
  {
    Store store({.folder = disk + "/state", .vfs = {}, .on_log = {}});
    EXPECT_TRUE(store.check().empty());
  }
}

}  // namespace
}  // namespace lowrank::serve::store_durability_test
