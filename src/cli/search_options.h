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
/// Adds the options of how a search divides its data, and of its seed.
void add_search_data(CLI::App& app, TuneOptions& options);
/// The options of a search in one text, such as `--trials 30 --fixed "--rank 8"`, with no methods if it names none. \throws OptionError
TuneOptions parse_search(const std::string& text);
/// Writes the methods and what is fixed of them into the options. \throws OptionError
void take_methods(SearchArguments& arguments);

}  // namespace lowrank::cli
