#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"

namespace lowrank {

/// Factors and bias of a row that training did not have.
struct FoldedUser {
  std::vector<float> factors;  ///< rank floats
  float bias = 0;
};

/// Solves the model's row problem (see RowProblem) for a user given by ratings of known items against the fixed item factors. Repeats of an
/// item, items that the model does not know: the last counts, and they are left out. Without any known item: zero factors, zero bias. O(n
/// rank^2 + rank^3). \param items, values  one value an item
FoldedUser fold_in_user(const Model& model, std::span<const std::uint32_t> items, std::span<const float> values);

/// `model` with its users replaced by those of `pairs` (numbered in the model's vocabularies; users beyond it are welcome: all are folded
/// in anew from the pairs given, and known ones are not looked at). Their given items count as seen. \param threads 0 for all; no influence
/// on the result
Model fold_in(const Model& model, const Pairs& pairs, int threads = 0);

}  // namespace lowrank
