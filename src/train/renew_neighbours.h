#pragma once

#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/train/method.h"

namespace lowrank {

/// Whether the weights between items or users are all that the method learns, but for mean and biases.
bool learns_neighbours_alone(const Method& method);

/// Finds the neighbours beside a model's factors anew for the touched items, as its method does; those of the others stay. The weight of
/// neighbours beside factors stays too: in the mean form as the rule has it, in the sum form as what is common to old and new weights.
/// Nothing for a model without neighbours; not for methods that learn them alone. Costs what finding all of them costs. \param ratings  all
/// of them, numbered as the model \param touched  of each item: 1 where its ratings changed
void renew_neighbours(Model& model, const Ratings& ratings, const Method& method, std::span<const std::uint8_t> touched, Workers& workers);

}  // namespace lowrank
