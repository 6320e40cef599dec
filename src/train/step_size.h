#pragma once

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

}  // namespace lowrank
