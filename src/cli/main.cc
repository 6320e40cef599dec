#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <iterator>
#include <new>
#include <stdexcept>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "cli/suggestion.h"
#include "lowrank/base/error.h"
#include "lowrank/train/method.h"
#include "lowrank/version.h"

namespace lowrank::cli {

namespace {

int print(const std::string& text) {
  Results results;
  results.write(text);
  results.finish();
  return kExitDone;
}

std::string version_line() { return "lowrank " + std::string(version()) + " (SIMD level " + std::string(simd_level()) + ")\n"; }

/// A command line that CLI11, or the list of commands, refuses.
struct UsageError {
  std::string text;
};

void check_command(const std::string& name, const std::vector<Command>& commands) {
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const Command& command : commands) names.push_back(command.app->get_name());
  if (std::ranges::find(names, name) == names.end()) {
    throw UsageError{"unknown command \"" + name + "\"" + suggestion_for(name, names)};
  }
}

/// `help train --method als` as `train --method als --help`.
std::vector<std::string> without_help_command(std::vector<std::string> arguments) {
  const auto last = std::ranges::find_if(arguments, [](const std::string& argument) { return argument != "help"; });
  if (last == arguments.begin()) return arguments;
  arguments.erase(arguments.begin(), last);
  arguments.emplace_back("--help");
  return arguments;
}

/// The last line of every message on a wrong command line. \param command  empty if there is none
std::string help_line(std::string command, const std::vector<std::string>& arguments) {
  if (command.empty()) return "Type \"lowrank --help\" for a list of the commands.";
  const auto names = method_names();
  const std::string method = value_of(arguments, "--method", names.front());
  if ((command == "train" || command == "cv" || command == "serve") && method != names.front() &&
      std::ranges::find(names, method) != names.end())
    command += " --method " + method;
  return "Type \"lowrank " + command + " --help\" for its options.";
}

/// \param[out] chosen  name of the command
int run(const std::vector<std::string>& arguments, std::string& chosen) {
  CLI::App program("Factorizes large, sparse rating matrices and recommends from them.", "lowrank");
  use_help_layout(program);
  program.footer("lowrank help COMMAND, or lowrank COMMAND --help, shows the options of a\ncommand and an example.");
  program.set_help_flag("-h,--help", "show this text");
  bool shows_version = false;
  program.add_flag("--version", shows_version, "show the version and the SIMD level in use");
  const std::string method = value_of(arguments, "--method", method_names().front());
  const bool streams = !value_of(arguments, "--prequential", "").empty();
  const std::vector<Command> commands = add_commands(program, method, streams);
  for (const Command& command : commands) command.app->group("Commands");
  program.require_subcommand(0, 1);
  if (!arguments.empty() && !arguments.front().starts_with('-')) {
    check_command(arguments.front(), commands);
    chosen = arguments.front();
  }
  try {
    std::vector<std::string> reversed = spread_lists(arguments);
    std::reverse(reversed.begin(), reversed.end());
    program.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return print(program.help());
  } catch (const CLI::ParseError& error) {
    throw UsageError{describe(error, program)};
  }
  if (shows_version) return print(version_line());
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return print(version_line() + program.help());
}

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::option:
      return kExitUsage;
    case ErrorKind::other:
    case ErrorKind::data:
    case ErrorKind::file:
    case ErrorKind::unknown_id:
    case ErrorKind::model_file:
    case ErrorKind::memory:
    case ErrorKind::training:
      break;
  }
  return kExitFailed;
}

/// Runs the program and translates every error, in this one place.
int guarded_run(const std::vector<std::string>& arguments) {
  std::string command;
  try {
    return run(arguments, command);
  } catch (const ClosedPipe&) {
    return kExitDone;
  } catch (const Interrupted&) {
    return kExitInterrupted;
  } catch (const UsageError& error) {
    print_usage_error(error.text, help_line(command, arguments));
    return kExitUsage;
  } catch (const Error& error) {
    const int code = exit_code(error.kind());
    if (code == kExitUsage) {
      print_usage_error(error.message(flag_of), help_line(command, arguments));
    } else {
      print_error(error.message(flag_of));
    }
    return code;
  } catch (const std::bad_alloc&) {
    print_error("not enough memory");
  } catch (const std::length_error&) {
    print_error("not enough memory");
  } catch (const std::exception& error) {
    print_error(error.what());
  }
  return kExitFailed;
}

/// Gives standard streams that are closed a descriptor that can be neither read nor written, so that no file that is opened later gets
/// their numbers, and with them the messages.
void occupy_standard_streams() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) < 0) static_cast<void>(::open("/", O_PATH));
  }
}

}  // namespace

std::vector<Command> add_commands(CLI::App& program, const std::string& method, bool streams) {
  return {add_train(program, method), add_tune(program),       add_cv(program, method), add_evaluate(program, streams),
          add_compare(program),       add_predict(program),    add_recommend(program),  add_recommend_users(program),
          add_similar(program),       add_info(program),       add_export(program),     add_update(program),
          add_split(program),         add_generate(program),   add_demo(program),       add_serve(program, method),
          add_ping(program),          add_completion(program), add_manual(program)};
}

}  // namespace lowrank::cli

int main(int argument_count, char** arguments) {
  lowrank::cli::occupy_standard_streams();
  // Without these signals a closed pipe and a file that grows beyond its limit are errors of write(), which are reported.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  lowrank::cli::clean_up_when_ended();
  return lowrank::cli::guarded_run(lowrank::cli::without_help_command({arguments + 1, arguments + argument_count}));
}
