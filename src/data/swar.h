#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "data/bytes.h"

namespace lowrank::swar {

/// Eight bytes of text in one word, the first in its lowest byte. The searches below set the top bit of each byte that they find; bytes
/// after the first one found may be wrong.
inline std::uint64_t load(const char* at) noexcept {
  const std::uint64_t word = load8(at);
  if constexpr (std::endian::native == std::endian::big) return __builtin_bswap64(word);
  return word;
}

inline constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
inline constexpr std::uint64_t kTops = 0x8080808080808080ULL;
inline constexpr std::uint64_t kLows = 0x7F7F7F7F7F7F7F7FULL;

constexpr std::uint64_t repeat(char c) noexcept { return kOnes * static_cast<unsigned char>(c); }

/// Finds bytes equal to `c`.
constexpr std::uint64_t find(std::uint64_t word, char c) noexcept {
  const std::uint64_t difference = word ^ repeat(c);
  return (difference - kOnes) & ~difference & kTops;
}

/// Finds bytes that are not decimal digits.
constexpr std::uint64_t find_non_digit(std::uint64_t word) noexcept {
  const std::uint64_t value = word ^ repeat('0');
  return (((value & kLows) + kOnes * (0x80 - 10)) | value) & kTops;
}

/// Finds bytes below `c`, where `c` < 0x80.
constexpr std::uint64_t find_below(std::uint64_t word, char c) noexcept {
  return ~(((word & kLows) + kOnes * (0x80U - static_cast<unsigned char>(c))) | word) & kTops;
}

/// Number of bytes before the first one found; 8 if none was found.
constexpr std::size_t length(std::uint64_t found) noexcept { return static_cast<std::size_t>(std::countr_zero(found)) / 8; }

/// `word` with only its first `length` bytes (1 to 7); the others are zero.
constexpr std::uint64_t head(std::uint64_t word, std::size_t length) noexcept { return word & ~(~std::uint64_t{0} << (8 * length)); }

/// The value of the first `length` bytes, 1 to 8 digits. Digits are combined in parallel: first pairs, then groups of four, then all eight.
constexpr std::uint32_t decimal(std::uint64_t word, std::size_t length) noexcept {
  std::uint64_t digits = (word ^ repeat('0')) << (64 - 8 * length);
  digits = (digits * 10 + (digits >> 8U)) & 0x00FF00FF00FF00FFULL;
  digits = (digits * 100 + (digits >> 16U)) & 0x0000FFFF0000FFFFULL;
  return static_cast<std::uint32_t>(digits * 10000 + (digits >> 32U));
}

}  // namespace lowrank::swar
