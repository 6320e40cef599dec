#include "train/row_weights.h"

#include <numeric>

namespace lowrank {

std::vector<double> row_weights(std::span<const std::size_t> offsets, std::span<const float> weights) {
  std::vector<double> sums(offsets.size() - 1);
  for (std::size_t row = 0; row < sums.size(); ++row) {
    const std::size_t count = offsets[row + 1] - offsets[row];
    if (weights.empty()) {
      sums[row] = static_cast<double>(count);
    } else {
      const std::span<const float> own = weights.subspan(offsets[row], count);
      sums[row] = std::accumulate(own.begin(), own.end(), 0.0);
    }
  }
  return sums;
}

double total_weight(const Ratings& ratings, Workers& workers) {
  constexpr std::size_t kGrain = 1U << 20U;
  if (!ratings.has_weights()) return static_cast<double>(ratings.size());
  return workers.sum_ranges(ratings.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    const std::span<const float> part = ratings.weights().subspan(begin, end - begin);
    return std::accumulate(part.begin(), part.end(), 0.0);
  });
}

}  // namespace lowrank
