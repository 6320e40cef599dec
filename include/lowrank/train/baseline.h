#pragma once

/// \file
/// Mean and biases: the yardstick of every prediction of ratings.

#include <cstdint>
#include <optional>
#include <string_view>

namespace [[gnu::visibility("default")]] lowrank {

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
  static constexpr std::string_view kClassName = "Baseline";
  static constexpr std::string_view kReference = "Koren, Bell and Volinsky, Matrix factorization techniques for recommender systems, 2009.";

  /// The most epochs, at least 1, each a round over items and users; rarely worth a change.
  std::uint32_t epochs = 20;
  /// Number of average ratings, at least 0, that a user's bias is shrunk by; auto estimates it from the variance within and between rows.
  std::optional<double> user_damping = {};
  /// Number of average ratings, at least 0, that an item's bias is shrunk by; auto estimates it from the variance within and between rows.
  std::optional<double> item_damping = {};
  double tolerance = 1e-6;     ///< relative improvement per epoch below which training ends; 0: never
  std::uint32_t patience = 5;  ///< epochs without improvement of the validation figure after which training ends
  std::uint64_t seed = 1;      ///< seed of a holdout; training draws nothing
};

}  // namespace lowrank
