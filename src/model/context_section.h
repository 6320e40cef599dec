#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lowrank/model/model.h"

namespace lowrank {

/// The sizes of the tensors of a model's contexts, whose levels stand one after another.
struct ContextExtent {
  std::uint64_t count = 0;        ///< contexts
  std::uint64_t levels = 0;       ///< of all of them
  std::uint64_t level_bytes = 0;  ///< characters of the levels
};

/// The sizes of the contexts of a model.
ContextExtent context_extent(const std::vector<ContextVectors>& contexts);

/// What stands of the contexts in the header, beside their tensors, as a JSON list of objects.
std::string contexts_text(const std::vector<ContextVectors>& contexts);
/// Reads such a list: names and periods. \throws ModelFileError
std::vector<ContextVectors> read_contexts(const std::string& text);

/// Why the contexts of `model` cannot be written, or not be used once read; nothing when they are sound. O(size)
std::optional<std::string> context_problem(const Model& model);

}  // namespace lowrank
