#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/plot.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "cli/training.h"
#include "lowrank/base/error.h"
#include "lowrank/pipeline/run.h"
#include "lowrank/version.h"

namespace lowrank::cli {

namespace {

struct TrainArguments {
  TrainRun run;
  std::string plot;
  bool keep_values = false;
  bool no_history = false;
  bool quiet = false;
  bool verbose = false;
  bool json = false;
};

std::string scores_line(const char* label, const RatingScores& scores) {
  std::string line = std::string(label) + "rmse " + fixed(scores.rmse, 4) + "  mae " + fixed(scores.mae, 4) + "  (" +
                     std::to_string(scores.ratings) + " ratings";
  if (scores.unknown > 0) line += ", " + std::to_string(scores.unknown) + " with an unknown user or item";
  return line + ")\n";
}

std::string ranking_line(const char* label, const RankingScores& scores) {
  const std::string top = "@" + std::to_string(scores.top) + " ";
  return std::string(label) + "recall" + top + fixed(scores.recall, 4) + "  ndcg" + top + fixed(scores.ndcg, 4) + "  map" + top +
         fixed(scores.map, 4) + "  (" + std::to_string(scores.users) + " users)\n";
}

std::string text_of(const TrainSummary& summary) {
  if (summary.epochs == 0 && summary.stopped == "interrupt") return "";
  std::string text = "ratings     " + std::to_string(summary.ratings) + " by " + std::to_string(summary.users) +
                     (summary.users == 1 ? " user of " : " users of ") + std::to_string(summary.items) +
                     (summary.items == 1 ? " item" : " items");
  if (summary.user_features > 0) text += ", " + std::to_string(summary.user_features) + " columns of user features";
  if (summary.item_features > 0) text += ", " + std::to_string(summary.item_features) + " columns of item features";
  if (summary.duplicates > 0) text += ", " + std::to_string(summary.duplicates) + " duplicates removed";
  text += "\nepochs      " + std::to_string(summary.epochs);
  if (summary.best_epoch != summary.epochs) text += ", the best one is " + std::to_string(summary.best_epoch);
  text += " (stopped: " + summary.stopped + ")\n";
  if (summary.train_rmse) text += "train       rmse " + fixed(*summary.train_rmse, 4) + "\n";
  if (summary.validation) text += scores_line("validation  ", *summary.validation);
  if (summary.validation_ranking) text += ranking_line("validation  ", *summary.validation_ranking);
  if (summary.test) text += scores_line("test        ", *summary.test);
  if (summary.test_ranking) text += ranking_line("test        ", *summary.test_ranking);
  const RunSeconds& seconds = summary.seconds;
  text += "seconds     " + fixed(seconds.total, 3) + " (read " + fixed(seconds.read, 3) + ", train " + fixed(seconds.train, 3) +
          ", write " + fixed(seconds.write, 3) + "), " + fixed(summary.updates_per_second / 1e6, 1) + " M updates/s\nmemory      " +
          fixed(static_cast<double>(summary.peak_memory_bytes) / 1e6, 0) + " MB at most\n";
  if (!summary.model.empty()) text += "model       " + summary.model + "\n";
  return text;
}

int run_train(TrainArguments& arguments) {
  const TrainRun& run = arguments.run;
  check_files({{"", run.ratings},
               {"validation", run.validation},
               {"test", run.test},
               {"init", run.init},
               {"user_features", run.user_features},
               {"item_features", run.item_features}},
              {{"plot", arguments.plot}});
  check_files({}, {{"output", run.output}, {"plot", arguments.plot}});
  if (!arguments.plot.empty()) check_writable(arguments.plot);
  if (arguments.keep_values) arguments.run.history = HistoryValues::kept;
  if (arguments.no_history) arguments.run.history = HistoryValues::dropped;
  catch_interrupts(arguments.quiet ? nullptr : "\nlowrank: stopping after this epoch; Ctrl-C again stops at once and writes no model\n");
  TrainSummary summary;
  {
    Progress progress(arguments.quiet);
    EpochLines epochs(progress, arguments.verbose);
    if (arguments.verbose) {
      progress.line("lowrank " + std::string(version()) + ", SIMD level " + std::string(simd_level()) + ", method " +
                    std::string(name_of(arguments.run.method)) + " " + options_json(arguments.run.method));
    }
    arguments.run.read.on_layout = [&progress](const std::string& text) { progress.line(text); };
    arguments.run.read.on_skipped = [&progress](const std::string& file, const SkippedLines& lines) { progress.skipped(file, lines); };
    const ReadingProgress reading(progress, {run.ratings, run.validation, run.test}, arguments.run.read);
    summary = run_training(run, epochs, interrupted);
  }
  const bool ended = summary.stopped == "interrupt";
  if (ended && summary.model.empty()) print_error("interrupted before the end of the first epoch; no model is written");
  if (!arguments.plot.empty() && summary.epochs > 0) {
    Results plot(arguments.plot);
    plot.write(training_curve(summary));
    plot.finish();
  }
  Results results;
  results.write(arguments.json ? to_json(summary) + "\n" : text_of(summary));
  results.finish();
  return ended ? kExitInterrupted : kExitDone;
}

}  // namespace

Command add_train(CLI::App& program, const std::string& method) {
  auto arguments = std::make_shared<TrainArguments>();
  TrainRun& run = arguments->run;
  run.method = method_to_describe(method);
  CLI::App* app = program.add_subcommand("train", "train a model on a file of ratings");
  add_positional(*app, "RATINGS", run.ratings,
                 "file of ratings, - for standard input; one per line: user, item, rating and optionally a time");
  add_text(*app, "-o,--output", "MODEL", run.output, "model file to write")->required();
  add_method(*app, "train");
  add_text(*app, "--validation", "FILE", run.validation, "file of ratings to validate on: the best epoch is kept");
  add_holdout(*app, run, "share of RATINGS to set aside at random as the validation set");
  CLI::Option* conformal = app->add_flag(
      "--conformal", run.conformal,
      "with validation: take the widths of intervals of predicted ratings from the validation errors, not from the normal distribution");
  if (!has_uncertainty(run.method)) conformal->group("");
  add_text(*app, "--test", "FILE", run.test, "file of ratings to score once, with the final model");
  add_text(*app, "--init", "MODEL", run.init, "model file to start from (warm start); may be the file of --output, which then replaces it");
  add_features(*app, {run.user_features, run.item_features, run.feature_columns}, reads_features(run.method));
  add_limits(*app, run);
  if (!warm_starts(run.method)) app->get_option("--init")->group("");
  app->add_flag(
      "--keep-values", arguments->keep_values,
      "keep the values of RATINGS in the model, 1 byte each (4 if there are more than 256 values), also where the method reads only "
      "which are above 0; by default they are kept where it fits values");
  app->add_flag("--no-history", arguments->no_history,
                "leave the values of RATINGS out of the model, unless its scores need them: update then needs RATINGS again, and "
                "recommend --explain does not explain");
  add_threads(*app, run.threads);
  add_method_options(*app, run);
  add_reading(*app, run.read, true);
  add_contexts(*app, run.read, true);
  add_text(*app, "--plot", "FILE", arguments->plot, "SVG picture to write: the figures of every epoch, and the best epoch")->group(kOutput);
  add_json(*app, arguments->json);
  app->add_flag("--quiet", arguments->quiet, "show no progress on standard error")->group(kOutput);
  app->add_flag("--verbose", arguments->verbose, "show the version, the SIMD level, the options and the memory needed")->group(kOutput);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank train ratings.csv --output model.safetensors --holdout 0.1");
  return {app, [app, arguments] {
            refuse_unread(*app, "--no-history", !arguments->keep_values, "cannot be given together with --keep-values");
            refuse_unread(*app, "--verbose", !arguments->quiet, "cannot be given together with --quiet");
            return run_train(*arguments);
          }};
}

}  // namespace lowrank::cli
