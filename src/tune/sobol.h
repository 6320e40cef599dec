#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lowrank {

/// Points of Sobol's sequence in [0, 1)^dimensions, in the order of Antonov and Saleev (Gray code), with the direction numbers of Joe and
/// Kuo (2008, new-joe-kuo-6.21201): the unscrambled points are those of scipy.stats.qmc.Sobol. Scrambled ones are Owen's (1995): a random
/// permutation of the halves of every interval, drawn by a hash of seed, dimension and interval, so that no state is kept.
class Sobol {
 public:
  static constexpr std::size_t kMostDimensions = 32;

  /// \param dimensions  1 to kMostDimensions
  explicit Sobol(std::size_t dimensions);
  /// Scrambled points: those of another `stream` are independent of these.
  Sobol(std::size_t dimensions, std::uint64_t seed, std::uint64_t stream);

  /// The next point of the sequence. The first 2^32 are distinct.
  std::vector<double> next();

 private:
  static constexpr std::size_t kBits = 32;

  std::vector<std::array<std::uint32_t, kBits>> directions_;
  std::vector<std::uint32_t> state_;
  std::uint32_t index_ = 0;
  bool scrambled_ = false;
  std::uint64_t seed_ = 0;
  std::uint64_t stream_ = 0;
};

}  // namespace lowrank
