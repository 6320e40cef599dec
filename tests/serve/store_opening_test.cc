// Stores that are opened: for one process at a time, of the right version, sound.

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "serve/store.h"
#include "serve/store_fixture.h"
#include "serve/store_schema.h"

namespace lowrank::serve::store_opening_test {
namespace {

using testing_store::bytes_of;
using testing_store::Folder;
using testing_store::options;
using testing_store::put;
using testing_store::Sequence;

std::string refusal(const auto& call) {
  try {
    call();
  } catch (const StoreError& error) {
    return error.what();
  }
  return "";
}

TEST(StoreOpening, ASecondUserIsRefusedWithASentence) {
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

TEST(StoreOpening, FilesAreForTheirOwnerAlone) {
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

TEST(StoreOpening, OtherFilesAreRefusedAndKept) {
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

TEST(StoreOpening, AStoreOfALaterVersionIsRefused) {
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

TEST(StoreOpening, MigrationsGoStepByStepAndAllOrNothing) {
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

TEST(StoreOpening, ADamagedFileIsFound) {
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

TEST(StoreOpening, AnUncleanEndIsCheckedAndSaid) {
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

TEST(StoreOpening, ReadOnlyRefusesWritesAndReads) {
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

}  // namespace
}  // namespace lowrank::serve::store_opening_test
