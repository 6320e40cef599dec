#include "train/alternating.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <numeric>

namespace lowrank {

void start_rows(FactorMatrix& table, std::span<const std::uint32_t> ratings, double deviation, std::uint64_t seed, Purpose purpose,
                Workers& workers) {
  workers.for_ranges(table.rows(), 1024, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      const std::span<float> factors = table.row(row);
      std::fill(factors.begin(), factors.end(), 0.0F);
      if (ratings[row] == 0) continue;
      RandomStream stream(seed, purpose, 0, row);
      for (float& x : factors) x = static_cast<float>(deviation * stream.normal());
    }
  });
}

void continue_rows(FactorMatrix& table, std::span<const std::uint32_t> ratings, const Side& from) {
  for (std::uint32_t row = 0; row < table.rows(); ++row) {
    if (from.knows(row) && ratings[row] != 0) std::ranges::copy(from.factors.row(row), table.row(row).begin());
  }
}

bool all_finite(std::span<const float> numbers, Workers& workers) {
  std::atomic<bool> finite{true};
  workers.for_ranges(numbers.size(), 1U << 16U, [&](std::size_t begin, std::size_t end, int) {
    // A sum of products with 0 is NaN as soon as one number is not finite; many sums, so that none waits for its own last addition.
    std::array<float, 16> sums{};
    std::size_t n = begin;
    for (; n + sums.size() <= end; n += sums.size()) {
      for (std::size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += numbers[n + lane] * 0.0F;
    }
    for (; n < end; ++n) sums[0] += numbers[n] * 0.0F;
    if (std::accumulate(sums.begin(), sums.end(), 0.0F) != 0.0F) finite.store(false, std::memory_order_relaxed);
  });
  return finite.load();
}

bool all_finite(const FactorMatrix& table, Workers& workers) { return all_finite({table.data(), table.rows() * table.stride()}, workers); }

double weighted_squares(const FactorMatrix& table, std::span<const double> weights, Workers& workers) {
  return workers.sum_rows(table.rows(), [&](std::size_t begin, std::size_t end, int) {
    double sum = 0;
    for (std::size_t row = begin; row < end; ++row) {
      float squares = 0;
      const std::span<const float> factors = table.row(row);
      // Eight sums side by side, which the compiler makes vectors of.
      float lanes[8] = {};
      std::size_t k = 0;
      for (; k + 8 <= factors.size(); k += 8) {
        for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] += factors[k + lane] * factors[k + lane];
      }
      for (; k < factors.size(); ++k) squares += factors[k] * factors[k];
      for (const float lane : lanes) squares += lane;
      sum += weights[row] * static_cast<double>(squares);
    }
    return sum;
  });
}

}  // namespace lowrank
