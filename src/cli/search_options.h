#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "lowrank/tune/tune.h"

namespace lowrank::cli {

/// The options of a search as they are typed.
struct SearchArguments {
  TuneOptions options;
  std::string methods = "sgd";
  std::string fixed;
};

/// Adds the options of a search over methods' options, without those of its data.
void add_search(CLI::App& app, SearchArguments& arguments);
/// Writes the methods and what is fixed of them into the options. \throws OptionError
void take_methods(SearchArguments& arguments);

}  // namespace lowrank::cli
