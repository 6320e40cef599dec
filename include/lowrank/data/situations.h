#pragma once

/// \file
/// Contexts of ratings: columns such as daytime and companion, besides user, item, value and time.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lowrank/data/periods.h"
#include "lowrank/data/vocabulary.h"

namespace [[gnu::visibility("default")]] lowrank {

/// The most columns of a context.
inline constexpr std::size_t kMostContexts = 8;
/// The most levels of a column.
inline constexpr std::size_t kMostLevels = 65535;

/// A column of contexts. Its levels are numbered in order of first appearance, those of a period in the order of the calendar.
struct ContextColumn {
  std::string name;              ///< lower-case letters, digits and `_`; of a period that of the period
  Period period = Period::none;  ///< which levels are derived from timestamps; none for a column of a file
  Vocabulary levels;
};

/// The different contexts of ratings: each a level per column. A rating keeps the number of its situation, and situations are few.
class Situations {
 public:
  /// The level of a column where it is missing, or not known.
  static constexpr std::uint16_t kMissing = std::numeric_limits<std::uint16_t>::max();

  std::vector<ContextColumn> columns;

  /// Number of different situations.
  [[nodiscard]] std::size_t size() const noexcept { return numbers_.size(); }
  /// The levels of a situation, one per column.
  [[nodiscard]] std::span<const std::uint16_t> levels(std::uint32_t situation) const noexcept {
    return std::span<const std::uint16_t>(levels_).subspan(situation * columns.size(), columns.size());
  }
  /// The number of the situation with these levels, which is added if it is new. Amortised O(columns)
  std::uint32_t number(std::span<const std::uint16_t> levels);

 private:
  std::vector<std::uint16_t> levels_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

/// The situations of some ratings by themselves: only the levels that occur there, as if these ratings had been read from a file of their
/// own. \param[in,out] numbers  situations of the ratings in `all`, which become those of the result. O(n)
Situations own_situations(const Situations& all, std::span<std::uint32_t> numbers);

/// Situations with the levels of other columns, such as those of a model: by the names of columns and levels. A column that is not in
/// `all`, and a level that is not in `columns`, is kMissing. \param columns  whose vocabularies are copied. \param[in,out] numbers
/// situations of ratings in `all`, which become those of the result. O(n + levels)
Situations situations_in(const Situations& all, std::span<const ContextColumn> columns, std::span<std::uint32_t> numbers);

/// How many ratings have a level of a column that is not known.
struct UnknownLevels {
  std::string column;
  std::size_t ratings = 0;
};

/// The columns with levels that are not known, and how often they occur. A period without ratings is not meant.
/// \param numbers  situations of ratings in `all`
/// \param known  the known levels of the column of a name; null for a column that does not count. O(n columns + levels)
std::vector<UnknownLevels> unknown_levels(const Situations& all, std::span<const std::uint32_t> numbers,
                                          const std::function<const Vocabulary*(const std::string& name)>& known);

/// `12 of 100 lines have a level of daytime, 3 of company, that the model has not met; they are taken as without one`; empty where all
/// levels are known. \param count  number of all ratings \param what  they are called, as "lines"
std::string description(std::span<const UnknownLevels> unknown, std::size_t count, std::string_view what);

}  // namespace lowrank
