#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lowrank/model/model.h"

namespace lowrank {

/// The parts of a context that not every one has.
struct ContextParts {
  bool scales = false;
  bool user_biases = false;
  bool item_biases = false;

  [[nodiscard]] bool any() const noexcept { return scales || user_biases || item_biases; }
};

/// The sizes of the tensors of a model's contexts, whose levels stand one after another.
struct ContextExtent {
  std::uint64_t count = 0;        ///< contexts
  std::uint64_t levels = 0;       ///< of all of them
  std::uint64_t level_bytes = 0;  ///< characters of the levels
  std::uint64_t scales = 0;       ///< levels of all contexts with scales
  std::uint64_t user_biases = 0;  ///< of all contexts with biases of users
  std::uint64_t item_biases = 0;
  std::vector<ContextParts> parts = {};  ///< of each context

  /// Number of contexts with a part.
  [[nodiscard]] std::uint64_t with(bool ContextParts::*part) const noexcept {
    return static_cast<std::uint64_t>(std::ranges::count(parts, true, part));
  }
  /// Whether any context has one of the parts, which makes the section one of version 2.
  [[nodiscard]] bool has_parts() const noexcept { return std::ranges::any_of(parts, &ContextParts::any); }
};

/// The sizes of the contexts of a model.
ContextExtent context_extent(const std::vector<ContextVectors>& contexts);

/// What stands of the contexts in the header, beside their tensors, as a JSON list of objects.
std::string contexts_text(const std::vector<ContextVectors>& contexts);
/// Reads such a list: names and periods, and in version 2 the parts. \throws ModelFileError
/// \param[out] parts  of each context
std::vector<ContextVectors> read_contexts(const std::string& text, std::uint64_t version, std::vector<ContextParts>& parts);

/// Why the contexts of `model` cannot be written, or not be used once read; nothing when they are sound. O(size)
std::optional<std::string> context_problem(const Model& model);

}  // namespace lowrank
