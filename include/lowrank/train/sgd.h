#pragma once

/// \file
/// Matrix factorization by stochastic gradient descent.

#include <cstdint>
#include <optional>
#include <string_view>

#include "lowrank/train/bias_regularization.h"
#include "lowrank/train/correction.h"

namespace [[gnu::visibility("default")]] lowrank {

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

/// What is learned once more after training.
enum class Retrain : std::uint8_t {
  none,   ///< nothing (default)
  users,  ///< the users' rows, each solved exactly against the items
  both,   ///< users from the start, items from what they have learned, over as many epochs again
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
  static constexpr std::string_view kClassName = "SGD";
  static constexpr std::string_view kReference =
      "Albert Au Yeung, Matrix Factorization: A Simple Tutorial and Implementation in Python, 2017; Takacs, Pilaszy, Nemeth and Tikk, "
      "RecSys 2008.";

  std::uint32_t rank = 32;  ///< number of factors per user and item
  /// The most passes over the ratings, at least 1; raise it together with a lower learning rate.
  std::uint32_t epochs = 20;
  /// Step size alpha of the first epoch, above 0, in scale-free units (ratings divided by their standard deviation); lower it when training
  /// diverges. auto is 0.06, or more where trials with little noise gain from it; fewer than 500 ratings are then visited several times per
  /// epoch.
  std::optional<double> learning_rate = {};
  /// Step size of the biases in the first epoch, above 0, where it is not that of the factors; it falls by the same schedule. auto is the
  /// learning rate.
  std::optional<double> bias_learning_rate = {};
  /// Learning-rate schedule: linear falls evenly to 1/epochs of the first step in the last epoch; constant is the article's.
  Schedule schedule = Schedule::linear;
  /// Weight beta of (|p|^2 + |q|^2) / 2 in the loss of one rating, at least 0; raise it when the validation error rises while the training
  /// error falls. With 0 nothing is regularised (the article's plain model).
  double regularization = 0.04;
  /// Weight of |p|^2 / 2 alone, at least 0, where users are to be held back otherwise than items. auto is the regularization.
  std::optional<double> user_regularization = {};
  /// Weight of |q|^2 / 2 alone, at least 0, where items are to be held back otherwise than users. auto is the regularization.
  std::optional<double> item_regularization = {};
  /// Number of ratings, at least 0, added to each row's own when it is regularised; raise it to keep rows with few ratings small. auto is
  /// 85, or less where trials on a part of the ratings show little noise; 0 is the article's loss.
  std::optional<double> prior_ratings = {};
  /// Regularization of biases: estimated takes it from the variance within and between rows; rating is beta at every rating, as in the
  /// article.
  BiasRegularization bias_regularization = BiasRegularization::estimated;
  /// Spread of the initial factors, at least 0: normal draws of standard deviation initial_scale / sqrt(rank); rarely worth a change. The
  /// tutorial order starts with 1 / rank.
  double initial_scale = 0.05;
  bool biases = true;  ///< whether the mean and a bias for every user and item are learned
  /// What is learned once more after training (Takacs et al.): users solves every user's factors and bias exactly against the learned
  /// items, as fold-in does; both starts the users anew, goes on with the items, and trains all epochs again; none is training alone. With
  /// validation data, what does not improve its figure is not kept.
  Retrain retrain = Retrain::none;
  /// Update order within one rating: equations learns both vectors from the old values; tutorial is the article's program, which updates
  /// the item vector with the new user vector, in rating units with a constant step.
  UpdateOrder update_order = UpdateOrder::equations;
  double tolerance = 0;  ///< relative improvement per epoch below which training ends; 0: never
  /// Neighbours of every item, 0 to 100000, by which predictions are corrected after training: the ratings that a user gave to the
  /// neighbours of an item, less their predictions, move the item's own; 0 corrects nothing. Costs time and memory at each prediction.
  std::uint32_t neighbours = 0;
  /// Similarity of items: pearson of what mean and biases leave of the ratings; cosine or distance of the trained factors.
  CorrectionSimilarity neighbour_similarity = CorrectionSimilarity::pearson;
  /// Number of ratings in common, less one, at which a correlation is halved, at least 0; raise it where items have few ratings.
  double neighbour_shrinkage = 200;
  /// Power of the similarity, above 0: more trusts near neighbours more; auto is 2, with cosine 9, with distance 3.
  std::optional<double> neighbour_power = {};
  /// Sum of weights, at least 0, at which the correction is halved; auto is 0.1, with cosine 0.3, with distance 3.
  std::optional<double> neighbour_damping = {};
  /// Factor of the correction, 0 to 10; auto is what has the best validation figure of 0, 0.25, ..., 1.5, without validation data 1.
  std::optional<double> neighbour_weight = {};
  std::uint32_t patience = 5;  ///< epochs without improvement of the validation figure after which training ends
  std::uint64_t seed = 1;      ///< seed of every random choice
};

}  // namespace lowrank
