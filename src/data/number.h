#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lowrank {

enum class NumberResult : std::uint8_t { ok, not_a_number, not_finite };

/// Reads a decimal number (sign, digits, point, exponent; whole text) as the nearest float32; -0 becomes 0. `nan`, `inf` and numbers too
/// large for a float32 are not finite.
NumberResult parse_rating(std::string_view text, float& value) noexcept;

/// Reads a number with a decimal comma (`4,5`) as parse_rating reads the same with a point. Not a number without a comma, or with a point.
NumberResult parse_comma_rating(std::string_view text, float& value);

/// Whether a text is a number whose digits are in groups of three: `1,000`, `1.000.000`, `1 000`, `1'000.5`.
bool has_groups(std::string_view text) noexcept;

/// Reads an unsigned decimal integer, digits only. Nothing if it is not one or does not fit.
std::optional<std::uint64_t> parse_count(std::string_view text) noexcept;

inline bool is_digit(char c) noexcept { return static_cast<unsigned char>(c - '0') < 10; }

}  // namespace lowrank
