#pragma once

/// \file
/// SQLite as values: a connection and its statements, whose errors are StoreErrors. Only src/serve/store*.cc know SQLite.

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "serve/store.h"

namespace lowrank::serve {

/// What the caller of SQLite must know of an error: `full` and `invalid` leave the store as it was and sound, `failed` is final.
StoreProblem problem_of(sqlite3* database, int code) noexcept;

/// A connection. Not safe from several threads at once.
class Database {
 public:
  /// \param vfs  name of a VFS, empty for the default one \throws StoreError
  explicit Database(const std::string& path, const std::string& vfs = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs statements without results. \throws StoreError
  void execute(const char* statements);
  /// The first column of the first row, empty if there is none. \throws StoreError
  std::string text_of(const std::string& query);
  std::int64_t number_of(const std::string& query);
  /// Ends a transaction that failed, if it has not ended by itself.
  void roll_back() noexcept;
  [[noreturn]] void fail(int code, std::string_view what) const;

  [[nodiscard]] sqlite3* handle() const noexcept { return handle_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Pages in the log at the last commit.
  [[nodiscard]] int log_pages() const noexcept { return log_pages_; }
  /// Rows changed by the last statement.
  [[nodiscard]] int changes() const noexcept { return sqlite3_changes(handle_); }

 private:
  std::string path_;
  sqlite3* handle_ = nullptr;
  int log_pages_ = 0;
};

/// A prepared statement. Texts that are bound must live until the step that reads them.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Binds the parameters from the first on, after a reset.
  template <class... Values>
  Statement& bind(const Values&... values) {
    sqlite3_reset(handle_);
    int place = 0;
    (bind_one(++place, values), ...);
    return *this;
  }
  /// Moves to the next row. \return whether there is one \throws StoreError
  bool step();
  /// Runs a statement to its end.
  void run() {
    while (step()) {
    }
    sqlite3_reset(handle_);
  }
  void reset() noexcept { sqlite3_reset(handle_); }

  [[nodiscard]] std::int64_t number(int column) const noexcept { return sqlite3_column_int64(handle_, column); }
  [[nodiscard]] double real(int column) const noexcept { return sqlite3_column_double(handle_, column); }
  [[nodiscard]] bool is_null(int column) const noexcept { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
  /// Valid until the next step.
  [[nodiscard]] std::string_view text(int column) const noexcept;
  [[nodiscard]] std::optional<std::string> optional_text(int column) const {
    return is_null(column) ? std::nullopt : std::optional<std::string>(text(column));
  }

 private:
  void bind_one(int place, std::int64_t value);
  void bind_one(int place, double value);
  void bind_one(int place, std::string_view value);
  void bind_one(int place, const std::optional<std::string>& value);

  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

/// A transaction, rolled back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) { database_.execute("BEGIN IMMEDIATE"); }
  ~Transaction() {
    if (!committed_) database_.roll_back();
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    database_.execute("COMMIT");
    committed_ = true;
  }

 private:
  Database& database_;
  bool committed_ = false;
};

}  // namespace lowrank::serve
