#pragma once

/// \file
/// The subcommands. Each adds itself to the program; what it parsed lives as long as the returned function, which runs it.

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace lowrank::cli {

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInterrupted = 130;

/// A subcommand as the program runs it: what it parsed is in `run`, which returns the exit code.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};

/// \param method  what `--method` says, known before the options are, because they depend on it
Command add_train(CLI::App& program, const std::string& method);
Command add_evaluate(CLI::App& program);
Command add_predict(CLI::App& program);
Command add_recommend(CLI::App& program);
Command add_similar(CLI::App& program);
Command add_info(CLI::App& program);
Command add_split(CLI::App& program);
Command add_generate(CLI::App& program);
Command add_demo(CLI::App& program);

}  // namespace lowrank::cli
