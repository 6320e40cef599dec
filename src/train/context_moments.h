#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "lowrank/model/factor_matrix.h"

namespace lowrank {

/// \file
/// Moments of users, items and levels, from which sums over all cells of a tensor follow without walking the cells. With the weights f of
/// users and g of items, and the shares of levels as probabilities, E is the mean over all combinations of levels, t the product of the
/// scales of a combination and d the sum of its vectors. The score of a cell is
///
///     s = sum_k p_k q_k t_k + <d, p + q>
///
/// Matrices are rank x rank, row by row, in double.

using Matrix = std::vector<double>;

/// Of the rows p of one side.
struct RowMoments {
  Matrix gram;               ///< sum of f p p^T
  std::vector<double> sums;  ///< sum of f p
  double weight = 0;         ///< sum of f
};
/// \param weights  f of every row. O(rows rank^2 / 2)
RowMoments moments_of_rows(const FactorMatrix& rows, std::span<const double> weights, Workers& workers);

/// Of the levels of a column, or of the combinations of several columns.
struct LevelMoments {
  std::vector<double> scale;   ///< E[t]
  std::vector<double> vector;  ///< E[d]
  Matrix scales;               ///< E[t t^T]
  Matrix mixed;                ///< E[t d^T]
  Matrix vectors;              ///< E[d d^T]
};
/// Of no column: t = 1 and d = 0.
LevelMoments no_levels(std::size_t rank);
/// Of one column. \param shares  of every level, adding up to 1; tables may have further rows. O(levels rank^2)
LevelMoments moments_of_levels(const FactorMatrix& scales, const FactorMatrix& vectors, std::span<const double> shares, Workers& workers);
/// Of the combinations of two groups of columns, which are independent of one another. O(rank^2)
LevelMoments combined(const LevelMoments& one, const LevelMoments& other);

/// A quadratic function of a row: x^T matrix x + 2 <linear, x>.
struct Quadratic {
  Matrix matrix;
  std::vector<double> linear;
};
/// What all cells of a user, each of weight g share, make of the user's row, but for a constant; of an item likewise, from the moments of
/// users. \param fixed  of the other side. O(rank^2)
Quadratic cells_of_row(const RowMoments& fixed, const LevelMoments& levels);

/// What all cells of a level make of its row, each of weight f g and the shares of the other columns.
class LevelCells {
 public:
  /// \param others  of the combinations of the other columns. O(rank^2)
  LevelCells(const RowMoments& users, const RowMoments& items, LevelMoments others);

  /// The matrix for the vector d of any level of the column.
  [[nodiscard]] const Matrix& vector_matrix() const { return sums_; }
  /// The linear term for the vector of a level with the scales t. O(rank^2)
  void vector_linear(std::span<const float> scales, std::span<float> to) const;
  /// The matrix for the distance of a level's scales from 1.
  [[nodiscard]] const Matrix& scale_matrix() const { return products_; }
  /// The linear term for that distance, of a level with the vector d. O(rank^2)
  void scale_linear(std::span<const float> vector, std::span<float> to) const;

 private:
  LevelMoments others_;
  Matrix sums_;                      ///< sum of f g (p + q) (p + q)^T
  Matrix mixed_;                     ///< sum of f g (p o q) (p + q)^T
  Matrix products_;                  ///< sum of f g E[(p o q o t) (p o q o t)^T]
  std::vector<double> at_no_scale_;  ///< vector_linear() without its own scales
  std::vector<double> at_no_vector_;
};

/// The sum over all cells of f g share s^2. O(rank^2)
double squares_of_cells(const RowMoments& users, const RowMoments& items, const LevelMoments& levels);

}  // namespace lowrank
