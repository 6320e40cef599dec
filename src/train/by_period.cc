#include "train/by_period.h"

#include <limits>
#include <numeric>
#include <string>

#include "lowrank/base/error.h"

namespace lowrank {

std::vector<std::uint32_t> places_by_user(const Ratings& ratings, const ByItem& by_item) {
  if (ratings.size() > std::numeric_limits<std::uint32_t>::max())
    throw DataError("noise, likelihood or time as stated take 4294967295 ratings at most, and there are " + std::to_string(ratings.size()));
  std::vector<std::size_t> next = by_item.offsets;
  std::vector<std::uint32_t> places(ratings.size());
  // Users come in ascending order, as an item's ratings do.
  for (std::size_t at = 0; at < ratings.size(); ++at) places[next[ratings.items()[at]]++] = static_cast<std::uint32_t>(at);
  return places;
}

ByPeriod by_period(const Ratings& ratings, const ByItem& by_item, Period period) {
  ByPeriod periods;
  PeriodLevels found = periods_of(ratings.times(), period);
  periods.levels = std::move(found.levels);
  periods.of_ratings = std::move(found.codes);
  periods.counts.resize(periods.levels.size());
  for (const std::uint32_t code : periods.of_ratings) ++periods.counts[code];
  for (const std::uint32_t place : places_by_user(ratings, by_item)) periods.by_item.push_back(periods.of_ratings[place]);
  periods.offsets.push_back(0);
  for (const std::uint32_t count : periods.counts) periods.offsets.push_back(periods.offsets.back() + count);
  periods.users.resize(ratings.size());
  periods.items.resize(ratings.size());
  periods.places.resize(ratings.size());
  std::vector<std::size_t> next(periods.offsets.begin(), periods.offsets.end() - 1);
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
      const std::size_t to = next[periods.of_ratings[at]]++;
      periods.users[to] = user;
      periods.items[to] = ratings.items()[at];
      periods.places[to] = static_cast<std::uint32_t>(at);
    }
  }
  return periods;
}

}  // namespace lowrank
