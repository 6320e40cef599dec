#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/aligned_floats.h"
#include "kernels/dot.h"

namespace lowrank {

/// The Gramian of a table's first `rows` rows: the sum of c q q^T over its rows q, rank x rank, both triangles. Products are in float, at
/// most 256 rows of them are added in float, all else in double. The same for any number of threads. O(rows rank^2 / 2)
/// \param weights  c of each row; empty for ones
std::vector<double> gramian(const RowTable& table, std::size_t rows, std::size_t rank, std::span<const double> weights, Workers& workers);

/// The same of a table in double, `rank` numbers per row without padding, with products in double.
std::vector<double> gramian(std::span<const double> table, std::size_t rank, Workers& workers);

/// A matrix of `rows` x `columns` numbers, row by row, in panels, padded with zeros.
AlignedFloats in_panels(std::span<const double> matrix, std::size_t rows, std::size_t columns);

/// A basis in which the Gramian of a table is diagonal.
struct Eigenbasis {
  AlignedFloats vectors;       ///< V, in panels: row x of the table becomes x V
  AlignedFloats back;          ///< V^T, in panels
  std::vector<double> values;  ///< the diagonal, none below 0
};

Eigenbasis eigenbasis(std::vector<double> gramian, std::size_t rank, Workers& workers);

/// \name Rotations: rows x of a table become x times a rank x rank matrix in panels
/// \param table  rows of `stride` floats, padded with zeros to a multiple of 16
/// \{
void rotate(float* table, std::size_t stride, std::size_t rows, std::size_t rank, const AlignedFloats& matrix, Workers& workers);
/// The rows numbered `rows` alone.
void rotate(float* table, std::size_t stride, std::span<const std::uint32_t> rows, std::size_t rank, const AlignedFloats& matrix,
            Workers& workers);
/// \}

}  // namespace lowrank
