#pragma once

#include <cstddef>
#include <cstdint>

namespace lowrank {

/// \name One column of a sparse matrix, against 16 columns of a table of rows
/// The sums that a pass over coefficients takes, one feature after another.
/// \{

inline constexpr std::size_t kFeatureLanes = 16;

/// The rows that have a feature, with its value for each.
struct FeatureColumn {
  const std::uint32_t* rows;
  std::size_t count;
  const float* values;  ///< one per rating, or one per row of the table
  bool by_row;          ///< which of the two
};

/// sums[k] = sum over the column of value * table[row][k], in 16 floats. \param table  aligned to 64 bytes, as are its rows
void sum_column(const FeatureColumn& column, const float* table, std::size_t stride, float* sums);
/// table[row][k] -= value * moves[k]
void subtract_column(const FeatureColumn& column, const float* moves, float* table, std::size_t stride);
/// \}

}  // namespace lowrank
