#include "cli/evaluate_stream.h"

#include <utility>

#include "cli/arguments.h"
#include "cli/figures.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "cli/stream_plot.h"
#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"

namespace lowrank::cli {

namespace {

std::string stream_text(const StreamSummary& summary) {
  std::string text = "method      " + summary.method + "\n";
  if (summary.warm > 0) text += "warm        " + std::to_string(summary.warm) + "\n";
  text += "events      " + std::to_string(summary.events);
  if (summary.counted != summary.events) text += ", " + std::to_string(summary.counted) + " counted";
  text += "\nnew         " + std::to_string(summary.new_users) + " users, " + std::to_string(summary.new_items) + " items\n";
  text += "per event   " + fixed(summary.microseconds_p50, 2) + " us (p50), " + fixed(summary.microseconds_p99, 2) + " us (p99), " +
          fixed(summary.microseconds_mean, 2) + " us (mean)\n";
  if (summary.moving.empty()) return text + "no event was counted\n";
  TextTable table;
  table.add({"figure", "all", "last " + std::to_string(summary.window)});
  for (std::size_t n = 0; n < summary.names.size(); ++n) {
    table.add({summary.names[n], fixed(summary.figures[n], 6), fixed(summary.moving.back().figures[n], 6)});
  }
  return text + table.text();
}

}  // namespace

void add_stream(CLI::App& app, StreamArguments& arguments) {
  add_text(app, "--prequential", "STREAM", arguments.stream,
           "file of ratings with times, - for standard input, in place of TEST: every event, by time, is first predicted, then learned; "
           "MODEL may be left out");
  add_text(app, "--method", "NAME", arguments.method,
           "with --prequential and without MODEL: sgd (the default), als, bayes, baseline, implicit, bpr or popular");
  add_real(
      app, "--warm", arguments.warm,
      "with --prequential and without MODEL: share of the events, the first ones, that the method trains on before the stream; 0 starts "
      "from nothing");
  add_integer(app, "--rank", arguments.rank,
              "with --prequential and without MODEL: number of factors; default 4 (ratings) or 16 (lists), with --warm that of the method");
  add_integer(app, "--window", arguments.window, "with --prequential: events of the moving figures, at least 1", 1);
  add_integer(app, "--seed", arguments.seed, "with --prequential: seed of new rows and drawn items");
}

void check_stream(const CLI::App& app, bool streams) {
  for (const char* const flag : {"--method", "--warm", "--rank", "--window", "--seed"})
    refuse_unread(app, flag, streams, "needs --prequential");
  for (const char* const flag :
       {"--relevant-from", "--beyond-accuracy", "--interval", "--per-user", "--contexts", "--time-context", "--missing"}) {
    refuse_unread(app, flag, !streams, "has no effect with --prequential");
  }
}

void run_stream(const StreamArguments& arguments, const StreamRun& run) {
  check_files({{"", run.model}, {"prequential", arguments.stream}}, {{"plot", run.plot}});
  if (!run.plot.empty()) check_writable(run.plot);
  StreamOptions options;
  options.warm = arguments.warm;
  options.tops = run.tops;
  options.window = arguments.window;
  options.seed = arguments.seed;
  options.threads = run.threads;
  if (!arguments.method.empty()) {
    if (!run.model.empty()) throw OptionError("method", "has no effect beside MODEL");
    options.method = method_by_name(arguments.method);
  }
  if (arguments.rank) {
    if (arguments.warm > 0 && run.model.empty()) {
      set_option(options.method, "rank", std::to_string(*arguments.rank));
    } else {
      options.rank = arguments.rank;
    }
  }
  Model model;
  if (!run.model.empty()) {
    model = load_model(run.model);
    options.model = &model;
  }
  ReadOptions read = run.read;
  read.threads = run.threads;
  const StreamSummary summary = [&] {
    const FileReading reading(arguments.stream, read, run.quiet);
    return prequential(arguments.stream, read, options);
  }();
  if (!run.plot.empty()) {
    Results plot(run.plot);
    plot.write(stream_picture(summary));
    plot.finish();
  }
  Results results;
  results.write(run.json ? to_json(summary) + "\n" : stream_text(summary));
  results.finish();
}

}  // namespace lowrank::cli
