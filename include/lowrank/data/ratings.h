#pragma once

/// \file
/// Sparse ratings: the observed cells of a users x items matrix. A cell that is not there is missing; a rating of 0 is a rating.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "lowrank/data/page_array.h"
#include "lowrank/data/vocabulary.h"

namespace lowrank {

/// What becomes of a (user, item) pair that was added more than once.
enum class Duplicates : std::uint8_t {
  last,   ///< the one added last stays (default)
  first,  ///< the one added first stays
  mean,   ///< the mean of their values, the latest of their timestamps
  error,  ///< DataError
};

/// Ratings grouped by user, each user's in ascending order of item. Made by `RatingsBuilder`; does not change afterwards.
///
/// A rating takes 4 bytes for its item and 1 for its value where there are at most 256 distinct values ("coded"), else 4; timestamps, where
/// they are kept, 8 more.
class Ratings {
 public:
  Ratings() = default;

  /// Number of ratings.
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  /// Rows of the matrix; users without a rating count.
  [[nodiscard]] std::uint32_t user_count() const noexcept { return static_cast<std::uint32_t>(row_offsets_.size() - 1); }
  /// Columns of the matrix; items without a rating count.
  [[nodiscard]] std::uint32_t item_count() const noexcept { return item_count_; }

  /// user_count() + 1 positions: the ratings of user u stand at [row_offsets()[u], row_offsets()[u + 1]).
  [[nodiscard]] std::span<const std::size_t> row_offsets() const noexcept { return row_offsets_; }
  /// The item of every rating, by position.
  [[nodiscard]] std::span<const std::uint32_t> items() const noexcept { return items_; }
  /// The items that `user` rated, ascending.
  [[nodiscard]] std::span<const std::uint32_t> items_of(std::uint32_t user) const noexcept {
    return items().subspan(row_offsets_[user], row_offsets_[user + 1] - row_offsets_[user]);
  }

  /// The value of the rating at `position`.
  [[nodiscard]] float value(std::size_t position) const noexcept { return coded() ? value_table_[codes_[position]] : values_[position]; }
  /// True when values are held as 1-byte codes into value_table().
  [[nodiscard]] bool coded() const noexcept { return !value_table_.empty(); }
  /// The distinct values, ascending, at most 256; empty when values are not coded.
  [[nodiscard]] std::span<const float> value_table() const noexcept { return value_table_; }
  /// The code of every rating, by position; empty when values are not coded.
  [[nodiscard]] std::span<const std::uint8_t> codes() const noexcept { return codes_; }
  /// The value of every rating, by position; empty when values are coded.
  [[nodiscard]] std::span<const float> values() const noexcept { return values_; }

  [[nodiscard]] bool has_times() const noexcept { return !times_.empty(); }
  /// The timestamp of every rating, by position; empty when none are kept.
  [[nodiscard]] std::span<const std::int64_t> times() const noexcept { return times_; }

  /// Gives the memory of the ratings of all users below `user` back, for who turns the ratings into something else user by user and would
  /// not hold both. Their items, values and times must not be read afterwards; row_offsets(), size() and all other ratings stay.
  void release_front(std::uint32_t user) noexcept {
    const std::size_t count = row_offsets_[user];
    items_.release_front(count);
    codes_.release_front(count);
    values_.release_front(count);
    times_.release_front(count);
  }

 private:
  friend class Staging;
  std::vector<std::size_t> row_offsets_{0};
  PageArray<std::uint32_t> items_;
  std::vector<float> value_table_;
  PageArray<std::uint8_t> codes_;
  PageArray<float> values_;
  PageArray<std::int64_t> times_;
  std::uint32_t item_count_ = 0;
};

/// Collects ratings in any order and groups them. Holds 4 to 6 bytes a rating until build() where there are at most 256 distinct values, 7
/// to 9 else, and 8 more for timestamps; build() frees them as it goes, so that the ratings are never held twice.
class RatingsBuilder {
 public:
  RatingsBuilder();
  ~RatingsBuilder();
  RatingsBuilder(RatingsBuilder&&) noexcept;
  RatingsBuilder& operator=(RatingsBuilder&&) noexcept;

  /// Adds one rating. \param value must be finite (the reader's duty). Amortised O(1).
  void add(std::uint32_t user, std::uint32_t item, float value);
  /// The same with a timestamp. Timestamps are kept only when every rating has one.
  void add(std::uint32_t user, std::uint32_t item, float value, std::int64_t time);
  /// Adds many ratings without timestamps, in their order, `threads` (0 for all) at work. The result does not depend on how ratings are cut
  /// into calls. \param users, items, values  of equal length, read during the call alone; values must be finite
  void add_many(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<const float> values, int threads = 0);

  [[nodiscard]] std::size_t size() const noexcept;

  /// The ratings, grouped; the builder is empty afterwards.
  /// \param user_count, item_count  the shape; every index added must be below it
  /// \param duplicates              what becomes of pairs added twice
  /// \param[out] duplicate_count    if given, receives how many ratings were taken out (or merged) as repeats
  /// \param threads                 0 for all; the result does not depend on it
  /// \throws DataError with Duplicates::error, naming users and items by their numbers; cost O(n log m) for rows of m ratings
  Ratings build(std::uint32_t user_count, std::uint32_t item_count, Duplicates duplicates = Duplicates::last,
                std::size_t* duplicate_count = nullptr, int threads = 0);

 private:
  struct State;
  void add_all(std::uint32_t user, std::uint32_t item, float value, const std::int64_t* time);
  void flush();

  std::unique_ptr<State> state_;
};

/// Ratings and the ids that their numbers stand for.
struct Dataset {
  Vocabulary users;
  Vocabulary items;
  Ratings ratings;
  std::size_t duplicates = 0;  ///< repeats of a pair that were taken out
};

/// (user, item, value) triples in a given order, repeats and all, expressed in the vocabulary of some model or training set: what is scored
/// or tested. A user number at or above the size of that vocabulary is a user it does not know; equal ids keep equal numbers there too.
struct Pairs {
  std::vector<std::uint32_t> users;
  std::vector<std::uint32_t> items;
  std::vector<float> values;  ///< empty when there are only pairs
  Vocabulary unknown_users;   ///< id number n here has user number known_users + n
  Vocabulary unknown_items;
  std::uint32_t known_users = 0;  ///< size of the vocabulary that the numbers refer to
  std::uint32_t known_items = 0;

  [[nodiscard]] std::size_t size() const noexcept { return users.size(); }
  /// The id of user or item number `index`, known or not.
  [[nodiscard]] std::string_view user_id(const Vocabulary& known, std::uint32_t index) const noexcept {
    return index < known_users ? known.id(index) : unknown_users.id(index - known_users);
  }
  [[nodiscard]] std::string_view item_id(const Vocabulary& known, std::uint32_t index) const noexcept {
    return index < known_items ? known.id(index) : unknown_items.id(index - known_items);
  }
};

}  // namespace lowrank
