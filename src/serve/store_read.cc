/// \file
/// What is read from the store. All of it runs on the thread of the writer, between two commits.

#include <algorithm>

#include "serve/store_state.h"

namespace lowrank::serve {

namespace {

constexpr const char* kModelColumns =
    "id, file, state, method, options, rank, users, items, ratings, fingerprint, metrics, history, created, written";

[[noreturn]] void refuse_damage(const Database& database, const char* what) {
  throw StoreError(StoreProblem::failed, database.path() + ": the store is damaged: it has " + what + "; restore a backup");
}

/// The place of `row` among ascending rows.
std::uint32_t place_of(const std::vector<std::int64_t>& rows, std::int64_t row, const Database& database) {
  const auto found = std::ranges::lower_bound(rows, row);
  if (found == rows.end() || *found != row) refuse_damage(database, "a row of an item that is not there");
  return static_cast<std::uint32_t>(found - rows.begin());
}

void add_new(Vocabulary& ids, std::string_view id, std::size_t expected, const Database& database) {
  if (stored_id_problem(id) || ids.add(id) != expected) refuse_damage(database, "an id that cannot be");
}

void load_items(Database& database, StoreContents& contents, std::vector<std::int64_t>& rows) {
  Statement items(database, "SELECT id, name, title, available, metadata, created, updated FROM items ORDER BY id");
  while (items.step()) {
    add_new(contents.items, items.text(1), rows.size(), database);
    rows.push_back(items.number(0));
    contents.item_details.push_back({.title = items.optional_text(2),
                                     .categories = {},
                                     .available = items.number(3) != 0,
                                     .metadata = items.optional_text(4),
                                     .created = items.number(5),
                                     .updated = items.number(6)});
  }
  Statement categories(database, "SELECT category, item FROM item_categories ORDER BY category, item");
  while (categories.step()) {
    contents.item_details[place_of(rows, categories.number(1), database)].categories.emplace_back(categories.text(0));
  }
}

}  // namespace

StoreContents Store::load() {
  State& state = *state_;
  return state.run([&state] {
    StoreContents contents;
    Database& database = *state.database;
    std::vector<std::int64_t> items;
    std::vector<std::int64_t> users;
    load_items(database, contents, items);
    Statement removed(database, "SELECT name FROM removed_items ORDER BY name");
    while (removed.step()) contents.removed_items.emplace_back(removed.text(0));
    Statement user_rows(database, "SELECT id, name, created FROM users ORDER BY id");
    while (user_rows.step()) {
      add_new(contents.users, user_rows.text(1), users.size(), database);
      users.push_back(user_rows.number(0));
      contents.user_created.push_back(user_rows.number(2));
    }
    const auto count = static_cast<std::size_t>(state.changes->ratings());
    contents.rated_items.reserve(count);
    contents.values.reserve(count);
    contents.times.reserve(count);
    contents.row_offsets.assign(users.size() + 1, 0);
    Statement ratings(database, "SELECT user, item, value, time FROM ratings ORDER BY user, item");
    std::size_t user = 0;
    while (ratings.step()) {
      while (user < users.size() && users[user] < ratings.number(0)) contents.row_offsets[++user] = contents.values.size();
      if (user == users.size() || users[user] != ratings.number(0)) refuse_damage(database, "a rating of a user who is not there");
      contents.rated_items.push_back(place_of(items, ratings.number(1), database));
      contents.values.push_back(static_cast<float>(ratings.real(2)));
      contents.times.push_back(ratings.number(3));
    }
    while (user < users.size()) contents.row_offsets[++user] = contents.values.size();
    return contents;
  });
}

std::optional<StoredItem> Store::item(std::string_view id) {
  State& state = *state_;
  return state.run([&state, id = std::string(id)]() -> std::optional<StoredItem> {
    const std::int64_t row = state.changes->items().row_of(id);
    if (row == Names::kNone) return std::nullopt;
    Statement statement(*state.database, "SELECT title, available, metadata, created, updated FROM items WHERE id=?");
    if (!statement.bind(row).step()) return std::nullopt;
    StoredItem item{.title = statement.optional_text(0),
                    .categories = {},
                    .available = statement.number(1) != 0,
                    .metadata = statement.optional_text(2),
                    .created = statement.number(3),
                    .updated = statement.number(4)};
    Statement categories(*state.database, "SELECT category FROM item_categories WHERE item=? ORDER BY category");
    categories.bind(row);
    while (categories.step()) item.categories.emplace_back(categories.text(0));
    return item;
  });
}

std::optional<std::vector<StoredRating>> Store::ratings_of(std::string_view user, std::string_view after, std::size_t limit) {
  State& state = *state_;
  return state.run([&state, user = std::string(user), after = std::string(after), limit]() -> std::optional<std::vector<StoredRating>> {
    const std::int64_t row = state.changes->users().row_of(user);
    if (row == Names::kNone) return std::nullopt;
    std::vector<StoredRating> ratings;
    Statement statement(*state.database,
                        "SELECT items.name, value, time FROM ratings JOIN items ON items.id = ratings.item WHERE user=? AND items.name > ? "
                        "ORDER BY items.name LIMIT ?");
    const auto most = static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX));
    statement.bind(row, std::string_view(after), most);
    while (statement.step())
      ratings.push_back({std::string(statement.text(0)), static_cast<float>(statement.real(1)), statement.number(2)});
    return ratings;
  });
}

