#pragma once

#include <cstddef>

namespace lowrank {

/// Coordinate descent on rows that share one matrix: each row x of `rows` moves towards the minimum of x^T a x / 2 - b^T x over x >= 0, by
/// `sweeps` sweeps over its coordinates. But for rounding, no step raises it. O(count rank^2 sweeps)
/// \param a        rank x rank, symmetric, rows `lda` floats apart; a coordinate whose diagonal is not above 0 stays
/// \param targets  right-hand side of each row, `ld` floats apart as the rows are \param shift  number subtracted from all of `targets`
/// \param scratch  descend_scratch(rank) floats, aligned to 64 bytes
void descend_non_negative(const float* a, std::size_t lda, std::size_t rank, const float* targets, float shift, float* rows, std::size_t ld,
                          std::size_t count, int sweeps, float* scratch);

/// Floats of scratch memory of descend_non_negative().
constexpr std::size_t descend_scratch(std::size_t rank) { return std::size_t{2} * 16 * ((rank + 3) / 4 * 4); }

}  // namespace lowrank
