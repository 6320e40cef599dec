#pragma once

#include <cstddef>

namespace lowrank {

/// \name Small symmetric positive definite systems, as many side by side as a long vector has lanes
/// The latency of a pivot's root and division, which a small system by itself waits for, is then shared by all of them. Interleaved, number
/// (i, j) of system s stands at [(i * n + j) * kBatchSystems + s], a vector's number i at [i * kBatchSystems + s]. No system's result
/// depends on the others.
/// \{

inline constexpr std::size_t kBatchSystems = 16;

/// The matrices, one after the other, n x n row by row with upper triangles, interleaved. \param n  a multiple of 4
/// \param a  n * n * kBatchSystems floats, aligned to 64 bytes as everything here
void interleave(const float* matrices, std::size_t n, std::size_t systems, float* a);

/// Solves a x = b by Cholesky factorisation, the lower triangle unread. O(n^3 / 6) multiplications a system
/// \param[in,out] a  overwritten \param b  right-hand sides
/// \param[out] x  the solutions
/// \param[out] pivot_ratios  of every system the largest over the least root of a pivot; infinite where a pivot is not above 0
void solve_batch(float* a, std::size_t n, std::size_t systems, const float* b, float* x, float* pivot_ratios);

/// \}

}  // namespace lowrank
