#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lowrank/model/model.h"

namespace lowrank {

/// The sizes of the tensors of an uncertainty that do not follow from the model's.
struct UncertaintyExtent {
  std::uint64_t user_noise = 0;  ///< users + 1, or 0
  std::uint64_t item_noise = 0;  ///< items + 1, or 0
  std::uint64_t quantiles = 0;   ///< kQuantiles, or 0
};

/// Number of quantiles, where there are any.
inline constexpr std::size_t kQuantiles = 99;

/// What stands of an uncertainty in the header, beside its tensors, as a JSON object.
std::string uncertainty_text(const Uncertainty& uncertainty);
/// Reads such an object. \throws ModelFileError
void read_uncertainty(const std::string& text, Uncertainty& uncertainty);

/// An ordinal scale as a JSON object, and back. \throws ModelFileError
std::string ordinal_text(const OrdinalScale& scale);
OrdinalScale read_ordinal(const std::string& text);

/// Why the uncertainty or the ordinal scale of `model` cannot be written, or not be used once read; nothing when they are sound. O(size)
std::optional<std::string> uncertainty_problem(const Model& model);

}  // namespace lowrank
