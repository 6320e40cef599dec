#pragma once

#include <cstddef>

namespace lowrank {

/// \name Cholesky factorisation in float32
/// A symmetric positive definite n x n matrix A = U^T U and `sides` right-hand sides, in rows of `ld` floats; ld is a multiple of 16 and at
/// least n + sides. Columns [0, n) hold the upper triangle of A, the next ones the right-hand sides. Rows start at multiples of 64 bytes.
/// There must be n rows, rounded up to a multiple of 16; numbers below the diagonal and in rows from n on are overwritten.
/// \{

/// Replaces A by U, whose diagonal holds 1 / U_qq, and each right-hand side b by U^-T b.
/// \return false when A is not positive definite to working precision. O(n^3 / 6) multiplications
bool factor_cholesky(float* a, std::size_t ld, std::size_t n, std::size_t sides);

/// The largest over the least root of a pivot of a factorised matrix: a solution may lack as many digits as it has.
float pivot_ratio(const float* a, std::size_t ld, std::size_t n);

/// x = U^-1 y for the column `column` >= n of a factorised matrix. O(n^2 / 2)
void solve_upper(const float* a, std::size_t ld, std::size_t n, std::size_t column, float* x);

/// Replaces the right-hand side in column `column` >= n of a factorised matrix by U^-T of it. O(n^2 / 2)
void solve_lower(float* a, std::size_t ld, std::size_t n, std::size_t column);

/// \}

}  // namespace lowrank
