#pragma once

/// \file
/// Periods of the calendar and of the clock that timestamps lie in.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lowrank/data/vocabulary.h"

namespace [[gnu::visibility("default")]] lowrank {

/// A kind of period, in UTC.
enum class Period : std::uint8_t {
  none,     ///< none: time does not count (default)
  day,      ///< as `1998-04-01`
  week,     ///< from Monday on, as ISO 8601 numbers them: `1998-W14`
  month,    ///< as `1998-04`
  hour,     ///< hour of the day: `00` to `23`
  weekday,  ///< `monday` to `sunday`
  season,   ///< `winter` (December to February), `spring`, `summer` or `autumn`
};

/// `none|day|week|month|hour|weekday|season`.
std::string_view name_of(Period period) noexcept;
/// The period of a name that name_of() gives, but for `none`. \throws OptionError("time_contexts")
Period parse_period(std::string_view name);

/// The periods that timestamps lie in.
struct PeriodLevels {
  Vocabulary levels;                 ///< the different ones, in the order of the calendar
  std::vector<std::uint32_t> codes;  ///< the level of each timestamp
};

/// The periods of timestamps, in seconds, milliseconds, microseconds or nanoseconds since 1970, whichever the greatest of them must be by
/// its magnitude. O(n) \throws DataError where its magnitude tells no unit
PeriodLevels periods_of(std::span<const std::int64_t> times, Period period);

}  // namespace lowrank
