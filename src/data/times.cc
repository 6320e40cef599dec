#include "data/times.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <system_error>

#include "base/text.h"
#include "data/number.h"

namespace lowrank {

namespace {

/// Takes exactly `count` digits off the front of `text`; nothing if there are fewer.
std::optional<int> take_digits(std::string_view& text, std::size_t count) noexcept {
  if (text.size() < count) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(0, count)) {
    if (!is_digit(c)) return std::nullopt;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool take(std::string_view& text, char mark) noexcept {
  if (!text.starts_with(mark)) return false;
  text.remove_prefix(1);
  return true;
}

constexpr std::int64_t kSecond = 1000000;

/// Reads a zone, which is all of `text`, as microseconds ahead of UTC.
std::optional<std::int64_t> parse_zone(std::string_view text) noexcept {
  if (text.starts_with(' ')) text.remove_prefix(1);
  if (text.empty() || text == "Z" || text == "z" || text == "UTC" || text == "GMT") return 0;
  const bool behind = text[0] == '-';
  if (!behind && text[0] != '+') return std::nullopt;
  text.remove_prefix(1);
  const auto hours = take_digits(text, 2);
  std::optional<int> minutes = 0;
  if (take(text, ':') || !text.empty()) minutes = take_digits(text, 2);
  if (!hours || !minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::int64_t ahead = (*hours * 60LL + *minutes) * 60 * kSecond;
  return behind ? -ahead : ahead;
}

/// Takes a time of day off the front of `text`, as microseconds since midnight.
std::optional<std::int64_t> take_clock(std::string_view& text) noexcept {
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 23) return std::nullopt;
  const bool colons = take(text, ':');
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  std::int64_t clock = (*hours * 60LL + *minutes) * 60 * kSecond;
  if (colons ? !take(text, ':') : text.empty() || !is_digit(text[0])) return clock;
  const auto seconds = take_digits(text, 2);
  if (!seconds || *seconds > 60) return std::nullopt;
  clock += *seconds * kSecond;
  if (!text.starts_with('.') && !text.starts_with(',')) return clock;
  text.remove_prefix(1);
  std::int64_t unit = kSecond;
  std::size_t digits = 0;
  for (; digits < text.size() && is_digit(text[digits]); ++digits) {
    unit /= 10;
    clock += (text[digits] - '0') * unit;
  }
  text.remove_prefix(digits);
  if (digits == 0) return std::nullopt;
  return clock;
}

}  // namespace

bool is_missing_time(std::string_view text) noexcept {
  static constexpr std::string_view kWords[] = {"", "-", "na", "n/a", "nan", "nat", "null", "none", "\\n"};
  return std::any_of(std::begin(kWords), std::end(kWords), [text](std::string_view word) {
    return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                      [](char c, char lower) { return (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) == lower; });
  });
}

std::optional<std::int64_t> parse_time(std::string_view text) noexcept {
  const char* end = text.data() + text.size();
  std::int64_t time = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, time);
  if (error == std::errc{} && stop == end) return time;
  if (error == std::errc{} && *stop == '.' && std::all_of(stop + 1, end, is_digit)) return time;
  if (text.find_first_of("eE") == std::string_view::npos) return std::nullopt;
  double number = 0;
  const auto [after, fault] = std::from_chars(text.data(), end, number);
  constexpr double kBound = 9223372036854775808.0;
  if (fault != std::errc{} || after != end || !(std::abs(number) < kBound)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::optional<std::int64_t> parse_date(std::string_view text) noexcept {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  std::int64_t time = std::chrono::sys_days(date).time_since_epoch().count() * 86400LL * kSecond;
  if (text.empty()) return time;
  if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return std::nullopt;
  const auto clock = take_clock(text);
  if (!clock) return std::nullopt;
  const auto ahead = parse_zone(text);
  if (!ahead) return std::nullopt;
  time += *clock - *ahead;
  return time;
}

std::string date_text(std::int64_t microseconds) {
  using std::chrono::floor;
  const std::chrono::microseconds time(microseconds);
  const auto days = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{std::chrono::sys_days(days)};
  const std::int64_t clock = (time - days).count();
  std::array<char, 64> text{};
  int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                           static_cast<unsigned>(date.day()));
  const auto add = [&](const char* format, auto... numbers) {
    size += std::snprintf(text.data() + size, text.size() - static_cast<std::size_t>(size), format, numbers...);
  };
  if (clock != 0) {
    const std::int64_t seconds = clock / kSecond;
    add("T%02d:%02d:%02d", static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
    if (clock % kSecond != 0) add(".%06d", static_cast<int>(clock % kSecond));
    add("Z");
  }
  return {text.data(), static_cast<std::size_t>(size)};
}

std::optional<std::int64_t> in_unit(std::int64_t microseconds, TimeUnit unit) noexcept {
  const auto rounded_up = [microseconds](std::int64_t divisor) { return microseconds / divisor + (microseconds % divisor > 0 ? 1 : 0); };
  switch (unit) {
    case TimeUnit::seconds:
      return rounded_up(kSecond);
    case TimeUnit::milliseconds:
      return rounded_up(1000);
    case TimeUnit::microseconds:
    case TimeUnit::date:
      return microseconds;
    case TimeUnit::nanoseconds:
      if (std::abs(microseconds) > std::numeric_limits<std::int64_t>::max() / 1000) return std::nullopt;
      return microseconds * 1000;
    case TimeUnit::unknown:
      break;
  }
  return std::nullopt;
}

std::int64_t microseconds_of(std::int64_t time, TimeUnit unit) noexcept {
  constexpr std::int64_t kMost = std::int64_t{1} << 58U;
  const auto scaled = [time](std::int64_t factor) { return std::clamp(time, -kMost / factor, kMost / factor) * factor; };
  switch (unit) {
    case TimeUnit::seconds:
      return scaled(kSecond);
    case TimeUnit::milliseconds:
      return scaled(1000);
    case TimeUnit::nanoseconds:
      return time / 1000 - (time % 1000 < 0 ? 1 : 0);
    default:
      return scaled(1);
  }
}

std::string described_time(std::int64_t time) {
  const TimeUnit unit = unit_of_time(time);
  if (unit == TimeUnit::unknown) return shortest_text(time);
  return date_text(microseconds_of(time, unit)) + " (" + shortest_text(time) + ")";
}

TimeUnit unit_of_time(std::int64_t time) noexcept {
  if (time < 100000000) return TimeUnit::unknown;
  if (time < 100000000000) return TimeUnit::seconds;
  if (time < 100000000000000) return TimeUnit::milliseconds;
  if (time < 100000000000000000) return TimeUnit::microseconds;
  return TimeUnit::nanoseconds;
}

const char* name_of(TimeUnit unit) noexcept {
  switch (unit) {
    case TimeUnit::seconds:
      return "seconds";
    case TimeUnit::milliseconds:
      return "milliseconds";
    case TimeUnit::microseconds:
      return "microseconds";
    case TimeUnit::nanoseconds:
      return "nanoseconds";
    case TimeUnit::date:
      return "dates";
    default:
      return "numbers";
  }
}

}  // namespace lowrank
