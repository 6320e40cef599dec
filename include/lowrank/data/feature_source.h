#pragma once

/// \file
/// Features before they are in the numbering of ratings, so that they can be brought into that of several parts of the same ratings.

#include <variant>

#include "lowrank/data/feature_table.h"
#include "lowrank/data/features.h"
#include "lowrank/data/vocabulary.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Features that are given as a matrix: row r is that of id r.
struct FeatureMatrix {
  Vocabulary ids;
  Features features;
};

/// Features of users or items, as a table whose columns are still to be decided, or as a matrix.
struct FeatureSource {
  std::variant<FeatureTable, FeatureMatrix> given;
  FeatureReadOptions options;  ///< of the table; `on_summary` is called each time that it is learned from
};

/// The features in the numbering of `ids`, see learn_features() of a table and arrange_rows(). \param[in,out] ids  ids of the side; those
/// of the source that are new are added. The features have a row for each of them \throws DataError
Features learn_features(const FeatureSource& source, Vocabulary& ids);

}  // namespace lowrank
