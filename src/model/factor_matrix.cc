#include "lowrank/model/factor_matrix.h"

#include <algorithm>
#include <utility>

#include "base/memory.h"

namespace lowrank {

FactorMatrix::FactorMatrix(std::size_t rows, std::size_t rank) : rows_(rows), rank_(rank), stride_((rank + kLanes - 1) / kLanes * kLanes) {
  if (stride_ != 0 && rows_ > SIZE_MAX / sizeof(float) / stride_) throw std::bad_array_new_length();
  if (floats() == 0) return;
  data_.reset(static_cast<float*>(::operator new[](floats() * sizeof(float), std::align_val_t{64})));
  prefer_large_pages(data_.get(), floats() * sizeof(float));
  std::fill_n(data_.get(), floats(), 0.0F);
}

FactorMatrix::FactorMatrix(const FactorMatrix& other) : FactorMatrix(other.rows_, other.rank_) {
  std::copy_n(other.data_.get(), floats(), data_.get());
}

FactorMatrix::FactorMatrix(FactorMatrix&& other) noexcept
    : rows_(std::exchange(other.rows_, 0)),
      rank_(std::exchange(other.rank_, 0)),
      stride_(std::exchange(other.stride_, 0)),
      data_(std::move(other.data_)) {}

FactorMatrix& FactorMatrix::operator=(FactorMatrix other) noexcept {
  rows_ = std::exchange(other.rows_, 0);
  rank_ = std::exchange(other.rank_, 0);
  stride_ = std::exchange(other.stride_, 0);
  data_ = std::move(other.data_);
  return *this;
}

bool operator==(const FactorMatrix& a, const FactorMatrix& b) {
  return a.rows_ == b.rows_ && a.rank_ == b.rank_ && std::equal(a.data_.get(), a.data_.get() + a.floats(), b.data_.get());
}

}  // namespace lowrank
