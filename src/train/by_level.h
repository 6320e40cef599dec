#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/data/situations.h"
#include "train/transpose.h"

namespace lowrank {

/// The rows of a chain in three parts, of which none holds two neighbours: places 0, 2, 4 ..., then 1, 3, 5 ..., then the last place alone.
struct ChainParts {
  std::size_t length = 0;

  /// The row of a place within the chain.
  [[nodiscard]] std::size_t row(std::size_t place) const noexcept {
    if (place + 1 == length) return place;
    return place % 2 == 0 ? place / 2 : length / 2 + place / 2;
  }
  /// The first row of each part, and the end.
  [[nodiscard]] std::array<std::size_t, 4> bounds() const noexcept { return {0, length / 2, length == 0 ? 0 : length - 1, length}; }
};

/// Ratings by the levels of one column of contexts. A rating takes 12 bytes. A level has a row, and a missing one has the last, of which
/// there are no ratings. Rows are in the order of the levels, but for those of a chain.
struct ByLevel {
  ContextColumn column;
  std::vector<std::uint32_t> rows;    ///< of each level
  std::vector<std::uint32_t> counts;  ///< ratings of each row
  ChainParts chain;                   ///< of the rows with ratings; of length 0 for none
  std::vector<std::uint32_t> row_of;  ///< the row of each context of the ratings: see RatingContexts
  std::vector<std::size_t> offsets;   ///< rows + 1 positions
  std::vector<std::uint32_t> users;   ///< of each rating, by row
  std::vector<std::uint32_t> items;
  std::vector<std::uint32_t> places;  ///< where each stands in the order of users

  [[nodiscard]] std::size_t levels() const noexcept { return rows.size(); }
  /// The part that a row has of the ratings with a level.
  [[nodiscard]] double share(std::uint32_t row) const noexcept {
    return places.empty() ? 0 : static_cast<double>(counts[row]) / static_cast<double>(places.size());
  }
};

/// Ratings with contexts. A rating takes 8 bytes besides those of the columns.
struct RatingContexts {
  std::size_t size = 0;                   ///< different contexts
  std::vector<std::uint32_t> of_ratings;  ///< the context of each rating, in the order of users
  std::vector<std::uint32_t> by_item;     ///< the same in the order of items
  std::vector<ByLevel> columns;
};

/// Contexts are situations, or where there is one column, its rows.
/// \param by_item  the same ratings \param chained  names of the columns whose rows are to be chains
/// \throws DataError for more than 4,294,967,295 ratings
RatingContexts by_level(const Ratings& ratings, const ByItem& by_item, const Situations& situations, std::span<const std::string> chained);
/// The same of the periods of timestamps. \throws DataError as periods_of() too
RatingContexts by_period(const Ratings& ratings, const ByItem& by_item, Period period, bool chained = false);

/// Of each rating in the order of items, where it stands in the order of users. \throws DataError for more than 4,294,967,295 ratings
std::vector<std::uint32_t> places_by_user(const Ratings& ratings, const ByItem& by_item);

}  // namespace lowrank
