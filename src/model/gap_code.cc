#include "model/gap_code.h"

#include <string>

#include "lowrank/base/error.h"

namespace lowrank {

void check_code(const std::uint8_t* from, const std::uint8_t* end, std::uint32_t bound, const char* what) {
  constexpr unsigned kMostBits = 35;
  const auto refuse = [what](const char* problem) { throw DataError(std::string(what) + ": " + problem); };
  std::uint64_t next_possible = 0;
  while (from != end) {
    std::uint64_t value = 0;
    unsigned shift = 0;
    std::uint8_t byte = 128;
    for (; (byte & 128U) != 0; shift += 7) {
      if (from == end) refuse("a row ends within a number");
      if (shift == kMostBits) refuse("a number is too long");
      byte = *from++;
      value |= static_cast<std::uint64_t>(byte & 127U) << shift;
    }
    if (byte == 0 && shift > 7) refuse("a number is longer than it needs to be");
    next_possible += value;
    if (next_possible >= bound) refuse("an item is out of range");
    ++next_possible;
  }
}

}  // namespace lowrank
