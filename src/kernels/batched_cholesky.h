#pragma once

#include <cstddef>

namespace lowrank {

/// \name Small symmetric positive definite systems, kBatchSystems side by side
/// They share the latency of the roots and divisions of their pivots, which a small system alone would wait for. Interleaved, number (i, j)
/// of system s is at [(i * n + j) * kBatchSystems + s], number i of a vector at [i * kBatchSystems + s]. The result of a system does not
/// depend on the others.
/// \{

inline constexpr std::size_t kBatchSystems = 16;

/// Interleaves matrices that follow one another, n x n, row by row, upper triangles. \param n  a multiple of 4
/// \param a  n * n * kBatchSystems floats, aligned to 64 bytes as everything here
void interleave(const float* matrices, std::size_t n, std::size_t systems, float* a);

/// Solves a x = b by Cholesky factorisation; the lower triangles are not read. O(n^3 / 6) multiplications per system
/// \param[in,out] a  overwritten \param b  right-hand sides
/// \param[out] x  the solutions
/// \param[out] pivot_ratios  largest over least root of a pivot of each system; infinite where a pivot is not above 0
void solve_batch(float* a, std::size_t n, std::size_t systems, const float* b, float* x, float* pivot_ratios);

/// \}

}  // namespace lowrank
