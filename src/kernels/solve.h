#pragma once

#include <cstddef>

namespace lowrank {

/// Solves a x = b for a symmetric positive definite matrix by Cholesky factorisation, in double.
/// \param a  n x n, row by row; only its lower triangle is read; overwritten
/// \param b  n numbers; replaced by x
/// \return false when `a` is not positive definite to working precision; `b` is then not a solution. O(n^3 / 6) multiplications
bool solve_positive_definite(double* a, double* b, std::size_t n);

/// The same with x >= 0: minimises x^T a x / 2 - b^T x over non-negative x by coordinate descent, to a relative change below 1e-10 or 1000
/// sweeps. \param a  n x n, row by row, both triangles, positive diagonal. \param b  n numbers. \param x  n numbers: start and result
void solve_non_negative(const double* a, const double* b, double* x, std::size_t n);

}  // namespace lowrank
