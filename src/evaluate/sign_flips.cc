#include "evaluate/sign_flips.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>

#include "base/parallel.h"
#include "base/random.h"

namespace lowrank {

namespace {

/// Differences as great as the one observed, but for rounding, count as great.
constexpr double kRounding = 1e-12;

/// The size of the difference of two figures, from the difference and the sum of their totals.
double size_of(double difference, double sum, double weight, bool is_root) {
  if (!is_root) return std::abs(difference / weight);
  const double a = std::sqrt(std::max(0.0, (sum - difference) / 2 / weight));
  const double b = std::sqrt(std::max(0.0, (sum + difference) / 2 / weight));
  return std::abs(b - a);
}

}  // namespace

std::vector<double> sign_flip_p(const UserFigures& a, const UserFigures& b, std::size_t draws, std::uint64_t seed, int threads) {
  const std::size_t users = a.users.size();
  const std::size_t width = a.figures.size();
  const double weight = std::accumulate(a.weights.begin(), a.weights.end(), 0.0);
  std::vector<double> differences(users * width);
  std::vector<double> sums(width);
  std::vector<double> observed(width);
  for (std::size_t figure = 0; figure < width; ++figure) {
    double total = 0;
    for (std::size_t user = 0; user < users; ++user) {
      const double difference = b.figures[figure].sums[user] - a.figures[figure].sums[user];
      differences[user * width + figure] = difference;
      total += difference;
      sums[figure] += a.figures[figure].sums[user] + b.figures[figure].sums[user];
    }
    observed[figure] = size_of(total, sums[figure], weight, a.figures[figure].is_root) * (1 - kRounding);
  }
  constexpr std::size_t kGrain = 64;
  const auto as_great = Workers(threads).sum_ranges(draws, kGrain, [&](std::size_t begin, std::size_t end, int) {
    std::vector<std::size_t> count(width, 0);
    std::vector<double> totals(width);
    for (std::size_t draw = begin; draw < end; ++draw) {
      std::fill(totals.begin(), totals.end(), 0.0);
      RandomStream random(seed, Purpose::sign_flips, draw);
      std::uint64_t bits = 0;
      for (std::size_t user = 0; user < users; ++user) {
        constexpr std::size_t kBits = 64;
        if (user % kBits == 0) bits = random.bits();
        constexpr std::array kSigns{1.0, -1.0};
        const double sign = kSigns[bits & 1U];
        bits >>= 1U;
        const std::span<const double> row = std::span(differences).subspan(user * width, width);
        for (std::size_t figure = 0; figure < width; ++figure) totals[figure] += sign * row[figure];
      }
      for (std::size_t figure = 0; figure < width; ++figure) {
        if (size_of(totals[figure], sums[figure], weight, a.figures[figure].is_root) >= observed[figure]) ++count[figure];
      }
    }
    return count;
  });
  std::vector<double> p;
  for (const std::size_t count : as_great) p.push_back(static_cast<double>(1 + count) / static_cast<double>(1 + draws));
  return p;
}

}  // namespace lowrank
