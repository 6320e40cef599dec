#pragma once

#include <cstddef>

namespace lowrank {

/// Coordinate descent on rows that share one matrix: every row x of `rows` goes towards the minimum of x^T a x / 2 - b^T x over x >= 0, its
/// coordinates one after the other, `sweeps` times. No step raises it, but for rounding. O(count rank^2 sweeps)
/// \param a        rank x rank, symmetric, rows `lda` floats apart; a coordinate whose diagonal is not above 0 stays as it is
/// \param targets  the right-hand side of each row, `ld` floats apart as are the rows; \param shift is subtracted from all of it
/// \param scratch  descend_scratch(rank) floats that start at a multiple of 64 bytes
void descend_non_negative(const float* a, std::size_t lda, std::size_t rank, const float* targets, float shift, float* rows, std::size_t ld,
                          std::size_t count, int sweeps, float* scratch);

/// Floats of scratch memory.
constexpr std::size_t descend_scratch(std::size_t rank) { return std::size_t{2} * 16 * ((rank + 3) / 4 * 4); }

}  // namespace lowrank
