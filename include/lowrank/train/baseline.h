#pragma once

/// \file
/// Mean and biases: the yardstick of every prediction of ratings.

#include <cstdint>
#include <span>
#include <string_view>

#include "lowrank/train/option.h"

namespace lowrank {

/// Options of the baseline predictor (Koren, Bell, Volinsky 2009), with b the mean of the training ratings. The model has rank 0. The loss,
/// with e = r - prediction, is
///
///     sum over ratings of (1/2) e^2  +  sum over users of (1/2) user_damping bu^2  +  sum over items of (1/2) item_damping bd^2
///
///     prediction(u, i) = b + bu_u + bd_i
///
/// An epoch gives every item, then every user the bias that minimises it, (sum of what is left of the row's n ratings) / (n + damping). The
/// loss never rises. Damping is in ratings, so it does not depend on their scale.
struct Baseline {
  static constexpr std::string_view kName = "baseline";
  static constexpr std::string_view kSummary = "mean and biases by alternating least squares";

  std::uint32_t epochs = 20;
  double user_damping = -1;
  double item_damping = -1;
  double tolerance = 1e-6;
  std::uint32_t patience = 5;
  std::uint64_t seed = 1;

  /// The description of every option above: name, range, meaning.
  static std::span<const Option<Baseline>> options();
};

}  // namespace lowrank
