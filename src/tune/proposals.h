#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "tune/space.h"

namespace lowrank {

struct Candidate;

/// What the random numbers of a round depend on.
struct RoundKey {
  std::uint64_t seed = 1;
  std::size_t stream = 0;  ///< number of the method
  std::size_t round = 0;   ///< from 1

  /// A number for a purpose's major key.
  [[nodiscard]] std::uint64_t major() const noexcept { return (std::uint64_t{stream} << 32U) + round; }
};

/// The next methods to try, given what is known of others; fewer than `count`, and not in `tried`, where nothing else is left.
std::vector<Method> propose(const Space& space, std::span<const Candidate> candidates, std::size_t rungs, std::size_t count,
                            const RoundKey& key, const std::set<std::string>& tried);

}  // namespace lowrank
