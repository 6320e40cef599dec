#pragma once

#include <string>
#include <vector>

namespace lowrank::cli {

/// A page of the manual, section 1.
struct ManualPage {
  std::string name;  ///< `lowrank`, or `lowrank-train`
  std::string text;  ///< for man: troff with the macros of man(7)
};

/// The page of the program, then one per command.
std::vector<ManualPage> manual_pages();

}  // namespace lowrank::cli
