#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#include "base/parallel.h"

namespace lowrank {

/// An array of doubles, zeros at first, that starts at a multiple of 64 bytes.
class AlignedDoubles {
 public:
  explicit AlignedDoubles(std::size_t size) : data_(static_cast<double*>(::operator new[](size * sizeof(double), std::align_val_t{64}))) {
    std::fill_n(data_.get(), size, 0.0);
  }
  [[nodiscard]] double* data() noexcept { return data_.get(); }
  [[nodiscard]] const double* data() const noexcept { return data_.get(); }

 private:
  struct Release {
    void operator()(double* data) const noexcept { ::operator delete[](data, std::align_val_t{64}); }
  };
  std::unique_ptr<double[], Release> data_;
};

/// A symmetric matrix in double: the square tiles on and above the diagonal, row by row. Beyond its size there are ones on the diagonal
/// and zeros elsewhere. About 4 size^2 bytes.
class TiledMatrix {
 public:
  /// Rows and columns of a tile.
  static constexpr std::size_t kTile = 96;

  /// Zeros. \param size  at least 1
  explicit TiledMatrix(std::size_t size);
  /// Bytes of a matrix, and of what invert() needs besides.
  static std::size_t bytes(std::size_t size);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Tiles per side.
  [[nodiscard]] std::size_t tiles() const noexcept { return tiles_; }
  /// kTile x kTile numbers, row by row. \param row  not above `column`
  [[nodiscard]] double* tile(std::size_t row, std::size_t column) noexcept { return data_.data() + place(row, column) * kTile * kTile; }
  [[nodiscard]] const double* tile(std::size_t row, std::size_t column) const noexcept {
    return data_.data() + place(row, column) * kTile * kTile;
  }
  /// Copies row `row` to `size` numbers.
  void copy_row(std::size_t row, double* to) const;

 private:
  [[nodiscard]] std::size_t place(std::size_t row, std::size_t column) const noexcept {
    return row * tiles_ - row * (row + 1) / 2 + column;
  }

  std::size_t size_;
  std::size_t tiles_;
  AlignedDoubles data_;
};

/// Replaces a positive definite matrix by the negative of its inverse, in place, by sweeping its tiles one after another. Of tiles on the
/// diagonal both triangles must be there. \return false where it is not positive definite. O(size^3 / 2) multiplications. The result does
/// not depend on the threads.
bool invert(TiledMatrix& matrix, Workers& workers);

}  // namespace lowrank
