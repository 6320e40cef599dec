#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "cli/search_options.h"
#include "cli/training.h"
#include "lowrank/base/error.h"
#include "lowrank/tune/cross_validate.h"

namespace lowrank::cli {

namespace {

struct CvArguments {
  std::string search;
  std::vector<std::string> files;
  CrossValidation options;
  bool json = false;
  bool quiet = false;
};

/// One line per fold, and on a terminal where the running one is.
class FoldLines : public CrossValidationObserver {
 public:
  explicit FoldLines(Progress& progress) : progress_(progress) {}
  ~FoldLines() override { progress_.watch({}); }
  FoldLines(const FoldLines&) = delete;
  FoldLines& operator=(const FoldLines&) = delete;

  void on_fold(std::uint32_t fold, std::uint32_t folds) override {
    fold_ = fold;
    folds_ = folds;
    epoch_ = 0;
    trial_ = 0;
    progress_.watch([this] {
      std::string text = "fold " + std::to_string(fold_) + " of " + std::to_string(folds_);
      if (trial_ > 0) text += ", trial " + std::to_string(trial_);
      if (epoch_ > 0) text += ", epoch " + std::to_string(epoch_);
      return text;
    });
  }
  bool on_epoch(const EpochReport& report, const std::function<Model()>& /*model*/) override {
    epoch_ = report.epoch;
    return true;
  }
  void on_trial(const TuneRun& run, const TuneRun* /*best*/) override { trial_ = run.trial; }
  void on_divergence(const DivergenceReport& report) override {
    progress_.message("fold " + std::to_string(fold_) + ": epoch " + std::to_string(report.epoch) + " diverged with learning rate " +
                      rounded(report.old_learning_rate, 4) + "; repeating it with " + rounded(report.new_learning_rate, 4));
  }
  void on_warning(std::string_view text) override { progress_.message("warning: " + with_flags(std::string(text))); }
  void on_scores(const FoldScores& scores, const std::vector<std::string>& names) override {
    std::string text = "fold " + std::to_string(scores.fold) + "/" + std::to_string(folds_);
    constexpr std::size_t kShown = 3;
    for (std::size_t n = 0; n < std::min(names.size(), kShown); ++n) text += "  " + names[n] + " " + fixed(scores.figures[n], 4);
    progress_.line(text + "  " + fixed(scores.seconds, 3) + " s");
  }

