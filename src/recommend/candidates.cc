#include "recommend/candidates.h"

#include <algorithm>

namespace lowrank {

std::vector<std::uint32_t> candidates_of(const Side& side, const std::optional<std::vector<std::uint32_t>>& only,
                                         std::span<const std::uint32_t> excluded, std::uint32_t min_count) {
  constexpr std::uint8_t kWanted = 1;
  std::vector<std::uint8_t> marks(side.size(), only ? 0 : kWanted);
  if (only) {
    for (const std::uint32_t row : *only) {
      if (row < marks.size()) marks[row] = kWanted;
    }
  }
  for (const std::uint32_t row : excluded) {
    if (row < marks.size()) marks[row] = 0;
  }
  std::vector<std::uint32_t> candidates;
  for (std::uint32_t row = 0; row < side.size(); ++row) {
    if (marks[row] != 0 && side.knows(row) && (min_count <= 1 || side.counts[row] >= min_count)) candidates.push_back(row);
  }
  return candidates;
}

}  // namespace lowrank
