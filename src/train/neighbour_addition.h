#pragma once

#include <cstdint>
#include <optional>

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/neighbours.h"
#include "lowrank/train/trained.h"
#include "lowrank/train/validation.h"

namespace lowrank {

/// Neighbours to add to factors.
struct AddedNeighbours {
  std::uint32_t neighbours = 0;       ///< that an item keeps; 0 adds nothing
  std::optional<double> weight = {};  ///< nothing: the best of a few on the validation data, or a default
};

/// The neighbours of method `neighbours` with its defaults, before they are weighed. \param ratings  those above 0 count
Neighbours added_neighbours(const Ratings& ratings, std::uint32_t kept, Workers& workers);

/// Adds the neighbours of method `neighbours`, with its defaults, to a model that has factors. Their weights are multiplied by `weight` and
/// by the standard deviation of the factors' scores over the standard deviation of the neighbours' sums, each of a user over all known
/// items and averaged over the users, where neither is 0. O(users (rank^2 + weights of their items))
/// \param ratings  that the model was trained on; those above 0 count
void add_neighbours(Trained& trained, const Ratings& ratings, const AddedNeighbours& added, const Validation& validation, Workers& workers);

}  // namespace lowrank
