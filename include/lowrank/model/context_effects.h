#pragma once

/// \file
/// How the levels of contexts change the scores of items.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lowrank/model/factor_matrix.h"
#include "lowrank/model/model.h"
#include "lowrank/model/vectors.h"

namespace [[gnu::visibility("default")]] lowrank {

/// How much more a level adds to the scores of one item than to those of all items on the average.
struct ItemEffect {
  std::uint32_t item = 0;
  float effect = 0;  ///< in units of ratings

  friend bool operator==(const ItemEffect&, const ItemEffect&) = default;
};

/// The items that a level lifts and lowers most.
struct LevelEffects {
  std::vector<ItemEffect> lifted;   ///< the greatest effect first; only effects above 0
  std::vector<ItemEffect> lowered;  ///< the least effect first; only effects below 0

  friend bool operator==(const LevelEffects&, const LevelEffects&) = default;
};

/// The effects of level `level` of context number `context` on items, for a user whose factors p are the mean of those of all users with
/// ratings: of item i it is
///
///     <q_i, item_factors[level]> + item_biases(i, level) + sum over factors k of p_k q_ik (scales[level]_k - 1)
///
/// each term where the context has it, less the mean of that over the items. \param count  most items of each kind
/// \param least_ratings  items with fewer are left out. O(items rank + items log count) \throws OptionError("context") for a number that
/// the model does not have
LevelEffects level_effects(const Model& model, std::size_t context, std::uint32_t level, std::size_t count,
                           std::uint32_t least_ratings = 1);

/// The vectors of the levels of context number `context`, levels x rank, for pictures of levels and distances between them. With
/// RowsOf::items the dot product of a level's vector and an item's factors q_i is what the level adds to the item's score besides biases,
/// for the user of level_effects():
///
///     item_factors[level]_k + p_k (scales[level]_k - 1)
///
/// With RowsOf::users it is that with user_factors and, in place of p, the mean of the factors of the items with ratings.
/// O((users + items + levels) rank) \throws OptionError("context") for a number that the model does not have
FactorMatrix level_vectors(const Model& model, std::size_t context, RowsOf side);

}  // namespace lowrank
