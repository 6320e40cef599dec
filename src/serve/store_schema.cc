#include "serve/store_schema.h"

#include <array>

namespace lowrank::serve {

namespace {

// Metadata are checked before they come here: a schema that is not trusted may not call functions of JSON. WITHOUT ROWID keeps the ratings
// of a user side by side, in the one tree that there is. Foreign keys look for an item's ratings without an index: removing an item is
// rare, and an index would double the largest table.
constexpr std::array kSteps{
    R"(
CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL) STRICT;
CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT, available INTEGER NOT NULL DEFAULT 1,
                   metadata TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL) STRICT;
CREATE TABLE item_categories(category TEXT NOT NULL, item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
                             PRIMARY KEY(category, item)) STRICT, WITHOUT ROWID;
CREATE INDEX item_categories_by_item ON item_categories(item);
CREATE TABLE ratings(user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
                     value REAL NOT NULL, time INTEGER NOT NULL, PRIMARY KEY(user, item)) STRICT, WITHOUT ROWID;
CREATE TABLE models(id INTEGER PRIMARY KEY, file TEXT NOT NULL UNIQUE, state TEXT NOT NULL, method TEXT NOT NULL, options TEXT NOT NULL,
                    rank INTEGER NOT NULL, users INTEGER NOT NULL, items INTEGER NOT NULL, ratings INTEGER NOT NULL, fingerprint TEXT NOT NULL, metrics TEXT NOT NULL, history TEXT NOT NULL,
                    created INTEGER NOT NULL, written INTEGER NOT NULL) STRICT;
CREATE TABLE removed_items(name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
)",
};

}  // namespace

std::span<const char* const> schema_steps() noexcept { return kSteps; }

void set_up_connection(Database& database, Sync sync) {
  // Before anything is read, and before WAL: the index of the log is then in memory, and there is no file for a second process to share.
  database.execute("PRAGMA locking_mode=EXCLUSIVE");
  int on = 0;
  sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_DEFENSIVE, 1, &on);
  sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, &on);
  sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_ENABLE_VIEW, 0, &on);
  database.execute(
      "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32768;"
      "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON");
  if (const std::string mode = database.text_of("PRAGMA journal_mode=WAL"); mode != "wal") {
    throw StoreError(StoreProblem::failed, database.path() + ": the file system does not allow a write-ahead log, only " + mode);
  }
  database.execute(sync == Sync::full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
  database.execute("PRAGMA journal_size_limit=67108864");
  // Takes the lock, which is then kept until the connection is closed.
  database.execute("BEGIN EXCLUSIVE; COMMIT");
}

void migrate(Database& database, std::span<const char* const> steps) {
  const std::int64_t application = database.number_of("PRAGMA application_id");
  const std::int64_t version = database.number_of("PRAGMA user_version");
  const bool empty = database.number_of("SELECT count(*) FROM sqlite_schema") == 0;
  if (application != kApplicationId && !(empty && application == 0 && version == 0)) {
    throw StoreError(StoreProblem::failed, database.path() + ": a SQLite file, but not a store of lowrank");
  }
  if (version < 0 || version > static_cast<std::int64_t>(steps.size())) {
    throw StoreError(StoreProblem::failed, database.path() + ": a store of version " + std::to_string(version) +
                                               ", and this lowrank reads up to version " + std::to_string(steps.size()) +
                                               "; use a later version of lowrank");
  }
  for (auto step = static_cast<std::size_t>(version); step < steps.size(); ++step) {
    Transaction transaction(database);
    database.execute(("PRAGMA application_id=" + std::to_string(kApplicationId)).c_str());
    database.execute(steps[step]);
    database.execute(("PRAGMA user_version=" + std::to_string(step + 1)).c_str());
    transaction.commit();
  }
}

}  // namespace lowrank::serve
