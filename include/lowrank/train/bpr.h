#pragma once

/// \file
/// Matrix factorization for the order of items: Bayesian personalised ranking.

#include <cstdint>
#include <optional>
#include <string_view>

namespace [[gnu::visibility("default")]] lowrank {

/// Options of Bayesian personalised ranking by stochastic gradient descent. With the score s_i = b_i + <p, q_i> of an item for a user,
/// every epoch visits each rating above 0 of user u and item i once, draws `negatives` items that u did not rate above 0, and takes a step
/// on
///
///     log(1 + exp(s_j - s_i)) + lambda / 2 (|p_u|^2 + |q_i|^2 + |q_j|^2)
///
/// for lambda = regularization: for the drawn item j of the highest score, or, without `hardest`, for every drawn item. Values of ratings
/// do not count further, and ratings of 0 or below may be drawn as any item that u does not have. The mean of the logarithms over an
/// epoch's steps is reported as train_loss. Scores rank items; they predict no ratings. docs/methods/bpr.md has the rest.
///
/// Ratings of which none is above 0 are a DataError.
struct Bpr {
  static constexpr std::string_view kName = "bpr";
  static constexpr std::string_view kSummary = "matrix factorization that learns the order of items from pairs";
  static constexpr std::string_view kClassName = "BPR";
  static constexpr std::string_view kReference =
      "Rendle, Freudenthaler, Gantner and Schmidt-Thieme, UAI 2009; hardest of several draws: Zhang, Chen, Wang and Yu, SIGIR 2013.";

  std::uint32_t rank = 64;  ///< number of factors per user and item
  /// The most epochs, at least 1; the step size falls over all of them, so more of them learn more slowly.
  std::uint32_t epochs = 40;
  /// Items drawn per rating and epoch, 1 to 1000; with hardest, more suit more items: 8 for thousands, 32 for tens of thousands.
  std::uint32_t negatives = 16;
  /// Learn from the drawn item of the highest score alone; without it every drawn item makes a pair, as in the article with one negative.
  bool hardest = true;
  /// Exponent x, 0 to 2: an item is drawn with a probability that follows (its number of ratings)^x; 0 draws uniformly, 1 by popularity.
  double negative_exponent = 0;
  /// Step size, above 0; falls linearly from epoch to epoch, towards 0 after the last.
  double learning_rate = 0.1;
  /// Weight lambda of the squared factors in every step, at least 0.
  double regularization = 0.02;
  bool biases = true;          ///< learn a bias for every item
  double initial_scale = 0.1;  ///< standard deviation of the initial factors, times sqrt(rank)
  /// Items that each item speaks for besides the factors, 0 to 100000, by method neighbours with its defaults; 0 for factors alone.
  std::uint32_t neighbours = 0;
  /// Weight of the neighbours, at least 0, where both parts of the scores have a standard deviation of 1 over the items, on average over
  /// the users. auto is 0.4, or with validation the best of 0, 0.1, 0.2, 0.4, 0.8 and 1.6.
  std::optional<double> neighbour_weight = {};
  double tolerance = 0;        ///< relative improvement per epoch below which training ends; 0: never
  std::uint32_t patience = 5;  ///< epochs without improvement of the validation figure after which training ends
  std::uint64_t seed = 1;      ///< seed of every random choice

  /// Scores only rank.
  static constexpr bool predicts_ratings() { return false; }
};

}  // namespace lowrank
