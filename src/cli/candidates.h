#pragma once

#include <string>
#include <vector>

#include "lowrank/data/read.h"
#include "lowrank/model/model.h"
#include "lowrank/recommend/fold_in.h"

namespace lowrank::cli {

/// The ids in `file`, one per line: candidates, or what is left out. With `skips` those that `side` does not know are left out, which
/// standard error tells. \param kind  `items` or `users`. \throws UnknownIdError if all of them are left out; as read_ids()
std::vector<std::string> candidates_in(const std::string& file, const Side& side, const std::string& kind, bool skips);

/// Whether the rule for unknown candidates is `skip`. \param option  its name. \throws OptionError unless it is `error` or `skip`
bool skips_unknown(const char* option, const std::string& rule);

/// Reads a file of features of new users or items in the columns of a model, and says, unless `quiet`, what of it the model does not know.
/// \throws as read_new_features()
NewFeatures read_new_rows(const std::string& path, FeatureSide side, const Model& model, const ReadOptions& read, bool quiet);

}  // namespace lowrank::cli
