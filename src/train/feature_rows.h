#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "train/feature_prior.h"
#include "train/units.h"

namespace lowrank {

/// The weight of |B|^2 against the rows, as a number of rows of average weight; chosen on training parts (docs/features.md).
inline constexpr double kFeatureStrength = 10;

/// The rows of one side that are solved as distances from what their features let expect.
struct FeatureRows {
  FeatureRows(const Features& features, std::span<const std::uint32_t> counts, std::span<const double> weights,
              std::span<const double> bias_weights, std::size_t rank);

  FeaturePrior prior;
  FactorMatrix means;             ///< what rows with ratings were last solved around
  std::vector<float> bias_means;  ///< the same of biases; empty without biases

  /// Takes the prior's present means as those that rows are solved around.
  void take_means(Workers& workers) { prior.write_means(means, bias_means, workers); }
  /// Moves them to where a row without ratings is least by its equations: with the diagonal d of a row's matrix beside the ridge w, of
  /// w |x - mean|^2 + sum_k d_k x_k^2. \param factors  of the diagonal for each row; empty for ones
  void shrink_means(const float* diagonal, std::span<const double> ridges, std::span<const double> factors, double least_ridge,
                    Workers& workers);
  /// Takes the means off the rows.
  void subtract(FactorMatrix& rows, std::span<float> biases, Workers& workers) const;
  /// Adds the means that were taken off.
  void add(FactorMatrix& rows, std::span<float> biases, Workers& workers) const;
  /// What the means of row `row` let expect of a fixed row.
  [[nodiscard]] float expected(std::size_t row, const FactorMatrix& fixed, std::uint32_t other) const;
  /// The sum over rows of weight * |row - mean|^2, and of biases, for the prior's present means; in double and in a fixed order.
  [[nodiscard]] double distances(const FactorMatrix& rows, std::span<const float> biases, std::span<const double> weights,
                                 std::span<const double> bias_weights, Workers& workers) const;

  /// Writes the prior, and the rows that only it knows, into a model.
  void store(const Units& units, Workers& workers, Side& side) const;
  /// Takes the prior of a model whose features have the same columns; else starts from zeros.
  void restore(const Units& units, const Side* side);
};

}  // namespace lowrank
