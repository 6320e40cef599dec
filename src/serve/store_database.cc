#include "serve/store_database.h"

#include <cerrno>

namespace lowrank::serve {

StoreProblem problem_of(sqlite3* database, int code) noexcept {
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return StoreProblem::full;
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
      return StoreProblem::invalid;
    case SQLITE_IOERR: {
      // After a failed sync nobody knows what the disk has: pages may have been dropped although a second sync succeeds.
      if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) return StoreProblem::failed;
      const int reason = database == nullptr ? 0 : sqlite3_system_errno(database);
      return reason == ENOSPC || reason == EDQUOT || reason == EFBIG ? StoreProblem::full : StoreProblem::failed;
    }
    default:
      return StoreProblem::failed;
  }
}

Database::Database(const std::string& path, const std::string& vfs) : path_(path) {
  const int code = sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                   vfs.empty() ? nullptr : vfs.c_str());
  if (code != SQLITE_OK) {
    const std::string reason = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
    sqlite3_close(handle_);
    throw StoreError(StoreProblem::failed, path + ": cannot be opened as a store: " + reason);
  }
  sqlite3_extended_result_codes(handle_, 1);
  // In the place of SQLite's own hook, which empties the log within a commit.
  sqlite3_wal_hook(
      handle_,
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &log_pages_);
}

Database::~Database() { sqlite3_close(handle_); }

void Database::fail(int code, std::string_view what) const {
  const StoreProblem problem = problem_of(handle_, code);
  std::string message = path_ + ": ";
  if (problem == StoreProblem::full) {
    message += "there is no space on the disk";
  } else if ((code & 0xFF) == SQLITE_BUSY) {
    message += "is in use by another program; a store has one user at a time";
  } else {
    message.append(what) += std::string(": ") + sqlite3_errmsg(handle_);
  }
  throw StoreError(problem, message);
}

void Database::execute(const char* statements) {
  const int code = sqlite3_exec(handle_, statements, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, "the store failed");
}

std::string Database::text_of(const std::string& query) {
  Statement statement(*this, query);
  return statement.step() ? std::string(statement.text(0)) : std::string();
}

std::int64_t Database::number_of(const std::string& query) {
  Statement statement(*this, query);
  return statement.step() ? statement.number(0) : 0;
}

void Database::roll_back() noexcept {
  if (sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  const int code =
      sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  if (code != SQLITE_OK) database.fail(code, "the store failed");
}

Statement::~Statement() { sqlite3_finalize(handle_); }

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3_reset(handle_);
  database_.fail(code, "the store failed");
}

std::string_view Statement::text(int column) const noexcept {
  const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  return bytes == nullptr ? std::string_view() : std::string_view(bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)));
}

void Statement::bind_one(int place, std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_, place, value);
  if (code != SQLITE_OK) database_.fail(code, "the store failed");
}

void Statement::bind_one(int place, double value) {
  const int code = sqlite3_bind_double(handle_, place, value);
  if (code != SQLITE_OK) database_.fail(code, "the store failed");
}

void Statement::bind_one(int place, std::string_view value) {
  // A null pointer would be a NULL.
  const char* const bytes = value.data() == nullptr ? "" : value.data();
  const int code = sqlite3_bind_text64(handle_, place, bytes, value.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (code != SQLITE_OK) database_.fail(code, "the store failed");
}

void Statement::bind_one(int place, const std::optional<std::string>& value) {
  if (value) return bind_one(place, std::string_view(*value));
  const int code = sqlite3_bind_null(handle_, place);
  if (code != SQLITE_OK) database_.fail(code, "the store failed");
}

}  // namespace lowrank::serve
