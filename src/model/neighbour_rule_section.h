#pragma once

#include <string>

#include "lowrank/model/neighbours.h"

namespace lowrank {

/// The metadata of the section `neighbours` where it has a rule of its own, a JSON object.
std::string neighbour_rule_text(const NeighbourRule& rule);
/// \throws ModelFileError
NeighbourRule read_neighbour_rule(const std::string& text);

}  // namespace lowrank
