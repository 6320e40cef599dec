#pragma once

/// \file
/// What the program says about itself, as data: the source of its shell completions and manual pages.

#include <string>
#include <vector>

namespace lowrank::cli {

/// An option, or an argument without dashes.
struct OptionText {
  std::string brief;     ///< `-o`, or empty
  std::string name;      ///< `--output`, or `RATINGS` for an argument without dashes
  std::string label;     ///< name of the value, `FILE`; empty for a flag
  std::string help;      ///< description without the default
  std::string fallback;  ///< the default, or empty
  std::string group;     ///< heading of the help text, such as `Output`
  bool required = false;
  bool repeats = false;              ///< whether it may be given several times
  std::vector<std::string> choices;  ///< values that it takes; empty if they cannot be listed

  [[nodiscard]] bool takes_value() const { return !label.empty(); }
  /// Whether its value names a file or folder.
  [[nodiscard]] bool is_file() const;
  /// The help up to its first colon, semicolon or bracket, which fits beside the name.
  [[nodiscard]] std::string summary() const;
};

/// A command, or one that depends on the method of training under one of the methods.
struct CommandText {
  std::string name;    ///< `train`
  std::string method;  ///< `als`, or empty for a command whose options do not depend on it
  std::string help;
  std::string footer;  ///< the example, with its heading
  std::vector<OptionText> arguments;
  std::vector<OptionText> options;

  /// `train/als`, or `split`.
  [[nodiscard]] std::string key() const { return method.empty() ? name : name + "/" + method; }
};

/// All commands in the order of the overview; those that depend on the method once per method, one after the other.
std::vector<CommandText> describe_commands();

/// The names of all commands.
std::vector<std::string> command_names(const std::vector<CommandText>& commands);

}  // namespace lowrank::cli
