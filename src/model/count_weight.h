#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/model/fold_in.h"

namespace lowrank {

/// A weight that follows from a row's number of ratings: count^exponent, scaled so that its mean over the rows with ratings, or over their
/// ratings, is 1. With exponent 0 it is 1 for every row; else 0 for a row without ratings.
class CountWeight {
 public:
  enum class Mean : std::uint8_t { over_rows, over_ratings };

  /// \param counts of all rows of a side
  CountWeight(double exponent, std::span<const std::uint32_t> counts, Mean mean);
  explicit CountWeight(const PowerWeight& weight) : exponent_(weight.exponent), scale_(weight.scale) {}

  [[nodiscard]] PowerWeight power() const { return {.exponent = exponent_, .scale = scale_}; }

  double operator()(std::uint32_t count) const;
  /// Of every row, and their sum.
  [[nodiscard]] std::vector<double> of(std::span<const std::uint32_t> counts) const;
  [[nodiscard]] double sum(std::span<const std::uint32_t> counts) const;

 private:
  double exponent_;
  double scale_ = 1;
};

}  // namespace lowrank
