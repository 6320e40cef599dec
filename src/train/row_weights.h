#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "lowrank/data/ratings.h"

namespace lowrank {

/// The weights of the ratings of every row, added up: their number where ratings have no weights.
/// \param offsets  rows + 1 positions. \param weights  by position; empty for ones
std::vector<double> row_weights(std::span<const std::size_t> offsets, std::span<const float> weights);

/// The weights of all ratings, added up: their number where they have none. The same for any number of threads.
double total_weight(const Ratings& ratings, Workers& workers);

}  // namespace lowrank
