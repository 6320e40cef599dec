#pragma once

/// \file
/// Sparse ratings: the observed cells of a users x items matrix. An absent cell is missing; a rating of 0 is a rating.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lowrank/data/page_array.h"
#include "lowrank/data/situations.h"
#include "lowrank/data/vocabulary.h"

namespace [[gnu::visibility("default")]] lowrank {

/// The rating to keep for a (user, item) pair that was added more than once: in the same situation, where ratings have situations.
enum class Duplicates : std::uint8_t {
  last,   ///< the one that was added last (default)
  first,  ///< the one that was added first
  mean,   ///< their mean value, with the latest of their timestamps; with weights their weighted mean, with the sum of their weights
  sum,    ///< the sum of their values, with the latest of their timestamps
  count,  ///< their number, whatever their values, with the latest of their timestamps; 1 for a pair that was added once
  error,  ///< none: build() throws DataError
};

/// Ratings grouped by user, and in ascending order of item for each user. Made by `RatingsBuilder`; its ratings do not change
/// afterwards. A user has at most one rating of an item, unless ratings have situations: then one of each item and situation, those of an
/// item next to each other, by number of situation.
///
/// A rating takes 4 bytes for its item, 1 byte for its value if there are at most 256 distinct values ("coded") and 4 bytes otherwise, and
/// 8 bytes for its timestamp if timestamps are kept, or 4 bytes for its weight if it has one. Its situation takes 1, 2 or 4 bytes, by the
/// greatest number of a situation.
class Ratings {
 public:
  Ratings() = default;

  /// Number of ratings.
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  /// Rows of the matrix, including users without a rating.
  [[nodiscard]] std::uint32_t user_count() const noexcept { return static_cast<std::uint32_t>(row_offsets_.size() - 1); }
  /// Columns of the matrix, including items without a rating.
  [[nodiscard]] std::uint32_t item_count() const noexcept { return item_count_; }

  /// user_count() + 1 positions: the ratings of user u are at [row_offsets()[u], row_offsets()[u + 1]).
  [[nodiscard]] std::span<const std::size_t> row_offsets() const noexcept { return row_offsets_; }
  /// The item of every rating, by position.
  [[nodiscard]] std::span<const std::uint32_t> items() const noexcept { return items_; }
  /// The items that `user` rated, ascending; with situations, an item occurs once per rating of it.
  [[nodiscard]] std::span<const std::uint32_t> items_of(std::uint32_t user) const noexcept {
    return items().subspan(row_offsets_[user], row_offsets_[user + 1] - row_offsets_[user]);
  }

  /// The value of the rating at `position`.
  [[nodiscard]] float value(std::size_t position) const noexcept { return coded() ? value_table_[codes_[position]] : values_[position]; }
  /// Whether values are stored as 1-byte codes that index value_table().
  [[nodiscard]] bool coded() const noexcept { return !value_table_.empty(); }
  /// The distinct values, ascending, at most 256; empty if values are not coded.
  [[nodiscard]] std::span<const float> value_table() const noexcept { return value_table_; }
  /// The code of every rating, by position; empty if values are not coded.
  [[nodiscard]] std::span<const std::uint8_t> codes() const noexcept { return codes_; }
  /// The value of every rating, by position; empty if values are coded.
  [[nodiscard]] std::span<const float> values() const noexcept { return values_; }

  [[nodiscard]] bool has_times() const noexcept { return !times_.empty(); }
  /// The timestamp of every rating, by position; empty if none are kept.
  [[nodiscard]] std::span<const std::int64_t> times() const noexcept { return times_; }

  /// The weight of every rating, by position, each above 0; empty if ratings have none, which is the same as ones.
  [[nodiscard]] std::span<const float> weights() const noexcept { return weights_; }
  [[nodiscard]] bool has_weights() const noexcept { return !weights_.empty(); }

  /// Whether ratings have situations: contexts in which they were given.
  [[nodiscard]] bool has_situations() const noexcept { return situation_bytes_ != 0; }
  /// The number of the situation of the rating at `position`; 0 where ratings have none.
  [[nodiscard]] std::uint32_t situation(std::size_t position) const noexcept {
    const std::uint8_t* at = situations_.data() + position * situation_bytes_;
    if (situation_bytes_ == 1) return *at;
    if (situation_bytes_ == 2) {
      std::uint16_t number;
      std::memcpy(&number, at, sizeof number);
      return number;
    }
    std::uint32_t number = 0;
    if (situation_bytes_ == 4) std::memcpy(&number, at, sizeof number);
    return number;
  }

  /// Adds users and items without a rating, so that the matrix has at least this shape.
  void extend(std::uint32_t user_count, std::uint32_t item_count) {
    if (user_count > this->user_count()) row_offsets_.resize(std::size_t{user_count} + 1, row_offsets_.back());
    if (item_count > item_count_) item_count_ = item_count;
  }

  /// Releases the memory of the ratings of all users below `user`, so that a caller who converts the ratings user by user never holds both
  /// copies. Their items, values, times, weights and situations must not be read afterwards; row_offsets(), size() and all other ratings
  /// stay valid.
  void release_front(std::uint32_t user) noexcept {
    const std::size_t count = row_offsets_[user];
    items_.release_front(count);
    codes_.release_front(count);
    values_.release_front(count);
    times_.release_front(count);
    weights_.release_front(count);
    situations_.release_front(count * situation_bytes_);
  }

