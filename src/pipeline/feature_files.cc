#include "pipeline/feature_files.h"

#include <algorithm>
#include <string_view>

#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// The side's part of the columns that are named. \throws OptionError
std::string columns_of(const FeatureFiles& files, FeatureSide side) {
  if (files.users.empty() || files.items.empty()) return files.columns;
  std::string own;
  std::string_view rest = files.columns;
  while (!rest.empty()) {
    std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const bool of_users = part.starts_with("user:");
    if (!of_users && !part.starts_with("item:")) {
      throw OptionError("feature_columns",
                        "must say whose each column is where users and items have features, as user:COLUMN or item:COLUMN");
    }
    part.remove_prefix(std::string_view("user:").size());
    if (of_users == (side == FeatureSide::users)) own.append(own.empty() ? "" : ",").append(part);
  }
  return own;
}

}  // namespace

void check_reads_features(const char* option, const Method& method) {
  if (reads_features(method)) return;
  throw OptionError(option, "is not an option of method " + std::string(name_of(method)) + ", which does not read features");
}

void check_feature_files(const FeatureFiles& files, const Method& method) {
  if (!files.users.empty()) check_reads_features("user_features", method);
  if (!files.items.empty()) check_reads_features("item_features", method);
  if (!files.columns.empty() && !files.any()) {
    throw OptionError("feature_columns", "needs " + mention("user_features or item_features"));
  }
}

std::optional<FeatureSource> read_feature_file(const FeatureFiles& files, FeatureSide side, const ReadOptions& read,
                                               const Vocabulary& known) {
  const std::string& path = side == FeatureSide::users ? files.users : files.items;
  if (path.empty()) return {};
  FeatureSource source;
  source.options = {
      .side = side, .columns = columns_of(files, side), .encoding = read.encoding, .known = &known, .on_summary = read.on_layout};
  source.given = read_feature_table(path, source.options);
  return source;
}

}  // namespace lowrank
