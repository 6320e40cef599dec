#pragma once

/// \file
/// `lowrank evaluate --prequential`: every event of a stream is first predicted, then learned.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lowrank/pipeline/stream.h"

namespace lowrank::cli {

/// The options of a stream as they are typed.
struct StreamArguments {
  std::string stream;
  std::string method;
  double warm = 0;
  std::optional<std::uint32_t> rank;
  std::uint64_t window = StreamOptions{}.window;
  std::uint64_t seed = StreamOptions{}.seed;
};

/// What a stream takes of the other options of `evaluate`.
struct StreamRun {
  std::string model;  ///< empty for none
  std::vector<std::size_t> tops;
  std::string plot;
  ReadOptions read;
  int threads = 0;
  bool json = false;
  bool quiet = false;
};

void add_stream(CLI::App& app, StreamArguments& arguments);
/// Refuses options of `app` that have no effect with, or without, a stream. \throws OptionError
void check_stream(const CLI::App& app, bool streams);
/// Evaluates the stream and prints the results.
void run_stream(const StreamArguments& arguments, const StreamRun& run);

}  // namespace lowrank::cli
