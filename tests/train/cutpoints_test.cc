#include "train/cutpoints.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/normal.h"

namespace lowrank::cutpoints_test {
namespace {

struct Rating {
  std::size_t level;
  double score;
};

const std::vector<Rating>& ratings() {
  static const std::vector<Rating> all = {{0, -1.2}, {0, 0.3}, {1, -0.4}, {1, 0.9}, {1, 0.1}, {2, 0.6}, {2, 1.8}, {2, 1.1}, {0, -0.7}};
  return all;
}

Cutpoints counted(int slots = 1) {
  Cutpoints cutpoints({-1, 0, 1}, slots);
  int slot = 0;
  for (const Rating& rating : ratings()) {
    cutpoints.add(slot, rating.level, rating.score);
    slot = (slot + 1) % slots;
  }
  cutpoints.gather();
  return cutpoints;
}

double log_likelihood(double first, double second) {
  double sum = 0;
  for (const Rating& rating : ratings()) {
    const double below_first = normal_below(first - rating.score);
    const double below_second = normal_below(second - rating.score);
    const double probability = rating.level == 0 ? below_first : rating.level == 1 ? below_second - below_first : 1 - below_second;
    sum += std::log(probability);
  }
  return sum;
}

// The posterior of two cutpoints by quadrature: means, variances and covariance.
TEST(Cutpoints, AreDrawnFromTheirPosterior) {
  double weight = 0;
  std::vector<double> moments(5);
  const auto values = [](double a, double b) { return std::vector<double>{a, b, a * a, b * b, a * b}; };
  constexpr double kStep = 0.02;
  for (double a = -4; a < 5; a += kStep) {
    for (double b = a + kStep / 2; b < 7; b += kStep) {
      const double own = std::exp(log_likelihood(a, b));
      weight += own;
      for (std::size_t n = 0; n < moments.size(); ++n) moments[n] += own * values(a, b)[n];
    }
  }
  for (double& moment : moments) moment /= weight;

  Cutpoints cutpoints = counted();
  std::vector<double> drawn(5);
  constexpr int kDraws = 60'000;
  for (int draw = 0; draw < kDraws; ++draw) {
    RandomStream stream(3, Purpose::gibbs, static_cast<std::uint64_t>(draw));
    cutpoints.draw(stream);
    ASSERT_LT(cutpoints.cuts[0], cutpoints.cuts[1]);
    for (std::size_t n = 0; n < drawn.size(); ++n) drawn[n] += values(cutpoints.cuts[0], cutpoints.cuts[1])[n] / kDraws;
  }
  for (std::size_t n = 0; n < drawn.size(); ++n) EXPECT_NEAR(drawn[n], moments[n], 0.03) << n;
}

TEST(Cutpoints, DoNotDependOnWhoCounts) {
  Cutpoints one = counted(1);
  Cutpoints three = counted(3);
  for (std::uint64_t draw = 0; draw < 20; ++draw) {
    RandomStream stream(1, Purpose::gibbs, draw);
    RandomStream same(1, Purpose::gibbs, draw);
    one.draw(stream);
    three.draw(same);
  }
  EXPECT_EQ(one.cuts, three.cuts);
}

// A normal draw between two cutpoints has the moments of the truncated normal distribution (Johnson, Kotz and Balakrishnan 1994, 13.10).
TEST(Cutpoints, LatentDrawsAreTruncatedNormal) {
  Cutpoints cutpoints({-1, 0, 1}, 1);
  cutpoints.cuts = {-0.3, 0.8};
  for (const auto& [level, score] : {std::pair<std::size_t, double>{0, 0.5}, {1, 0.5}, {2, 0.5}, {0, 9}, {2, -9}, {1, 7}}) {
    const double low = level == 0 ? -50 : cutpoints.cuts[level - 1] - score;
    const double high = level == 2 ? 50 : cutpoints.cuts[level] - score;
    const double inside = low > 0 ? normal_below(-low) - normal_below(-high) : normal_below(high) - normal_below(low);
    const double mean = (normal_density(low) - normal_density(high)) / inside;
    constexpr int kDraws = 20'000;
    double sum = 0;
    for (int draw = 0; draw < kDraws; ++draw) {
      const double z = cutpoints.latent(level, score, (draw + 0.5) / kDraws) - score;
      ASSERT_GE(z, low - 1e-12);
      ASSERT_LE(z, high + 1e-12);
      sum += z / kDraws;
    }
    EXPECT_NEAR(sum, mean, 1e-3) << level << " " << score;
  }
}

TEST(Cutpoints, ErrorsAreThoseOfExpectedLevels) {
  Cutpoints cutpoints = counted();
  cutpoints.cuts = {-0.3, 0.8};
  const std::vector<float> levels = {1, 3, 4};
  double sum = 0;
  for (const Rating& rating : ratings()) {
    const double first = normal_below(-0.3 - rating.score);
    const double second = normal_below(0.8 - rating.score);
    const double mean = first + 3 * (second - first) + 4 * (1 - second);
    sum += std::pow(mean - static_cast<double>(levels[rating.level]), 2);
  }
  EXPECT_NEAR(cutpoints.squared_errors(levels), sum, 1e-4);
}

}  // namespace
}  // namespace lowrank::cutpoints_test
