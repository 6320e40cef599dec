#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lowrank/data/features.h"
#include "lowrank/model/model.h"

namespace lowrank {

/// The sizes that the tensors of one side's features follow from.
struct FeatureExtent {
  std::uint64_t columns = 0;
  std::uint64_t mean = 0;  ///< rank + 1, or 0 for a mean of zeros
  std::uint64_t name_bytes = 0;
  std::uint64_t description_bytes = 0;
};

/// The sizes of `features`, whose parts fit together, with their description as text.
FeatureExtent extent_of(const FeatureVectors& features, std::size_t description_bytes);

/// How the columns came about, as a JSON object; the names of the columns are a tensor of their own.
std::string description_text(const FeatureDescription& description);
/// Reads the fields of such an object. \throws ModelFileError
void read_description(std::string_view text, FeatureDescription& description);

/// Why the features of `side` cannot be written, or not be used once read; nothing when they are sound. O(size)
std::optional<std::string> feature_problem(const Side& side);

}  // namespace lowrank
