#pragma once

#include <string>
#include <vector>

#include "lowrank/model/model.h"

namespace lowrank::cli {

/// The ids in `file`, one per line: candidates, or what is left out. With `skips` those that `side` does not know are left out, which
/// standard error tells. \param kind  `items` or `users`. \throws UnknownIdError if all of them are left out; as read_ids()
std::vector<std::string> candidates_in(const std::string& file, const Side& side, const std::string& kind, bool skips);

/// Whether the rule for unknown candidates is `skip`. \param option  its name. \throws OptionError unless it is `error` or `skip`
bool skips_unknown(const char* option, const std::string& rule);

}  // namespace lowrank::cli
