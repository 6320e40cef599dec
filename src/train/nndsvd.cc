#include "train/nndsvd.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "base/random.h"

namespace lowrank {

namespace {

/// Columns of a table of doubles, one after another.
struct Columns {
  std::size_t rows = 0;
  std::size_t count = 0;
  std::vector<double> numbers;

  Columns(std::size_t row_count, std::size_t column_count) : rows(row_count), count(column_count), numbers(row_count * column_count) {}
  [[nodiscard]] std::span<double> column(std::size_t k) { return std::span(numbers).subspan(k * rows, rows); }
  [[nodiscard]] std::span<const double> column(std::size_t k) const { return std::span(numbers).subspan(k * rows, rows); }
};

double dot(std::span<const double> a, std::span<const double> b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

/// The product of the matrix, its rows those of `side`, with the columns of `from`.
Columns multiply(const NmfSide& side, const Columns& from, Workers& workers) {
  constexpr std::size_t kRows = 64;
  Columns to(side.rows(), from.count);
  workers.for_ranges(side.rows(), kRows, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t k = 0; k < from.count; ++k) {
      const std::span<const double> column = from.column(k);
      for (std::size_t row = begin; row < end; ++row) {
        double sum = 0;
        for (std::size_t at = side.offsets[row]; at < side.offsets[row + 1]; ++at) {
          sum += static_cast<double>(side.value(at)) * column[side.others[at]];
        }
        to.column(k)[row] = sum;
      }
    }
  });
  return to;
}

/// Makes the columns orthonormal (Gram and Schmidt, twice, which is enough); those that depend on others become 0.
void orthonormalise(Columns& table) {
  constexpr double kDependent = 1e-10;
  for (std::size_t k = 0; k < table.count; ++k) {
    const std::span<double> column = table.column(k);
    const double before = std::sqrt(dot(column, column));
    for (int round = 0; round < 2; ++round) {
      for (std::size_t other = 0; other < k; ++other) {
        const double along = dot(column, table.column(other));
        for (std::size_t row = 0; row < table.rows; ++row) column[row] -= along * table.column(other)[row];
      }
    }
    const double length = std::sqrt(dot(column, column));
    const double factor = length > kDependent * before ? 1 / length : 0;
    for (double& x : column) x *= factor;
  }
}

/// Turns the columns of `left` and `right` until those of `right` are orthogonal, longest first (one-sided Jacobi).
void diagonalise(Columns& left, Columns& right) {
  constexpr int kMostSweeps = 60;
  constexpr double kOrthogonal = 1e-14;
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    bool turned = false;
    for (std::size_t i = 0; i < right.count; ++i) {
      for (std::size_t j = i + 1; j < right.count; ++j) {
        const double a = dot(right.column(i), right.column(i));
        const double b = dot(right.column(j), right.column(j));
        const double c = dot(right.column(i), right.column(j));
        if (a >= b && std::abs(c) <= kOrthogonal * std::sqrt(a * b)) continue;
        turned = true;
        // The angle that makes the two orthogonal and puts the longer one first.
        const double angle = 0.5 * std::atan2(2 * c, a - b);
        const double cosine = std::cos(angle);
        const double sine = std::sin(angle);
        for (Columns* table : {&left, &right}) {
          for (std::size_t row = 0; row < table->rows; ++row) {
            double& x = table->column(i)[row];
            double& y = table->column(j)[row];
            const double turned_x = cosine * x + sine * y;
            y = cosine * y - sine * x;
            x = turned_x;
          }
        }
      }
    }
    if (!turned) return;
  }
}

/// The length of the part of a column whose numbers have the sign.
double length_of(std::span<const double> column, double sign) {
  double sum = 0;
  for (const double x : column) sum += std::pow(std::max(0.0, sign * x), 2);
  return std::sqrt(sum);
}

void put_part(std::span<const double> column, double sign, double factor, FactorMatrix& table, std::size_t k) {
  for (std::size_t row = 0; row < column.size(); ++row) {
    table.row(row)[k] = static_cast<float>(factor * std::max(0.0, sign * column[row]));
  }
}

}  // namespace

NmfStart nndsvd(const NmfProblem& problem, Workers& workers) {
  constexpr std::size_t kMore = 8;  // columns beyond the rank, which make those of the rank converge
  constexpr int kRounds = 20;
  const std::size_t users = problem.users.rows();
  const std::size_t items = problem.items.rows();
  const std::size_t count = std::min({problem.rank + kMore, users, items});
  Columns right(items, count);
  for (std::size_t k = 0; k < count; ++k) {
    RandomStream stream(0, Purpose::item_factors, 0, k);
    for (double& x : right.column(k)) x = stream.normal();
  }
  Columns left = multiply(problem.users, right, workers);
  orthonormalise(left);
  for (int round = 0; round < kRounds; ++round) {
    right = multiply(problem.items, left, workers);
    orthonormalise(right);
    left = multiply(problem.users, right, workers);
    orthonormalise(left);
  }
  // The matrix is left right^T now, and stays that while both are turned.
  right = multiply(problem.items, left, workers);
  diagonalise(left, right);

  NmfStart start{.users = FactorMatrix(users, problem.rank), .items = FactorMatrix(items, problem.rank)};
  for (std::size_t k = 0; k < std::min(problem.rank, count); ++k) {
    double best = 0;
    double sign = 1;
    for (const double one : {1.0, -1.0}) {
      const double product = length_of(left.column(k), one) * length_of(right.column(k), one);
      if (product <= best) continue;
      best = product;
      sign = one;
    }
    if (best == 0) continue;
    // Each side takes the root of the product's length.
    put_part(left.column(k), sign, std::sqrt(best) / length_of(left.column(k), sign), start.users, k);
    put_part(right.column(k), sign, std::sqrt(best) / length_of(right.column(k), sign), start.items, k);
  }
  return start;
}

}  // namespace lowrank
