#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lowrank/model/model.h"

namespace lowrank {

/// The rows of a side that may be listed, ascending: those that the model knows, by ratings or, where `min_count` is at most 1, by features
/// alone, with at least `min_count` training ratings, that are among `only`, where it is given, and not among `excluded`. O(rows)
std::vector<std::uint32_t> candidates_of(const Side& side, const std::optional<std::vector<std::uint32_t>>& only,
                                         std::span<const std::uint32_t> excluded, std::uint32_t min_count);

}  // namespace lowrank
