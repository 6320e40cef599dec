#pragma once

#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/neighbours.h"
#include "lowrank/train/neighbours.h"

namespace lowrank {

/// The neighbours of method `neighbours` for lists, by any similarity but pearson. \param ratings  all above 0
/// \param user_counts, item_counts  numbers of ratings
Neighbours list_neighbours(const Ratings& ratings, const ItemNeighbours& given, std::span<const std::uint32_t> user_counts,
                           std::span<const std::uint32_t> item_counts, Workers& workers);

}  // namespace lowrank
