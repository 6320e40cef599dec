#pragma once

/// \file
/// Features as Python gives them.

#include <optional>
#include <string>

#include "lowrank/data/feature_source.h"

namespace lowrank::python {

/// Features before they have columns; a file is not opened yet.
struct GivenFeatures {
  FeatureSource source;
  std::string path;  ///< of the table, in place of the one in `source`; empty: none

  [[nodiscard]] FeatureSide side() const noexcept { return source.options.side; }
  /// The source, which is read into `read` where it is a file. \param known  ids that ratings have
  [[nodiscard]] const FeatureSource& take(const Vocabulary& known, std::optional<FeatureSource>& read) const {
    if (path.empty()) return source;
    FeatureReadOptions options = source.options;
    options.known = &known;
    read = {.given = read_feature_table(path, options), .options = source.options};
    return *read;
  }
};

}  // namespace lowrank::python
