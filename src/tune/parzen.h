#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/random.h"

namespace lowrank {

/// A density over points of the unit cube: a mixture of products of kernels around observed points and of a prior. A coordinate of a range
/// has a normal kernel, one of choices a kernel that prefers the choice of its point. The estimator of tree-structured Parzen searches in
/// its multivariate form (Bergstra, Bardenet, Bengio and Kegl 2011; Falkner, Klein and Hutter 2018).
class ParzenDensity {
 public:
  /// \param points   observed points, of one coordinate per axis, in [0, 1). \param choices  number of choices per axis, 0 for a range
  ParzenDensity(std::vector<std::vector<double>> points, std::vector<std::size_t> choices);

  [[nodiscard]] double logarithm(std::span<const double> point) const;
  [[nodiscard]] std::vector<double> draw(RandomStream& random) const;

 private:
  [[nodiscard]] double kernel(std::size_t axis, double x, double centre) const;

  std::vector<std::vector<double>> points_;
  std::vector<std::size_t> choices_;
  double width_ = 0.3;  ///< of normal kernels
};

/// Observations that count as good, of `count` in all: a tenth, rounded up, at most 25.
constexpr std::size_t good_of(std::size_t count) { return count > 250 ? 25 : (count + 9) / 10; }

}  // namespace lowrank
