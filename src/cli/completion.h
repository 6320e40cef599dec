#pragma once

#include <string>

namespace lowrank::cli {

/// A script that completes the command lines of the program in the shell called `bash`, `zsh` or `fish`. \throws OptionError
std::string completion_script(const std::string& shell);

}  // namespace lowrank::cli
