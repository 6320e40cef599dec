#pragma once

#include <string>

#include "lowrank/model/model.h"

namespace lowrank {

/// The metadata of the section `lineage`, a JSON object.
std::string lineage_text(const Lineage& lineage);
/// \throws ModelFileError
Lineage read_lineage(const std::string& text);

}  // namespace lowrank
