#pragma once

/// \file
/// Items that speak for other items: the item-item part of a model.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace [[gnu::visibility("default")]] lowrank {

/// A sparse matrix of weights between items. Row j has the items that j speaks for: a user who has j in their history gets, for each item i
/// of row j, weight(j, i) added to the score of i. An item never speaks for itself.
class Neighbours {
 public:
  Neighbours() = default;
  /// \param offsets  rows + 1 positions in `items`, ascending from 0 \param items  of each row, strictly ascending, below the number of
  /// rows, without the row itself \param weights  one per item, of at most 1e20. \throws DataError otherwise. O(size)
  Neighbours(std::vector<std::uint64_t> offsets, std::vector<std::uint32_t> items, std::vector<float> weights);

  [[nodiscard]] std::uint32_t rows() const noexcept { return offsets_.empty() ? 0 : static_cast<std::uint32_t>(offsets_.size() - 1); }
  /// Number of weights.
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] std::span<const std::uint32_t> items_of(std::uint32_t row) const noexcept {
    return std::span(items_).subspan(offsets_[row], offsets_[row + 1] - offsets_[row]);
  }
  /// In the order of items_of().
  [[nodiscard]] std::span<const float> weights_of(std::uint32_t row) const noexcept {
    return std::span(weights_).subspan(offsets_[row], offsets_[row + 1] - offsets_[row]);
  }
  /// The weight from one item to another; 0 where there is none. O(log row)
  [[nodiscard]] float weight(std::uint32_t from, std::uint32_t to) const noexcept;

  [[nodiscard]] std::span<const std::uint64_t> offsets() const noexcept { return offsets_; }
  [[nodiscard]] std::span<const std::uint32_t> items() const noexcept { return items_; }
  [[nodiscard]] std::span<const float> weights() const noexcept { return weights_; }

  friend bool operator==(const Neighbours&, const Neighbours&) = default;

 private:
  std::vector<std::uint64_t> offsets_;
  std::vector<std::uint32_t> items_;
  std::vector<float> weights_;
};

}  // namespace lowrank
