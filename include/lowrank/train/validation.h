#pragma once

#include <functional>
#include <string>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"

namespace [[gnu::visibility("default")]] lowrank {

/// How training judges the model of an epoch: a figure computed from it, and which direction is better. Empty: not at all.
/// Training knows nothing of metrics; lowrank::evaluate makes such functions (see evaluate/validation.h).
struct Validation {
  /// Value of a model, called after each epoch in the thread that called train(); empty when there is no validation.
  std::function<double(const Model&)> measure;
  std::string name = "rmse";  ///< of the metric
  bool higher_is_better = false;

  /// Whether a figure is better than another one.
  [[nodiscard]] bool better(double value, double than) const noexcept { return higher_is_better ? value > than : value < than; }
  explicit operator bool() const noexcept { return static_cast<bool>(measure); }
};

}  // namespace lowrank
