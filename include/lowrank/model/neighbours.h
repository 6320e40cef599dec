#pragma once

/// \file
/// Items that speak for other items: the item-item part of a model.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace [[gnu::visibility("default")]] lowrank {

/// What a history adds to the score of an item, from the weights of its items for that item.
enum class NeighbourForm : std::uint8_t {
  sum,   ///< the sum of the weights of what the user likes: scores that rank (default)
  mean,  ///< the damped weighted mean of how far the user's ratings are from their scores without neighbours: predictions of ratings
};

/// Whose weights they are.
enum class NeighbourSide : std::uint8_t {
  items,  ///< items speak for items, from the user's own history (default)
  users,  ///< users speak for a user, from their own histories; in the mean form alone
};

/// How weights become a part of a score. With H the items of a user's history, x_j the rating of item j less its unclipped score without
/// neighbours, and w_ji the weight from j to i:
///
///     sum:   c = sum over j in H with a rating above 0 of w_ji
///     mean:  c = scale (sum over j in H of w_ji x_j) / (damping + sum over j in H of |w_ji|),   0 where the divisor is 0
///
/// Where users speak, the mean of user u is of the ratings of item i by other users v with weights w_vu in the place of w_ji.
struct NeighbourRule {
  NeighbourForm form = NeighbourForm::sum;
  NeighbourSide side = NeighbourSide::items;
  double damping = 0;  ///< 0 to 1e20; read by the mean alone
  double scale = 1;    ///< 0 to 1e20; read by the mean alone
  friend bool operator==(const NeighbourRule&, const NeighbourRule&) = default;
};

/// A sparse matrix of weights between items. Row j has the items that j speaks for: what a user who has j in their history gets added to
/// the score of each item i of row j follows from weight(j, i) by the rule. An item never speaks for itself. Weights between users are
/// kept the other way round: row u has the users that speak for u.
class Neighbours {
 public:
  Neighbours() = default;
  /// \param offsets  rows + 1 positions in `items`, ascending from 0 \param items  of each row, strictly ascending, below the number of
  /// rows, without the row itself \param weights  one per item, of at most 1e20. \throws DataError otherwise. O(size)
  Neighbours(std::vector<std::uint64_t> offsets, std::vector<std::uint32_t> items, std::vector<float> weights, NeighbourRule rule = {});

  /// The same weights with another rule. \throws DataError for a rule that does not suit them
  Neighbours(const Neighbours& other, const NeighbourRule& rule);

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

  [[nodiscard]] const NeighbourRule& rule() const noexcept { return rule_; }
  [[nodiscard]] bool of_users() const noexcept { return rule_.side == NeighbourSide::users; }
  /// True for the mean form, which reads the values of the history.
  [[nodiscard]] bool is_mean() const noexcept { return rule_.form == NeighbourForm::mean; }

  [[nodiscard]] std::span<const std::uint64_t> offsets() const noexcept { return offsets_; }
  [[nodiscard]] std::span<const std::uint32_t> items() const noexcept { return items_; }
  [[nodiscard]] std::span<const float> weights() const noexcept { return weights_; }

  friend bool operator==(const Neighbours&, const Neighbours&) = default;

 private:
  std::vector<std::uint64_t> offsets_;
  std::vector<std::uint32_t> items_;
  std::vector<float> weights_;
  NeighbourRule rule_;
};

}  // namespace lowrank
