#include "train/context_ratings.h"

#include <algorithm>

#include "train/by_level.h"

namespace lowrank {

std::vector<std::uint32_t> users_of(const Ratings& ratings) {
  std::vector<std::uint32_t> users(ratings.size());
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    std::fill(users.begin() + static_cast<std::ptrdiff_t>(ratings.row_offsets()[user]),
              users.begin() + static_cast<std::ptrdiff_t>(ratings.row_offsets()[user + 1]), user);
  }
  return users;
}

std::vector<std::uint32_t> situations_by_item(const Ratings& ratings, const ByItem& by_item) {
  std::vector<std::uint32_t> situations = places_by_user(ratings, by_item);
  for (std::uint32_t& number : situations) number = ratings.situation(number);
  return situations;
}

}  // namespace lowrank
