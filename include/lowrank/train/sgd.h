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

/// How biases are regularised.
enum class BiasRegularization : std::uint8_t {
  estimated,  ///< by the ratio of the variance within rows to that between them, estimated from the ratings (default)
  rating,     ///< by `regularization` at every rating, as in the article
};

/// Options of stochastic gradient descent. The loss, with e = r - prediction, n the ratings of a row and beta = regularization, is
///
///     sum over ratings of (1/2) e^2  +  sum over users and items of (1/2) beta (n + prior_ratings) |row|^2 + (1/2) d bias^2
///
/// where d is estimated, or beta n. With prior_ratings 0 and bias_regularization `rating` it is the article's loss to the letter; with
/// regularization 0 nothing is regularised (the article's plain model), whatever the other two are. docs/methods/sgd.md gives the
/// equations, their sources and every settlement. Learning rate and regularisation are in scale-free units (ratings divided by their
/// standard deviation); the tutorial order uses rating units, the article's loss and a constant step.
struct Sgd {
  static constexpr std::string_view kName = "sgd";
  static constexpr std::string_view kSummary = "matrix factorization by stochastic gradient descent";
  /// Bytes a rating beside those of the ratings as read, which are given back as they turn into blocks.
  static constexpr std::size_t kTrainingBytes = 2;

  std::uint32_t rank = 32;
  std::uint32_t epochs = 20;
  double learning_rate = 0.06;
  std::uint8_t schedule = static_cast<std::uint8_t>(Schedule::linear);
  double regularization = 0.04;
  double prior_ratings = 85;
  std::uint8_t bias_regularization = static_cast<std::uint8_t>(BiasRegularization::estimated);
  double initial_scale = 0.05;
  bool biases = true;
  std::uint8_t update_order = static_cast<std::uint8_t>(UpdateOrder::equations);
  double tolerance = 0;
  std::uint32_t patience = 5;
  std::uint64_t seed = 1;

  /// The description of every option above: name, range, meaning.
  static std::span<const Option<Sgd>> options();
};

}  // namespace lowrank
