#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/dot.h"

namespace lowrank {

/// The least-squares problem of one row against fixed rows q_i. Its solution x has `rank` numbers, and a bias where the problem has one;
/// it minimises
///
///     sum_i c_i (<q_i, x> + bias)^2  -  2 sum_i v_i (<q_i, x> + bias)  +  sum_k (diagonal_k + ridge) x_k^2  +  bias_damping bias^2
///         +  x^T shared x  +  2 l1 sum_k x_k
///
/// so that the normal equations are (D + shared + Q^T C Q) x = Q^T v - l1. The last two terms exist only with x >= 0. Other problems whose
/// rows share a Gramian are posed in its eigenbasis, where it is part of `diagonal`.
struct NormalEquations {
  RowTable table{};                     ///< fixed rows, padded with zeros to a multiple of 16 floats
  std::span<const std::uint32_t> rows;  ///< the number in `table` of each q_i
  const float* weights = nullptr;       ///< c_i; null for ones
  const float* values = nullptr;        ///< v_i; null for ones
  const float* diagonal = nullptr;      ///< rank floats >= 0, padded with ones to a multiple of 16, aligned to 64 bytes
  float ridge = 0;                      ///< number added to each of `diagonal`; every sum is above 0
  bool has_bias = false;
  double bias_damping = 0;
  bool non_negative = false;       ///< x >= 0; the bias may have any sign
  double l1 = 0;                   ///< weight of the sum of x; not 0 only with `non_negative`
  const double* shared = nullptr;  ///< rank x rank, upper triangle; null for zeros, and without `non_negative`

  [[nodiscard]] double weight(std::size_t i) const { return weights != nullptr ? static_cast<double>(weights[i]) : 1.0; }
  [[nodiscard]] bool weights_positive() const {
    return weights == nullptr || std::all_of(weights, weights + rows.size(), [](float weight) { return weight > 0; });
  }
  [[nodiscard]] double value(std::size_t i) const { return values != nullptr ? static_cast<double>(values[i]) : 1.0; }
  /// The diagonal's number for coordinate k.
  [[nodiscard]] double damping(std::size_t k) const { return static_cast<double>(diagonal[k]) + static_cast<double>(ridge); }
};

/// The dual system of a row with n fixed rows and weights above 0: (I + Z Z^T) t = y with Z the rows C^1/2 Q D^-1/2 and y = C^-1/2 v. By
/// the identity of Sherman, Morrison and Woodbury the row is x = D^-1/2 Z^T t.
struct DualSystem {
  float* matrix;   ///< I + Z Z^T, upper triangle, rows `lda` floats apart
  float* targets;  ///< y
  float* scales;   ///< C^1/2; unused without weights
  float* roots;    ///< D^-1/2, `columns` floats
  float* tile;     ///< Z, rows `ld` floats apart, padded with zeros to a multiple of 4 rows
  std::size_t lda;
  std::size_t ld;

  /// Writes all of it, but for what a bias adds. \param columns  the rank, padded to a multiple of 16. O(n^2 columns)
  void assemble(const NormalEquations& row, std::size_t columns) const;
  /// <C^1/2 (predictions), C^1/2 (predictions) - 2 y> = -sum of y_i (y_i - t_i): what the row minimises, at its solution.
  [[nodiscard]] double objective(const float* t, std::size_t n) const;
};

}  // namespace lowrank
