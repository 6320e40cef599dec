#include "model/count_weight.h"

#include <algorithm>
#include <cmath>

namespace lowrank {

CountWeight::CountWeight(double exponent, std::span<const std::uint32_t> counts, Mean mean) : exponent_(exponent) {
  if (exponent == 0) return;
  double shares = 0;
  double weights = 0;
  for (const std::uint32_t count : counts) {
    if (count == 0) continue;
    const double share = mean == Mean::over_ratings ? static_cast<double>(count) : 1.0;
    shares += share;
    weights += share * std::pow(static_cast<double>(count), exponent);
  }
  if (weights > 0) scale_ = shares / weights;
}

double CountWeight::operator()(std::uint32_t count) const {
  if (exponent_ == 0) return 1;
  return count == 0 ? 0 : scale_ * std::pow(static_cast<double>(count), exponent_);
}

std::vector<double> CountWeight::of(std::span<const std::uint32_t> counts) const {
  std::vector<double> weights(counts.size());
  std::transform(counts.begin(), counts.end(), weights.begin(), *this);
  return weights;
}

double CountWeight::sum(std::span<const std::uint32_t> counts) const {
  double sum = 0;
  for (const std::uint32_t count : counts) sum += (*this)(count);
  return sum;
}

}  // namespace lowrank
