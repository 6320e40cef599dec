#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "model/model_header.h"

namespace lowrank {

/// Checks that a header describes a tensor as `place` has it. \throws ModelFileError
void check_place(const nlohmann::json& header, const TensorPlace& place);

/// Checks the tensors of unknown sections: sound, and one after another behind the known ones. \return where the last one ends
/// \throws ModelFileError
std::uint64_t check_unknown_tensors(const nlohmann::json& header, const std::vector<TensorPlace>& known,
                                    const std::set<std::string>& sections);

}  // namespace lowrank
