#include "train/gramian.h"

#include <algorithm>
#include <cstring>

#include "kernels/eigen.h"
#include "kernels/gram.h"

namespace lowrank {

std::vector<double> gramian(const FactorMatrix& table, std::span<const double> weights, Workers& workers) {
  // Rows whose products are added in float before they go to the sum in double, and pieces of the table: fixed numbers, so that the sum is
  // the same for any number of threads; fewer pieces of large ranks, for each has a matrix of its own.
  constexpr std::size_t kFloatRows = 256;
  const std::size_t rank = table.rank();
  const std::size_t columns = table.stride();
  if (rank == 0) return {};
  const std::size_t most_pieces = std::clamp<std::size_t>((std::size_t{1} << 23U) / (columns * columns), 4, 64);
  const std::size_t grain = (table.rows() / most_pieces / kFloatRows + 1) * kFloatRows;
  std::vector<std::vector<double>> sums((table.rows() + grain - 1) / grain);
  workers.for_ranges(table.rows(), grain, [&](std::size_t begin, std::size_t end, int) {
    const std::size_t lda = scratch_stride(columns);
    AlignedFloats product(columns * lda);
    AlignedFloats weighted(weights.empty() ? 0 : kFloatRows * columns);
    std::vector<double>& sum = sums[begin / grain];
    sum.assign(rank * rank, 0);
    for (std::size_t row = begin; row < end; row += kFloatRows) {
      std::fill_n(product.data(), product.size(), 0.0F);
      const std::size_t count = std::min(kFloatRows, end - row);
      const float* rows = table.row(row).data();
      const float* left = rows;
      if (!weights.empty()) {
        for (std::size_t i = 0; i < count; ++i) {
          const auto weight = static_cast<float>(weights[row + i]);
          for (std::size_t k = 0; k < columns; ++k) weighted[i * columns + k] = weight * rows[i * columns + k];
        }
        left = weighted.data();
      }
      add_gram(left, rows, columns, count, columns, product.data(), lda);
      for (std::size_t i = 0; i < rank; ++i) {
        for (std::size_t j = i; j < rank; ++j) sum[i * rank + j] += static_cast<double>(product[i * lda + j]);
      }
    }
  });
  std::vector<double> total(rank * rank);
  for (const std::vector<double>& sum : sums) {
    for (std::size_t i = 0; i < sum.size(); ++i) total[i] += sum[i];
  }
  return total;
}

Eigenbasis eigenbasis(std::vector<double> gramian, std::size_t rank, Workers& workers) {
  Eigenbasis basis;
  basis.vectors = AlignedFloats(panels_size(rank, rank));
  basis.values = symmetric_eigen(gramian, rank, workers);
  for (double& value : basis.values) value = std::max(value, 0.0);
  for (std::size_t i = 0; i < rank; ++i) {
    for (std::size_t j = 0; j < rank; ++j) basis.vectors[place_in_panels(rank, i, j)] = static_cast<float>(gramian[j * rank + i]);
  }
  return basis;
}

namespace {

/// rotate() of rows row_of(0), row_of(1) ... row_of(count - 1).
template <class RowOf>
void rotate_some(FactorMatrix& table, std::size_t count, const RowOf& row_of, const AlignedFloats& matrix, Workers& workers) {
  if (table.rank() == 0) return;
  constexpr std::size_t kRows = 128;
  const std::size_t columns = table.stride();
  const std::size_t ld = scratch_stride(columns);
  std::vector<AlignedFloats> scratch(static_cast<std::size_t>(workers.count()));
  workers.for_ranges(count, kRows, [&](std::size_t begin, std::size_t end, int slot) {
    AlignedFloats& rows = scratch[static_cast<std::size_t>(slot)];
    rows.reserve(2 * kRows * ld);
    float* products = rows.data() + kRows * ld;
    const std::size_t bytes = columns * sizeof(float);
    for (std::size_t i = begin; i < end; ++i) std::memcpy(rows.data() + (i - begin) * ld, table.row(row_of(i)).data(), bytes);
    multiply_rows(rows.data(), ld, end - begin, table.rank(), matrix.data(), columns, products, ld);
    for (std::size_t i = begin; i < end; ++i) std::memcpy(table.row(row_of(i)).data(), products + (i - begin) * ld, bytes);
  });
}

}  // namespace

void rotate(FactorMatrix& table, const AlignedFloats& matrix, Workers& workers) {
  rotate_some(
      table, table.rows(), [](std::size_t i) { return i; }, matrix, workers);
}

void rotate(FactorMatrix& table, std::span<const std::uint32_t> rows, const AlignedFloats& matrix, Workers& workers) {
  rotate_some(
      table, rows.size(), [&](std::size_t i) { return std::size_t{rows[i]}; }, matrix, workers);
}

double weighted_squares(const FactorMatrix& table, const std::vector<double>& weights, Workers& workers) {
  constexpr std::size_t kRows = 1024;
  std::vector<double> sums((table.rows() + kRows - 1) / kRows);
  workers.for_ranges(table.rows(), kRows, [&](std::size_t begin, std::size_t end, int) {
    double sum = 0;
    for (std::size_t row = begin; row < end; ++row) {
      float squares = 0;
      const std::span<const float> factors = table.row(row);
      // Eight sums side by side, which the compiler makes vectors of.
      float lanes[8] = {};
      std::size_t k = 0;
      for (; k + 8 <= factors.size(); k += 8) {
        for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] += factors[k + lane] * factors[k + lane];
      }
      for (; k < factors.size(); ++k) squares += factors[k] * factors[k];
      for (const float lane : lanes) squares += lane;
      sum += weights[row] * static_cast<double>(squares);
    }
    sums[begin / kRows] = sum;
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace lowrank
