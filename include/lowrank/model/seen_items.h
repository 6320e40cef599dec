#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/data/ratings.h"

namespace [[gnu::visibility("default")]] lowrank {

/// The items that each user rated, compressed: every row is the differences of its ascending items in a variable-length code. On ML-1M at
/// most 3 bytes a rating plus 8 a user. The coding is described in docs/model-file.md.
class SeenItems {
 public:
  SeenItems() = default;
  /// From ratings. \param threads 0 for all; the result does not depend on it. O(n)
  explicit SeenItems(const Ratings& ratings, int threads = 0);
  /// From what a file held. \throws DataError unless `offsets` ascend from 0 to bytes.size() and every row decodes to strictly ascending
  /// items below `item_count`
  SeenItems(std::vector<std::uint8_t> bytes, std::vector<std::uint64_t> offsets, std::uint32_t item_count);

  [[nodiscard]] std::uint32_t user_count() const noexcept { return offsets_.empty() ? 0 : static_cast<std::uint32_t>(offsets_.size() - 1); }
  /// Appends the items of `user`, ascending, to `items`; a user at or above user_count() has none. O(number of them).
  void append_items_of(std::uint32_t user, std::vector<std::uint32_t>& items) const;
  /// The items of `user`, ascending.
  [[nodiscard]] std::vector<std::uint32_t> items_of(std::uint32_t user) const;

  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept { return bytes_; }
  /// user_count() + 1 positions in bytes().
  [[nodiscard]] std::span<const std::uint64_t> offsets() const noexcept { return offsets_; }

  friend bool operator==(const SeenItems&, const SeenItems&) = default;

 private:
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint64_t> offsets_;
};

}  // namespace lowrank
