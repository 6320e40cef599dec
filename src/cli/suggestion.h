#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace lowrank::cli {

/// `; did you mean train?` for `trian`, or nothing where no candidate is close: at most a third of the letters differ.
std::string suggestion_for(std::string_view typed, const std::vector<std::string>& candidates);
/// `; did you mean --rank?` for `--factors`: an option of `command` that other programs call so, or one that is spelled much the same.
std::string suggestion_for_option(const std::string& typed, const CLI::App& command);

}  // namespace lowrank::cli
