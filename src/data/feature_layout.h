#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/layout.h"
#include "lowrank/data/feature_table.h"

namespace lowrank {

/// The layout of a table of features.
struct FeatureLayout {
  Separator separator = Separator::comma;
  bool header = false;
  bool listed = false;             ///< lines of `id,feature[,value]`
  std::vector<std::string> names;  ///< one per column: those of the header, or the columns' numbers
  std::size_t id = 0;              ///< column of the ids, from 0
  std::vector<std::size_t> read;   ///< columns that are read, in the order of the table; without that of the ids
  bool stated = false;             ///< whether the caller named the columns to read
  std::size_t skipped_bytes = 0;   ///< bytes before the first row
  std::size_t skipped_lines = 0;
};

/// What a feature layout takes a table for, as part of a message.
std::string description(const FeatureLayout& layout);

/// Detects the layout of a file. \param description  of the features of a model, or null
FeatureLayout detect_feature_layout(std::string_view head, bool whole, const std::string& source, const FeatureReadOptions& options,
                                    const FeatureDescription* description);

/// The layout of a table in memory with a header of `names`.
FeatureLayout layout_of_names(const std::vector<std::string>& names, const FeatureReadOptions& options);

}  // namespace lowrank
