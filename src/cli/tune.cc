#include "lowrank/tune/tune.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "cli/search_options.h"
#include "cli/training.h"
#include "cli/tune_plot.h"
#include "lowrank/base/error.h"

namespace lowrank::cli {

namespace {

struct TuneArguments {
  SearchArguments search;
  TuneFiles files;
  std::string plot;
  bool quiet = false;
  bool json = false;
};

/// `rank=64 epochs=20` of a JSON object of options.
std::string options_text(const std::string& json) {
  std::string text = json.substr(1, json.size() - 2);
  std::erase(text, '"');
  for (std::size_t at = text.find("null"); at != std::string::npos; at = text.find("null", at)) text.replace(at, 4, "auto");
  std::string spaced;
  for (const char letter : text) spaced += letter == ':' ? '=' : letter == ',' ? ' ' : letter;
  return spaced;
}

/// A line per training, and on a terminal how far the search is.
class TrialLines : public TuneObserver {
 public:
  TrialLines(Progress& progress, std::string monitor) : progress_(progress), monitor_(std::move(monitor)) {}
  ~TrialLines() override { progress_.watch({}); }
  TrialLines(const TrialLines&) = delete;
  TrialLines& operator=(const TrialLines&) = delete;

  void on_run(const TuneRun& run, const TuneRun* best, double done) override {
    std::string text = "trial " + std::to_string(run.trial) + "  " + run.method + "  ";
    text += run.figure ? fixed(*run.figure, 4) : "failed: " + run.problem;
    if (run.epochs != 0) text += "  " + std::to_string(run.epochs) + (run.epochs == 1 ? " epoch" : " epochs");
    if (run.split != 0) text += "  split " + std::to_string(run.split + 1);
    if (run.full && best != nullptr && best->trial == run.trial && run.split == 0) text += "  best so far: " + options_text(run.options);
    progress_.line(text);
    const std::scoped_lock lock(mutex_);
    state_ = "trial " + std::to_string(run.trial);
    if (best != nullptr) state_ += ", best so far " + fixed(*best->figure, 4) + " (trial " + std::to_string(best->trial) + ")";
    state_ += time_left(start_, done);
    if (!watched_) progress_.watch([this] { return state(); });
    watched_ = true;
  }
  void on_choice(const TuneResult& result) override {
    progress_.line("training with the options of trial " + std::to_string(result.trial) + " on all ratings");
  }
  void on_warning(std::string_view text) override { progress_.message("warning: " + with_flags(std::string(text))); }

 private:
  std::string state() {
    const std::scoped_lock lock(mutex_);
    return state_;
  }

