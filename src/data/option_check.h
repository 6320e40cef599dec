#pragma once

#include <charconv>
#include <string>

#include "lowrank/base/error.h"

namespace lowrank {

/// `value` in the fewest digits that read back as the same number.
inline std::string number_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// \throws OptionError `OPTION: must be EXPECTED, got VALUE` unless `holds`
inline void check_option(bool holds, const char* option, const char* expected, double value) {
  if (!holds) throw OptionError(option, std::string("must be ") + expected + ", got " + number_text(value));
}

}  // namespace lowrank
