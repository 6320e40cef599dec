#include "serve/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <future>
#include <thread>

#include "serve/store_fixture.h"
#include "serve/store_schema.h"

namespace lowrank::serve::store_test {
namespace {

using testing_store::bytes_of;
using testing_store::Folder;
using testing_store::put;
using testing_store::ratings_in;
using testing_store::Sequence;

StoreOptions options(const Folder& folder) { return {.folder = folder.state(), .vfs = {}, .on_log = {}}; }

PutItem item(std::string id, std::string title = "A title") {
  return {.item = std::move(id), .title = std::move(title), .categories = {}, .available = true, .metadata = {}, .time = 5};
}

PatchItem patch(std::string id) {
  return {.item = std::move(id), .title = {}, .categories = {}, .available = {}, .metadata = {}, .time = 6};
}

std::string refusal(const auto& call) {
  try {
    call();
  } catch (const StoreError& error) {
    return error.what();
  }
  return "";
}

TEST(Store, RatingsAreThereAfterOpeningAgain) {
  const Folder folder;
  {
    Store store(options(folder));
    const auto changes = store.write({put("u", "i", 3), put("u", "j", -0.0F), put("u", "i", 4.5, 7)});
    EXPECT_FALSE(changes[0].found);
    EXPECT_TRUE(changes[0].created_user);
    EXPECT_TRUE(changes[0].created_item);
    EXPECT_FALSE(changes[1].created_user);
    EXPECT_TRUE(changes[2].found);
    EXPECT_EQ(store.counts().ratings, 2U);
  }
  Store store(options(folder));
  const auto ratings = store.ratings_of("u").value();
  ASSERT_EQ(ratings.size(), 2U);
  EXPECT_EQ(ratings[0].item, "i");
  EXPECT_EQ(ratings[0].value, 4.5F);
  EXPECT_EQ(ratings[0].time, 7);
  EXPECT_FALSE(std::signbit(ratings[1].value));
  EXPECT_EQ(store.counts().written, 3U);
  EXPECT_EQ(store.counts().users, 1U);
  EXPECT_EQ(store.counts().items, 2U);
}

TEST(Store, RemovingARatingLeavesUserAndItem) {
  const Folder folder;
  Store store(options(folder));
  store.write({put("u", "i", 3)});
  EXPECT_TRUE(store.write({RemoveRating{"u", "i"}}).front().found);
  EXPECT_FALSE(store.write({RemoveRating{"u", "i"}}).front().found);
  EXPECT_FALSE(store.write({RemoveRating{"nobody", "i"}}).front().found);
  EXPECT_EQ(store.ratings_of("u")->size(), 0U);
  EXPECT_FALSE(store.ratings_of("nobody"));
  EXPECT_TRUE(store.item("i"));
}

TEST(Store, HostileTextsComeBackAsTheyWere) {
  const Folder folder;
  const std::vector<std::string> texts{"'; DROP TABLE users; --",
                                       R"("quoted")",
                                       "caf\u00E9",
                                       "\U0001F3AC\U0001F1E9\U0001F1EA",
                                       "<img src=x onerror=alert(1)>",
                                       "a/b%2Fc?d=e&f#g",
                                       " blanks around ",
                                       "%s%n",
                                       "\u202Eright to left",
                                       std::string(kMostIdBytes, 'x'),
                                       "007",
                                       "7"};
  {
    Store store(options(folder));
    for (const std::string& text : texts) {
      PutItem put_item = item(text, text);
      put_item.categories = {text.substr(0, kMostCategoryBytes)};
      store.write({put(text, text, 1), put_item, PutSetting{text, text}});
    }
  }
  Store store(options(folder));
  EXPECT_TRUE(store.check().empty());
  EXPECT_EQ(store.counts().users, texts.size());
  for (const std::string& text : texts) {
    EXPECT_EQ(store.ratings_of(text)->at(0).item, text);
    EXPECT_EQ(store.item(text)->title, text);
    EXPECT_EQ(store.item(text)->categories, std::vector<std::string>{text.substr(0, kMostCategoryBytes)});
    EXPECT_EQ(store.setting(text), text);
  }
}

TEST(Store, WhatCannotBeStoredIsRefusedAndLeavesNothing) {
  const Folder folder;
  Store store(options(folder));
  const std::vector<std::string> bad{
      "", std::string("a\0b", 3), "line\nbreak", "\x7F", "\xFF", "\xC0\x80", "\xED\xA0\x80", std::string(kMostIdBytes + 1, 'x')};
  for (const std::string& id : bad) {
    EXPECT_EQ(store.submit({put("sound", "sound", 1), put(id, "i", 1)}).get().problem, StoreProblem::invalid);
    EXPECT_EQ(store.submit({put("sound", "sound", 1), put("u", id, 1)}).get().problem, StoreProblem::invalid);
    EXPECT_EQ(store.submit({item(id)}).get().problem, StoreProblem::invalid);
  }
  for (const float value : {NAN, INFINITY, -INFINITY}) EXPECT_EQ(store.submit({put("u", "i", value)}).get().problem, StoreProblem::invalid);
  EXPECT_EQ(store.submit({put("u", "i", 1, INT64_MIN)}).get().problem, StoreProblem::invalid);
  for (const std::string metadata : {"", "[]", "{", "{\"a\":}", "\"text\"", "{\"a\":\"\xFF\"}", "{} {}"}) {
    PutItem with = item("i");
    with.metadata = metadata;
    const Outcome outcome = store.submit({with}).get();
    EXPECT_EQ(outcome.problem, StoreProblem::invalid) << metadata;
    EXPECT_EQ(outcome.message, "metadata: must be a JSON object");
  }
  PutItem deep = item("i");
  deep.metadata = "{\"a\":";
  for (int n = 0; n < 2000; ++n) *deep.metadata += "[";
  EXPECT_EQ(store.submit({deep}).get().problem, StoreProblem::invalid);
  PutItem long_title = item("i", std::string(kMostTitleBytes + 1, 'x'));
  EXPECT_EQ(store.submit({long_title}).get().problem, StoreProblem::invalid);
  EXPECT_EQ(store.counts().users, 0U);
  EXPECT_EQ(store.counts().items, 0U);
  EXPECT_EQ(store.counts().commits, 0U);
}

TEST(Store, ItemsArePutAndPatched) {
  const Folder folder;
  {
    Store store(options(folder));
    PutItem first = item("i", "One");
    first.categories = {"b", "a", "b"};
    first.metadata = R"({"year":1999})";
    first.available = false;
    EXPECT_TRUE(store.write({first}).front().created_item);
    EXPECT_FALSE(store.write({patch("unknown")}).front().found);
    EXPECT_FALSE(store.item("unknown"));
    PatchItem change = patch("i");
    change.available = true;
    EXPECT_TRUE(store.write({change}).front().found);
  }
  Store store(options(folder));
  StoredItem found = store.item("i").value();
  EXPECT_EQ(found.title, "One");
  EXPECT_EQ(found.categories, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(found.metadata, R"({"year":1999})");
  EXPECT_TRUE(found.available);
  EXPECT_EQ(found.created, 5);
  EXPECT_EQ(found.updated, 6);
  PatchItem clear = patch("i");
  clear.title.emplace(std::nullopt);
  clear.metadata.emplace(std::nullopt);
  clear.categories.emplace();
  store.write({clear});
  found = store.item("i").value();
  EXPECT_FALSE(found.title);
  EXPECT_FALSE(found.metadata);
  EXPECT_TRUE(found.categories.empty());
  // Put sets everything, and keeps the ratings.
  store.write({put("u", "i", 2), item("i", "Two")});
  EXPECT_EQ(store.item("i")->title, "Two");
  EXPECT_EQ(store.counts().ratings, 1U);
  EXPECT_TRUE(store.write({RemoveItem{"i"}}).front().found);
  EXPECT_EQ(store.counts().ratings, 0U);
  EXPECT_EQ(store.ratings_of("u")->size(), 0U);
  EXPECT_TRUE(store.check().empty());
}

TEST(Store, ErasureLeavesNoTrace) {
  const Folder folder;
  const std::string secret = "somebody-who-must-be-forgotten";
  Store store(options(folder));
  for (std::uint64_t n = 1; n < 2000; n = Sequence::end_of(n)) store.write(Sequence::submission(n));
  for (int n = 0; n < 300; ++n) store.write({put(secret, "item " + std::to_string(n), 3)});
  for (std::uint64_t n = 2000; n < 4000; n = Sequence::end_of(n)) store.write(Sequence::submission(n));
  const auto trace = [&] {
    return (bytes_of(folder.state() + "/store.sqlite") + bytes_of(folder.state() + "/store.sqlite-wal")).find(secret) != std::string::npos;
  };
  ASSERT_TRUE(trace());
  const std::uint64_t before = store.counts().ratings;
  EXPECT_TRUE(store.write({EraseUser{secret}}).front().found);
  EXPECT_FALSE(trace());
  EXPECT_EQ(store.counts().ratings, before - 300);
  EXPECT_FALSE(store.ratings_of(secret));
  const RatingLines lines = store.snapshot();
  EXPECT_EQ(lines.users.find(secret), Vocabulary::kUnknown);
  EXPECT_FALSE(store.write({EraseUser{secret}}).front().found);
  // Who comes again is new.
  EXPECT_TRUE(store.write({put(secret, "item 1", 2)}).front().created_user);
  EXPECT_EQ(store.ratings_of(secret)->size(), 1U);
  EXPECT_TRUE(store.check().empty());
}

TEST(Store, ASecondUserIsRefusedWithASentence) {
  const Folder folder;
  Store store(options(folder));
  store.write({put("u", "i", 3)});
  const std::string own = refusal([&] { Store second(options(folder)); });
  EXPECT_NE(own.find("is in use by another lowrank serve (process " + std::to_string(::getpid()) + ")"), std::string::npos) << own;
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      Store second(options(folder));
      ::_exit(1);
    } catch (const StoreError&) {
      ::_exit(0);
    }
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  // And a program that does not know of our lock, such as sqlite3 by hand.
  sqlite3* other = nullptr;
  const pid_t reader = ::fork();
  if (reader == 0) {
    sqlite3_open((folder.state() + "/store.sqlite").c_str(), &other);
    ::_exit(sqlite3_exec(other, "SELECT count(*) FROM ratings", nullptr, nullptr, nullptr) == SQLITE_BUSY ? 0 : 1);
  }
  ::waitpid(reader, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(store.write({put("u", "i", 4)}).front().found);
}

TEST(Store, FilesAreForTheirOwnerAlone) {
  const Folder folder;
  Store store(options(folder));
  store.write({put("u", "i", 3)});
  struct stat status {};
  ASSERT_EQ(::stat(folder.state().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  for (const char* name : {"/store.sqlite", "/store.sqlite-wal", "/lock"}) {
    ASSERT_EQ(::stat((folder.state() + name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << name;
  }
  EXPECT_NE(::stat((folder.state() + "/store.sqlite-shm").c_str(), &status), 0) << "shared memory lets a second process in";
}

TEST(Store, OtherFilesAreRefusedAndKept) {
  const auto open_with = [](const Folder& folder, const std::string& content) {
    std::filesystem::create_directory(folder.state());
    std::ofstream(folder.state() + "/store.sqlite", std::ios::binary) << content;
    return refusal([&] { Store store(options(folder)); });
  };
  const Folder text;
  EXPECT_NE(open_with(text, std::string(5000, 'x')).find("store.sqlite"), std::string::npos);
  EXPECT_EQ(bytes_of(text.state() + "/store.sqlite"), std::string(5000, 'x'));
  const Folder foreign;
  std::filesystem::create_directory(foreign.state());
  sqlite3* other = nullptr;
  sqlite3_open((foreign.state() + "/store.sqlite").c_str(), &other);
  sqlite3_exec(other, "CREATE TABLE bookmarks(url); INSERT INTO bookmarks VALUES('x')", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  EXPECT_NE(refusal([&] { Store store(options(foreign)); }).find("not a store of lowrank"), std::string::npos);
}

TEST(Store, AStoreOfALaterVersionIsRefused) {
  const Folder folder;
  { Store store(options(folder)); }
  sqlite3* other = nullptr;
  sqlite3_open((folder.state() + "/store.sqlite").c_str(), &other);
  sqlite3_exec(other, "PRAGMA user_version=99", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  const std::string message = refusal([&] { Store store(options(folder)); });
  EXPECT_NE(message.find("a store of version 99"), std::string::npos) << message;
  EXPECT_NE(message.find("use a later version of lowrank"), std::string::npos) << message;
}

TEST(Store, MigrationsGoStepByStepAndAllOrNothing) {
  const Folder folder;
  const std::string path = folder.path("db");
  const std::array one{"CREATE TABLE a(x); INSERT INTO a VALUES(1);"};
  const std::array two{one[0], "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1;"};
  const std::array broken{two[0], two[1], "CREATE TABLE b(x); INSERT INTO nowhere VALUES(1);"};
  Database database(path);
  migrate(database, one);
  EXPECT_EQ(database.number_of("PRAGMA user_version"), 1);
  migrate(database, two);
  migrate(database, two);
  EXPECT_EQ(database.number_of("PRAGMA user_version"), 2);
  EXPECT_EQ(database.number_of("SELECT y FROM a"), 2);
  EXPECT_THROW(migrate(database, broken), StoreError);
  EXPECT_EQ(database.number_of("PRAGMA user_version"), 2);
  EXPECT_EQ(database.number_of("SELECT count(*) FROM sqlite_schema WHERE name='b'"), 0);
  EXPECT_EQ(database.number_of("PRAGMA application_id"), kApplicationId);
}

TEST(Store, ADamagedFileIsFound) {
  const Folder folder;
  {
    Store store(options(folder));
    for (std::uint64_t n = 1; n < 6000; n = Sequence::end_of(n)) store.write(Sequence::submission(n));
  }
  const std::string path = folder.state() + "/store.sqlite";
  std::string content = bytes_of(path);
  ASSERT_GT(content.size(), 40'960U);
  // Pages 4 to 8, and as if the last end had not been clean.
  for (std::size_t at = 4096 * 4; at < 4096 * 8; ++at) content[at] = static_cast<char>(content[at] ^ 0x5A);
  std::ofstream(path, std::ios::binary) << content;
  std::string message;
  try {
    Store store(options(folder));
    // The damage may be where opening does not look; a check looks everywhere.
    EXPECT_FALSE(store.check().empty());
  } catch (const StoreError& error) {
    message = error.what();
    EXPECT_EQ(error.problem(), StoreProblem::failed);
  }
}

TEST(Store, AnUncleanEndIsCheckedAndSaid) {
  const Folder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    Store store(options(folder));
    store.write({put("u", "i", 3)});
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  std::vector<std::string> log;
  StoreOptions with = options(folder);
  with.on_log = [&log](std::string_view text) { log.emplace_back(text); };
  {
    Store store(with);
    ASSERT_EQ(log.size(), 1U);
    EXPECT_NE(log[0].find("the last end was not clean"), std::string::npos);
    EXPECT_EQ(store.counts().ratings, 1U);
  }
  log.clear();
  Store store(with);
  EXPECT_TRUE(log.empty());
}

TEST(Store, AnswersComeInTheOrderOfTheCommits) {
  const Folder folder;
  Store store(options(folder));
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::size_t> most{0};
  store.on_commit([&](double seconds, std::size_t operations) {
    EXPECT_GT(seconds, 0);
    ++commits;
    most = std::max(most.load(), operations);
  });
  std::vector<std::uint64_t> order;
  std::uint64_t submitted = 0;
  for (std::uint64_t n = 1; n < 20'000; n = Sequence::end_of(n), ++submitted) {
    store.submit(Sequence::submission(n), [&order, n](const Outcome& outcome) {
      EXPECT_TRUE(outcome);
      EXPECT_EQ(outcome.changes.size(), Sequence::end_of(n) - n);
      order.push_back(n);
    });
  }
  store.write({});
  EXPECT_EQ(order.size(), submitted);
  EXPECT_TRUE(std::ranges::is_sorted(order));
  // Waiting writes shared commits, and none took many more than it may.
  EXPECT_LT(commits, submitted);
  EXPECT_LE(most, 1000U + 30U);
  Sequence::check(store, 20'000);
}

TEST(Store, ASubmissionIsAllOrNothing) {
  const Folder folder;
  Store store(options(folder));
  // A model's file name must be unique: an error that only the store itself can find.
  const ModelRow model{.id = 1, .file = "000001.safetensors", .state = "ready", .method = "als", .fingerprint = {}};
  ModelRow same = model;
  same.id = 2;
  std::future<Outcome> before = store.submit({put("before", "i", 1), PutModel{model}});
  std::future<Outcome> wrong = store.submit({put("wrong", "i", 1), PutModel{same}});
  std::future<Outcome> after = store.submit({put("after", "i", 1)});
  EXPECT_TRUE(before.get());
  EXPECT_EQ(wrong.get().problem, StoreProblem::invalid);
  EXPECT_TRUE(after.get());
  EXPECT_TRUE(store.ratings_of("before"));
  EXPECT_FALSE(store.ratings_of("wrong"));
  EXPECT_TRUE(store.ratings_of("after"));
  EXPECT_TRUE(store.counts().writable);
  EXPECT_EQ(store.counts().users, 2U);
}

TEST(Store, TooManyWaitingWritesAreRefused) {
  const Folder folder;
  StoreOptions small = options(folder);
  small.most_waiting = 50;
  Store store(small);
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  // Holds the writer in the callback of the first one.
  std::promise<void> held;
  store.submit({put("u", "i", 1)}, [gate, &held](const Outcome&) {
    held.set_value();
    gate.wait();
  });
  held.get_future().wait();
  std::vector<std::future<Outcome>> outcomes;
  for (int n = 0; n < 100; ++n) outcomes.push_back(store.submit({put("u", "i", 1), put("u", "j", 1)}));
  go.set_value();
  std::size_t refused = 0;
  for (auto& outcome : outcomes) {
    const Outcome one = outcome.get();
    if (one.problem == StoreProblem::busy) ++refused;
  }
  EXPECT_GE(refused, 100U - 26U);
  EXPECT_LT(refused, 100U);
}

TEST(Store, TheLogStaysShort) {
  const Folder folder;
  StoreOptions fast = options(folder);
  fast.sync = Sync::normal;
  Store store(fast);
  std::uintmax_t longest = 0;
  for (std::uint64_t n = 1; n < 150'000; n = Sequence::end_of(n)) {
    store.submit(Sequence::submission(n), [](const Outcome& outcome) { EXPECT_TRUE(outcome); });
    if (n % 64 != 0) continue;
    store.write({});
    longest = std::max(longest, std::filesystem::file_size(folder.state() + "/store.sqlite-wal"));
  }
  EXPECT_GT(longest, 1'000'000U) << "too little was written for a test";
  EXPECT_LT(longest, 48'000'000U);
}

TEST(Store, ReadOnlyRefusesWritesAndReads) {
  const Folder folder;
  {
    Store store(options(folder));
    store.write({put("u", "i", 3)});
  }
  StoreOptions reading = options(folder);
  reading.read_only = true;
  const std::string before = bytes_of(folder.state() + "/store.sqlite");
  {
    Store store(reading);
    EXPECT_EQ(store.submit({put("u", "i", 4)}).get().problem, StoreProblem::read_only);
    EXPECT_EQ(store.ratings_of("u")->at(0).value, 3);
  }
  EXPECT_EQ(bytes_of(folder.state() + "/store.sqlite"), before);
}

TEST(Store, ClosingFinishesWhatWaits) {
  const Folder folder;
  std::atomic<std::uint64_t> answered{0};
  std::uint64_t submitted = 0;
  {
    Store store(options(folder));
    for (std::uint64_t n = 1; n < 5000; n = Sequence::end_of(n), ++submitted) {
      store.submit(Sequence::submission(n), [&answered](const Outcome& outcome) { answered += outcome ? 1U : 0U; });
    }
    store.close();
    EXPECT_EQ(store.submit({put("u", "i", 4)}).get().problem, StoreProblem::closed);
    EXPECT_THROW(static_cast<void>(store.load()), StoreError);
  }
  EXPECT_EQ(answered, submitted);
  // The log was emptied into the file.
  EXPECT_FALSE(std::filesystem::exists(folder.state() + "/store.sqlite-wal"));
  Store store(options(folder));
  Sequence::check(store, 5000);
}

TEST(Store, ListsGoOnBehindTheLastOne) {
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

TEST(Store, ASnapshotIsInCanonicalOrder) {
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

TEST(Store, ASnapshotUnderWritesIsOfOneMoment) {
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

TEST(Store, ABackupUnderWritesIsAStoreOfOneMoment) {
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

TEST(Store, ModelsAndWhichIsServed) {
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
}  // namespace lowrank::serve::store_test
