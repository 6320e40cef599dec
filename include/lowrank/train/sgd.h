#pragma once

/// \file
/// Matrix factorization by stochastic gradient descent.

#include <cstdint>
#include <span>
#include <string_view>

#include "lowrank/train/option.h"

namespace lowrank {

/// The order in which one rating's update uses old and new values.
enum class UpdateOrder : std::uint8_t {
  equations,  ///< both vectors from the old values, as the article's equations say (default)
  tutorial,   ///< the article's program: item vector from the new user vector, normal start of sd 1/rank, unscaled ratings, constant step
};

/// How the step size falls from epoch to epoch.
enum class Schedule : std::uint8_t {
  linear,    ///< evenly, to 1/epochs of the first in the last epoch (default)
  constant,  ///< not at all, as in the article
};

/// Options of stochastic gradient descent. One rating's loss is (1/2) e^2 + (regularization / 2) (|p|^2 + |q|^2 + bu^2 + bd^2), with
/// e = r - prediction; docs/methods/sgd.md gives the equations, their source and every settlement. Learning rate and regularisation are in
/// scale-free units (ratings divided by their standard deviation; with the tutorial order: rating units).
struct Sgd {
  static constexpr std::string_view kName = "sgd";
  static constexpr std::string_view kSummary = "matrix factorization by stochastic gradient descent";

  std::uint32_t rank = 32;
  std::uint32_t epochs = 20;
  double learning_rate = 0.05;
  std::uint8_t schedule = static_cast<std::uint8_t>(Schedule::linear);
  double regularization = 0.05;
  double initial_scale = 0.1;
  bool biases = true;
  std::uint8_t update_order = static_cast<std::uint8_t>(UpdateOrder::equations);
  double tolerance = 0;
  std::uint32_t patience = 5;
  std::uint64_t seed = 1;

  /// The description of every option above: name, range, meaning.
  static std::span<const Option<Sgd>> options();
};

}  // namespace lowrank
