#pragma once

#include <cstddef>
#include <cstdint>

namespace lowrank {

/// \name One column of a sparse matrix, against some columns of a table of rows
/// The sums that a pass over coefficients takes, one feature after another. `width` is 1, 8 or 16; which one, a column's numbers do not
/// depend on, but that those of width 1 add up in an order of their own.
/// \{

/// The rows that have a feature, with its value for each.
struct FeatureColumn {
  const std::uint32_t* rows;
  std::size_t count;
  const float* values;  ///< one per rating, or one per row of the table
  bool by_row;          ///< which of the two
};

/// sums[k] = sum over the column of value * table[row][k], `width` floats. \param table  rows aligned to the width
void sum_column(const FeatureColumn& column, const float* table, std::size_t stride, std::size_t width, float* sums);
/// table[row][k] -= value * moves[k]
void subtract_column(const FeatureColumn& column, const float* moves, std::size_t width, float* table, std::size_t stride);
/// \}

}  // namespace lowrank
