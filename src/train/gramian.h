#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/aligned_floats.h"
#include "lowrank/model/factor_matrix.h"

namespace lowrank {

/// The sum of c q q^T over the rows q of a table, rank x rank, row by row, its upper triangle: products in float, sums over rows in double.
/// The same for any number of threads. \param weights c >= 0 of every row; empty: ones
std::vector<double> gramian(const FactorMatrix& table, std::span<const double> weights, Workers& workers);

/// A basis in which a table's Gramian is diagonal.
struct Eigenbasis {
  AlignedFloats vectors;       ///< V, in panels: row x of a table becomes x V
  std::vector<double> values;  ///< the diagonal, none below 0
};

Eigenbasis eigenbasis(std::vector<double> gramian, std::size_t rank, Workers& workers);

/// Every row x of a table, or each of those that are picked, becomes x times a rank x rank matrix in panels.
void rotate(FactorMatrix& table, const AlignedFloats& matrix, Workers& workers);
void rotate(FactorMatrix& table, std::span<const std::uint32_t> rows, const AlignedFloats& matrix, Workers& workers);

/// The sum over rows of weights[row] * |row|^2, in double, the same for any number of threads.
double weighted_squares(const FactorMatrix& table, const std::vector<double>& weights, Workers& workers);

}  // namespace lowrank
