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
  std::size_t stride = 0;      ///< floats from one row to the next
  AlignedFloats to;            ///< V: row x of a table becomes x V
  AlignedFloats back;          ///< V^T
  std::vector<double> values;  ///< the diagonal, none below 0
};

Eigenbasis eigenbasis(std::vector<double> gramian, std::size_t rank);

/// to = from times `matrix` (Eigenbasis::to or ::back); both tables may be one.
void rotate(const FactorMatrix& from, const AlignedFloats& matrix, std::size_t stride, FactorMatrix& to, Workers& workers);

/// The sum over rows of weights[row] * |row|^2, in double, the same for any number of threads.
double weighted_squares(const FactorMatrix& table, const std::vector<double>& weights, Workers& workers);

}  // namespace lowrank
