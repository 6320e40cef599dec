// What is read of a store: lists, snapshots and backups of one moment, models.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "serve/store.h"
#include "serve/store_fixture.h"

namespace lowrank::serve::store_reading_test {
namespace {

using testing_store::bytes_of;
using testing_store::Folder;
using testing_store::item;
using testing_store::options;
using testing_store::put;
using testing_store::ratings_in;
using testing_store::Sequence;

TEST(StoreReading, ListsGoOnBehindTheLastOne) {
  const Folder folder;
  Store store(options(folder));
  std::vector<std::string> all;
  for (const char* id : {"b", "a", "B", "\u00E4", "10", "9"}) {
    store.write({put(id, "x", 1), put("a", id, 2)});
    all.emplace_back(id);
  }
  std::ranges::sort(all);
  for (const std::size_t step : {1U, 2U, 4U, 10U}) {
    std::vector<std::string> users;
    std::vector<std::string> rated;
    for (std::string after;;) {
      const auto page = store.users_after(after, step);
      users.insert(users.end(), page.begin(), page.end());
      if (page.size() < step) break;
      after = page.back();
    }
    EXPECT_EQ(users, all);
    for (std::string after;;) {
      const auto page = store.ratings_of("a", after, step).value();
      for (const auto& rating : page) rated.push_back(rating.item);
      if (page.size() < step) break;
      after = page.back().item;
    }
    std::vector<std::string> expected = all;
    expected.emplace_back("x");
    std::ranges::sort(expected);
    EXPECT_EQ(rated, expected);
    EXPECT_EQ(store.items_after("", 100), expected);
  }
}

TEST(StoreReading, ASnapshotIsInCanonicalOrder) {
  const Folder folder;
  Store store(options(folder));
  store.write({put("b", "z", 1), put("a", "y", 2), put("a", "x", 3), put("B", "z", 4, 9), put("gone", "y", 5), item("not rated")});
  store.write({EraseUser{"gone"}});
  std::uint64_t written = 0;
  const RatingLines lines = store.snapshot(&written);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(written, 6U);
  std::string text;
  for (std::size_t n = 0; n < 4; ++n) {
    text += std::string(lines.users.id(lines.user[n])) + ":" + std::string(lines.items.id(lines.item[n])) + "=" +
            std::to_string(static_cast<int>(lines.value[n])) + " ";
  }
  EXPECT_EQ(text, "B:z=4 a:x=3 a:y=2 b:z=1 ");
  EXPECT_EQ(lines.user, (std::vector<std::uint32_t>{0, 1, 1, 2}));
  EXPECT_EQ(lines.item, (std::vector<std::uint32_t>{0, 1, 2, 0})) << "items are numbered as they appear";
  EXPECT_EQ(lines.time[0], 9);
  EXPECT_TRUE(lines.all_have_times);
}

TEST(StoreReading, ASnapshotUnderWritesIsOfOneMoment) {
  const Folder folder;
  Store store(options(folder));
  // Enough for several pieces, so that writes come in between.
  std::vector<Operation> filling;
  for (int n = 0; n < 60'000; ++n) filling.emplace_back(put("filler " + std::to_string(n % 700), "thing " + std::to_string(n / 700), 1));
  store.write(std::move(filling));
  std::atomic<bool> ends{false};
  std::atomic<std::uint64_t> at{1};
  std::thread writer([&] {
    for (std::uint64_t n = 1; !ends; n = Sequence::end_of(n)) {
      std::vector<Operation> operations = Sequence::submission(n);
      // Erased users and removed ratings come and go, too.
      if (n % 3 == 0) operations.emplace_back(EraseUser{"filler " + std::to_string(n % 700)});
      if (n % 3 == 1) operations.emplace_back(put("filler " + std::to_string(n % 700), "thing 1", 2));
      if (n % 3 == 2) operations.emplace_back(RemoveRating{"filler " + std::to_string(n % 700), "thing 2"});
      store.write(std::move(operations));
      at = n;
    }
  });
  int torn = 0;
  for (int round = 0; round < 15; ++round) {
    const std::uint64_t before = at;
    const RatingLines lines = store.snapshot();
    torn += at != before ? 1 : 0;
    // The writes of the sequence are those before some end, and no more.
    std::map<std::pair<std::string, std::string>, float> found;
    std::uint64_t last = 0;
    for (std::size_t n = 0; n < lines.size(); ++n) {
      std::pair pair(std::string(lines.users.id(lines.user[n])), std::string(lines.items.id(lines.item[n])));
      if (!pair.first.starts_with("user")) continue;
      last = std::max(last, static_cast<std::uint64_t>(lines.value[n]));
      found[pair] = lines.value[n];
    }
    std::map<std::pair<std::string, std::string>, float> expected;
    std::uint64_t end = 1;
    while (end <= last) {
      const std::uint64_t next = Sequence::end_of(end);
      for (; end < next; ++end) expected[Sequence::pair_of(end)] = static_cast<float>(end);
    }
    EXPECT_EQ(end, last + 1);
    EXPECT_EQ(found, expected);
  }
  ends = true;
  writer.join();
  EXPECT_GT(torn, 5) << "no write came while a snapshot was taken: nothing was tested";
  // And at rest it is what a plain read gives.
  const RatingLines lines = store.snapshot();
  std::map<std::pair<std::string, std::string>, float> found;
  for (std::size_t n = 0; n < lines.size(); ++n) {
    found[{std::string(lines.users.id(lines.user[n])), std::string(lines.items.id(lines.item[n]))}] = lines.value[n];
  }
  EXPECT_EQ(found, ratings_in(store));
}

TEST(StoreReading, ABackupUnderWritesIsAStoreOfOneMoment) {
  const Folder folder;
  Store store(options(folder));
  store.write({PutModel{{.id = 1, .file = "000001.safetensors", .state = "served", .method = "als", .fingerprint = {}}}});
  std::ofstream(store.models_folder() + "/000001.safetensors") << "model";
  std::uint64_t first = 1;
  for (; first < 30'000; first = Sequence::end_of(first)) store.submit(Sequence::submission(first), [](const Outcome&) {});
  store.write({});
  std::atomic<bool> ends{false};
  std::atomic<std::uint64_t> end{first};
  std::thread writer([&] {
    for (std::uint64_t n = first; !ends; n = Sequence::end_of(n)) {
      store.write(Sequence::submission(n));
      end = Sequence::end_of(n);
    }
  });
  const std::uint64_t acknowledged = end;
  store.backup(folder.path("copy"));
  ends = true;
  writer.join();
  EXPECT_THROW(store.backup(folder.path("copy")), FileError);
  EXPECT_FALSE(std::filesystem::exists(folder.path("copy.partial")));
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(folder.path("copy"))) names.push_back(file.path().filename());
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"models", "store.sqlite"})) << "the copy is one whole file";
  std::vector<std::string> log;
  Store copy({.folder = folder.path("copy"), .vfs = {}, .on_log = [&log](std::string_view text) { log.emplace_back(text); }});
  EXPECT_TRUE(log.empty()) << log[0];
  EXPECT_TRUE(copy.check().empty());
  const std::uint64_t copied = Sequence::check(copy, acknowledged);
  EXPECT_LE(copied, end);
  EXPECT_EQ(bytes_of(folder.path("copy/models/000001.safetensors")), "model");
  copy.write({put("u", "i", 1)});
}

TEST(StoreReading, ModelsAndWhichIsServed) {
  const Folder folder;
  const auto state_of = [](Store& store) {
    std::string states;
    for (const ModelRow& model : store.models()) states += std::to_string(model.id) + model.state + " ";
    return states;
  };
  {
    Store store(options(folder));
    for (std::int64_t id = 1; id <= 3; ++id) {
      store.write({PutModel{{.id = id, .file = std::to_string(id), .state = "ready", .method = "als", .fingerprint = {}}}, ServeModel{id}});
    }
    EXPECT_EQ(state_of(store), "1ready 2ready 3served ");
    EXPECT_TRUE(store.write({ServeModel{1}}).front().found);
    EXPECT_FALSE(store.write({ServeModel{7}}).front().found);
    EXPECT_EQ(state_of(store), "1served 2ready 3ready ");
    store.write({RemoveModel{2}});
  }
  Store store(options(folder));
  EXPECT_EQ(state_of(store), "1served 3ready ");
}

}  // namespace
}  // namespace lowrank::serve::store_reading_test
