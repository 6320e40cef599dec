#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

namespace lowrank {

/// Scratch floats that start at a multiple of 64 bytes.
class AlignedFloats {
 public:
  AlignedFloats() = default;
  /// All zeros. \throws std::bad_alloc
  explicit AlignedFloats(std::size_t size)
      : data_(static_cast<float*>(::operator new[](size * sizeof(float), std::align_val_t{64}))), size_(size) {
    std::fill_n(data_.get(), size, 0.0F);
  }

  [[nodiscard]] float* data() noexcept { return data_.get(); }
  [[nodiscard]] const float* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  float& operator[](std::size_t index) noexcept { return data_[index]; }
  const float& operator[](std::size_t index) const noexcept { return data_[index]; }
  /// Makes room for at least `size` floats; where it grows, the old floats are lost.
  void reserve(std::size_t size) {
    if (size > size_) *this = AlignedFloats(size);
  }

 private:
  struct Release {
    void operator()(float* data) const noexcept { ::operator delete[](data, std::align_val_t{64}); }
  };
  std::unique_ptr<float[], Release> data_;
  std::size_t size_ = 0;
};

/// Floats per row of a scratch matrix of `columns`: a multiple of 16, but not of 64, or rows would compete for the same lines of the
/// nearest cache.
constexpr std::size_t scratch_stride(std::size_t columns) {
  const std::size_t padded = (columns + 15) / 16 * 16;
  return padded % 64 == 0 ? padded + 16 : padded;
}

}  // namespace lowrank
