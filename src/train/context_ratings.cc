#include "train/context_ratings.h"

#include <algorithm>
#include <limits>
#include <string>

#include "lowrank/base/error.h"

namespace lowrank {

std::vector<std::uint32_t> users_of(const Ratings& ratings) {
  if (ratings.size() > std::numeric_limits<std::uint32_t>::max())
    throw DataError("contexts take 4294967295 ratings at most, and there are " + std::to_string(ratings.size()));
  std::vector<std::uint32_t> users(ratings.size());
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    std::fill(users.begin() + static_cast<std::ptrdiff_t>(ratings.row_offsets()[user]),
              users.begin() + static_cast<std::ptrdiff_t>(ratings.row_offsets()[user + 1]), user);
  }
  return users;
}

std::vector<std::uint32_t> situations_by_item(const Ratings& ratings, const ByItem& by_item) {
  std::vector<std::size_t> next(by_item.offsets.begin(), by_item.offsets.end() - 1);
  std::vector<std::uint32_t> situations(ratings.size());
  // Users come in ascending order, as an item's ratings do, and the ratings of a pair in theirs.
  for (std::size_t at = 0; at < ratings.size(); ++at) situations[next[ratings.items()[at]]++] = ratings.situation(at);
  return situations;
}

}  // namespace lowrank
