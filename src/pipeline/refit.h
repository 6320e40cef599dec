#pragma once

#include <cstddef>
#include <optional>

#include "lowrank/train/method.h"

namespace lowrank {

/// Epochs of a training by `method`; 0 for a method without epochs.
std::size_t epochs_of(const Method& method);

/// `method` for a second training, on more ratings: exactly `epochs` epochs, which nothing ends earlier. A method without epochs stays as
/// it is. \param neighbour_weight  the one that validation chose, if there are neighbours beside factors
Method refit_method(const Method& method, std::size_t epochs, std::optional<double> neighbour_weight);

}  // namespace lowrank
