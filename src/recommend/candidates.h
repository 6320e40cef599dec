#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace lowrank {

/// The rows of a side that may be listed, ascending: those with at least `min_count` training ratings (0 is as 1) that are among `only`,
/// where it is given, and not among `excluded`. O(rows)
std::vector<std::uint32_t> candidates_of(std::span<const std::uint32_t> counts, const std::optional<std::vector<std::uint32_t>>& only,
                                         std::span<const std::uint32_t> excluded, std::uint32_t min_count);

}  // namespace lowrank
