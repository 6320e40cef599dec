#pragma once

/// \file
/// Operations as statements.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lowrank/data/vocabulary.h"
#include "serve/store.h"
#include "serve/store_database.h"

namespace lowrank::serve {

/// The ids of users or items and their rows in the table. Rows are never given twice while the process runs.
class Names {
 public:
  static constexpr std::int64_t kNone = 0;

  /// Reads the table `users` or `items`.
  void load(Database& database, const std::string& table);
  [[nodiscard]] std::int64_t row_of(std::string_view name) const;
  /// A row for a new name.
  std::int64_t add(std::string_view name);
  void remove(std::string_view name);
  /// Number of names that have a row.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Every name that has a row, by row.
  [[nodiscard]] std::vector<std::pair<std::int64_t, std::string>> all() const;

  /// Changes since the last call of keep() or undo() are kept, or undone.
  void keep() noexcept { undo_.clear(); }
  void undo() noexcept;

 private:
  void set(std::uint32_t number, std::int64_t row);

  Vocabulary names_;
  std::vector<std::int64_t> rows_;  ///< one per name; kNone for a name that was removed
  std::int64_t next_ = 1;
  std::uint64_t size_ = 0;
  std::vector<std::pair<std::uint32_t, std::int64_t>> undo_;
};

/// A change of the table of ratings, by rows.
struct RowChange {
  enum class Kind : std::uint8_t { put, remove, erase_user, erase_item };
  Kind kind = Kind::put;
  std::int64_t user = 0;
  std::int64_t item = 0;
  float value = 0;
  std::int64_t time = 0;
};

/// Applies operations within transactions. \throws StoreError; the caller then rolls back
class Changes {
 public:
  explicit Changes(Database& database);

  void begin();
  Change apply(const Operation& operation);
  void commit();
  void roll_back() noexcept;

  /// The changes of ratings since begin(), in order.
  [[nodiscard]] const std::vector<RowChange>& rows() const noexcept { return rows_; }
  /// Whether anything since begin() must leave no trace in the log either.
  [[nodiscard]] bool erased() const noexcept { return erased_; }

  [[nodiscard]] const Names& users() const noexcept { return users_; }
  [[nodiscard]] const Names& items() const noexcept { return items_; }
  [[nodiscard]] std::uint64_t ratings() const noexcept { return ratings_; }
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
  /// Sets a setting in a transaction of its own.
  void set(std::string_view key, std::string_view value);

 private:
  Change run(const PutRating& put);
  Change run(const RemoveRating& remove);
  Change run(const EraseUser& erase);
  Change run(const PutItem& put);
  Change run(const PatchItem& patch);
  Change run(const RemoveItem& remove);
  Change run(const PutSetting& put);
  Change run(const PutModel& put);
  Change run(const ServeModel& serve);
  Change run(const RemoveModel& remove);
  void set_categories(std::int64_t item, std::vector<std::string> categories);
  std::int64_t create_user(std::string_view name, std::int64_t time);
  std::int64_t create_item(std::string_view name, std::int64_t time);

  Database& database_;
  Names users_;
  Names items_;
  std::uint64_t ratings_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t ratings_before_ = 0;  ///< of the last begin()
  std::uint64_t written_before_ = 0;
  std::vector<RowChange> rows_;
  bool erased_ = false;

  Statement begin_, commit_, add_user_, add_item_, add_rating_, change_rating_, remove_rating_, count_user_, count_item_, remove_user_,
      remove_item_, put_item_, set_title_, set_available_, set_metadata_, touch_item_, clear_categories_, add_category_, put_setting_,
      remove_setting_, put_model_, unserve_, serve_, remove_model_, note_removed_, forget_removed_;
};

}  // namespace lowrank::serve
