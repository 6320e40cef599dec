#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "lowrank/recommend/recommend.h"

namespace lowrank {

/// The order of every list: the higher score first, ties by index.
inline bool ranks_before(const Scored& a, const Scored& b) { return a.score > b.score || (a.score == b.score && a.index < b.index); }

/// Keeps the best `capacity` of what it is offered, in any order: a heap whose front is the worst one kept. Scores must not be NaN.
class TopList {
 public:
  /// Empties the list. \param capacity how many to keep from now on
  void reset(std::size_t capacity) {
    capacity_ = capacity;
    heap_.clear();
  }

  /// Whether `candidate` would be kept.
  [[nodiscard]] bool admits(const Scored& candidate) const noexcept {
    return heap_.size() < capacity_ || (capacity_ != 0 && ranks_before(candidate, heap_.front()));
  }

  /// Keeps `candidate`, which is admitted, in place of the worst where there is no room.
  void add(const Scored& candidate) {
    if (heap_.size() == capacity_) {
      std::pop_heap(heap_.begin(), heap_.end(), ranks_before);
      heap_.back() = candidate;
    } else {
      heap_.push_back(candidate);
    }
    std::push_heap(heap_.begin(), heap_.end(), ranks_before);
  }

  /// Moves the list, best first, into `list`; empty afterwards.
  void take(std::vector<Scored>& list) {
    std::sort_heap(heap_.begin(), heap_.end(), ranks_before);
    list.assign(heap_.begin(), heap_.end());
    heap_.clear();
  }

 private:
  std::size_t capacity_ = 0;
  std::vector<Scored> heap_;
};

}  // namespace lowrank
