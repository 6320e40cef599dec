#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"

namespace lowrank {

/// Draws items for the negative side of a pair, each with a probability proportional to its number of ratings to a power (alias method:
/// Walker 1977, Vose 1991). Items without ratings are never drawn. Const use is safe from many threads.
class NegativeSampler {
 public:
  NegativeSampler() = default;
  /// \param items   to draw from \param counts  ratings of every item of the model \param exponent  0 draws uniformly. O(items)
  NegativeSampler(std::span<const std::uint32_t> items, std::span<const std::uint32_t> counts, double exponent);

  [[nodiscard]] bool empty() const { return items_.empty(); }

  /// An item outside `taken` (ascending): after kTries draws in vain the next one in order, kNone where there is none. O(log taken) per try
  std::uint32_t draw(RandomStream& random, std::span<const std::uint32_t> taken) const;

  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  static constexpr int kTries = 32;

 private:
  std::vector<std::uint32_t> items_;
  std::vector<double> shares_;          ///< probability that a place keeps its own item; empty: uniform
  std::vector<std::uint32_t> aliases_;  ///< item that a place gives otherwise
};

}  // namespace lowrank
