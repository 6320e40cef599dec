#pragma once

#include <cstddef>
#include <vector>

#include "base/parallel.h"

namespace lowrank {

/// The eigenvalues of a symmetric matrix, ascending, and its eigenvectors, in double: a = V^T diag(values) V. The same for any number of
/// threads.
/// \param a  n x n, row by row, its upper triangle; replaced by V (eigenvector j is row j). O(9 n^3)
std::vector<double> symmetric_eigen(std::vector<double>& a, std::size_t n, Workers& workers);

}  // namespace lowrank
