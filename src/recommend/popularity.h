#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/recommend/recommend.h"

namespace lowrank {

/// All items with a training rating, those with the most first, ties in vocabulary order; the score is that number.
class PopularityOrder {
 public:
  explicit PopularityOrder(const Model& model);
  /// Its first `top` without `excluded`, which ascend.
  void first(std::size_t top, std::span<const std::uint32_t> excluded, std::vector<Scored>& list) const;

 private:
  std::vector<Scored> order_;
};

}  // namespace lowrank
