#pragma once

/// \file
/// The subcommands. Each adds itself to the program and returns a function that runs it; the function owns the parsed arguments.

#include <functional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace lowrank::cli {

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInterrupted = 130;

/// A subcommand of the program. `run` owns the parsed arguments and returns the exit code.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};

/// \param method  value of `--method`, which must be known first: the other options depend on it
Command add_train(CLI::App& program, const std::string& method);
/// \param method  as of add_train()
Command add_cv(CLI::App& program, const std::string& method);
/// \param streams  whether `--prequential` is stated, which decides about the arguments without dashes
Command add_evaluate(CLI::App& program, bool streams);
Command add_compare(CLI::App& program);
Command add_predict(CLI::App& program);
Command add_recommend(CLI::App& program);
Command add_recommend_users(CLI::App& program);
Command add_similar(CLI::App& program);
Command add_info(CLI::App& program);
Command add_export(CLI::App& program);
Command add_update(CLI::App& program);
Command add_split(CLI::App& program);
Command add_tune(CLI::App& program);
Command add_generate(CLI::App& program);
/// \param method  as of add_train()
Command add_serve(CLI::App& program, const std::string& method);
Command add_ping(CLI::App& program);
Command add_demo(CLI::App& program);
Command add_completion(CLI::App& program);
Command add_manual(CLI::App& program);

/// All of them, in the order of the overview.
std::vector<Command> add_commands(CLI::App& program, const std::string& method, bool streams);

}  // namespace lowrank::cli
