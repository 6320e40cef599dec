#include "train/cutpoints.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/normal.h"
#include "train/gibbs.h"

namespace lowrank {

namespace {

constexpr double kOffsetUnits = 1 << 20U;
constexpr double kDegrees = 5;
/// No probability counts as less.
constexpr double kLeast = 1e-300;
/// A mode is found to about this much.
constexpr double kNewtonStep = 1e-9;

/// P(low < Z < high), on the side of the distribution where the digits are.
double normal_between(double low, double high) {
  return low > 0 ? normal_below(-low) - normal_below(-high) : normal_below(high) - normal_below(low);
}

}  // namespace

Cutpoints::Cutpoints(std::vector<double> levels, int slots)
    : levels_(std::move(levels)), bins_(static_cast<std::size_t>(slots)), places_(levels_.size()) {
  for (std::size_t level = 0; level + 1 < levels_.size(); ++level) cuts.push_back((levels_[level] + levels_[level + 1]) / 2);
}

void Cutpoints::clear() {
  for (std::vector<Bin>& bins : bins_) bins.clear();
}

void Cutpoints::add(int slot, std::size_t level, double score) {
  std::vector<Bin>& bins = bins_[static_cast<std::size_t>(slot)];
  if (bins.empty()) bins.resize(levels_.size() * kBins);
  if (!std::isfinite(score)) score = 0;
  const double place = (std::clamp(score, -kFarthest, kFarthest) + kFarthest) * (kBins / (2 * kFarthest));
  const std::size_t number = std::min(static_cast<std::size_t>(place), kBins - 1);
  Bin& bin = bins[level * kBins + number];
  ++bin.count;
  bin.offset += static_cast<std::int64_t>((place - static_cast<double>(number)) * kOffsetUnits);
}

void Cutpoints::gather() {
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    places_[level].clear();
    for (std::size_t number = 0; number < kBins; ++number) {
      Bin sum;
      for (const std::vector<Bin>& bins : bins_) {
        if (bins.empty()) continue;
        sum.count += bins[level * kBins + number].count;
        sum.offset += bins[level * kBins + number].offset;
      }
      if (sum.count == 0) continue;
      const auto count = static_cast<double>(sum.count);
      const double place = static_cast<double>(number) + static_cast<double>(sum.offset) / (kOffsetUnits * count);
      places_[level].push_back({place * (2 * kFarthest / kBins) - kFarthest, count});
    }
  }
}

// The levels on both sides of the cutpoint: log P(lower < score + Z < cut) below it, log P(cut < score + Z < upper) above.
Cutpoints::Curve Cutpoints::curve(std::size_t number, double cut) const {
  Curve sum;
  const auto add_level = [&](std::size_t level, double sign, double low, double high) {
    for (const Place& place : places_[level]) {
      const double z = cut - place.score;
      const double inside = std::max(normal_between(low - place.score, high - place.score), kLeast);
      const double ratio = normal_density(z) / inside;
      sum.value += place.count * std::log(inside);
      sum.slope += sign * place.count * ratio;
      sum.curvature -= place.count * ratio * (sign * z + ratio);
    }
  };
  add_level(number, 1, lower(number), cut);
  add_level(number + 1, -1, cut, upper(number + 1));
  return sum;
}

void Cutpoints::draw(RandomStream& stream) {
  for (std::size_t number = 0; number < cuts.size(); ++number) {
    const double least = number == 0 ? -kFarthest : cuts[number - 1];
    const double most = number + 1 == cuts.size() ? kFarthest : cuts[number + 1];
    // The density is log-concave: Newton's method between ends that close in on the mode.
    double low = least;
    double high = most;
    double mode = cuts[number];
    Curve there;
    for (int step = 0; step < 60; ++step) {
      there = curve(number, mode);
      (there.slope > 0 ? low : high) = mode;
      double next = there.curvature < 0 ? mode - there.slope / there.curvature : low - 1;
      if (!(next > low && next < high)) next = (low + high) / 2;
      const double move = std::abs(next - mode);
      mode = next;
      if (move < kNewtonStep) break;
    }
    there = curve(number, mode);
    const double normal = stream.normal();
    const double gamma = draw_gamma(stream, kDegrees / 2);
    const double uniform = stream.uniform();
    if (!(there.curvature < 0)) continue;
    const double spread = 1 / std::sqrt(-there.curvature);
    const double proposed = mode + spread * normal / std::sqrt(2 * gamma / kDegrees);
    if (!(proposed > least && proposed < most)) continue;
    const auto log_proposal = [&](double cut) {
      const double t = (cut - mode) / spread;
      return -(kDegrees + 1) / 2 * std::log1p(t * t / kDegrees);
    };
    const double gain =
        curve(number, proposed).value - log_proposal(proposed) - curve(number, cuts[number]).value + log_proposal(cuts[number]);
    if (std::log(1 - uniform) < gain) cuts[number] = proposed;
  }
}

double Cutpoints::latent(std::size_t level, double score, double uniform) const {
  double low = lower(level) - score;
  double high = upper(level) - score;
  // On the left of the distribution, where probabilities have all their digits.
  const bool mirrored = low > 0;
  if (mirrored) low = -std::exchange(high, -low);
  const double below = normal_below(low);
  const double inside = normal_below(high) - below;
  double z = inside > kLeast ? normal_quantile_near(below + uniform * inside) : high;
  z = std::clamp(z, low, high);
  return score + (mirrored ? -z : z);
}

double Cutpoints::squared_errors(std::span<const float> levels) const {
  double sum = 0;
  for (std::size_t level = 0; level < places_.size(); ++level) {
    for (const Place& place : places_[level]) {
      double mean = static_cast<double>(levels[0]);
      for (std::size_t step = 0; step < cuts.size(); ++step) {
        mean += (static_cast<double>(levels[step + 1]) - static_cast<double>(levels[step])) * normal_below(place.score - cuts[step]);
      }
      const double error = mean - static_cast<double>(levels[level]);
      sum += place.count * error * error;
    }
  }
  return sum;
}

}  // namespace lowrank
