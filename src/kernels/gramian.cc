#include "kernels/gramian.h"

#include <algorithm>
#include <cstring>

#include "kernels/eigen.h"
#include "kernels/gram.h"

namespace lowrank {

namespace {

/// Rows whose products are added in float before they are added to the sum in double.
constexpr std::size_t kFloatRows = 256;

/// Adds up `body(begin, end)`, upper triangles, over pieces that depend on the table's size alone: fewer of large ranks, because each piece
/// has a matrix of its own.
template <class Body>
std::vector<double> sum_of_pieces(std::size_t rows, std::size_t rank, Workers& workers, const Body& body) {
  if (rank == 0) return {};
  const std::size_t columns = (rank + 15) / 16 * 16;
  const std::size_t most_pieces = std::clamp<std::size_t>((std::size_t{1} << 23U) / (columns * columns), 4, 64);
  const std::size_t grain = (rows / most_pieces / kFloatRows + 1) * kFloatRows;
  std::vector<double> sum = workers.sum_ranges(rows, grain, body);
  sum.resize(rank * rank);
  for (std::size_t i = 0; i < rank; ++i) {
    for (std::size_t j = 0; j < i; ++j) sum[i * rank + j] = sum[j * rank + i];
  }
  return sum;
}

}  // namespace

std::vector<double> gramian(const RowTable& table, std::size_t rows, std::size_t rank, std::span<const double> weights, Workers& workers) {
  const std::size_t columns = table.stride;
  return sum_of_pieces(rows, rank, workers, [&](std::size_t begin, std::size_t end, int) {
    const std::size_t lda = scratch_stride(columns);
    AlignedFloats product(columns * lda);
    AlignedFloats weighted(weights.empty() ? 0 : kFloatRows * columns);
    std::vector<double> sum(rank * rank);
    for (std::size_t row = begin; row < end; row += kFloatRows) {
      std::fill_n(product.data(), product.size(), 0.0F);
      const std::size_t count = std::min(kFloatRows, end - row);
      const float* right = table.rows + row * columns;
      const float* left = right;
      if (!weights.empty()) {
        for (std::size_t i = 0; i < count; ++i) {
          const auto weight = static_cast<float>(weights[row + i]);
          for (std::size_t k = 0; k < columns; ++k) weighted[i * columns + k] = weight * right[i * columns + k];
        }
        left = weighted.data();
      }
      add_gram(left, right, columns, count, columns, product.data(), lda);
      for (std::size_t i = 0; i < rank; ++i) {
        for (std::size_t j = i; j < rank; ++j) sum[i * rank + j] += static_cast<double>(product[i * lda + j]);
      }
    }
    return sum;
  });
}

std::vector<double> gramian(std::span<const double> table, std::size_t rank, Workers& workers) {
  const std::size_t rows = rank == 0 ? 0 : table.size() / rank;
  return sum_of_pieces(rows, rank, workers, [&](std::size_t begin, std::size_t end, int) {
    std::vector<double> sum(rank * rank);
    for (const double* row = table.data() + begin * rank; row != table.data() + end * rank; row += rank) {
      for (std::size_t i = 0; i < rank; ++i) {
        for (std::size_t j = i; j < rank; ++j) sum[i * rank + j] += row[i] * row[j];
      }
    }
    return sum;
  });
}

AlignedFloats in_panels(std::span<const double> matrix, std::size_t rows, std::size_t columns) {
  AlignedFloats panels(panels_size(rows, columns));
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      panels[place_in_panels(rows, row, column)] = static_cast<float>(matrix[row * columns + column]);
    }
  }
  return panels;
}

Eigenbasis eigenbasis(std::vector<double> gramian, std::size_t rank, Workers& workers) {
  Eigenbasis basis;
  basis.vectors = AlignedFloats(panels_size(rank, rank));
  basis.values = symmetric_eigen(gramian, rank, workers);
  for (double& value : basis.values) value = std::max(value, 0.0);
  basis.back = in_panels(gramian, rank, rank);
  for (std::size_t i = 0; i < rank; ++i) {
    for (std::size_t j = 0; j < rank; ++j) basis.vectors[place_in_panels(rank, i, j)] = static_cast<float>(gramian[j * rank + i]);
  }
  return basis;
}

namespace {

/// rotate() of rows row_of(0), row_of(1) ... row_of(count - 1).
template <class RowOf>
void rotate_some(float* table, std::size_t stride, std::size_t count, const RowOf& row_of, std::size_t rank, const AlignedFloats& matrix,
                 Workers& workers) {
  if (rank == 0) return;
  constexpr std::size_t kRows = 128;
  const std::size_t ld = scratch_stride(stride);
  const std::size_t bytes = stride * sizeof(float);
  std::vector<AlignedFloats> scratch(static_cast<std::size_t>(workers.count()));
  workers.for_ranges(count, kRows, [&](std::size_t begin, std::size_t end, int slot) {
    AlignedFloats& rows = scratch[static_cast<std::size_t>(slot)];
    rows.reserve(2 * kRows * ld);
    float* products = rows.data() + kRows * ld;
    for (std::size_t i = begin; i < end; ++i) std::memcpy(rows.data() + (i - begin) * ld, table + row_of(i) * stride, bytes);
    multiply_rows(rows.data(), ld, end - begin, rank, matrix.data(), stride, products, ld);
    for (std::size_t i = begin; i < end; ++i) std::memcpy(table + row_of(i) * stride, products + (i - begin) * ld, bytes);
  });
}

}  // namespace

void rotate(float* table, std::size_t stride, std::size_t rows, std::size_t rank, const AlignedFloats& matrix, Workers& workers) {
  rotate_some(
      table, stride, rows, [](std::size_t i) { return i; }, rank, matrix, workers);
}

void rotate(float* table, std::size_t stride, std::span<const std::uint32_t> rows, std::size_t rank, const AlignedFloats& matrix,
            Workers& workers) {
  rotate_some(
      table, stride, rows.size(), [&](std::size_t i) { return std::size_t{rows[i]}; }, rank, matrix, workers);
}

}  // namespace lowrank