  Progress& progress_;
  std::string monitor_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;  ///< guards `state_`, which the ticker reads
  std::string state_;
  bool watched_ = false;
};

std::string figures_text(const TuneSummary& summary) {
  const TuneResult& result = summary.result;
  std::string text = "trials      " + std::to_string(result.trials) + ", " + std::to_string(result.runs) + " trainings";
  if (result.failed != 0) text += ", " + std::to_string(result.failed) + " failed";
  text += " (stopped: " + result.stopped + ")\n";
  for (const Finalist& finalist : result.finalists) {
    text += std::string(finalist.trial == result.trial ? "chosen      " : "            ") + result.monitor + " " + fixed(finalist.mean, 4) +
            "  trial " + std::to_string(finalist.trial) + "  " + finalist.method + " " + options_text(finalist.options) + "\n";
  }
  if (result.finalists.empty()) {
    text += "chosen      " + result.monitor + " " + fixed(result.figure, 4) + "  trial " + std::to_string(result.trial) + "  " +
            std::string(name_of(result.method)) + " " + options_text(result.options) + "\n";
  }
  if (summary.training.test) {
    text += "test        rmse " + fixed(summary.training.test->rmse, 4) + "  mae " + fixed(summary.training.test->mae, 4) + "  (" +
            std::to_string(summary.training.test->ratings) + " ratings)\n";
  }
  if (summary.training.test_ranking) {
    const RankingScores& scores = *summary.training.test_ranking;
    const std::string top = "@" + std::to_string(scores.top) + " ";
    text += "test        recall" + top + fixed(scores.recall, 4) + "  ndcg" + top + fixed(scores.ndcg, 4) + "  map" + top +
            fixed(scores.map, 4) + "  (" + std::to_string(scores.users) + " users)\n";
  }
  text += "seconds     " + fixed(summary.search_seconds, 3) + " for the search, " + fixed(summary.training.seconds.train, 3) +
          " for the model\nmemory      " + fixed(static_cast<double>(peak_memory_bytes()) / 1e6, 0) + " MB at most\n";
  if (!summary.training.model.empty()) text += "model       " + summary.training.model + "\n";
  return text;
}

int run_tune(TuneArguments& arguments) {
  TuneFiles& files = arguments.files;
  TuneOptions& options = arguments.search.options;
  take_methods(arguments.search);
  check_files({{"", files.ratings},
               {"validation", files.validation},
               {"test", files.test},
               {"user_features", files.user_features},
               {"item_features", files.item_features}},
              {{"plot", arguments.plot}});
  check_files({}, {{"output", files.output}, {"trials_file", options.trials_file}, {"plot", arguments.plot}});
  if (!arguments.plot.empty()) check_writable(arguments.plot);
  catch_interrupts(arguments.quiet ? nullptr
                                   : "\nlowrank: training with the best options so far; Ctrl-C again stops at once and writes no model\n");
  TuneSummary summary;
  {
    Progress progress(arguments.quiet);
    TrialLines trials(progress, options.monitor);
    files.read.on_layout = [&progress](const std::string& text) { progress.line(text); };
    files.read.on_skipped = [&progress](const std::string& file, const SkippedLines& lines) { progress.skipped(file, lines); };
    const ReadingProgress reading(progress, {files.ratings, files.validation}, files.read);
    summary = tune(files, options, trials, interrupted);
  }
  const TuneResult& result = summary.result;
  const bool ended = result.stopped == "interrupt";
  if (result.trial == 0) print_error("interrupted before the end of the first training; no model is written");
  if (!arguments.plot.empty() && !result.history.empty()) {
    Results plot(arguments.plot);
    plot.write(trials_picture(result));
    plot.finish();
  }
  Results results;
  if (arguments.json) {
    results.write(to_json(summary) + "\n");
  } else if (result.trial != 0) {
    results.write(figures_text(summary));
  }
  results.finish();
  return ended ? kExitInterrupted : kExitDone;
}

}  // namespace

Command add_tune(CLI::App& program) {
  auto arguments = std::make_shared<TuneArguments>();
  TuneFiles& files = arguments->files;
  TuneOptions& options = arguments->search.options;
  CLI::App* app = program.add_subcommand("tune", "search the options of methods, then train a model");
  add_positional(*app, "RATINGS", files.ratings, "file of ratings, - for standard input; see train");
  add_text(*app, "-o,--output", "MODEL", files.output, "model file to write: the chosen method, trained on all RATINGS")->required();
  add_search(*app, arguments->search);
  add_text(*app, "--validation", "FILE", files.validation, "file of ratings to validate on, in place of a part of RATINGS");
  add_search_data(*app, options);
  add_text(*app, "--test", "FILE", files.test, "file of ratings to score once: it is opened when the model is written");
  add_features(*app, {files.user_features, files.item_features, files.feature_columns}, true);
  add_text(*app, "--trials-file", "FILE", options.trials_file,
           "file of the trials, one JSON object per line, written as they come; a search that was killed goes on from it");
  add_threads(*app, options.threads);
  add_reading(*app, files.read, true);
  add_contexts(*app, files.read, true);
  add_text(*app, "--plot", "FILE", arguments->plot, "SVG picture to write: the best figure so far, and every searched option")
      ->group(kOutput);
  add_json(*app, arguments->json);
  app->add_flag("--quiet", arguments->quiet, "show no progress on standard error")->group(kOutput);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank tune ratings.csv --output model.safetensors --trials 10");
  return {app, [arguments] { return run_tune(*arguments); }};
}

}  // namespace lowrank::cli
