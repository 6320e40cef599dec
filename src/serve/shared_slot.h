#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace lowrank::serve {

/// A shared pointer that many threads read and replace. In place of std::atomic<std::shared_ptr>, whose load() in GCC 12 lets go of its
/// lock without an order, so that a store may overtake it on processors that reorder.
template <class T>
class SharedSlot {
 public:
  [[nodiscard]] std::shared_ptr<T> load() const {
    const Hold hold(taken_);
    return pointer_;
  }
  /// The pointer that is replaced is released after the slot is unlocked.
  void store(std::shared_ptr<T> pointer) {
    const Hold hold(taken_);
    pointer_.swap(pointer);
  }

 private:
  /// For as long as copying a pointer takes.
  class Hold {
   public:
    explicit Hold(std::atomic_flag& taken) : taken_(taken) {
      while (taken_.test_and_set(std::memory_order_acquire)) {
      }
    }
    ~Hold() { taken_.clear(std::memory_order_release); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    std::atomic_flag& taken_;
  };

  mutable std::atomic_flag taken_;
  std::shared_ptr<T> pointer_;
};

}  // namespace lowrank::serve
