#include "train/feature_prior.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace lowrank {

namespace {

/// Factors of a cache line.
constexpr std::size_t kBlock = 16;
constexpr std::size_t kRows = 256;

double mean_of_rated(std::span<const double> weights, std::span<const std::uint32_t> counts) {
  double sum = 0;
  double rows = 0;
  for (std::size_t row = 0; row < weights.size(); ++row) {
    if (counts[row] == 0) continue;
    sum += weights[row];
    rows += 1;
  }
  return rows == 0 ? 0 : sum / rows;
}

}  // namespace

FeaturePrior::FeaturePrior(const Features& features, std::span<const std::uint32_t> counts, std::span<const double> weights,
                           std::span<const double> bias_weights, std::size_t rank, double strength)
    : features_(features),
      counts_(counts.begin(), counts.end()),
      weights_(weights.begin(), weights.end()),
      bias_weights_(bias_weights.begin(), bias_weights.end()),
      ridge_(strength * mean_of_rated(weights, counts)),
      bias_ridge_(strength * mean_of_rated(bias_weights, counts)),
      offsets_(std::size_t{features.description.size()} + 1),
      squares_(features.description.size()),
      bias_squares_(bias_weights.empty() ? 0 : features.description.size()),
      vectors_(features.description.size(), rank),
      biases_(features.description.size(), 0.0F),
      residual_(features.rows(), rank),
      bias_residual_(bias_weights.empty() ? 0 : features.rows()) {
  for (std::uint32_t row = 0; row < features.rows(); ++row) {
    if (counts_[row] == 0) continue;
    for (const std::uint32_t column : features.columns_of(row)) ++offsets_[column + 1];
  }
  std::partial_sum(offsets_.begin(), offsets_.end(), offsets_.begin());
  rows_.resize(offsets_.back());
  values_.resize(offsets_.back());
  std::vector<std::size_t> next(offsets_.begin(), offsets_.end() - 1);
  for (std::uint32_t row = 0; row < features.rows(); ++row) {
    if (counts_[row] == 0) continue;
    for (std::size_t at = features.offsets[row]; at < features.offsets[row + 1]; ++at) {
      const std::uint32_t column = features.columns[at];
      const auto value = static_cast<double>(features.values[at]);
      rows_[next[column]] = row;
      values_[next[column]++] = features.values[at];
      squares_[column] += weights_[row] * value * value;
      if (!bias_weights_.empty()) bias_squares_[column] += bias_weights_[row] * value * value;
    }
  }
}

void FeaturePrior::reset() {
  std::fill_n(vectors_.data(), vectors_.rows() * vectors_.stride(), 0.0F);
  std::ranges::fill(biases_, 0.0F);
}

void FeaturePrior::descend(std::span<const double> weights, std::span<const double> squares, double ridge, float* residual,
                           std::size_t stride, float* vectors, std::size_t vector_stride, std::size_t width) const {
  std::array<double, kBlock> sums{};
  std::array<float, kBlock> steps{};
  for (int pass = 0; pass < kPasses; ++pass) {
    for (std::size_t column = 0; column < squares.size(); ++column) {
      const double curvature = squares[column] + ridge;
      if (!(curvature > 0)) continue;
      float* vector = vectors + column * vector_stride;
      sums.fill(0);
      for (std::size_t at = offsets_[column]; at < offsets_[column + 1]; ++at) {
        const double weight = weights[rows_[at]] * static_cast<double>(values_[at]);
        const float* row = residual + rows_[at] * stride;
        for (std::size_t k = 0; k < width; ++k) sums[k] += weight * static_cast<double>(row[k]);
      }
      for (std::size_t k = 0; k < width; ++k) {
        const auto old = static_cast<double>(vector[k]);
        vector[k] = static_cast<float>((sums[k] + old * squares[column]) / curvature);
        steps[k] = static_cast<float>(static_cast<double>(vector[k]) - old);
      }
      for (std::size_t at = offsets_[column]; at < offsets_[column + 1]; ++at) {
        float* row = residual + rows_[at] * stride;
        for (std::size_t k = 0; k < width; ++k) row[k] -= values_[at] * steps[k];
      }
    }
  }
}

void FeaturePrior::fit(const FactorMatrix& rows, std::span<const float> biases, Workers& workers) {
  write_means(residual_, bias_residual_, workers);
  workers.for_ranges(rows.rows(), kRows, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      if (counts_[row] == 0) continue;
      const std::span<const float> from = rows.row(row);
      const std::span<float> to = residual_.row(row);
      for (std::size_t k = 0; k < to.size(); ++k) to[k] = from[k] - to[k];
      if (!bias_residual_.empty()) bias_residual_[row] = biases[row] - bias_residual_[row];
    }
  });
  const std::size_t rank = vectors_.rank();
  const std::size_t blocks = (rank + kBlock - 1) / kBlock;
  const std::size_t bias_task = bias_residual_.empty() ? 0 : 1;
  workers.for_each(blocks + bias_task, [&](std::size_t task, int) {
    if (task == blocks) {
      descend(bias_weights_, bias_squares_, bias_ridge_, bias_residual_.data(), 1, biases_.data(), 1, 1);
      return;
    }
    const std::size_t first = task * kBlock;
    descend(weights_, squares_, ridge_, residual_.data() + first, residual_.stride(), vectors_.data() + first, vectors_.stride(),
            std::min(kBlock, rank - first));
  });
}

void FeaturePrior::write(FactorMatrix& to, std::span<float> biases, bool rated, Workers& workers) const {
  workers.for_ranges(to.rows(), kRows, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      const std::span<float> mean = to.row(row);
      // Rows without ratings that stay as they are: those have zeros.
      if ((counts_[row] != 0) != rated) {
        if (rated) std::ranges::fill(mean, 0.0F);
        if (rated && !biases.empty()) biases[row] = 0;
        continue;
      }
      std::ranges::fill(mean, 0.0F);
      float bias = 0;
      for (std::size_t at = features_.offsets[row]; at < features_.offsets[row + 1]; ++at) {
        const float value = features_.values[at];
        const std::span<const float> vector = vectors_.row(features_.columns[at]);
        for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += value * vector[k];
        bias += value * biases_[features_.columns[at]];
      }
      if (!biases.empty()) biases[row] = bias;
    }
  });
}

double FeaturePrior::penalty() const {
  double sum = 0;
  for (std::size_t column = 0; column < vectors_.rows(); ++column) {
    double squares = 0;
    for (const float x : vectors_.row(column)) squares += static_cast<double>(x) * static_cast<double>(x);
    sum += ridge_ * squares + bias_ridge_ * static_cast<double>(biases_[column]) * static_cast<double>(biases_[column]);
  }
  return sum;
}

FeatureVectors FeaturePrior::frame() const {
  FeatureVectors frame;
  frame.description = features_.description;
  frame.factors = FactorMatrix(vectors_.rows(), vectors_.rank());
  frame.biases.assign(biases_.size(), 0.0F);
  frame.counts.assign(biases_.size(), 0);
  for (std::size_t column = 0; column < biases_.size(); ++column) {
    frame.counts[column] = static_cast<std::uint32_t>(offsets_[column + 1] - offsets_[column]);
  }
  frame.rows.resize(features_.rows());
  for (std::uint32_t row = 0; row < features_.rows(); ++row) frame.rows[row] = features_.entries(row) != 0 ? 1 : 0;
  return frame;
}

}  // namespace lowrank
