#pragma once

#include <cstddef>
#include <vector>

namespace lowrank {

/// The eigenvalues of a symmetric matrix, ascending, and its eigenvectors, in double: a = V diag(values) V^T.
/// \param a  n x n, row by row, its upper triangle; replaced by V (eigenvector j is column j). O(9 n^3)
std::vector<double> symmetric_eigen(std::vector<double>& a, std::size_t n);

}  // namespace lowrank