 private:
  friend class Staging;
  std::vector<std::size_t> row_offsets_{0};
  PageArray<std::uint32_t> items_;
  std::vector<float> value_table_;
  PageArray<std::uint8_t> codes_;
  PageArray<float> values_;
  PageArray<std::int64_t> times_;
  PageArray<float> weights_;
  PageArray<std::uint8_t> situations_;  ///< numbers of situation_bytes_ bytes each
  std::size_t situation_bytes_ = 0;     ///< 1, 2 or 4; 0 without situations
  std::uint32_t item_count_ = 0;
};

/// Collects ratings in any order and groups them. Until build() a rating takes 4 to 6 bytes if there are at most 256 distinct values and 7
/// to 9 otherwise, and 8 more for a timestamp. build() frees this memory step by step, so that the ratings are never held twice.
class RatingsBuilder {
 public:
  RatingsBuilder();
  ~RatingsBuilder();
  RatingsBuilder(RatingsBuilder&&) noexcept;
  RatingsBuilder& operator=(RatingsBuilder&&) noexcept;

  /// Adds one rating. \param value  finite; the caller must check. Amortised O(1).
  void add(std::uint32_t user, std::uint32_t item, float value);
  /// Adds one rating with a timestamp. Timestamps are kept only if every rating has one.
  void add(std::uint32_t user, std::uint32_t item, float value, std::int64_t time);
  /// Adds many ratings without timestamps, in the given order, on `threads` threads (0 for all). The result does not depend on how ratings
  /// are divided into calls. \param users, items, values  of equal length, read only during the call; values must be finite
  void add_many(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<const float> values, int threads = 0);
  /// Adds one rating with a weight. Weights are kept only if every rating has one, and no timestamps beside them.
  /// \param weight  finite and above 0; the caller must check
  void add_weighted(std::uint32_t user, std::uint32_t item, float value, float weight);
  /// Adds many ratings with weights, as add_many(). \param weights  as long as the others; a rating whose weight is 0 is left out
  void add_many_weighted(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<const float> values,
                         std::span<const float> weights);

  /// Adds one rating that was given in a situation, with a timestamp if there is one. Situations are kept only if every rating has one.
  /// \param situation  number of a Situations object that the caller keeps
  void add_in_situation(std::uint32_t user, std::uint32_t item, float value, std::uint32_t situation,
                        std::optional<std::int64_t> time = std::nullopt);
  /// Adds one rating with a weight that was given in a situation, as add_weighted() and add_in_situation().
  void add_weighted_in_situation(std::uint32_t user, std::uint32_t item, float value, float weight, std::uint32_t situation);
  /// Adds the rating at `position` of other ratings, which is one of `user`, with all that it has: timestamp, weight and situation.
  void add_from(const Ratings& ratings, std::uint32_t user, std::size_t position);

  [[nodiscard]] std::size_t size() const noexcept;

  /// The ratings, grouped; the builder is empty afterwards.
  /// \param user_count, item_count  the shape; every index added must be below it
  /// \param duplicates              rating to keep for a pair that was added more than once in the same situation
  /// \param[out] duplicate_count    if given, receives the number of ratings that were removed (or merged) as duplicates
  /// \param threads                 0 for all; the result does not depend on it
  /// \throws DataError naming user and item by their numbers, with Duplicates::error for a repeated pair, and for a sum of values or
  /// weights that is not finite as a float32; OptionError for weights with Duplicates::sum and count. Cost O(n log m) for rows of m ratings
  Ratings build(std::uint32_t user_count, std::uint32_t item_count, Duplicates duplicates = Duplicates::last,
                std::size_t* duplicate_count = nullptr, int threads = 0);

 private:
  struct State;
  void add_all(std::uint32_t user, std::uint32_t item, float value, const std::int64_t* time, const std::uint32_t* situation);
  void flush();

  std::unique_ptr<State> state_;
};

/// Ratings, and the ids of their users and items.
struct Dataset {
  Vocabulary users;
  Vocabulary items;
  Ratings ratings;
  std::size_t duplicates = 0;  ///< number of ratings that were removed as duplicates of a pair, or of a pair in a situation
  Situations situations = {};  ///< the contexts of ratings, where they have any; else without columns
};

/// Ratings to score: (user, item, value) triples in a given order, duplicates included, numbered in the vocabulary of a model or training
/// set. A user number at or above the size of that vocabulary is an unknown user; equal unknown ids have equal numbers too.
struct Pairs {
  std::vector<std::uint32_t> users;
  std::vector<std::uint32_t> items;
  std::vector<float> values;        ///< empty if the pairs have no values
  std::vector<std::int64_t> times;  ///< timestamps, where they were asked for and every pair has one; else empty
  /// The situation of each pair, a number in `situations`, where contexts were asked for; else empty.
  std::vector<std::uint32_t> situation = {};
  /// The levels of columns are those of the model or training set, where one that it lacks is kMissing, or those of the pairs themselves.
  Situations situations = {};
  Vocabulary unknown_users;       ///< id n of this vocabulary has user number known_users + n
  Vocabulary unknown_items;       ///< id n of this vocabulary has item number known_items + n
  std::uint32_t known_users = 0;  ///< number of users in the vocabulary that the pairs refer to
  std::uint32_t known_items = 0;  ///< number of items in that vocabulary

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
