#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowrank {

/// What the times of a file count, by their magnitude: a number of 1973 to 5138 in seconds is below every one since 1973 in milliseconds.
enum class TimeUnit : std::uint8_t {
  unknown,  ///< too small or too large to tell
  seconds,
  milliseconds,
  microseconds,
  nanoseconds,
  date,  ///< dates as ISO 8601 writes them, which are read as microseconds since 1970
};

/// Whether a field says that there is no time: it is empty, `-`, `NA`, `NaN`, `NaT`, `null`, `None` or `\N`, in any case.
bool is_missing_time(std::string_view text) noexcept;

/// Reads a number as a timestamp: an integer, or a decimal (`978300760.0`, `1.28e9`) whose fraction is cut off. Nothing if it is not a
/// number or does not fit.
std::optional<std::int64_t> parse_time(std::string_view text) noexcept;

/// Reads a date or a date with a time of day as microseconds since 1970 in UTC: `2020-01-31`, `2020-01-31T23:59`, `2020-01-31 23:59:59.25`,
/// each with a zone (`Z`, ` UTC`, `+02:00`, `+0200`, `+02`) after the time of day, or without one for UTC. Digits beyond microseconds are
/// cut off. Nothing if it is not one or does not exist.
std::optional<std::int64_t> parse_date(std::string_view text) noexcept;

/// Microseconds since 1970 as a date that parse_date() reads back: `2020-01-31` at midnight, else `2020-01-31T22:30:00Z` with the fraction
/// of a second that there is.
std::string date_text(std::int64_t microseconds);

/// The unit of a timestamp of a rating, by its magnitude.
TimeUnit unit_of_time(std::int64_t time) noexcept;
/// Microseconds since 1970 as a timestamp in `unit`, rounded up to a whole one; nothing in a unit that is not known, and for what does not
/// fit.
std::optional<std::int64_t> in_unit(std::int64_t microseconds, TimeUnit unit) noexcept;
/// A timestamp in `unit` as microseconds since 1970, rounded down; in a unit that is not known, as if it were in microseconds. What does
/// not fit becomes a time some 9,000 years away.
std::int64_t microseconds_of(std::int64_t time, TimeUnit unit) noexcept;
/// A timestamp for messages: with its date where its magnitude tells the unit, as `2000-12-31T22:12:40Z (978300760)`.
std::string described_time(std::int64_t time);
/// The name of a unit, for messages.
const char* name_of(TimeUnit unit) noexcept;

}  // namespace lowrank
