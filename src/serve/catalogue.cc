#include "serve/catalogue.h"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <utility>

namespace lowrank::serve {

namespace {

auto place_of(std::vector<RatedItem>& ratings, std::uint32_t item) { return std::ranges::lower_bound(ratings, item, {}, &RatedItem::item); }

/// A row with the ratings of another one, to change.
std::shared_ptr<UserRow> copy_of(const UserRow* row, std::uint64_t version) {
  auto copy = std::make_shared<UserRow>();
  copy->version = version;
  if (row != nullptr) {
    copy->ratings.reserve(row->ratings.size() + 1);
    copy->ratings = row->ratings;
  }
  return copy;
}

}  // namespace

Catalogue::Catalogue(StoreContents contents)
    : user_ids_(std::move(contents.users)),
      item_ids_(std::move(contents.items)),
      user_count_(user_ids_.size()),
      item_count_(item_ids_.size()),
      rating_count_(contents.rated_items.size()) {
  items_.resize(item_ids_.size());
  for (std::size_t n = 0; n < items_.size(); ++n) {
    ItemRecord& record = items_[n];
    StoredItem& stored = contents.item_details[n];
    record.stored = true;
    record.available = stored.available;
    set_title(record, stored.title);
    record.categories = categories_of(stored.categories);
    record.metadata = std::move(stored.metadata).value_or("");
    record.facts = facts_version_;
  }
  for (const std::string& id : contents.removed_items) {
    ItemRecord& record = items_[add_item(id)];
    record.removed = true;
    record.facts = facts_version_;
  }
  users_.resize(user_ids_.size());
  if (!contents.values.empty()) {
    const auto [least, greatest] = std::ranges::minmax(contents.values);
    least_ = least;
    greatest_ = greatest;
  }
  for (std::size_t user = 0; user < users_.size(); ++user) {
    users_[user].created = contents.user_created[user];
    auto row = copy_of(nullptr, next_version_++);
    row->ratings.reserve(contents.row_offsets[user + 1] - contents.row_offsets[user]);
    for (std::size_t at = contents.row_offsets[user]; at < contents.row_offsets[user + 1]; ++at) {
      row->ratings.push_back({contents.rated_items[at], contents.values[at], contents.times[at]});
      ItemRecord& record = items_[contents.rated_items[at]];
      ++record.ratings;
      record.sum += static_cast<double>(contents.values[at]);
    }
    users_[user].row = std::move(row);
  }
  for (std::uint32_t item = 0; item < items_.size(); ++item) {
    if (items_[item].ratings != 0) popular_.insert({items_[item].ratings, item});
  }
}

void Catalogue::set_ratings(std::uint32_t item, std::uint32_t ratings) {
  ItemRecord& record = items_[item];
  if (record.ratings != 0) popular_.erase({record.ratings, item});
  if (ratings != 0) popular_.insert({ratings, item});
  record.ratings = ratings;
}

std::uint64_t Catalogue::apply(const Operation& operation, const Change& change) {
  const std::unique_lock<std::shared_mutex> lock(mutex_);
  if (const auto* put = std::get_if<PutRating>(&operation)) return apply(*put);
  if (const auto* remove = std::get_if<RemoveRating>(&operation)) return apply(*remove);
  if (const auto* erase = std::get_if<EraseUser>(&operation)) return apply(*erase);
  if (const auto* item = std::get_if<PutItem>(&operation)) return apply(*item);
  if (const auto* patch = std::get_if<PatchItem>(&operation)) return apply(*patch, change.found);
  if (const auto* gone = std::get_if<RemoveItem>(&operation)) return apply(*gone);
  return 0;
}

std::uint64_t Catalogue::apply(const PutRating& operation) {
  const std::uint32_t user = user_ids_.add(operation.user);
  if (user == users_.size()) users_.emplace_back();
  UserRecord& record = users_[user];
  if (!record.row) {
    ++user_count_;
    record.created = operation.time;
  }
  const std::uint32_t item = add_item(operation.item);
  ItemRecord& rated = items_[item];
  if (!rated.stored) {
    ++item_count_;
    if (rated.removed) note_listed();
    rated.stored = true;
    rated.removed = false;
  }
  auto row = copy_of(record.row.get(), next_version_++);
  const auto place = place_of(row->ratings, item);
  const float value = operation.value == 0 ? 0.0F : operation.value;
  note_value(value);
  if (place != row->ratings.end() && place->item == item) {
    rated.sum += static_cast<double>(value) - static_cast<double>(place->value);
    *place = {item, value, operation.time};
  } else {
    row->ratings.insert(place, {item, value, operation.time});
    rated.sum += static_cast<double>(value);
    set_ratings(item, rated.ratings + 1);
    ++rating_count_;
  }
  ++ratings_version_;
  record.row = std::move(row);
  return record.row->version;
}

void Catalogue::note_value(float value) {
  const bool first = rating_count_ == 0;
  least_ = first ? value : std::min(least_, value);
  greatest_ = first ? value : std::max(greatest_, value);
}

std::uint64_t Catalogue::apply(const RemoveRating& operation) {
  const std::uint32_t user = user_ids_.find(operation.user);
  const std::uint32_t item = item_ids_.find(operation.item);
  if (user == Vocabulary::kUnknown || item == Vocabulary::kUnknown || !users_[user].row) return 0;
  auto row = copy_of(users_[user].row.get(), next_version_++);
  const auto place = place_of(row->ratings, item);
  if (place == row->ratings.end() || place->item != item) return users_[user].row->version;
  items_[item].sum -= static_cast<double>(place->value);
  set_ratings(item, items_[item].ratings - 1);
  --rating_count_;
  row->ratings.erase(place);
  ++ratings_version_;
  users_[user].row = std::move(row);
  return users_[user].row->version;
}

std::uint64_t Catalogue::apply(const EraseUser& operation) {
  const std::uint32_t user = user_ids_.find(operation.user);
  if (user == Vocabulary::kUnknown || !users_[user].row) return 0;
  for (const RatedItem& rating : users_[user].row->ratings) {
    set_ratings(rating.item, items_[rating.item].ratings - 1);
    items_[rating.item].sum -= static_cast<double>(rating.value);
  }
  const std::uint64_t gone = users_[user].row->ratings.size();
  rating_count_ -= gone;
  --user_count_;
  ++ratings_version_;
  users_[user] = {};
  return gone;
}

std::uint64_t Catalogue::apply(const PutItem& operation) {
  ItemRecord& record = items_[add_item(operation.item)];
  if (!record.stored) ++item_count_;
  record.stored = true;
  record.removed = false;
  record.available = operation.available;
  set_facts(record, categories_of(operation.categories), operation.metadata.value_or(""));
  set_title(record, operation.title);
  note_listed();
  return record.ratings;
}

std::uint64_t Catalogue::apply(const PatchItem& operation, bool found) {
  if (!found) return 0;
  ItemRecord& record = items_[add_item(operation.item)];
  if (operation.title) set_title(record, *operation.title);
  if (operation.available) record.available = *operation.available;
  if (operation.categories || operation.metadata) {
    set_facts(record, operation.categories ? categories_of(*operation.categories) : record.categories,
              operation.metadata ? operation.metadata->value_or("") : record.metadata);
  }
  note_listed();
  return record.ratings;
}

std::uint64_t Catalogue::apply(const RemoveItem& operation) {
  const std::uint32_t item = item_ids_.find(operation.item);
  if (item == Vocabulary::kUnknown || !items_[item].stored) return 0;
  std::uint64_t gone = 0;
  for (UserRecord& record : users_) {
    if (!record.row) continue;
    const auto& ratings = record.row->ratings;
    const auto place = std::ranges::lower_bound(ratings, item, {}, &RatedItem::item);
    if (place == ratings.end() || place->item != item) continue;
    auto row = copy_of(record.row.get(), next_version_++);
    row->ratings.erase(place_of(row->ratings, item));
    record.row = std::move(row);
    ++gone;
  }
  rating_count_ -= gone;
  --item_count_;
  ++ratings_version_;
  note_listed();
  set_ratings(item, 0);
  items_[item] = {};
  items_[item].removed = true;
  items_[item].facts = ++facts_version_;
  return gone;
}

std::vector<std::uint32_t> Catalogue::numbers_of(const Vocabulary& items) {
  const std::unique_lock<std::shared_mutex> lock(mutex_);
  std::vector<std::uint32_t> numbers;
  numbers.reserve(items.size());
  for (std::uint32_t n = 0; n < items.size(); ++n) numbers.push_back(add_item(items.id(n)));
  return numbers;
}

std::uint32_t Catalogue::add_item(std::string_view id) {
  const std::uint32_t item = item_ids_.add(id);
  if (item == items_.size()) items_.emplace_back();
  return item;
}

std::vector<std::uint32_t> Catalogue::categories_of(std::span<const std::string> names) {
  std::vector<std::uint32_t> numbers;
  numbers.reserve(names.size());
  for (const std::string& name : names) numbers.push_back(category_ids_.add(name));
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

void Catalogue::set_facts(ItemRecord& record, std::vector<std::uint32_t> categories, std::string metadata) {
  if (categories == record.categories && metadata == record.metadata) return;
  record.categories = std::move(categories);
  record.metadata = std::move(metadata);
  record.facts = ++facts_version_;
}

void Catalogue::set_title(ItemRecord& record, const std::optional<std::string>& title) {
  record.title = title.value_or("");
  record.folded = folded_text(record.title);
}

std::shared_ptr<const UserRow> Catalogue::View::row(std::string_view user) const {
  const std::uint32_t number = own_->user_ids_.find(user);
  return number == Vocabulary::kUnknown ? nullptr : own_->users_[number].row;
}

std::int64_t Catalogue::View::created(std::string_view user) const {
  const std::uint32_t number = own_->user_ids_.find(user);
  return number == Vocabulary::kUnknown ? 0 : own_->users_[number].created;
}

ItemFacts Catalogue::View::facts_of(std::uint32_t item) const {
  const ItemRecord& record = own_->items_[item];
  ItemFacts facts{.id = std::string(item_id(item)), .categories = {}, .metadata = record.metadata};
  for (const std::uint32_t category : record.categories) facts.categories.emplace_back(category_name(category));
  return facts;
}

std::string folded_text(std::string_view text) {
  // Letters of Latin-1 and Latin Extended-A without their accents, by code point from U+00C0 on; a blank stays as it is.
  static constexpr std::string_view kFirst =
      "aaaaaaaceeeeiiiidnooooo ouuuuy saaaaaaaceeeeiiiidnooooo ouuuuy y"     // U+00C0 to U+00FF
      "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiijjjkkkllllllllll"  // U+0100 to U+0142
      "nnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";       // U+0143 to U+017F
  std::string folded;
  folded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
      folded += text[at] >= 'A' && text[at] <= 'Z' ? static_cast<char>(text[at] - 'A' + 'a') : text[at];
      continue;
    }
    if ((byte == 0xC3 || byte == 0xC4 || byte == 0xC5) && at + 1 < text.size()) {
      const unsigned code = (byte & 0x1FU) << 6U | (static_cast<unsigned char>(text[at + 1]) & 0x3FU);
      if (code >= 0xC0 && code - 0xC0 < kFirst.size() && kFirst[code - 0xC0] != ' ') {
        folded += kFirst[code - 0xC0];
        ++at;
        continue;
      }
    }
    folded += text[at];
  }
  return folded;
}

}  // namespace lowrank::serve
