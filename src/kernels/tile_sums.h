#pragma once

#include <cstddef>

namespace lowrank {

/// first += sum of first_factors[i] * row i, and second likewise, of `count` rows of a tile, `ld` floats apart. `second_factors` may be
/// null for ones. O(count columns)
void add_tile_sums(const float* tile, std::size_t ld, std::size_t count, std::size_t columns, const float* first_factors,
                   const float* second_factors, float* first, float* second);

/// The sums of weights, and of weights times values.
struct WeightSums {
  double weights = 0;
  double values = 0;
};

/// roots[i] = sqrt(weights[i]) and targets[i] = roots[i] * values[i], of `count` numbers, at any address. \return the sums
WeightSums take_roots(const float* weights, const float* values, std::size_t count, float* roots, float* targets);

}  // namespace lowrank
