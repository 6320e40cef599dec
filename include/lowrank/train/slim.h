#pragma once

/// \file
/// Sparse non-negative item-item weights: each item's column of the data by few others, with an elastic net.

#include <cstdint>
#include <string_view>

namespace [[gnu::visibility("default")]] lowrank {

/// Options of SLIM. With x_j column j of the users x items matrix X of ones (a rating above 0) and zeros, the weights w of the items that
/// speak for item j minimise
///
///     1/2 |x_j - X w|^2 + l2 / 2 |w|^2 + l1 |w|_1,   w >= 0, w_j = 0
///
/// by coordinate descent. Weights are 0 but for `candidates`: the items that are most similar to item j by cosine; with 0 all items that
/// have a user in common with it, which is the exact minimum, as the weights of all others are 0 there. A user's score of item j is the sum
/// of the weights of the items that they have. One epoch. Scores rank items; they predict no ratings.
///
/// Ratings of which none is above 0 are a DataError.
struct Slim {
  static constexpr std::string_view kName = "slim";
  static constexpr std::string_view kSummary = "lists from sparse item-item weights with an elastic net";
  static constexpr std::string_view kClassName = "SLIM";
  static constexpr std::string_view kReference = "Ning and Karypis, SLIM: Sparse linear methods for top-n recommender systems, ICDM 2011.";

  /// Weight of the sum of weights, at least 0: more makes more of them 0.
  double l1 = 0.5;
  /// Weight of the sum of squares, at least 0: more spreads weights over similar items.
  double l2 = 10;
  /// Items that may speak for an item, the most similar ones, 0 to 100000; 0 for all that have a user in common, which takes much longer.
  std::uint32_t candidates = 200;
  /// Greatest change of a weight in a pass over the candidates at which an item is done, 0 to 1.
  double tolerance = 1e-4;
  /// The most passes over the candidates of an item, at least 1.
  std::uint32_t passes = 100;
  std::uint64_t seed = 1;  ///< seed of a holdout; training draws nothing

  /// Scores only rank.
  static constexpr bool predicts_ratings() { return false; }
};

}  // namespace lowrank
