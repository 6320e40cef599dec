#pragma once

#include <string>

#include "base/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

/// \throws OptionError `OPTION: must be EXPECTED, got VALUE` unless `holds`
inline void check_option(bool holds, const char* option, const char* expected, double value) {
  if (!holds) throw OptionError(option, std::string("must be ") + expected + ", got " + shortest_text(value));
}

}  // namespace lowrank
