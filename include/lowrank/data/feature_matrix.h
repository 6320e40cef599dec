#pragma once

/// \file
/// Features that are given as a matrix, with names of its columns.

#include "lowrank/data/feature_table.h"
#include "lowrank/data/features.h"
#include "lowrank/data/vocabulary.h"

namespace [[gnu::visibility("default")]] lowrank {

/// `given`, whose row r is that of id r of `row_ids`, in the numbering of `ids`, to which ids that are new are added.
/// \throws DataError for features that are not sound (see features_problem()), or of another number of rows than ids
Features arrange_rows(const Vocabulary& row_ids, const Features& given, Vocabulary& ids);

/// `given` in the columns of a model, by their names. \param[out] gaps  entries of columns that the model does not have
/// \throws DataError for features that are not sound
Features arrange_columns(const Features& given, const FeatureDescription& description, FeatureGaps& gaps);

}  // namespace lowrank
