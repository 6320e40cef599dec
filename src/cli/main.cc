#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <new>
#include <stdexcept>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "lowrank/base/error.h"
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

int run(const std::vector<std::string>& arguments) {
  CLI::App program("Factorizes large, sparse rating matrices and recommends from them.", "lowrank");
  use_help_layout(program);
  program.footer("lowrank COMMAND --help shows the options of a command and an example.");
  program.set_help_flag("--help", "show this text");
  bool shows_version = false;
  program.add_flag("--version", shows_version, "show the version and the SIMD level in use");
  const std::vector<Command> commands = {add_train(program, value_of(arguments, "--method", "sgd")),
                                         add_evaluate(program),
                                         add_predict(program),
                                         add_recommend(program),
                                         add_similar(program),
                                         add_info(program),
                                         add_export(program),
                                         add_split(program),
                                         add_generate(program),
                                         add_demo(program)};
  for (const Command& command : commands) command.app->group("Commands");
  program.require_subcommand(0, 1);
  try {
    std::vector<std::string> reversed = spread_lists(arguments);
    std::reverse(reversed.begin(), reversed.end());
    program.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return print(program.help());
  } catch (const CLI::ParseError& error) {
    print_error(describe(error, program));
    return kExitUsage;
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
  try {
    return run(arguments);
  } catch (const ClosedPipe&) {
    return kExitDone;
  } catch (const Interrupted&) {
    return kExitInterrupted;
  } catch (const Error& error) {
    print_error(error.message(flag_of));
    return exit_code(error.kind());
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

}  // namespace lowrank::cli

int main(int argument_count, char** arguments) {
  lowrank::cli::occupy_standard_streams();
  // Without these signals a closed pipe and a file that grows beyond its limit are errors of write(), which are reported.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  lowrank::cli::clean_up_when_ended();
  return lowrank::cli::guarded_run({arguments + 1, arguments + argument_count});
}
