#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/aligned_floats.h"
#include "lowrank/data/features.h"
#include "lowrank/model/factor_matrix.h"
#include "lowrank/model/model.h"

namespace lowrank {

/// The prior means of the rows of one side, linear in their features: row r is expected at the sum over its columns j of x_rj B_j, its bias
/// at that of x_rj c_j. B and c minimise, for the rows that have ratings,
///
///     sum over rows of w_r |row_r - X_r B|^2 + ridge |B|^2,   ridge = strength * the mean of w_r
///
/// and the same for biases with their own weights. Descent over the columns, all factors of a column at once; threads take blocks of 16
/// factors, so that the result does not depend on their number.
class FeaturePrior {
 public:
  /// \param counts        ratings of each row \param weights  w of each row \param bias_weights  of each bias; empty without biases
  /// \param features      must outlive the prior
  FeaturePrior(const Features& features, std::span<const std::uint32_t> counts, std::span<const double> weights,
               std::span<const double> bias_weights, std::size_t rank, double strength);

  /// Makes B and c the minimum for these rows, from what they were: `kPasses` passes over the columns. O(passes entries rank)
  void fit(const FactorMatrix& rows, std::span<const float> biases, Workers& workers);
  /// Writes X B and X c for rows with ratings, zeros for the others.
  void write_means(FactorMatrix& means, std::span<float> biases, Workers& workers) const { write(means, biases, true, workers); }
  /// Writes X B and X c for rows without ratings that have features.
  void write_unrated(FactorMatrix& rows, std::span<float> biases, Workers& workers) const { write(rows, biases, false, workers); }
  /// ridge |B|^2 and the same of biases.
  [[nodiscard]] double penalty() const;

  [[nodiscard]] FactorMatrix& vectors() { return vectors_; }
  [[nodiscard]] const FactorMatrix& vectors() const { return vectors_; }
  [[nodiscard]] std::span<float> biases() { return biases_; }
  [[nodiscard]] std::span<const float> biases() const { return biases_; }
  /// Back to zeros.
  void reset();

  /// What a model has of it but for vectors and biases, in units of the model.
  [[nodiscard]] FeatureVectors frame() const;

 private:
  static constexpr int kPasses = 8;

  void write(FactorMatrix& to, std::span<float> biases, bool rated, Workers& workers) const;
  /// Descent over all columns for one block of factors. \param residual  rows less X B, `stride` floats per row
  void descend(std::span<const double> weights, std::span<const double> squares, double ridge, float* residual, std::size_t stride,
               float* vectors, std::size_t vector_stride, std::size_t width) const;

  const Features& features_;
  std::vector<std::uint32_t> counts_;
  std::vector<double> weights_;
  std::vector<double> bias_weights_;
  double ridge_ = 0;
  double bias_ridge_ = 0;
  /// \name The entries of rows with ratings, by column
  /// \{
  std::vector<std::size_t> offsets_;
  std::vector<std::uint32_t> rows_;
  std::vector<float> values_;
  /// \}
  std::vector<double> squares_;       ///< of each column, the sum of w x^2
  std::vector<double> bias_squares_;  ///< the same with the weights of biases
  FactorMatrix vectors_;
  std::vector<float> biases_;
  FactorMatrix residual_;
  std::vector<float> bias_residual_;
};

}  // namespace lowrank
