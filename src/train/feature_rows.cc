#include "train/feature_rows.h"

#include <algorithm>
#include <cmath>

#include "kernels/dot.h"

namespace lowrank {

namespace {

constexpr std::size_t kRows = 256;

}  // namespace

FeatureRows::FeatureRows(const Features& features, std::span<const std::uint32_t> counts, std::span<const double> weights,
                         std::span<const double> bias_weights, std::size_t rank)
    : prior(features, counts, weights, bias_weights, rank, kFeatureStrength),
      means(features.rows(), rank),
      bias_means(bias_weights.empty() ? 0 : features.rows()) {}

void FeatureRows::shrink_means(const float* diagonal, std::span<const double> ridges, std::span<const double> factors, double least_ridge,
                               Workers& workers) {
  workers.for_ranges(means.rows(), kRows, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      const double factor = factors.empty() ? 1.0 : factors[row];
      if (!(factor > 0)) continue;
      const double ridge = std::max(ridges[row] / factor, least_ridge);
      const std::span<float> mean = means.row(row);
      for (std::size_t k = 0; k < mean.size(); ++k) {
        mean[k] = static_cast<float>(static_cast<double>(mean[k]) * ridge / (ridge + static_cast<double>(diagonal[k])));
      }
    }
  });
}

void FeatureRows::subtract(FactorMatrix& rows, std::span<float> biases, Workers& workers) const {
  workers.for_ranges(rows.rows(), kRows, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      const std::span<const float> mean = means.row(row);
      const std::span<float> to = rows.row(row);
      for (std::size_t k = 0; k < to.size(); ++k) to[k] -= mean[k];
      if (!bias_means.empty()) biases[row] -= bias_means[row];
    }
  });
}

void FeatureRows::add(FactorMatrix& rows, std::span<float> biases, Workers& workers) const {
  workers.for_ranges(rows.rows(), kRows, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      const std::span<const float> mean = means.row(row);
      const std::span<float> to = rows.row(row);
      for (std::size_t k = 0; k < to.size(); ++k) to[k] += mean[k];
      if (!bias_means.empty()) biases[row] += bias_means[row];
    }
  });
}

float FeatureRows::expected(std::size_t row, const FactorMatrix& fixed, std::uint32_t other) const {
  const float bias = bias_means.empty() ? 0.0F : bias_means[row];
  return bias + dot(means.row(row).data(), fixed.row(other).data(), fixed.stride());
}

double FeatureRows::distances(const FactorMatrix& rows, std::span<const float> biases, std::span<const double> weights,
                              std::span<const double> bias_weights, Workers& workers) const {
  FactorMatrix now(means.rows(), means.rank());
  std::vector<float> bias_now(bias_means.size());
  prior.write_means(now, bias_now, workers);
  return workers.sum_rows(rows.rows(), [&](std::size_t begin, std::size_t end, int) {
    double sum = 0;
    for (std::size_t row = begin; row < end; ++row) {
      const std::span<const float> mean = now.row(row);
      const std::span<const float> x = rows.row(row);
      double squares = 0;
      for (std::size_t k = 0; k < x.size(); ++k) squares += std::pow(static_cast<double>(x[k]) - static_cast<double>(mean[k]), 2);
      sum += weights[row] * squares;
      if (!bias_now.empty()) {
        sum += bias_weights[row] * std::pow(static_cast<double>(biases[row]) - static_cast<double>(bias_now[row]), 2);
      }
    }
    return sum;
  });
}

void FeatureRows::store(const Units& units, Workers& workers, Side& side) const {
  if (!side.features) side.features = prior.frame();
  const float scale = static_cast<float>(std::sqrt(units.scale));
  FeatureVectors& to = *side.features;
  for (std::size_t column = 0; column < to.factors.rows(); ++column) {
    std::ranges::transform(prior.vectors().row(column), to.factors.row(column).begin(), [scale](float x) { return x * scale; });
    to.biases[column] = to_bias(static_cast<double>(prior.biases()[column]) * units.scale);
  }
  prior.write_unrated(side.factors, side.biases, workers);
  for (std::size_t row = 0; row < to.rows.size(); ++row) {
    if (side.counts[row] != 0) continue;
    for (float& x : side.factors.row(row)) x *= scale;
    side.biases[row] = to_bias(static_cast<double>(side.biases[row]) * units.scale);
  }
}

void FeatureRows::restore(const Units& units, const Side* side) {
  prior.reset();
  if (side == nullptr || !side->features || side->features->description != prior.frame().description) return;
  const FeatureVectors& from = *side->features;
  const float scale = static_cast<float>(1 / std::sqrt(units.scale));
  for (std::size_t column = 0; column < from.factors.rows(); ++column) {
    std::ranges::transform(from.factors.row(column), prior.vectors().row(column).begin(), [scale](float x) { return x * scale; });
    prior.biases()[column] = static_cast<float>(static_cast<double>(from.biases[column]) / units.scale);
  }
}

}  // namespace lowrank
