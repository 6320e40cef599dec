#pragma once

#include <optional>
#include <string>

#include "lowrank/data/feature_source.h"
#include "lowrank/data/read.h"
#include "lowrank/train/method.h"

namespace lowrank {

/// The files of features that a run names.
struct FeatureFiles {
  const std::string& users;    ///< empty: none
  const std::string& items;    ///< empty: none
  const std::string& columns;  ///< see TrainRun::feature_columns

  [[nodiscard]] bool any() const { return !users.empty() || !items.empty(); }
};

/// \throws OptionError naming `option`, unless `method` reads features
void check_reads_features(const char* option, const Method& method);

/// \throws OptionError for a file that training by `method` would not read, and for columns without a file
void check_feature_files(const FeatureFiles& files, const Method& method);

/// The features in the file of a side, or nothing where there is none. \param known  ids that ratings have \param read  how text is
/// encoded, and who is told what the table was taken for \throws as read_feature_table(); OptionError for columns that do not say whose
/// they are
std::optional<FeatureSource> read_feature_file(const FeatureFiles& files, FeatureSide side, const ReadOptions& read,
                                               const Vocabulary& known);

}  // namespace lowrank
