#pragma once

#include <vector>

#include "base/parallel.h"
#include "kernels/aligned_floats.h"
#include "lowrank/model/factor_matrix.h"

namespace lowrank {

/// The sum of q q^T over the rows of a table, rank x rank, row by row, its upper triangle: products in float, sums over rows in double. The
/// same for any number of threads.
std::vector<double> gramian(const FactorMatrix& table, Workers& workers);

/// A basis in which a table's Gramian is diagonal.
struct Eigenbasis {
  std::size_t stride = 0;      ///< floats from one row of the vectors to the next
  AlignedFloats vectors;       ///< V: row x of a table becomes x V
  std::vector<double> values;  ///< the diagonal, none below 0
};

Eigenbasis eigenbasis(std::vector<double> gramian, std::size_t rank);

/// Every row x of a table becomes x times a rank x rank matrix whose rows are `stride` floats apart.
void rotate(FactorMatrix& table, const AlignedFloats& matrix, std::size_t stride, Workers& workers);

/// The sum over rows of weights[row] * |row|^2, in double, the same for any number of threads.
double weighted_squares(const FactorMatrix& table, const std::vector<double>& weights, Workers& workers);

}  // namespace lowrank