 private:
  Progress& progress_;
  std::atomic<std::uint32_t> fold_ = 0;
  std::atomic<std::uint32_t> folds_ = 0;
  std::atomic<std::size_t> epoch_ = 0;
  std::atomic<std::size_t> trial_ = 0;
};

std::string text_of(const CrossValidated& results) {
  if (results.interrupted) return "";
  std::string text = "method      " + results.method + "\nratings     " + std::to_string(results.ratings);
  if (results.duplicates > 0) text += ", " + std::to_string(results.duplicates) + " duplicates removed";
  text += "\nfolds       " + std::to_string(results.folds.size()) + " by " + results.by + "\nseconds     " + fixed(results.seconds, 3) +
          "\nmemory      " + fixed(static_cast<double>(results.peak_memory_bytes) / 1e6, 0) + " MB at most\n";
  const auto cell = [](std::string value, std::size_t width) {
    value.resize(std::max(value.size() + 1, width), ' ');
    return value;
  };
  std::size_t label = 12;
  for (const FoldFigure& figure : results.figures) label = std::max(label, figure.name.size() + 2);
  text += cell("figure", label) + cell("mean", 10) + cell("sd", 10) + cell(rounded(100 * results.level, 4) + " % interval", 20) + "folds\n";
  for (std::size_t n = 0; n < results.figures.size(); ++n) {
    const FoldFigure& figure = results.figures[n];
    text += cell(figure.name, label) + cell(fixed(figure.mean, 6), 10) + cell(fixed(figure.deviation, 6), 10);
    text += cell(figure.interval ? "[" + fixed(figure.interval->low, 4) + ", " + fixed(figure.interval->high, 4) + "]" : "-", 20);
    for (const FoldScores& fold : results.folds) text += (fold.fold > 1 ? " " : "") + fixed(fold.figures[n], 4);
    text += "\n";
  }
  return text;
}

int run_cv(CvArguments& arguments) {
  TrainRun& run = arguments.options.run;
  for (const std::string& file : arguments.files) check_files({{"", file}});
  catch_interrupts(arguments.quiet ? nullptr : "\nlowrank: stopping after this epoch; Ctrl-C again stops at once\n");
  CrossValidated results;
  {
    Progress progress(arguments.quiet);
    FoldLines folds(progress);
    run.read.on_layout = [&progress](const std::string& text) { progress.line(text); };
    run.read.on_skipped = [&progress](const std::string& file, const SkippedLines& lines) { progress.skipped(file, lines); };
    const ReadingProgress reading(progress, arguments.files, run.read);
    results = cross_validate(arguments.options, folds, interrupted);
  }
  if (results.interrupted) {
    const std::size_t files = arguments.options.fold_files.size();
    print_error("interrupted; " + std::to_string(results.folds.size()) + " of " +
                std::to_string(files == 0 ? arguments.options.folds.folds : files) + " folds were tested");
  }
  Results output;
  output.write(arguments.json ? to_json(results) + "\n" : text_of(results));
  output.finish();
  return results.interrupted ? kExitInterrupted : kExitDone;
}

}  // namespace

Command add_cv(CLI::App& program, const std::string& method) {
  auto arguments = std::make_shared<CvArguments>();
  CrossValidation& options = arguments->options;
  TrainRun& run = options.run;
  run.method = method_to_describe(method);
  CLI::App* app = program.add_subcommand("cv", "cross-validate a method: test it on several folds");
  add_positionals(
      *app, "RATINGS", arguments->files,
      "file of ratings, - for standard input; one per line: user, item, rating and optionally a time. Several files are the folds "
      "themselves: each is tested by a model of the others");
  add_method(*app, "cv");
  add_integer(*app, "--folds", options.folds.folds, "number of folds, 2 to 100");
  app->add_option_function<std::string>(
         "--by", [by = &options.folds.by](const std::string& text) { *by = parse_split_by(text); },
         "ratings that a fold tests: random ones; user: a random share of each user; last: one of the latest of each user; global-time: "
         "those "
         "of a window of time; pair: pairs of a user and an item at random, each with all its ratings. By last and global-time a fold "
         "trains only on what is earlier")
      ->type_name("NAME")
      ->default_str("random");
  add_integer(*app, "--fold-seed", options.folds.seed, "seed of the folds; only with --by random, user and pair");
  add_tops(*app, options.tops, "also score the top-K list of every test user; separate several lengths by commas")
      ->default_str(predicts_ratings(run.method) ? "" : "20");
  add_relevant_from(*app, options.relevant_from);
  add_real(*app, "--interval", options.intervals.level, "level of the intervals, above 0 and below 1");
  add_holdout(*app, run, "share of the training ratings of each fold to set aside at random as its validation set");
  add_text(*app, "--tune", "OPTIONS", arguments->search,
           "search the options of the method anew within each fold, with options of lowrank tune such as \"--trials 30\"; options of the "
           "method that are stated are not searched. Only figures of test ratings are reported");
  add_features(*app, {run.user_features, run.item_features, run.feature_columns}, reads_features(run.method));
  add_limits(*app, run);
  add_threads(*app, run.threads);
  add_method_options(*app, run);
  add_reading(*app, run.read, true);
  add_contexts(*app, run.read, true);
  add_json(*app, arguments->json);
  app->add_flag("--quiet", arguments->quiet, "show no progress on standard error")->group(kOutput);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank cv ratings.csv --method als --rank 8 --folds 5 --top 10");
  return {app, [app, arguments] {
            CrossValidation& chosen = arguments->options;
            for (const char* name : {"folds", "by", "fold_seed"}) {
              if (app->count(flag_of(name)) > 0) chosen.folds.stated.emplace_back(name);
            }
            if (!arguments->search.empty()) chosen.tune = parse_search(arguments->search);
            if (arguments->files.size() > 1) {
              chosen.fold_files = arguments->files;
            } else {
              chosen.run.ratings = arguments->files.front();
            }
            return run_cv(*arguments);
          }};
}

}  // namespace lowrank::cli
