#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace lowrank {

/// The solution of a x = b, by Gaussian elimination with row pivoting in double: the oracle of everything that solves equations. NaN where
/// `a` is singular. \param a  n x n, row by row, any matrix \param b  n numbers
inline std::vector<double> eliminate(std::vector<double> a, std::vector<double> b) {
  const std::size_t n = b.size();
  const auto row = [&](std::size_t i) { return a.begin() + static_cast<std::ptrdiff_t>(i * n); };
  for (std::size_t column = 0; column < n; ++column) {
    std::size_t pivot = column;
    for (std::size_t i = column; i < n; ++i) {
      if (std::abs(row(i)[static_cast<std::ptrdiff_t>(column)]) > std::abs(row(pivot)[static_cast<std::ptrdiff_t>(column)])) pivot = i;
    }
    std::swap_ranges(row(column), row(column) + static_cast<std::ptrdiff_t>(n), row(pivot));
    std::swap(b[column], b[pivot]);
    for (std::size_t i = column + 1; i < n; ++i) {
      const double factor = a[i * n + column] / a[column * n + column];
      for (std::size_t j = column; j < n; ++j) a[i * n + j] -= factor * a[column * n + j];
      b[i] -= factor * b[column];
    }
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = i + 1; j < n; ++j) b[i] -= a[i * n + j] * b[j];
    b[i] /= a[i * n + i];
  }
  return b;
}

}  // namespace lowrank
