#pragma once

#include <cstddef>
#include <cstdint>

namespace lowrank {

/// Solves a x = b for a symmetric positive definite matrix by Cholesky factorisation, in double.
/// \param a  n x n, row by row; only its lower triangle is read; overwritten
/// \param b  n numbers; replaced by x
/// \return false where `a` is not positive definite to working precision; `b` then holds no solution. O(n^3 / 6) multiplications
bool solve_positive_definite(double* a, double* b, std::size_t n);

/// \name The two steps of solve_positive_definite(), for many right-hand sides of one matrix
/// \{
/// O(n^3 / 6) multiplications
bool factor_positive_definite(double* a, std::size_t n);
/// \param a  as factor_positive_definite() left it. O(n^2)
void solve_factored(const double* a, double* b, std::size_t n);
/// \}

/// Coordinate descent on x^T a x / 2 - b^T x over x >= 0, from the x given, in double: `sweeps` sweeps, or fewer when no coordinate changes
/// by more than 1e-10 of the largest. A coordinate whose diagonal is not above 0 stays. O(n^2) per sweep
/// \param a  n x n, row by row, both triangles \param[in,out] x  n numbers \param[out] gradient  a x - b at the end
void solve_non_negative(const double* a, const double* b, std::size_t n, std::uint32_t sweeps, double* x, double* gradient);

}  // namespace lowrank
