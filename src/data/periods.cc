#include "lowrank/data/periods.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <unordered_map>

#include "data/number.h"
#include "data/period_numbers.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

constexpr std::array<std::string_view, 7> kPeriods = {"none", "day", "week", "month", "hour", "weekday", "season"};
constexpr std::array<std::string_view, 7> kWeekdays = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 4> kSeasons = {"winter", "spring", "summer", "autumn"};
constexpr std::int64_t kHour = 3600LL * 1000000;
constexpr std::int64_t kDay = 24 * kHour;
/// 1970 began on a Thursday.
constexpr std::int64_t kDaysBeforeThursday = 3;

std::int64_t floor_of(std::int64_t number, std::int64_t divisor) { return number / divisor - (number % divisor < 0 ? 1 : 0); }

std::chrono::year_month_day date_of(std::int64_t days) { return std::chrono::sys_days(std::chrono::days(days)); }

template <std::size_t kSize>
std::optional<std::int64_t> place_of(const std::array<std::string_view, kSize>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return {};
  return found - names.begin();
}

template <class... Numbers>
std::string printed(const char* format, Numbers... numbers) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), format, numbers...);
  return {text.data(), static_cast<std::size_t>(size)};
}

/// A week belongs to the year of its Thursday.
std::string week_text(std::int64_t week) {
  const std::int64_t thursday = week * 7;
  const std::chrono::year year = date_of(thursday).year();
  const std::int64_t first = std::chrono::sys_days(year / std::chrono::January / 1).time_since_epoch().count();
  return printed("%04d-W%02d", static_cast<int>(year), static_cast<int>((thursday - first) / 7 + 1));
}

std::string month_text(std::int64_t month) {
  const std::int64_t year = floor_of(month, 12);
  return printed("%04d-%02d", static_cast<int>(year), static_cast<int>(month - year * 12 + 1));
}

/// The number of the period that has this very name, of those whose names are no dates.
std::optional<std::int64_t> number_of_name(Period period, std::string_view text) {
  if (period == Period::weekday) return place_of(kWeekdays, text);
  if (period == Period::season) return place_of(kSeasons, text);
  if (period != Period::hour || text.size() != 2 || !is_digit(text[0]) || !is_digit(text[1])) return {};
  const std::int64_t hour = (text[0] - '0') * 10 + (text[1] - '0');
  return hour < 24 ? std::optional(hour) : std::nullopt;
}

}  // namespace

std::string_view name_of(Period period) noexcept { return kPeriods[static_cast<std::size_t>(period)]; }

Period parse_period(std::string_view name) {
  const auto place = place_of(kPeriods, name);
  if (!place || *place == 0) throw OptionError("time_contexts", "must be hour, weekday, day, week, month or season, got " + quoted(name));
  return static_cast<Period>(*place);
}

std::int64_t period_number(Period period, std::int64_t microseconds) {
  const std::int64_t days = floor_of(microseconds, kDay);
  if (period == Period::day) return days;
  if (period == Period::hour) return (microseconds - days * kDay) / kHour;
  const std::int64_t weeks = floor_of(days + kDaysBeforeThursday, 7);
  if (period == Period::week) return weeks;
  if (period == Period::weekday) return days + kDaysBeforeThursday - weeks * 7;
  const std::chrono::year_month_day date = date_of(days);
  const auto month = static_cast<unsigned>(date.month());
  if (period == Period::season) return month % 12 / 3;
  return static_cast<int>(date.year()) * 12LL + month - 1;
}

std::string period_text(Period period, std::int64_t number) {
  switch (period) {
    case Period::day:
      return date_text(number * kDay);
    case Period::week:
      return week_text(number);
    case Period::hour:
      return printed("%02d", static_cast<int>(number));
    case Period::weekday:
      return std::string(kWeekdays[static_cast<std::size_t>(number)]);
    case Period::season:
      return std::string(kSeasons[static_cast<std::size_t>(number)]);
    default:
      return month_text(number);
  }
}

std::optional<std::int64_t> period_named(Period period, std::string_view text) {
  if (const auto number = number_of_name(period, text)) return number;
  std::optional<std::int64_t> time = parse_date(text);
  if (!time && period == Period::month) {
    time = parse_date(std::string(text) + "-01");
  } else if (!time && period == Period::week && text.size() == 8 && text[4] == '-' && text[5] == 'W' && is_digit(text[6]) &&
             is_digit(text[7])) {
    // The fourth of January is in the first week.
    const std::optional<std::int64_t> start = parse_date(std::string(text.substr(0, 4)) + "-01-04");
    const std::int64_t week = std::int64_t{text[6] - '0'} * 10 + (text[7] - '0');
    if (start) time = *start + (week - 1) * 7 * kDay;
  }
  if (!time) return {};
  // A date alone says nothing of the hour.
  if (period == Period::hour && text.size() <= 10) return {};
  const std::int64_t number = period_number(period, *time);
  // A year of 52 weeks has no week 53, and none has a week 0.
  if (period == Period::week && text[5] == 'W' && period_text(period, number) != text) return {};
  return number;
}

TimeUnit unit_of_times(std::int64_t latest) {
  const TimeUnit unit = unit_of_time(latest);
  if (unit == TimeUnit::unknown) {
    throw DataError("the timestamps, " + std::to_string(latest) + " at most, count no seconds, milliseconds or microseconds since 1970");
  }
  return unit;
}

PeriodLevels periods_of(std::span<const std::int64_t> times, Period period) {
  PeriodLevels periods;
  if (times.empty()) return periods;
  const TimeUnit unit = unit_of_times(std::ranges::max(times));
  std::vector<std::int64_t> numbers;
  std::unordered_map<std::int64_t, std::uint32_t> known;
  for (const std::int64_t time : times) {
    const std::int64_t number = period_number(period, microseconds_of(time, unit));
    const auto [place, is_new] = known.try_emplace(number, static_cast<std::uint32_t>(numbers.size()));
    if (is_new) numbers.push_back(number);
    periods.codes.push_back(place->second);
  }
  std::ranges::sort(numbers);
  // The codes so far are in the order of appearance.
  std::vector<std::uint32_t> ranks(numbers.size());
  for (std::uint32_t rank = 0; rank < numbers.size(); ++rank) {
    ranks[known[numbers[rank]]] = rank;
    periods.levels.add(period_text(period, numbers[rank]));
  }
  for (std::uint32_t& code : periods.codes) code = ranks[code];
  return periods;
}

}  // namespace lowrank
