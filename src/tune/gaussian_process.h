#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lowrank {

/// What a Gaussian process assumes of a function: a Matern kernel of smoothness 5/2 with a length per coordinate, and noise.
struct Smoothness {
  std::vector<double> lengths;
  double variance = 1;
  double noise = 1e-3;  ///< variance of an observation's noise
};

/// Regression by a Gaussian process of mean 0 (Rasmussen and Williams 2006, algorithm 2.1), in double and in a fixed order.
class GaussianProcess {
 public:
  /// \param places  at least one, of as many coordinates as there are lengths. \param values  one per place
  GaussianProcess(std::vector<std::vector<double>> places, std::vector<double> values, Smoothness smoothness);

  /// The logarithm of the likelihood of the values.
  [[nodiscard]] double likelihood() const noexcept { return likelihood_; }
  /// Mean and standard deviation of the function at a place, noise left out. O(n^2)
  struct Prediction {
    double mean = 0;
    double deviation = 0;
  };
  [[nodiscard]] Prediction predict(std::span<const double> place) const;
  /// Adds an observation. O(n^2)
  void add(std::vector<double> place, double value);

 private:
  void append_row(std::span<const double> place);
  void solve();

  std::vector<std::vector<double>> places_;
  std::vector<double> values_;
  Smoothness smoothness_;
  std::vector<std::vector<double>> root_;  ///< lower triangular: the Cholesky factor of the covariance of the observations
  std::vector<double> weights_;            ///< inverse covariance times values
  double likelihood_ = 0;
};

/// The smoothness of the greatest posterior density: likelihood of the values times a prior that keeps lengths near the size of the unit
/// cube. Found by a pattern search from a fixed start: the same bits every time. O(n^3) per step.
Smoothness fit_smoothness(const std::vector<std::vector<double>>& places, const std::vector<double>& values);

/// Expected improvement of a function's value below `best` (Jones, Schonlau and Welch 1998).
double expected_improvement(const GaussianProcess::Prediction& prediction, double best);

}  // namespace lowrank
