#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

namespace [[gnu::visibility("default")]] lowrank {

/// A rows x rank matrix of float32 whose rows start at multiples of 64 bytes, so that a kernel may load whole vectors of any width.
/// The floats between rank and stride are zero and stay zero: dot products over the stride equal those over the rank.
class FactorMatrix {
 public:
  /// Rows are padded to a multiple of this many floats (64 bytes).
  static constexpr std::size_t kLanes = 16;

  FactorMatrix() = default;
  /// All zeros. \throws std::bad_alloc
  FactorMatrix(std::size_t rows, std::size_t rank);
  FactorMatrix(const FactorMatrix& other);
  FactorMatrix(FactorMatrix&& other) noexcept;
  FactorMatrix& operator=(FactorMatrix other) noexcept;
  ~FactorMatrix() = default;

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t rank() const noexcept { return rank_; }
  /// Floats from one row to the next: rank rounded up to a multiple of kLanes (0 for rank 0).
  [[nodiscard]] std::size_t stride() const noexcept { return stride_; }

  [[nodiscard]] float* data() noexcept { return data_.get(); }
  [[nodiscard]] const float* data() const noexcept { return data_.get(); }
  /// The rank floats of one row.
  [[nodiscard]] std::span<float> row(std::size_t index) noexcept { return {data_.get() + index * stride_, rank_}; }
  [[nodiscard]] std::span<const float> row(std::size_t index) const noexcept { return {data_.get() + index * stride_, rank_}; }

  /// Equal shape and equal floats.
  friend bool operator==(const FactorMatrix& a, const FactorMatrix& b);

 private:
  struct Release {
    void operator()(float* data) const noexcept { ::operator delete[](data, std::align_val_t{64}); }
  };
  [[nodiscard]] std::size_t floats() const noexcept { return rows_ * stride_; }

  std::size_t rows_ = 0;
  std::size_t rank_ = 0;
  std::size_t stride_ = 0;
  std::unique_ptr<float[], Release> data_;
};

}  // namespace lowrank
