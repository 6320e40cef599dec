#include "cli/candidates.h"

#include "cli/progress.h"
#include "lowrank/base/error.h"
#include "lowrank/data/read.h"

namespace lowrank::cli {

std::vector<std::string> candidates_in(const std::string& file, const Side& side, const std::string& kind, bool skips) {
  std::vector<std::string> ids = read_ids(file);
  if (!skips) return ids;
  const std::size_t all = ids.size();
  std::erase_if(ids, [&side](const std::string& id) { return !side.knows(side.ids.find(id)); });
  if (ids.empty() && all > 0) throw UnknownIdError(file + ": the model knows none of the " + std::to_string(all) + " " + kind);
  if (ids.size() < all) {
    print_error(file + ": skipped " + std::to_string(all - ids.size()) + " of " + std::to_string(all) + " " + kind +
                ", which the model does not know");
  }
  return ids;
}

bool skips_unknown(const char* option, const std::string& rule) {
  if (rule != "error" && rule != "skip") throw OptionError(option, "must be error or skip, got \"" + rule + "\"");
  return rule == "skip";
}

NewFeatures read_new_rows(const std::string& path, FeatureSide side, const Model& model, const ReadOptions& read, bool quiet) {
  FeatureGaps gaps;
  NewFeatures rows = read_new_features(path, side, model, read.encoding, gaps);
  const std::string text = gaps_text(gaps, path);
  if (!text.empty() && !quiet) print_error("warning: " + text);
  return rows;
}

}  // namespace lowrank::cli
