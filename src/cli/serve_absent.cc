#include "cli/arguments.h"
#include "cli/command.h"
#include "lowrank/base/error.h"

namespace lowrank::cli {

namespace {

/// A command of the service, in a program that was built without it.
Command absent(CLI::App& program, const char* name, const char* help) {
  CLI::App* app = program.add_subcommand(name, help);
  app->allow_extras();
  return {app,
          []() -> int { throw Error("this program was built without the service; build lowrank from its source, with LOWRANK_SERVE=ON"); }};
}

}  // namespace

Command add_serve(CLI::App& program, const std::string& /*method*/) {
  return absent(program, "serve", "answer requests over HTTP (not in this program: built without the service)");
}

Command add_ping(CLI::App& program) { return absent(program, "ping", "ask a running service whether it is ready (not in this program)"); }

}  // namespace lowrank::cli
