#include "kernels/solve.h"

#include <algorithm>
#include <cmath>

namespace lowrank {

bool solve_positive_definite(double* a, double* b, std::size_t n) {
  for (std::size_t row = 0; row < n; ++row) {
    double* row_a = a + row * n;
    for (std::size_t column = 0; column <= row; ++column) {
      const double* column_a = a + column * n;
      double sum = row_a[column];
      for (std::size_t k = 0; k < column; ++k) sum -= row_a[k] * column_a[k];
      if (column < row) {
        row_a[column] = sum / column_a[column];
      } else {
        // Not "<= 0": a NaN must fail too.
        if (!(sum > 0) || !std::isfinite(sum)) return false;
        row_a[row] = std::sqrt(sum);
      }
    }
  }
  for (std::size_t row = 0; row < n; ++row) {
    double sum = b[row];
    for (std::size_t k = 0; k < row; ++k) sum -= a[row * n + k] * b[k];
    b[row] = sum / a[row * n + row];
  }
  for (std::size_t row = n; row-- > 0;) {
    double sum = b[row];
    for (std::size_t k = row + 1; k < n; ++k) sum -= a[k * n + row] * b[k];
    b[row] = sum / a[row * n + row];
  }
  return true;
}

void solve_non_negative(const double* a, const double* b, double* x, std::size_t n) {
  constexpr int kMaxSweeps = 1000;
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    double largest = 0;
    double change = 0;
    for (std::size_t row = 0; row < n; ++row) {
      double gradient = -b[row];
      for (std::size_t k = 0; k < n; ++k) gradient += a[row * n + k] * x[k];
      const double next = std::max(0.0, x[row] - gradient / a[row * n + row]);
      change = std::max(change, std::abs(next - x[row]));
      largest = std::max(largest, std::abs(next));
      x[row] = next;
    }
    if (change <= 1e-10 * largest) return;
  }
}

}  // namespace lowrank
