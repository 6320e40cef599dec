#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/model/model.h"
#include "lowrank/recommend/recommend.h"

namespace lowrank {

/// The users of every item, from a history: how much two items have in common.
class CommonUsers {
 public:
  /// \param items  number of items. O(ratings), 4 bytes per rating
  CommonUsers(const History& history, std::uint32_t items);

  /// 1 - cosine of the two sets of users; 1 where one has no users. O(users of both) unless the pair was asked for before.
  double dissimilarity(std::uint32_t a, std::uint32_t b);

 private:
  /// An answer that is kept. Items that are listed together are so again and again.
  struct Known {
    std::uint64_t pair = UINT64_MAX;
    double value = 0;
  };
  [[nodiscard]] std::span<const std::uint32_t> users_of(std::uint32_t item) const {
    return std::span(users_).subspan(offsets_[item], offsets_[item + 1] - offsets_[item]);
  }

  std::vector<std::size_t> offsets_;
  std::vector<std::uint32_t> users_;  ///< users of each item, ascending
  std::vector<Known> known_;          ///< one slot per value of a hash; a new pair takes the slot of an old one
};

/// Novelty, diversity, popularity and concentration of the lists of many users.
class ListProperties {
 public:
  ListProperties(const Model& model, std::span<const std::size_t> tops);

  /// Adds the list of one user. \param relevant  the user's relevant items
  /// \return the properties of this list at each length; `gini` is left at 0
  std::span<const BeyondAccuracy> add(std::span<const Scored> list, std::span<const std::uint32_t> relevant);
  /// The means over all users, and the concentration of all lists, at length number `top`.
  [[nodiscard]] BeyondAccuracy all(std::size_t top) const;

 private:
  const Model* model_;
  std::vector<std::size_t> tops_;
  double known_users_;
  CommonUsers common_;
  std::size_t users_ = 0;
  std::vector<BeyondAccuracy> own_;                   ///< of the last list
  std::vector<BeyondAccuracy> sums_;                  ///< over the lists
  std::vector<std::vector<std::uint32_t>> exposure_;  ///< for each length the number of lists that hold an item
};

}  // namespace lowrank