namespace {

std::vector<std::string> names_after(Database& database, const std::string& table, std::string_view after, std::size_t limit) {
  std::vector<std::string> names;
  Statement statement(database, "SELECT name FROM " + table + " WHERE name > ? ORDER BY name LIMIT ?");
  statement.bind(after, static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX)));
  while (statement.step()) names.emplace_back(statement.text(0));
  return names;
}

}  // namespace

std::vector<std::string> Store::users_after(std::string_view after, std::size_t limit) {
  return state_->run(
      [state = state_.get(), after = std::string(after), limit] { return names_after(*state->database, "users", after, limit); });
}

std::vector<std::string> Store::items_after(std::string_view after, std::size_t limit) {
  return state_->run(
      [state = state_.get(), after = std::string(after), limit] { return names_after(*state->database, "items", after, limit); });
}

std::optional<std::string> Store::setting(std::string_view key) {
  return state_->run([state = state_.get(), key = std::string(key)]() -> std::optional<std::string> {
    Statement statement(*state->database, "SELECT value FROM settings WHERE key=?");
    return statement.bind(std::string_view(key)).step() ? std::optional<std::string>(statement.text(0)) : std::nullopt;
  });
}

std::vector<ModelRow> Store::models() {
  return state_->run([state = state_.get()] {
    std::vector<ModelRow> models;
    Statement rows(*state->database, std::string("SELECT ") + kModelColumns + " FROM models ORDER BY id");
    while (rows.step()) {
      const auto text = [&rows](int column) { return std::string(rows.text(column)); };
      const auto count = [&rows](int column) { return static_cast<std::uint64_t>(rows.number(column)); };
      models.push_back({.id = rows.number(0),
                        .file = text(1),
                        .state = text(2),
                        .method = text(3),
                        .options = text(4),
                        .rank = count(5),
                        .users = count(6),
                        .items = count(7),
                        .ratings = count(8),
                        .fingerprint = text(9),
                        .metrics = text(10),
                        .history = text(11),
                        .created = rows.number(12),
                        .written = count(13)});
    }
    return models;
  });
}

std::vector<std::string> Store::check() {
  return state_->run([state = state_.get()] {
    std::vector<std::string> faults;
    Statement pages(*state->database, "PRAGMA integrity_check");
    while (pages.step()) {
      if (pages.text(0) != "ok") faults.emplace_back(pages.text(0));
    }
    Statement keys(*state->database, "PRAGMA foreign_key_check");
    while (keys.step()) faults.push_back("table " + std::string(keys.text(0)) + ": a row of a user or item that is not there");
    return faults;
  });
}

}  // namespace lowrank::serve
