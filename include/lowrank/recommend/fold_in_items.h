#pragma once

/// \file
/// Items that training did not have, against the fixed users.

#include "lowrank/recommend/fold_in.h"

namespace [[gnu::visibility("default")]] lowrank {

/// `model` with its items replaced by those of `pairs` (numbered in the model's vocabularies), in order of first appearance: fold_in() with
/// the sides exchanged. All are solved anew from the pairs given, also those that the model knows; without values every pair counts as a
/// rating of 1. The pairs are the history of the result, and an item's number of known users its ratings: an item without any is unknown to
/// the result. Neighbours between items are those of other items, and left out.
/// \param threads 0 for all; no influence on the result \param features  of items, if given; those without pairs are items too, known by
/// their features alone
/// \throws as fold_in()
Model fold_in_items(const Model& model, const Pairs& pairs, int threads = 0, const NewFeatures* features = nullptr);

}  // namespace lowrank
