#include "lowrank/evaluate/calibration.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/normal.h"
#include "base/parallel.h"
#include "lowrank/base/error.h"
#include "model/neighbour_sums.h"
#include "model/uncertainty_section.h"

namespace lowrank {

namespace {

constexpr std::size_t kPairGrain = std::size_t{1} << 14U;

/// The score of a normal distribution: its deviation times z (2 P(Z <= z) - 1) + 2 density(z) - pi^(-1/2) (Gneiting and Raftery 2007).
double normal_crps(double error, double deviation) {
  if (!(deviation > 0)) return std::abs(error);
  const double z = error / deviation;
  return deviation * (z * (2 * normal_below(z) - 1) + 2 * normal_density(z) - 1 / std::sqrt(std::numbers::pi));
}

double ranked_score(const OrdinalScale& scale, double score, double variance, double value) {
  const double own = std::sqrt(variance);
  double sum = 0;
  for (std::size_t step = 0; step < scale.cutpoints.size(); ++step) {
    const double below = normal_below((scale.cutpoints[step] - score) / own);
    const double is_below = value <= static_cast<double>(scale.levels[step]) ? 1 : 0;
    sum +=
        (static_cast<double>(scale.levels[step + 1]) - static_cast<double>(scale.levels[step])) * (below - is_below) * (below - is_below);
  }
  return sum;
}

struct ScoredPairs {
  std::vector<double> scores;
  std::vector<double> variances;
};

ScoredPairs score_all(const Model& model, const Pairs& pairs, Workers& workers) {
  if (pairs.values.size() != pairs.size()) throw DataError("pairs without ratings cannot be scored");
  if (pairs.size() == 0) throw DataError("there are no ratings to score");
  ScoredPairs scored{.scores = std::vector<double>(pairs.size()), .variances = std::vector<double>(pairs.size())};
  predict_variances(model, pairs.users, pairs.items, scored.variances, workers.count());
  workers.for_ranges(pairs.size(), kPairGrain, [&](std::size_t begin, std::size_t end, int) {
    score_pairs(model, std::span(pairs.users).subspan(begin, end - begin), std::span(pairs.items).subspan(begin, end - begin),
                std::span(scored.scores).subspan(begin, end - begin));
  });
  add_contexts(model, pairs, scored.scores, workers.count());
  return scored;
}

/// The share of the ratings that lie within their intervals of each level.
std::vector<double> shares_within(const Model& model, const Pairs& pairs, const ScoredPairs& scored, std::span<const double> levels,
                                  Workers& workers) {
  std::vector<double> shares = workers.sum_ranges(pairs.size(), kPairGrain, [&](std::size_t begin, std::size_t end, int) {
    std::vector<double> inside(levels.size());
    for (std::size_t n = begin; n < end; ++n) {
      const auto value = static_cast<double>(pairs.values[n]);
      for (std::size_t level = 0; level < levels.size(); ++level) {
        const RatingInterval interval = rating_interval(model, scored.scores[n], scored.variances[n], levels[level]);
        if (interval.low <= value && value <= interval.high) inside[level] += 1;
      }
    }
    return inside;
  });
  for (double& share : shares) share /= static_cast<double>(pairs.size());
  return shares;
}

struct CalibrationSums {
  double crps = 0;
  double constant_crps = 0;
  CalibrationSums& operator+=(const CalibrationSums& other) {
    crps += other.crps;
    constant_crps += other.constant_crps;
    return *this;
  }
};

}  // namespace

std::vector<double> coverage_of(const Model& model, const Pairs& pairs, std::span<const double> levels, int threads) {
  Workers workers(threads);
  return shares_within(model, pairs, score_all(model, pairs, workers), levels, workers);
}

Calibration calibration_of(const Model& model, const Pairs& pairs, int threads) {
  Workers workers(threads);
  const ScoredPairs scored = score_all(model, pairs, workers);
  const auto count = static_cast<double>(pairs.size());
  const auto error = [&](std::size_t n) { return static_cast<double>(pairs.values[n]) - model.centre.rating(scored.scores[n]); };
  const double squares = workers.sum_ranges(pairs.size(), kPairGrain, [&](std::size_t begin, std::size_t end, int) {
    double sum = 0;
    for (std::size_t n = begin; n < end; ++n) sum += error(n) * error(n);
    return sum;
  });
  const double deviation = std::sqrt(squares / count);
  const std::optional<OrdinalScale>& scale = model.centre.ordinal;
  const CalibrationSums sums = workers.sum_ranges(pairs.size(), kPairGrain, [&](std::size_t begin, std::size_t end, int) {
    CalibrationSums part;
    for (std::size_t n = begin; n < end; ++n) {
      const auto value = static_cast<double>(pairs.values[n]);
      part.crps += scale ? ranked_score(*scale, scored.scores[n], scored.variances[n], value)
                         : normal_crps(value - scored.scores[n], std::sqrt(scored.variances[n]));
      part.constant_crps += normal_crps(error(n), deviation);
    }
    return part;
  });
  Calibration calibration{.crps = sums.crps / count, .constant_crps = sums.constant_crps / count};
  std::ranges::copy(shares_within(model, pairs, scored, Calibration::kLevels, workers), calibration.coverage.begin());
  return calibration;
}

std::vector<float> conformal_quantiles(const Model& model, const Pairs& pairs, int threads) {
  if (model.centre.ordinal) throw DataError("intervals on an ordinal scale cannot be taken from held-out errors");
  Workers workers(threads);
  const ScoredPairs scored = score_all(model, pairs, workers);
  if (pairs.size() < kLeastConformal) {
    throw DataError("intervals from held-out errors need at least " + std::to_string(kLeastConformal) +
                    " validation ratings, and there are " + std::to_string(pairs.size()));
  }
  std::vector<double> distances;
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    distances.push_back(std::abs(static_cast<double>(pairs.values[n]) - scored.scores[n]) / std::sqrt(scored.variances[n]));
  }
  std::ranges::sort(distances);
  std::vector<float> quantiles;
  for (std::size_t k = 1; k <= kQuantiles; ++k) {
    const std::size_t number = ((distances.size() + 1) * k + kQuantiles) / (kQuantiles + 1);
    quantiles.push_back(static_cast<float>(distances[std::min(number, distances.size()) - 1]));
  }
  return quantiles;
}

}  // namespace lowrank
