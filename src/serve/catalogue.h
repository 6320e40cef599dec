#pragma once

/// \file
/// Users, items and ratings in memory, as the store has them.

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lowrank/data/vocabulary.h"
#include "lowrank/recommend/fold_in.h"
#include "serve/shared_slot.h"
#include "serve/store.h"

namespace lowrank::serve {

/// A rating of a row.
struct RatedItem {
  std::uint32_t item = 0;  ///< number in the catalogue
  float value = 0;
  std::int64_t time = 0;
};

/// A user's factors, solved from their row against the items of one model.
struct FoldedUser {
  std::uint64_t generation = 0;  ///< of the model (see Serving::generation())
  FoldedRow row;
  bool known = false;  ///< whether the model knows an item of the row; else the factors are of nothing
};

/// The ratings of one user at one moment. Never changes: a write makes another one.
struct UserRow {
  std::uint64_t version = 0;       ///< differs for every write of the process
  std::vector<RatedItem> ratings;  ///< ascending by item
  /// What was solved last from these ratings.
  mutable SharedSlot<const FoldedUser> folded = {};
};

/// What is known of an item.
struct ItemRecord {
  std::string title;                      ///< empty for none
  std::string folded;                     ///< title in lower case, for the search
  std::vector<std::uint32_t> categories;  ///< ascending numbers of category ids
  std::string metadata;                   ///< a JSON object, or empty
  bool available = true;
  bool stored = false;   ///< false: only a model knows it, or it was removed
  bool removed = false;  ///< it was in the store, and is in no list until it is there again
  /// Version of categories and metadata: that of the start for what the store had then, items without any and removed ones included; 0
  /// for an item that came later and has had none.
  std::uint64_t facts = 0;
  std::uint32_t ratings = 0;  ///< number of them
  double sum = 0;             ///< of their values
};

/// A rated item in the order of popularity: those with the most ratings first, then by number.
struct Popular {
  std::uint32_t ratings = 0;
  std::uint32_t item = 0;

  friend bool operator<(const Popular& a, const Popular& b) noexcept {
    return a.ratings != b.ratings ? a.ratings > b.ratings : a.item < b.item;
  }
};

/// The memory behind all answers. Reads go through a View, which holds a shared lock; writes come from the store's callbacks.
class Catalogue {
 public:
  explicit Catalogue(StoreContents contents);

  class View;
  /// Holds off writes until the view is gone.
  [[nodiscard]] View view() const;

  /// Repeats an operation that the store has committed. \return the version of the user's row after it, for operations of ratings; the
  /// number of ratings that went with a user or item
  std::uint64_t apply(const Operation& operation, const Change& change);

  /// Adds the items of a model that the store does not know: they may be listed too. \return the number in the catalogue of each id
  std::vector<std::uint32_t> numbers_of(const Vocabulary& items);

 private:
  friend class View;
  struct UserRecord {
    std::shared_ptr<const UserRow> row;  ///< null for one who is not in the store
    std::int64_t created = 0;
  };

  std::uint64_t apply(const PutRating& operation);
  std::uint64_t apply(const RemoveRating& operation);
  std::uint64_t apply(const EraseUser& operation);
  std::uint64_t apply(const PutItem& operation);
  std::uint64_t apply(const PatchItem& operation, bool found);
  std::uint64_t apply(const RemoveItem& operation);
  std::uint32_t add_item(std::string_view id);
  std::vector<std::uint32_t> categories_of(std::span<const std::string> names);
  void set_title(ItemRecord& record, const std::optional<std::string>& title);
  void set_facts(ItemRecord& record, std::vector<std::uint32_t> categories, std::string metadata);
  void note_listed() { ++listed_version_; }
  void note_value(float value);
  void set_ratings(std::uint32_t item, std::uint32_t ratings);

  mutable std::shared_mutex mutex_;
  Vocabulary user_ids_;
  std::vector<UserRecord> users_;
  Vocabulary item_ids_;
  std::vector<ItemRecord> items_;
  std::set<Popular> popular_;
  Vocabulary category_ids_;
  std::uint64_t next_version_ = 1;
  std::uint64_t listed_version_ = 1;   ///< changes where availability, categories or titles do
  std::uint64_t ratings_version_ = 1;  ///< changes with every rating
  std::uint64_t facts_version_ = 1;    ///< greatest version of categories and metadata of an item
  std::uint64_t user_count_ = 0;
  std::uint64_t item_count_ = 0;
  std::uint64_t rating_count_ = 0;
  float least_ = 0;  ///< rating so far
  float greatest_ = 0;
};

/// The catalogue at one moment.
class Catalogue::View {
 public:
  explicit View(const Catalogue& catalogue) : lock_(catalogue.mutex_), own_(&catalogue) {}

  /// The row of a user; null for one that the store does not know.
  [[nodiscard]] std::shared_ptr<const UserRow> row(std::string_view user) const;
  /// When the user came into the store.
  [[nodiscard]] std::int64_t created(std::string_view user) const;
  /// Users by number, those that are not in the store included, whose row is null.
  [[nodiscard]] std::uint32_t user_slots() const { return static_cast<std::uint32_t>(own_->users_.size()); }
  [[nodiscard]] std::string_view user_id(std::uint32_t user) const { return own_->user_ids_.id(user); }
  [[nodiscard]] const std::shared_ptr<const UserRow>& row_at(std::uint32_t user) const { return own_->users_[user].row; }

  /// The number of an item, or Vocabulary::kUnknown.
  [[nodiscard]] std::uint32_t item(std::string_view id) const { return own_->item_ids_.find(id); }
  [[nodiscard]] std::span<const ItemRecord> items() const { return own_->items_; }
  [[nodiscard]] std::string_view item_id(std::uint32_t item) const { return own_->item_ids_.id(item); }
  /// The items with a rating.
  [[nodiscard]] const std::set<Popular>& popular() const { return own_->popular_; }
  /// The number of a category, or Vocabulary::kUnknown.
  [[nodiscard]] std::uint32_t category(std::string_view name) const { return own_->category_ids_.find(name); }
  [[nodiscard]] std::uint32_t categories() const { return own_->category_ids_.size(); }
  [[nodiscard]] std::string_view category_name(std::uint32_t category) const { return own_->category_ids_.id(category); }

  [[nodiscard]] std::uint64_t listed_version() const { return own_->listed_version_; }
  [[nodiscard]] std::uint64_t ratings_version() const { return own_->ratings_version_; }
  /// The greatest ItemRecord::facts.
  [[nodiscard]] std::uint64_t facts_version() const { return own_->facts_version_; }
  /// What is known of an item besides its ratings.
  [[nodiscard]] ItemFacts facts_of(std::uint32_t item) const;
  [[nodiscard]] std::uint64_t user_count() const { return own_->user_count_; }
  [[nodiscard]] std::uint64_t item_count() const { return own_->item_count_; }
  [[nodiscard]] std::uint64_t rating_count() const { return own_->rating_count_; }
  /// The least and the greatest rating that there was; 0 without any.
  [[nodiscard]] float least() const { return own_->least_; }
  [[nodiscard]] float greatest() const { return own_->greatest_; }

 private:
  std::shared_lock<std::shared_mutex> lock_;
  const Catalogue* own_;
};

inline Catalogue::View Catalogue::view() const { return View(*this); }

/// `text` as the search compares it: Latin letters in lower case and without accents, other characters as they are.
std::string folded_text(std::string_view text);

}  // namespace lowrank::serve
