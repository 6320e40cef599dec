#pragma once

/// \file
/// What each user has rated: what lists leave out, what explains them, what an update starts from.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/data/ratings.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Whether a history keeps the values of the ratings.
enum class HistoryValues : std::uint8_t {
  dropped,      ///< the items alone
  kept,         ///< one byte per rating, or four where the ratings have more than 256 distinct values
  if_disliked,  ///< kept where a rating is not above 0, so that liked_items_of() is exact
  automatic,    ///< of a training (default): kept where the method reads them, so that the model can be updated; else as if_disliked
};

/// The items that each user rated, compressed, and where kept the values of those ratings. Every row is the differences of its ascending
/// items in a variable-length code: on ML-1M at most 3 bytes per rating plus 8 per user. docs/model-file.md describes the coding.
class History {
 public:
  History() = default;
  /// From ratings. \param threads 0 for all; the result does not depend on it. O(n)
  explicit History(const Ratings& ratings, HistoryValues values = HistoryValues::dropped, int threads = 0);
  /// From what a file held. \throws DataError unless `offsets` ascend from 0 to bytes.size(), every row decodes to strictly ascending
  /// items below `item_count`, and the values, where there are any, are finite and one per item
  /// \param codes   one index into `values` per item; empty: `values` has one number per item, or nothing
  History(std::vector<std::uint8_t> bytes, std::vector<std::uint64_t> offsets, std::uint32_t item_count,
          std::vector<std::uint8_t> codes = {}, std::vector<float> values = {});

  [[nodiscard]] std::uint32_t user_count() const noexcept { return offsets_.empty() ? 0 : static_cast<std::uint32_t>(offsets_.size() - 1); }
  /// Appends the items of `user`, ascending, to `items`; a user at or above user_count() has none. O(number of them).
  void append_items_of(std::uint32_t user, std::vector<std::uint32_t>& items) const;
  /// The items of `user`, ascending.
  [[nodiscard]] std::vector<std::uint32_t> items_of(std::uint32_t user) const;

  /// The items of `user` with a rating above 0, ascending; where values are not kept, all items.
  [[nodiscard]] std::vector<std::uint32_t> liked_items_of(std::uint32_t user) const;

  [[nodiscard]] bool has_values() const noexcept { return !values_.empty(); }
  /// The values of the ratings of `user`, in the order of items_of(); nothing where values are not kept. O(number of them).
  [[nodiscard]] std::vector<float> values_of(std::uint32_t user) const;

  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept { return bytes_; }
  /// user_count() + 1 positions in bytes().
  [[nodiscard]] std::span<const std::uint64_t> offsets() const noexcept { return offsets_; }
  [[nodiscard]] std::span<const std::uint8_t> codes() const noexcept { return codes_; }
  [[nodiscard]] std::span<const float> values() const noexcept { return values_; }

  /// user_count() + 1 positions in codes(), or where there are none in values(); empty where values are not kept.
  [[nodiscard]] std::span<const std::uint64_t> value_starts() const noexcept { return starts_; }

  friend bool operator==(const History&, const History&) = default;

 private:
  friend class HistoryWriter;
  /// Counts the items before each user, by which values are found.
  void count_items();

  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint64_t> offsets_;
  std::vector<std::uint8_t> codes_;    ///< indices into values_, one per item; empty where values are not coded
  std::vector<float> values_;          ///< table of the codes, or one value per item; empty where values are not kept
  std::vector<std::uint64_t> starts_;  ///< items before each user; empty where values are not kept
};

}  // namespace lowrank
