#pragma once

/// \file
/// Users as sums of what they have rated: asymmetric factor models.

#include <cstdint>
#include <optional>
#include <string_view>

namespace [[gnu::visibility("default")]] lowrank {

/// Options of the asymmetric model (NSVD1 of Paterek 2007; with user factors SVD++ of Koren 2008) by stochastic gradient descent. Every
/// item i has factors q_i and history factors w_i. A user u with the n_u rated items R(u) has the factors
///
///     x_u = n_u^(-1/2) sum over j in R(u) of w_j   (+ p_u with user_factors)
///
/// and the prediction is mean + bu_u + bd_i + <x_u, q_i>. The loss, with e = r - prediction, n the ratings of a row, beta =
/// regularization and m = prior_ratings, is
///
///     sum over ratings of (1/2) e^2 + sum of (1/2) beta (n + m) |row|^2 over all rows q, w and p + sum of (1/2) d bias^2
///
/// where d is estimated from the ratings; with regularization 0 nothing is regularised. Rates and weights are in scale-free units (ratings
/// divided by their standard deviation). Models are ordinary ones: the sums are taken once, at the end. docs/methods/asymmetric.md has the
/// equations and their sources.
struct Asymmetric {
  static constexpr std::string_view kName = "asymmetric";
  static constexpr std::string_view kSummary = "users as sums of vectors of the items that they rated (NSVD1, SVD++)";
  static constexpr std::string_view kClassName = "AsymmetricMF";
  static constexpr std::string_view kReference =
      "Paterek, KDD Cup 2007 (NSVD1); Koren, KDD 2008 (SVD++); batches per user: Takacs, Pilaszy, Nemeth and Tikk, JMLR 2009.";

  std::uint32_t rank = 32;  ///< number of factors per user and item
  /// The most passes over the ratings, at least 1; raise it together with a lower learning rate.
  std::uint32_t epochs = 20;
  /// Whether users have factors of their own besides the sum (SVD++); more accurate for users with many ratings, but a new user then takes
  /// a solve.
  bool user_factors = false;
  /// Step size alpha of the first epoch, above 0, in scale-free units; falls linearly to 1/epochs of it in the last epoch. Lower it when
  /// training diverges.
  double learning_rate = 0.06;
  /// Step size of the sums as a share of the learning rate, above 0. auto is 0.3, and 0.05 with user_factors.
  std::optional<double> history_rate = {};
  /// Weight beta of the squared factors in the loss of one rating, at least 0; raise it when the validation error rises while the training
  /// error falls. With 0 nothing is regularised.
  double regularization = 0.04;
  /// Number of ratings, at least 0, added to each row's own when it is regularised; raise it to keep rows with few ratings small. auto is
  /// 85, or less where trials on a part of the ratings show little noise.
  std::optional<double> prior_ratings = {};
  double initial_scale = 0.05;  ///< standard deviation of the initial factors of items and users, times sqrt(rank); sums start at 0
  bool biases = true;           ///< whether the mean and a bias for every user and item are learned
  double tolerance = 0;         ///< relative improvement per epoch below which training ends; 0: never
  std::uint32_t patience = 5;   ///< epochs without improvement of the validation figure after which training ends
  std::uint64_t seed = 1;       ///< seed of every random choice
};

}  // namespace lowrank
