#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dot.h"

namespace lowrank {

/// \name Dense products of tables of rows
/// `columns` counts the padding too and is a multiple of 16; rows start at multiples of 64 bytes.
/// \{

/// a += left^T right, columns x columns, upper triangle; numbers below it become undefined. The sum is symmetric when each row of `left` is
/// a multiple of the same row of `right`; both may be one table. Sums are in float: where there are many rows, pass some hundred at a time
/// and add the results in double. O(count columns^2 / 2)
/// \param ld, lda  floats per row
void add_gram(const float* left, const float* right, std::size_t ld, std::size_t count, std::size_t columns, float* a, std::size_t lda);

/// Columns per panel. A matrix in panels holds its first kPanelColumns columns row by row, then the next kPanelColumns, and so on; the last
/// panel is padded.
inline constexpr std::size_t kPanelColumns = 48;

/// Floats of a matrix in panels.
constexpr std::size_t panels_size(std::size_t depth, std::size_t columns) {
  return (columns + kPanelColumns - 1) / kPanelColumns * kPanelColumns * depth;
}

/// The index of the number at row p, column j of a matrix in panels.
constexpr std::size_t place_in_panels(std::size_t depth, std::size_t p, std::size_t j) {
  return (j / kPanelColumns * depth + p) * kPanelColumns + j % kPanelColumns;
}

/// products = rows b, count x columns, for b of `depth` x columns in panels, which stay in the nearest caches where long rows would not.
/// `depth` need not be a multiple of 16. \param products  must not overlap `rows`
void multiply_rows(const float* rows, std::size_t ld, std::size_t count, std::size_t depth, const float* b, std::size_t columns,
                   float* products, std::size_t ldp);

/// a[i][j] = <row i, row j> for j >= i, count x count; numbers below the diagonal become undefined. `count` is rounded up to a multiple of
/// 4: that many rows are read, and that many rows and columns of `a` are written. O(count^2 columns / 2)
void row_gram(const float* rows, std::size_t ld, std::size_t count, std::size_t columns, float* a, std::size_t lda);

/// \}

}  // namespace lowrank
