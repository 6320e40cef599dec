#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lowrank {

/// \name The code of a row of strictly ascending numbers below a bound
/// Each number is kept as how many were skipped since the last one of its row (the first follows -1), seven bits per byte, the lowest
/// first; the high bit of a byte says that another one follows. docs/model-file.md describes it.
/// \{

/// How many numbers lie between `number` and `next_possible`, the least that could have been it.
inline std::uint32_t gap(std::uint32_t number, std::uint32_t next_possible) { return number - next_possible; }

/// Bytes of a gap.
inline std::size_t code_length(std::uint32_t value) {
  std::size_t length = 1;
  while ((value >>= 7U) != 0) ++length;
  return length;
}

/// Writes a gap. \return behind it
inline std::uint8_t* encode(std::uint32_t value, std::uint8_t* to) {
  for (; value >= 128; value >>= 7U) *to++ = static_cast<std::uint8_t>(value | 128U);
  *to++ = static_cast<std::uint8_t>(value);
  return to;
}

/// The gap that starts at `from`, which is sound; `from` moves behind it.
inline std::uint32_t decode(const std::uint8_t*& from) {
  std::uint32_t value = *from & 127U;
  for (unsigned shift = 7; (*from++ & 128U) != 0; shift += 7) value |= static_cast<std::uint32_t>(*from & 127U) << shift;
  return value;
}

/// Appends the numbers of the row [from, end), which is sound.
inline void append_decoded(const std::uint8_t* from, const std::uint8_t* end, std::vector<std::uint32_t>& numbers) {
  std::uint32_t next_possible = 0;
  while (from != end) {
    numbers.push_back(next_possible + decode(from));
    next_possible = numbers.back() + 1;
  }
}

/// \throws DataError, which begins with `what`, unless [from, end) is a sound row of numbers below `bound`
void check_code(const std::uint8_t* from, const std::uint8_t* end, std::uint32_t bound, const char* what);
/// \}

}  // namespace lowrank
