#pragma once

#include <cstddef>

namespace lowrank {

/// \name Cholesky factorisation in float32
/// A symmetric positive definite matrix A = U^T U of n x n and `sides` right-hand sides, held as rows of `ld` floats, ld a multiple of 16
/// and at least n + sides: the upper triangle of A, then in columns n and up the right-hand sides. Rows start at multiples of 64 bytes; n
/// rounded up to a multiple of 16 rows must be there, what stands below the diagonal and in rows from n on is overwritten.
/// \{

/// Replaces A by U, whose diagonal holds 1 / U_qq, and each right-hand side b by U^-T b.
/// \return false when A is not positive definite to working precision. O(n^3 / 6) multiplications
bool factor_cholesky(float* a, std::size_t ld, std::size_t n, std::size_t sides);

/// Of a factorised matrix the largest over the least root of a pivot: how many digits a solution may lack.
float pivot_ratio(const float* a, std::size_t ld, std::size_t n);

/// x = U^-1 y for the column `column` >= n of a factorised matrix. O(n^2 / 2)
void solve_upper(const float* a, std::size_t ld, std::size_t n, std::size_t column, float* x);

/// Replaces the right-hand side in column `column` >= n of a factorised matrix by U^-T of it. O(n^2 / 2)
void solve_lower(float* a, std::size_t ld, std::size_t n, std::size_t column);

/// \}

}  // namespace lowrank
