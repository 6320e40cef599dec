#include "recommend/candidates.h"

#include <algorithm>

namespace lowrank {

std::vector<std::uint32_t> candidates_of(std::span<const std::uint32_t> counts, const std::optional<std::vector<std::uint32_t>>& only,
                                         std::span<const std::uint32_t> excluded, std::uint32_t min_count) {
  constexpr std::uint8_t kWanted = 1;
  std::vector<std::uint8_t> marks(counts.size(), only ? 0 : kWanted);
  if (only) {
    for (const std::uint32_t row : *only) {
      if (row < marks.size()) marks[row] = kWanted;
    }
  }
  for (const std::uint32_t row : excluded) {
    if (row < marks.size()) marks[row] = 0;
  }
  const std::uint32_t least = std::max(min_count, 1U);
  std::vector<std::uint32_t> candidates;
  for (std::uint32_t row = 0; row < counts.size(); ++row) {
    if (marks[row] != 0 && counts[row] >= least) candidates.push_back(row);
  }
  return candidates;
}

}  // namespace lowrank
