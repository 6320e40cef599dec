#include "train/row_spread.h"

#include <algorithm>
#include <cmath>

namespace lowrank {

namespace {

/// What is added to a variance, as a share of it, and of the greatest: columns that the samples do not fill have none.
constexpr double kOwnShare = 1e-6;
constexpr double kGreatestShare = 1e-9;

/// sum += weight M^T M for a matrix of `rows` x `size`.
void add_square(const std::vector<double>& matrix, std::size_t rows, std::size_t size, double weight, std::vector<double>& sum) {
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < size; ++i) {
      const double factor = weight * matrix[row * size + i];
      if (factor == 0) continue;
      for (std::size_t j = 0; j < size; ++j) sum[i * size + j] += factor * matrix[row * size + j];
    }
  }
}

}  // namespace

RowSpread::RowSpread(std::size_t rank, std::size_t kept) : rank_(rank), kept_(kept), covariance_((kept + 1) * (kept + 1)) {}

void RowSpread::add(const RunningProduct::Change& change, const GibbsSide& side, std::span<const double> expected, std::size_t before) {
  const std::size_t size = kept_ + 1;
  const std::size_t own = rank_ + 1;
  const auto t = static_cast<double>(before);
  std::vector<double> next(size * size);
  if (before != 0) {
    // What the old covariance C = (the mean of squares) becomes in the new columns: A^T C A, with A the change and 1 for the bias.
    std::vector<double> right(size * size);
    const auto map = [&](std::size_t i, std::size_t j) {
      if (i == kept_ || j == kept_) return i == j ? 1.0 : 0.0;
      return change.mean[i * kept_ + j];
    };
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t l = 0; l < size; ++l) {
        const double factor = covariance_[i * size + l];
        if (factor == 0) continue;
        for (std::size_t j = 0; j < size; ++j) right[i * size + j] += factor * map(l, j);
      }
    }
    for (std::size_t l = 0; l < size; ++l) {
      for (std::size_t i = 0; i < size; ++i) {
        const double factor = t / (t + 1) * map(l, i);
        if (factor == 0) continue;
        for (std::size_t j = 0; j < size; ++j) next[i * size + j] += factor * right[l * size + j];
      }
    }
  }
  // P^-1 = R^T R with R the inverse of the root of P; a row (x, b) of the sample is (x A, b + <x, expected>) of the mean.
  const std::vector<double> root = inverse_of_lower(lower_root(side.precision, own), own);
  std::vector<double> mapped(own * size);
  for (std::size_t row = 0; row < own; ++row) {
    for (std::size_t l = 0; l < rank_; ++l) {
      const double factor = root[row * own + l];
      if (factor == 0) continue;
      for (std::size_t j = 0; j < kept_; ++j) mapped[row * size + j] += factor * change.sample[l * kept_ + j];
      mapped[row * size + kept_] += factor * expected[l];
    }
    mapped[row * size + kept_] += root[row * own + rank_];
  }
  add_square(mapped, own, size, 1 / (t + 1), next);
  covariance_ = std::move(next);
}

FactorMatrix RowSpread::precision(const Units& units) const {
  const std::size_t size = kept_ + 1;
  const auto unit = [&](std::size_t k) { return k == kept_ ? units.scale : std::sqrt(units.scale); };
  std::vector<double> scaled(size * size);
  double greatest = 0;
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) scaled[i * size + j] = covariance_[i * size + j] * unit(i) * unit(j);
    greatest = std::max(greatest, scaled[i * size + i]);
  }
  for (std::size_t i = 0; i < size; ++i) scaled[i * size + i] += kOwnShare * scaled[i * size + i] + kGreatestShare * greatest;
  const std::vector<double> root = inverse_of_lower(lower_root(scaled, size), size);
  std::vector<double> inverse(size * size);
  add_square(root, size, size, 1, inverse);
  FactorMatrix precision(size, size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) precision.row(i)[j] = static_cast<float>(inverse[std::min(i, j) * size + std::max(i, j)]);
  }
  return precision;
}

}  // namespace lowrank
