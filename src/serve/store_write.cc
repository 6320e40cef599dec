#include "serve/store_write.h"

#include <algorithm>
#include <charconv>

namespace lowrank::serve {

void Names::load(Database& database, const std::string& table) {
  Statement rows(database, "SELECT id, name FROM " + table + " ORDER BY id");
  while (rows.step()) {
    const std::uint32_t number = names_.add(rows.text(1));
    if (number != rows_.size() || rows.number(0) < 1) {
      throw StoreError(StoreProblem::failed, database.path() + ": the store is damaged: the table " + table + " has a row that cannot be");
    }
    rows_.push_back(rows.number(0));
    next_ = rows.number(0) + 1;
  }
  size_ = rows_.size();
}

std::int64_t Names::row_of(std::string_view name) const {
  const std::uint32_t number = names_.find(name);
  return number == Vocabulary::kUnknown ? kNone : rows_[number];
}

std::int64_t Names::add(std::string_view name) {
  const std::uint32_t number = names_.add(name);
  if (number == rows_.size()) rows_.push_back(kNone);
  set(number, next_++);
  return rows_[number];
}

void Names::remove(std::string_view name) { set(names_.find(name), kNone); }

void Names::set(std::uint32_t number, std::int64_t row) {
  undo_.emplace_back(number, rows_[number]);
  size_ += row == kNone ? 0U : 1U;
  size_ -= rows_[number] == kNone ? 0U : 1U;
  rows_[number] = row;
}

void Names::undo() noexcept {
  while (!undo_.empty()) {
    const auto [number, row] = undo_.back();
    undo_.pop_back();
    size_ += row == kNone ? 0U : 1U;
    size_ -= rows_[number] == kNone ? 0U : 1U;
    rows_[number] = row;
  }
}

std::vector<std::pair<std::int64_t, std::string>> Names::all() const {
  std::vector<std::pair<std::int64_t, std::string>> all;
  all.reserve(size_);
  for (std::uint32_t number = 0; number < rows_.size(); ++number) {
    if (rows_[number] != kNone) all.emplace_back(rows_[number], names_.id(number));
  }
  std::ranges::sort(all, {}, &std::pair<std::int64_t, std::string>::first);
  return all;
}

Changes::Changes(Database& database)
    : database_(database),
      begin_(database, "BEGIN IMMEDIATE"),
      commit_(database, "COMMIT"),
      add_user_(database, "INSERT INTO users(id, name, created) VALUES(?, ?, ?)"),
      add_item_(database, "INSERT INTO items(id, name, created, updated) VALUES(?, ?, ?, ?)"),
      add_rating_(database, "INSERT INTO ratings(user, item, value, time) VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING"),
      change_rating_(database, "UPDATE ratings SET value=?3, time=?4 WHERE user=?1 AND item=?2"),
      remove_rating_(database, "DELETE FROM ratings WHERE user=? AND item=?"),
      count_user_(database, "SELECT count(*) FROM ratings WHERE user=?"),
      count_item_(database, "SELECT count(*) FROM ratings WHERE item=?"),
      remove_user_(database, "DELETE FROM users WHERE id=?"),
      remove_item_(database, "DELETE FROM items WHERE id=?"),
      put_item_(database, "UPDATE items SET title=?2, available=?3, metadata=?4, updated=?5 WHERE id=?1"),
      set_title_(database, "UPDATE items SET title=?2 WHERE id=?1"),
      set_available_(database, "UPDATE items SET available=?2 WHERE id=?1"),
      set_metadata_(database, "UPDATE items SET metadata=?2 WHERE id=?1"),
      touch_item_(database, "UPDATE items SET updated=?2 WHERE id=?1"),
      clear_categories_(database, "DELETE FROM item_categories WHERE item=?"),
      add_category_(database, "INSERT INTO item_categories(item, category) VALUES(?, ?)"),
      put_setting_(database, "INSERT INTO settings(key, value) VALUES(?, ?) ON CONFLICT DO UPDATE SET value=excluded.value"),
      remove_setting_(database, "DELETE FROM settings WHERE key=?"),
      put_model_(
          database,
          "INSERT INTO models(id, file, state, method, options, rank, users, items, ratings, fingerprint, metrics, history, created, "
          "written) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET file=excluded.file, "
          "state=excluded.state, method=excluded.method, options=excluded.options, rank=excluded.rank, users=excluded.users, "
          "items=excluded.items, ratings=excluded.ratings, fingerprint=excluded.fingerprint, metrics=excluded.metrics, "
          "history=excluded.history, created=excluded.created, written=excluded.written"),
      unserve_(database, "UPDATE models SET state='ready' WHERE state='served' AND id<>?"),
      serve_(database, "UPDATE models SET state='served' WHERE id=?"),
      remove_model_(database, "DELETE FROM models WHERE id=?"),
      note_removed_(database, "INSERT INTO removed_items(name) VALUES(?) ON CONFLICT DO NOTHING"),
      forget_removed_(database, "DELETE FROM removed_items WHERE name=?") {
  users_.load(database, "users");
  items_.load(database, "items");
  ratings_ = static_cast<std::uint64_t>(database.number_of("SELECT count(*) FROM ratings"));
  const std::string written = database.text_of("SELECT value FROM settings WHERE key='written'");
  std::from_chars(written.data(), written.data() + written.size(), written_);
}

void Changes::begin() {
  rows_.clear();
  erased_ = false;
  ratings_before_ = ratings_;
  written_before_ = written_;
  begin_.bind().run();
}

void Changes::commit() {
  if (written_ != written_before_) put_setting_.bind(std::string_view("written"), std::string_view(std::to_string(written_))).run();
  commit_.bind().run();
  users_.keep();
  items_.keep();
}

void Changes::roll_back() noexcept {
  for (Statement* statement : {&begin_, &commit_}) statement->reset();
  database_.roll_back();
  users_.undo();
  items_.undo();
  ratings_ = ratings_before_;
  written_ = written_before_;
  rows_.clear();
}

Change Changes::apply(const Operation& operation) {
  return std::visit([this](const auto& one) { return run(one); }, operation);
}

void Changes::set(std::string_view key, std::string_view value) { put_setting_.bind(key, value).run(); }

std::int64_t Changes::create_user(std::string_view name, std::int64_t time) {
  const std::int64_t row = users_.add(name);
  add_user_.bind(row, name, time).run();
  return row;
}

std::int64_t Changes::create_item(std::string_view name, std::int64_t time) {
  const std::int64_t row = items_.add(name);
  add_item_.bind(row, name, time, time).run();
  forget_removed_.bind(name).run();
  return row;
}

Change Changes::run(const PutRating& put) {
  Change change;
  std::int64_t user = users_.row_of(put.user);
  std::int64_t item = items_.row_of(put.item);
  change.created_user = user == Names::kNone;
  change.created_item = item == Names::kNone;
  if (change.created_user) user = create_user(put.user, put.time);
  if (change.created_item) item = create_item(put.item, put.time);
  const float value = put.value + 0.0F;  // -0 becomes 0
  add_rating_.bind(user, item, static_cast<double>(value), put.time).run();
  change.found = database_.changes() == 0;
  if (change.found) {
    change_rating_.bind(user, item, static_cast<double>(value), put.time).run();
  } else {
    ++ratings_;
  }
  ++written_;
  rows_.push_back({RowChange::Kind::put, user, item, value, put.time});
  return change;
}

Change Changes::run(const RemoveRating& remove) {
  Change change;
  const std::int64_t user = users_.row_of(remove.user);
  const std::int64_t item = items_.row_of(remove.item);
  if (user == Names::kNone || item == Names::kNone) return change;
  remove_rating_.bind(user, item).run();
  change.found = database_.changes() != 0;
  if (!change.found) return change;
  --ratings_;
  ++written_;
  rows_.push_back({.kind = RowChange::Kind::remove, .user = user, .item = item});
  return change;
}

Change Changes::run(const EraseUser& erase) {
  const std::int64_t user = users_.row_of(erase.user);
  if (user == Names::kNone) return {};
  count_user_.bind(user).step();
  const auto count = static_cast<std::uint64_t>(count_user_.number(0));
  count_user_.reset();
  remove_user_.bind(user).run();
  users_.remove(erase.user);
  ratings_ -= count;
  written_ += count;
  erased_ = true;
  rows_.push_back({.kind = RowChange::Kind::erase_user, .user = user});
  return {.found = true};
}

Change Changes::run(const RemoveItem& remove) {
  const std::int64_t item = items_.row_of(remove.item);
  if (item == Names::kNone) return {};
  count_item_.bind(item).step();
  const auto count = static_cast<std::uint64_t>(count_item_.number(0));
  count_item_.reset();
  remove_item_.bind(item).run();
  // A model may know it still.
  note_removed_.bind(std::string_view(remove.item)).run();
  items_.remove(remove.item);
  ratings_ -= count;
  written_ += count;
  erased_ = true;
  rows_.push_back({.kind = RowChange::Kind::erase_item, .item = item});
  return {.found = true};
}

void Changes::set_categories(std::int64_t item, std::vector<std::string> categories) {
  std::ranges::sort(categories);
  const auto repeats = std::ranges::unique(categories);
  categories.erase(repeats.begin(), repeats.end());
  clear_categories_.bind(item).run();
  for (const std::string& category : categories) add_category_.bind(item, std::string_view(category)).run();
}

Change Changes::run(const PutItem& put) {
  Change change;
  std::int64_t item = items_.row_of(put.item);
  change.found = item != Names::kNone;
  change.created_item = !change.found;
  if (!change.found) item = create_item(put.item, put.time);
  put_item_.bind(item, put.title, std::int64_t{put.available ? 1 : 0}, put.metadata, put.time).run();
  set_categories(item, put.categories);
  return change;
}

Change Changes::run(const PatchItem& patch) {
  const std::int64_t item = items_.row_of(patch.item);
  if (item == Names::kNone) return {};
  if (patch.title) set_title_.bind(item, *patch.title).run();
  if (patch.available) set_available_.bind(item, std::int64_t{*patch.available ? 1 : 0}).run();
  if (patch.metadata) set_metadata_.bind(item, *patch.metadata).run();
  if (patch.categories) set_categories(item, *patch.categories);
  touch_item_.bind(item, patch.time).run();
  return {.found = true};
}

Change Changes::run(const PutSetting& put) {
  const std::string_view key = put.key;
  if (put.value) {
    put_setting_.bind(key, std::string_view(*put.value)).run();
  } else {
    remove_setting_.bind(key).run();
  }
  return {.found = database_.changes() != 0};
}

Change Changes::run(const PutModel& put) {
  const ModelRow& model = put.model;
  const auto text = [](const std::string& value) { return std::string_view(value); };
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  if (model.state == "served") unserve_.bind(model.id).run();
  put_model_
      .bind(model.id, text(model.file), text(model.state), text(model.method), text(model.options), number(model.rank), number(model.users),
            number(model.items), number(model.ratings), text(model.fingerprint), text(model.metrics), text(model.history), model.created,
            number(model.written))
      .run();
  return {.found = false};
}

Change Changes::run(const ServeModel& serve) {
  serve_.bind(serve.id).run();
  const bool found = database_.changes() != 0;
  if (found) unserve_.bind(serve.id).run();
  return {.found = found};
}

Change Changes::run(const RemoveModel& remove) {
  remove_model_.bind(remove.id).run();
  return {.found = database_.changes() != 0};
}

}  // namespace lowrank::serve
