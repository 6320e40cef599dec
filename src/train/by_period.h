#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/contexts.h"
#include "train/transpose.h"

namespace lowrank {

/// Ratings by the period in which they were given. A rating takes 20 bytes.
struct ByPeriod {
  Vocabulary levels;                      ///< the periods
  std::vector<std::uint32_t> counts;      ///< ratings of each
  std::vector<std::uint32_t> of_ratings;  ///< the period of each rating, in the order of users
  std::vector<std::uint32_t> by_item;     ///< the same in the order of items
  std::vector<std::size_t> offsets;       ///< periods + 1 positions
  std::vector<std::uint32_t> users;       ///< of each rating, by period
  std::vector<std::uint32_t> items;
  std::vector<std::uint32_t> places;  ///< where each stands in the order of users
};

/// \param by_item  the same ratings \throws DataError as periods_of(), and for more than 4,294,967,295 ratings
ByPeriod by_period(const Ratings& ratings, const ByItem& by_item, Period period);

/// Of each rating in the order of items, where it stands in the order of users. \throws DataError for more than 4,294,967,295 ratings
std::vector<std::uint32_t> places_by_user(const Ratings& ratings, const ByItem& by_item);

}  // namespace lowrank
