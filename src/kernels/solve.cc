#include "kernels/solve.h"

#include <algorithm>
#include <cmath>

namespace lowrank {

bool factor_positive_definite(double* a, std::size_t n) {
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
  return true;
}

void solve_factored(const double* a, double* b, std::size_t n) {
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
}

bool solve_positive_definite(double* a, double* b, std::size_t n) {
  if (!factor_positive_definite(a, n)) return false;
  solve_factored(a, b, n);
  return true;
}

void solve_non_negative(const double* a, const double* b, std::size_t n, std::uint32_t sweeps, double* x, double* gradient) {
  const auto move = [&](std::size_t row, double by) {
    const double* column = a + row * n;
    for (std::size_t k = 0; k < n; ++k) gradient[k] += by * column[k];
  };
  for (std::size_t k = 0; k < n; ++k) gradient[k] = -b[k];
  for (std::size_t row = 0; row < n; ++row) {
    if (x[row] != 0) move(row, x[row]);
  }
  for (std::uint32_t sweep = 0; sweep < sweeps; ++sweep) {
    double largest = 0;
    double change = 0;
    for (std::size_t row = 0; row < n; ++row) {
      const double curvature = a[row * n + row];
      if (!(curvature > 0)) {
        // Nothing but the penalty is left of this coordinate.
        if (gradient[row] > 0) x[row] = 0;
        continue;
      }
      const double next = std::max(0.0, x[row] - gradient[row] / curvature);
      largest = std::max(largest, next);
      if (next == x[row]) continue;
      change = std::max(change, std::abs(next - x[row]));
      move(row, next - x[row]);
      x[row] = next;
    }
    if (change <= 1e-10 * largest) return;
  }
}

}  // namespace lowrank
