#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace lowrank {

template <class T>
struct Aligned64 {
  using value_type = T;
  Aligned64() = default;
  template <class U>
  explicit Aligned64(const Aligned64<U>& /*other*/) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* p, std::size_t /*n*/) { ::operator delete(p, std::align_val_t{64}); }
  friend bool operator==(const Aligned64&, const Aligned64&) { return true; }
};

/// Floats that start at a multiple of 64 bytes, as kernels want their rows.
using AlignedVector = std::vector<float, Aligned64<float>>;

/// Floats of a row of `rank` numbers with its padding.
constexpr std::size_t row_stride(std::size_t rank) { return (rank + 15) / 16 * 16; }

}  // namespace lowrank
