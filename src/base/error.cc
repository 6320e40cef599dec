#include "lowrank/base/error.h"

#include <algorithm>
#include <utility>

namespace lowrank {

namespace {

/// `learning_rate` reads `--learning-rate` to somebody at a shell and is found by somebody in C++ or Python.
std::string flag_name(std::string option) {
  std::replace(option.begin(), option.end(), '_', '-');
  return "--" + option;
}

}  // namespace

DataError::DataError(const std::string& source, std::size_t line, const std::string& problem)
    : Error(source + ":" + std::to_string(line) + ": " + problem) {}

OptionError::OptionError(std::string option, const std::string& problem)
    : Error(option.empty() ? problem : flag_name(option) + ": " + problem), option_(std::move(option)) {}

}  // namespace lowrank
