#pragma once

/// \file
/// The options of commands that train.

#include <CLI/CLI.hpp>
#include <string>

#include "lowrank/pipeline/run.h"

namespace lowrank::cli {

/// The method whose options a command that trains shows and reads. An unknown name is not an error yet, because the text may belong to
/// another command; add_method() refuses it.
Method method_to_describe(const std::string& name);

/// Adds `--method`. \param command  the command that shows the options of a method
void add_method(CLI::App& app, const std::string& command);
/// Adds `--holdout`, `--monitor` and `--refit`. \param help  help text of `--holdout`
void add_holdout(CLI::App& app, TrainRun& run, const std::string& help);
/// The texts of the options of features.
struct FeatureTexts {
  std::string& users;
  std::string& items;
  std::string& columns;
};

/// Adds `--user-features`, `--item-features` and `--feature-columns`. \param shown  whether in the help
void add_features(CLI::App& app, const FeatureTexts& texts, bool shown);
/// Adds the limits of predicted ratings, hidden where the method predicts none.
void add_limits(CLI::App& app, TrainRun& run);
/// Adds one flag per option of the method of `run`, and hidden ones of all other methods, which are refused with the reason.
void add_method_options(CLI::App& app, TrainRun& run);

}  // namespace lowrank::cli
