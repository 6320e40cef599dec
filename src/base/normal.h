#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace lowrank {

/// The standard normal distribution: P(Z <= z), its density, and the z with P(Z <= z) = p.
inline double normal_below(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }
inline double normal_density(double z) { return std::exp(-0.5 * z * z) * 0.3989422804014326779; }

/// To about 1e-9 (Acklam 2003). \param p  within [0, 1]
inline double normal_quantile_near(double p) {
  if (!(p > 0)) return -std::numeric_limits<double>::infinity();
  if (!(p < 1)) return std::numeric_limits<double>::infinity();
  constexpr double kTail = 0.02425;
  const auto tail = [](double q) {
    return (((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q - 2.549732539343734) * q +
             4.374664141464968) *
                q +
            2.938163982698783) /
           ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1);
  };
  if (p < kTail) return tail(std::sqrt(-2 * std::log(p)));
  if (p > 1 - kTail) return -tail(std::sqrt(-2 * std::log1p(-p)));
  const double q = p - 0.5;
  const double r = q * q;
  return (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r + 1.383577518672690e+02) * r -
           3.066479806614716e+01) *
              r +
          2.506628277459239) *
         q /
         (((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r + 6.680131188771972e+01) * r -
           1.328068155288572e+01) *
              r +
          1);
}

/// To about 1e-15: that, and a step of Halley's method. \param p  within [0, 1]
inline double normal_quantile(double p) {
  const double z = normal_quantile_near(p);
  if (!std::isfinite(z)) return z;
  const double error = normal_below(z) - p;
  const double u = error / std::max(normal_density(z), std::numeric_limits<double>::min());
  return z - u / (1 + z * u / 2);
}

}  // namespace lowrank
