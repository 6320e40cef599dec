#pragma once

/// \file
/// Large arrays whose memory can be returned to the system in pieces.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

namespace [[gnu::visibility("default")]] lowrank {

namespace detail {

/// Maps zeroed pages. \throws std::bad_alloc
void* map_pages(std::size_t bytes);
void unmap_pages(void* begin, std::size_t bytes) noexcept;
/// Returns the whole pages inside [begin, begin + bytes) to the system; they read as zero afterwards.
void release_pages(void* begin, std::size_t bytes) noexcept;

}  // namespace detail

/// An array of fixed size, zero at first. It takes memory only for pages that were written, and can return the memory of its front while
/// the rest is still in use. Moves are O(1). Reading is safe from many threads.
template <class T>
class PageArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  PageArray() = default;
  /// `size` zeros. \throws std::bad_alloc
  explicit PageArray(std::size_t size) : size_(size), mapped_(size * sizeof(T)) {
    if (size != 0) data_ = static_cast<T*>(detail::map_pages(mapped_));
  }
  PageArray(const PageArray& other) : PageArray(other.size_) {
    if (size_ != 0) std::memcpy(data_, other.data_, size_ * sizeof(T));
  }
  PageArray(PageArray&& other) noexcept { swap(other); }
  PageArray& operator=(PageArray other) noexcept {
    swap(other);
    return *this;
  }
  ~PageArray() {
    if (data_ != nullptr) detail::unmap_pages(data_, mapped_);
  }

  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] const T* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T& operator[](std::size_t index) noexcept { return data_[index]; }
  [[nodiscard]] const T& operator[](std::size_t index) const noexcept { return data_[index]; }
  operator std::span<const T>() const noexcept { return {data_, size_}; }  // NOLINT(google-explicit-constructor): as std::vector

  /// Cuts the array to its first `size` elements and returns the memory of the others.
  void shrink(std::size_t size) noexcept {
    if (size >= size_) return;
    detail::release_pages(data_ + size, (size_ - size) * sizeof(T));
    size_ = size;
  }
  /// Returns the memory of the first `count` elements, as far as they fill pages. They must not be read afterwards; the others stay valid.
  void release_front(std::size_t count) noexcept {
    if (data_ != nullptr) detail::release_pages(data_, std::min(count, size_) * sizeof(T));
  }

 private:
  void swap(PageArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_ = 0;  ///< size of the mapping in bytes
};

}  // namespace lowrank
