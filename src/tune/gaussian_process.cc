#include "tune/gaussian_process.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "base/normal.h"

namespace lowrank {

namespace {

/// Steps of the pattern search over the logarithms of lengths, variance and noise.
constexpr double kFirstStep = 1;
constexpr double kLastStep = 0.1;
/// Added to the diagonal besides the noise, so that equal places do not make the covariance singular.
constexpr double kJitter = 1e-10;

double kernel(const Smoothness& smoothness, std::span<const double> a, std::span<const double> b) {
  double squares = 0;
  for (std::size_t at = 0; at < a.size(); ++at) {
    const double difference = (a[at] - b[at]) / smoothness.lengths[at];
    squares += difference * difference;
  }
  const double r = std::sqrt(5 * squares);
  return smoothness.variance * (1 + r + r * r / 3) * std::exp(-r);
}

double dot(const std::vector<double>& a, const std::vector<double>& b, std::size_t count) {
  double sum = 0;
  for (std::size_t at = 0; at < count; ++at) sum += a[at] * b[at];
  return sum;
}

/// Logarithm of a normal density, but for its constant.
double log_normal(double x, double mean, double deviation) { return -0.5 * (x - mean) * (x - mean) / (deviation * deviation); }

/// Prior of lengths about half the cube, of the variance about that of standardised values, of little noise.
double log_prior(const Smoothness& smoothness) {
  double sum = log_normal(std::log(smoothness.variance), 0, 1) + log_normal(std::log(smoothness.noise), std::log(1e-4), 2);
  for (const double length : smoothness.lengths) sum += log_normal(std::log(length), std::log(0.7), 1);
  return sum;
}

}  // namespace

GaussianProcess::GaussianProcess(std::vector<std::vector<double>> places, std::vector<double> values, Smoothness smoothness)
    : values_(std::move(values)), smoothness_(std::move(smoothness)) {
  for (std::vector<double>& place : places) {
    append_row(place);
    places_.push_back(std::move(place));
  }
  solve();
}

/// The row of the Cholesky factor that a further place has.
void GaussianProcess::append_row(std::span<const double> place) {
  const std::size_t row = places_.size();
  std::vector<double> next(row + 1);
  for (std::size_t column = 0; column < row; ++column) {
    next[column] = (kernel(smoothness_, place, places_[column]) - dot(next, root_[column], column)) / root_[column][column];
  }
  const double pivot = smoothness_.variance + smoothness_.noise + kJitter * smoothness_.variance - dot(next, next, row);
  next[row] = std::sqrt(std::max(pivot, kJitter * smoothness_.variance));
  root_.push_back(std::move(next));
}

void GaussianProcess::solve() {
  const std::size_t count = values_.size();
  weights_ = values_;
  double logarithm = 0;
  double squares = 0;
  for (std::size_t row = 0; row < count; ++row) {
    weights_[row] = (weights_[row] - dot(root_[row], weights_, row)) / root_[row][row];
    squares += weights_[row] * weights_[row];
    logarithm += std::log(root_[row][row]);
  }
  for (std::size_t row = count; row-- > 0;) {
    for (std::size_t below = row + 1; below < count; ++below) weights_[row] -= root_[below][row] * weights_[below];
    weights_[row] /= root_[row][row];
  }
  likelihood_ = -0.5 * squares - logarithm - 0.5 * static_cast<double>(count) * std::log(2 * std::numbers::pi);
}

GaussianProcess::Prediction GaussianProcess::predict(std::span<const double> place) const {
  const std::size_t count = places_.size();
  std::vector<double> solved(count);
  double mean = 0;
  double explained = 0;
  for (std::size_t row = 0; row < count; ++row) {
    const double covariance = kernel(smoothness_, place, places_[row]);
    mean += covariance * weights_[row];
    solved[row] = (covariance - dot(root_[row], solved, row)) / root_[row][row];
    explained += solved[row] * solved[row];
  }
  return {.mean = mean, .deviation = std::sqrt(std::max(smoothness_.variance - explained, 0.0))};
}

void GaussianProcess::add(std::vector<double> place, double value) {
  append_row(place);
  places_.push_back(std::move(place));
  values_.push_back(value);
  solve();
}

Smoothness fit_smoothness(const std::vector<std::vector<double>>& places, const std::vector<double>& values) {
  Smoothness best{.lengths = std::vector<double>(places.front().size(), 0.7), .variance = 1, .noise = 1e-3};
  const auto density = [&](const Smoothness& smoothness) {
    return GaussianProcess(places, values, smoothness).likelihood() + log_prior(smoothness);
  };
  double most = density(best);
  for (double step = kFirstStep; step > kLastStep;) {
    bool improved = false;
    for (std::size_t number = 0; number < best.lengths.size() + 2; ++number) {
      for (const double factor : {std::exp(step), std::exp(-step)}) {
        Smoothness other = best;
        const std::size_t lengths = best.lengths.size();
        (number < lengths ? other.lengths[number] : number == lengths ? other.variance : other.noise) *= factor;
        const double there = density(other);
        if (!(there > most)) continue;
        best = std::move(other);
        most = there;
        improved = true;
        break;
      }
    }
    if (!improved) step /= 2;
  }
  return best;
}

double expected_improvement(const GaussianProcess::Prediction& prediction, double best) {
  if (!(prediction.deviation > 0)) return std::max(best - prediction.mean, 0.0);
  const double z = (best - prediction.mean) / prediction.deviation;
  return (best - prediction.mean) * normal_below(z) + prediction.deviation * normal_density(z);
}

}  // namespace lowrank
