#pragma once

#include <array>
#include <charconv>
#include <string>

namespace lowrank {

/// `value` in the fewest digits that read back as the same number.
template <class Number>
std::string shortest_text(Number value) {
  std::array<char, 40> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

}  // namespace lowrank
