#pragma once

/// \file
/// Item-item weights in closed form: each item's column of the data by all other items, with ridge regression.

#include <cstdint>
#include <string_view>

namespace [[gnu::visibility("default")]] lowrank {

/// Options of EASE. With X the users x items matrix of ones (a rating above 0) and zeros, the weights W minimise
///
///     |X - X W|^2 + regularization |W|^2   with zeros on the diagonal of W
///
/// which has one solution: with P = (X^T X + regularization I)^-1 item j speaks for item i with the weight w_ji = -P_ji / P_ii. Each item
/// keeps its `neighbours` weights that are farthest from 0, ties in the order of the items; a user's score of item i is the sum of w_ji
/// over the items j that they have. There is nothing to iterate: one epoch. Scores rank items; they predict no ratings.
///
/// Cost: I^3 / 2 multiplications for I items, and 4 I^2 bytes besides the model. Training that does not fit into memory is a MemoryError
/// before it starts. Ratings of which none is above 0 are a DataError.
struct Ease {
  static constexpr std::string_view kName = "ease";
  static constexpr std::string_view kSummary = "lists from item-item weights in closed form, for some ten thousand items";
  static constexpr std::string_view kClassName = "EASE";
  static constexpr std::string_view kReference = "Steck, Embarrassingly shallow autoencoders for sparse data, WWW 2019.";

  /// Number added to the diagonal of X^T X, above 0; more trusts rare items less.
  double regularization = 200;
  /// Weights that an item keeps, 1 to 100000; more cost memory and time at each list.
  std::uint32_t neighbours = 500;
  std::uint64_t seed = 1;  ///< seed of a holdout; training draws nothing

  /// Scores only rank.
  static constexpr bool predicts_ratings() { return false; }
};

}  // namespace lowrank
