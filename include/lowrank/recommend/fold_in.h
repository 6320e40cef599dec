#pragma once

/// \file
/// Users and items that training did not have.

#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Factors and bias of a user or item that training did not have.
struct FoldedRow {
  std::vector<float> factors;  ///< rank floats
  float bias = 0;
  /// Of a user, where the model has neighbours: the items that these speak from, ascending. They are the known items that the user was
  /// given by, in the sum form those with a value above 0.
  std::vector<std::uint32_t> history = {};
  /// In the mean form one per item of the history, its value less its score without neighbours; else empty.
  std::vector<float> residuals = {};
};

/// Solves the problem that the model states (see FoldIn) for a user given by ratings, against the fixed item factors. Items that the model
/// does not know are left out; of repeats of an item the last counts. Without any known item: zero factors, zero bias. Where the ratings do
/// not pin the row down (no regularisation, fewer ratings than factors) it is the shortest solution. A divergence is brought down by
/// multiplicative updates, until a factor changes by less than 1e-7 of the largest, 2000 at most; there, any of its minima.
/// O(n rank^2 + rank^3), and O(items rank^2) more where unobserved cells have weight; for a divergence O(n rank) per update, and O(items
/// rank). fold_in() solves many users at the price of one such sum over the items. \param items, values  one value per item
/// \throws DataError for different numbers of items and values, and for ratings so extreme that no finite factors fit them
FoldedRow fold_in_user(const Model& model, std::span<const std::uint32_t> items, std::span<const float> values);

/// The same with the sides exchanged: an item given by the ratings of users, against the fixed user factors.
/// \param users, values  one value per user. \throws as fold_in_user()
FoldedRow fold_in_item(const Model& model, std::span<const std::uint32_t> users, std::span<const float> values);

/// `model` with its users replaced by those of `pairs` (numbered in the model's vocabularies), in order of first appearance. All are solved
/// anew from the pairs given, also those that the model knows; without values every pair counts as a rating of 1. Their given items count
/// as seen, and their number of known items as their ratings: a user without any is unknown to the result. The ids of the users have the
/// kind of `pairs.unknown_users`.
/// \param threads 0 for all; no influence on the result
/// \throws DataError for ratings so extreme that no finite factors fit them, and for pairs whose parts do not fit together
Model fold_in(const Model& model, const Pairs& pairs, int threads = 0);

}  // namespace lowrank
