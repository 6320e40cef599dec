#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dot.h"

namespace lowrank {

/// \name Dense products of tables of rows
/// Columns are counted with their padding, a multiple of 16; rows start at multiples of 64 bytes.
/// \{

/// a += left^T right, columns x columns, its upper triangle (what stands below it is not to be read): with left the rows of right, each
/// multiplied by a weight, a symmetric sum; left and right may be one. O(count columns^2 / 2)
/// Sums in float: give it some hundred rows at a time, and add up what comes out in double where there are very many.
/// \param ld, lda floats from one row to the next
void add_gram(const float* left, const float* right, std::size_t ld, std::size_t count, std::size_t columns, float* a, std::size_t lda);

/// Columns of a panel: a matrix in panels has its first so many columns row by row, then the next ones, the last ones padded.
inline constexpr std::size_t kPanelColumns = 48;

/// Floats of a matrix in panels.
constexpr std::size_t panels_size(std::size_t depth, std::size_t columns) {
  return (columns + kPanelColumns - 1) / kPanelColumns * kPanelColumns * depth;
}

/// Where the number at row p, column j of a matrix in panels stands.
constexpr std::size_t place_in_panels(std::size_t depth, std::size_t p, std::size_t j) {
  return (j / kPanelColumns * depth + p) * kPanelColumns + j % kPanelColumns;
}

/// products = rows b, count x columns, for b of `depth` x columns in panels, which the nearest caches like better than long rows. Depth
/// need not be a multiple of 16. \param products  not where rows are
void multiply_rows(const float* rows, std::size_t ld, std::size_t count, std::size_t depth, const float* b, std::size_t columns,
                   float* products, std::size_t ldp);

/// a[i][j] = <row i, row j> for j >= i, count x count; what stands below the diagonal is not to be read. Rows up to count rounded up to a
/// multiple of 4 must be there, and as many columns of a are written. O(count^2 columns / 2)
void row_gram(const float* rows, std::size_t ld, std::size_t count, std::size_t columns, float* a, std::size_t lda);

/// \}

}  // namespace lowrank
