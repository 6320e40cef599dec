#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/recommend/recommend.h"

namespace lowrank {

/// The items with a training rating, ascending.
std::vector<std::uint32_t> known_items(const Model& model);

/// Items by their number of training ratings, those with the most first, ties in vocabulary order; the score is that number.
class PopularityOrder {
 public:
  /// \param items  those to put in order, ascending
  PopularityOrder(const Model& model, std::span<const std::uint32_t> items);
  /// Its first `top` without `excluded`, which ascend.
  void first(std::size_t top, std::span<const std::uint32_t> excluded, std::vector<Scored>& list) const;

 private:
  std::vector<Scored> order_;
};

}  // namespace lowrank
