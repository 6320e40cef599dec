#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/data/situations.h"
#include "train/transpose.h"

namespace lowrank {

/// \file
/// Ratings with situations as the half-steps of methods with contexts walk them.

/// The ratings as they stand by user.
struct UserView {
  static constexpr bool kOfUsers = true;
  const Ratings& ratings;

  [[nodiscard]] std::span<const std::size_t> offsets() const { return ratings.row_offsets(); }
  [[nodiscard]] const std::uint32_t* others() const { return ratings.items().data(); }
  [[nodiscard]] std::uint32_t other(std::size_t at) const { return ratings.items()[at]; }
  [[nodiscard]] float value(std::size_t at) const { return ratings.value(at); }
  [[nodiscard]] std::uint32_t situation(std::size_t at) const { return ratings.situation(at); }
  [[nodiscard]] std::span<const float> weights() const { return ratings.weights(); }
};

/// The ratings as they stand by item.
struct ItemView {
  static constexpr bool kOfUsers = false;
  const ByItem& ratings;
  const std::vector<std::uint32_t>& situations;

  [[nodiscard]] std::span<const std::size_t> offsets() const { return ratings.offsets; }
  [[nodiscard]] const std::uint32_t* others() const { return ratings.users.data(); }
  [[nodiscard]] std::uint32_t other(std::size_t at) const { return ratings.users[at]; }
  [[nodiscard]] float value(std::size_t at) const { return ratings.value(at); }
  [[nodiscard]] std::uint32_t situation(std::size_t at) const { return situations[at]; }
  [[nodiscard]] std::span<const float> weights() const { return ratings.weights; }
};

/// The user of every rating.
std::vector<std::uint32_t> users_of(const Ratings& ratings);

/// The situation of every rating, in the order of items. \throws DataError as places_by_user()
std::vector<std::uint32_t> situations_by_item(const Ratings& ratings, const ByItem& by_item);

}  // namespace lowrank
