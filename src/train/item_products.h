#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "kernels/sparse_product.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/neighbours.h"

namespace lowrank {

/// Products of all pairs of columns of the ratings matrix, of which each item keeps the best.
struct ItemProducts {
  const Ratings& ratings;
  PairSums kind = PairSums::products;
  std::span<const float> values = {};         ///< of every rating, by position, in place of its own; empty: 1 for each
  std::span<const float> user_weights = {};   ///< of every user, multiplied with each of their products; empty: 1. Not for moments
  std::span<const float> row_scales = {};     ///< of the item that keeps, not below 0; empty: 1
  std::span<const float> column_scales = {};  ///< of the item that is kept, not below 0; empty: 1. Not for moments
  float shrinkage = 0;                        ///< as in PairScore: read where the kind counts the users in common
  std::uint32_t kept = 100;                   ///< others that an item keeps
};

/// Row i has the `kept` others with the greatest scores above 0 of item i, ties in the order of the items; the weight is the score times
/// the scale of row i. Neither bytes nor memory depend on the threads beyond their scratch: a block of sums per thread, a block of the
/// ratings, and what the items keep. \param block  the most columns at a time; tests make it small. O(sum over users of |I_u|^2)
Neighbours best_products(const ItemProducts& products, Workers& workers, std::size_t block = kMostBlockColumns);

}  // namespace lowrank
