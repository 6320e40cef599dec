#pragma once

/// \file
/// Helpers of the subcommands to describe and read their arguments.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/outputs.h"
#include "lowrank/data/read.h"
#include "lowrank/model/model.h"

namespace lowrank::cli {

/// Groups of the help text.
inline constexpr const char* kReading = "Reading";
inline constexpr const char* kOutput = "Output";

/// An option as it is typed: `--learning-rate` for `learning_rate`, `--solver cg` for the setting `solver=cg`, `--no-biases` for
/// `biases=false`, and both options for `validation or holdout`.
std::string flag_of(std::string_view option);
/// `text` of the library with the options that it mentions as they are typed.
std::string with_flags(const std::string& text);
/// Refuses the option `flag` if it was stated although the command does not read it. \throws OptionError unless `reads`
void refuse_unread(const CLI::App& app, const std::string& flag, bool reads, const std::string& problem);

/// Refuses a command that would write over one of its inputs, be it to a file or to standard output (see check_outputs). Called before
/// anything is read. \throws OptionError
void check_files(std::initializer_list<NamedFile> inputs, std::vector<NamedFile> outputs = {});

/// A required argument without dashes. An empty one is an error, as is an empty value of the options below.
void add_positional(CLI::App& app, const std::string& name, std::string& target, const std::string& help);
/// One or more arguments without dashes, the last of a command line. An empty one is an error.
void add_positionals(CLI::App& app, const std::string& name, std::vector<std::string>& target, const std::string& help);
/// An option with one text value, called `label` in the help.
CLI::Option* add_text(CLI::App& app, const std::string& name, const std::string& label, std::string& target, const std::string& help);
/// Options with one number. Text that is not a number in the range throws an OptionError. The help shows the present value of `target` as
/// the default.
CLI::Option* add_integer(CLI::App& app, const std::string& name, std::uint64_t& target, const std::string& help, std::uint64_t least = 0,
                         std::uint64_t most = UINT64_MAX);
CLI::Option* add_integer(CLI::App& app, const std::string& name, std::uint32_t& target, const std::string& help, std::uint32_t least = 0);
CLI::Option* add_integer(CLI::App& app, const std::string& name, std::optional<std::uint32_t>& target, const std::string& help);
CLI::Option* add_real(CLI::App& app, const std::string& name, double& target, const std::string& help);
CLI::Option* add_real(CLI::App& app, const std::string& name, std::optional<float>& target, const std::string& help);
CLI::Option* add_real(CLI::App& app, const std::string& name, std::optional<double>& target, const std::string& help);
/// `--context NAME=VALUE,...`: what is known of the context of what is asked.
void add_context(CLI::App& app, std::vector<ContextValue>& context);
/// bind_context(), with a warning of values that the model does not know.
Model in_context(Model model, const std::vector<ContextValue>& context);

/// An option that may be given several times, each time with one or more values (see spread_lists).
CLI::Option* add_list(CLI::App& app, const std::string& name, const std::string& label, std::vector<std::string>& target,
                      const std::string& help);

/// `--top`: lengths of lists, separated by commas.
CLI::Option* add_tops(CLI::App& app, std::vector<std::size_t>& tops, const std::string& help);
/// `--relevant-from`, the lowest test rating of a relevant item.
void add_relevant_from(CLI::App& app, std::optional<float>& relevant_from);
void add_threads(CLI::App& app, int& threads);
void add_output(CLI::App& app, std::string& path);
CLI::Option* add_json(CLI::App& app, bool& json);
/// `--quiet`, for commands whose only message on standard error is what the file of ratings was taken for.
void add_quiet(CLI::App& app, bool& quiet);
void add_titles(CLI::App& app, std::string& path);
/// The options that say how a file of ratings is read; for a command that trains also `--duplicates`, and weights among the columns.
void add_reading(CLI::App& app, ReadOptions& read, bool trains);
/// The options that say which contexts a file has, for a command that also has those of add_reading(). \param periods  whether contexts
/// may be derived from times
void add_contexts(CLI::App& app, ReadOptions& read, bool periods);
/// Reads the contexts of models, and times where any has contexts of times, as far as a file has them, unless the caller named some.
/// \throws OptionError for one that the caller named and that no model has
void read_contexts_of(std::span<const Model> models, ReadOptions& read);
/// Writes warnings about a file to standard error, with its name before each; returns them as a member of a JSON document, after a comma.
std::string warn_of(const std::string& file, std::vector<std::string> warnings);
/// Refuses the options of add_reading() that are stated where no file is read, but for the one called `but`. \throws OptionError
void refuse_unread_reading(const CLI::App& app, bool reads, const std::string& problem, const std::string& but = {});

/// Sets the example of the help text: lines that run as they are.
void set_example(CLI::App& app, const std::string& lines);
/// Gives the program its help text layout.
void use_help_layout(CLI::App& app);

/// `--user A B` as `--user A --user B`, for the list options. CLI11 itself would split an id like `[7,8]`.
std::vector<std::string> spread_lists(const std::vector<std::string>& arguments);
/// The value of `--name VALUE` or `--name=VALUE` in `arguments`, or `otherwise` if it is not given.
std::string value_of(const std::vector<std::string>& arguments, std::string_view name, std::string_view otherwise);

/// One sentence for what is wrong with a command line that CLI11 refused.
std::string describe(const CLI::ParseError& error, const CLI::App& program);

}  // namespace lowrank::cli
