#include "data/number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <system_error>

namespace lowrank {

namespace {

/// Integers up to this are exact in float32, so that one division by an exact power of ten rounds correctly (fast path of Clinger 1990).
constexpr std::uint32_t kExactMantissa = 1U << 24U;
constexpr std::array<float, 11> kPowersOfTen = {1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F, 1e6F, 1e7F, 1e8F, 1e9F, 1e10F};

/// Parses short plain decimals such as `-12.5`; false for any other text, valid or not.
bool parse_plain(std::string_view text, float& value) noexcept {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 9) return false;
  std::uint32_t mantissa = 0;
  std::size_t digits = 0;
  std::size_t point = text.size();
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (is_digit(text[at])) {
      mantissa = mantissa * 10 + static_cast<std::uint32_t>(text[at] - '0');
      ++digits;
    } else if (text[at] == '.' && point == text.size()) {
      point = at;
    } else {
      return false;
    }
  }
  if (digits == 0 || mantissa > kExactMantissa) return false;
  const std::size_t decimals = point == text.size() ? 0 : text.size() - point - 1;
  value = static_cast<float>(mantissa) / kPowersOfTen[decimals];
  if (negative && mantissa != 0) value = -value;
  return true;
}

/// Whether a well-formed number beyond the range of double is too large, not too small.
bool is_large(std::string_view text) noexcept {
  const std::size_t mark = std::min(text.find_first_of("eE"), text.size());
  const std::string_view mantissa = text.substr(0, mark);
  const std::size_t first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return false;
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const auto place = static_cast<double>(point) - static_cast<double>(first);
  double exponent = 0;
  if (mark < text.size()) {
    std::string_view digits = text.substr(mark + 1);
    const bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    for (const char c : digits) exponent = std::min(exponent * 10 + (c - '0'), 1e15);
    if (negative) exponent = -exponent;
  }
  return place + exponent > 0;
}

}  // namespace

NumberResult parse_rating(std::string_view text, float& value) noexcept {
  if (parse_plain(text, value)) return NumberResult::ok;
  if (text.size() > 1 && text[0] == '+' && (is_digit(text[1]) || text[1] == '.')) text.remove_prefix(1);
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::invalid_argument || stop != end) return NumberResult::not_a_number;
  if (error == std::errc::result_out_of_range) {
    double wide = 0;
    const bool fits_double = std::from_chars(text.data(), end, wide).ec == std::errc{};
    if (fits_double ? std::abs(wide) > 1 : is_large(text)) return NumberResult::not_finite;
    value = 0;
    return NumberResult::ok;
  }
  if (!std::isfinite(value)) return NumberResult::not_finite;
  if (value == 0) value = 0;
  return NumberResult::ok;
}

NumberResult parse_comma_rating(std::string_view text, float& value) {
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos || text.find('.') != std::string_view::npos) return NumberResult::not_a_number;
  std::string plain(text);
  plain[comma] = '.';
  return parse_rating(plain, value);
}

bool has_groups(std::string_view text) noexcept {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const auto digits = [&text] { return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin()); };
  const std::size_t first = digits();
  if (first < 1 || first > 3 || text[0] == '0' || first == text.size()) return false;
  // No-break blanks separate groups in some countries.
  constexpr std::string_view kMarks[] = {",", ".", " ", "'", "_", "\xC2\xA0", "\xE2\x80\xAF", "\xE2\x80\x99"};
  text.remove_prefix(first);
  const auto* mark = std::find_if(std::begin(kMarks), std::end(kMarks), [text](std::string_view one) { return text.starts_with(one); });
  if (mark == std::end(kMarks)) return false;
  while (text.starts_with(*mark)) {
    text.remove_prefix(mark->size());
    if (digits() != 3) return false;
    text.remove_prefix(3);
  }
  if (text.empty()) return true;
  if (text[0] != '.' && text[0] != ',') return false;
  text.remove_prefix(1);
  return digits() == text.size();
}

std::optional<std::uint64_t> parse_count(std::string_view text) noexcept {
  std::uint64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (text.empty() || !is_digit(text[0]) || error != std::errc{} || stop != end) return std::nullopt;
  return count;
}

}  // namespace lowrank
