#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>

#include "lowrank/train/observer.h"

namespace lowrank {

/// The step size of a descent, which is cut when the numbers run away.
class StepSize {
 public:
  explicit StepSize(double value) : value_(value) {}

  [[nodiscard]] double value() const { return value_; }

  /// Cuts the step size: by halves at first, because most steps are little too large; then by tenths. \return the old and the new one, or
  /// nothing when there is none left that is worth a try
  std::optional<DivergenceReport> cut() {
    constexpr double kLeast = 1e-30;
    if (value_ < kLeast) return std::nullopt;
    const double old = value_;
    value_ *= ++cuts_ <= 4 ? 0.5 : 0.1;
    return DivergenceReport{.old_learning_rate = old, .new_learning_rate = value_};
  }

 private:
  double value_;
  int cuts_ = 0;
};

/// The training error from which an epoch counts as one that ran away, in units in which the ratings' spread is 1: twice that is worse than
/// knowing nothing.
class RunawayLimit {
 public:
  /// \param continues  whether training starts from a model: its first epoch may begin far off, and later ones are compared with it
  explicit RunawayLimit(bool continues) : continues_(continues), limit_(continues ? std::numeric_limits<double>::max() : kUsual) {}

  /// Training starts once more, from a model.
  void start_again() { continues_ = true; }

  /// Whether epoch number `epoch` ran away.
  bool exceeded(double rmse, std::size_t epoch) {
    if (!(rmse < limit_)) return true;
    if (continues_ && epoch == 1) limit_ = std::max(kUsual, 1.5 * rmse);
    return false;
  }

 private:
  static constexpr double kUsual = 2;
  bool continues_;
  double limit_;
};

}  // namespace lowrank
