#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/evaluate_stream.h"
#include "cli/figures.h"
#include "cli/plot.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/calibration.h"
#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/model/model_file.h"
#include "lowrank/pipeline/run.h"

namespace lowrank::cli {

namespace {

struct EvaluateArguments {
  std::string model;
  std::string test;
  std::vector<std::size_t> tops;
  std::optional<float> relevant_from;
  bool beyond_accuracy = false;
  std::optional<double> interval;
  std::string per_user;
  std::string plot;
  ReadOptions read;
  int threads = 0;
  bool json = false;
  bool quiet = false;
  StreamArguments stream;
};

/// The scores of a model. `ranking` has one entry per value of --top.
struct Figures {
  bool predicts_ratings = true;
  RatingScores ratings = {};
  std::optional<Calibration> calibration = {};  ///< where the model knows how far ratings lie from its predictions
  UserFigures ratings_by_user = {};
  std::vector<RankingScores> ranking = {};
  UserFigures lists_by_user = {};
  std::optional<double> level = {};  ///< of the intervals, if there are any
  std::vector<Interval> rating_intervals = {};
  std::vector<Interval> list_intervals = {};
  std::string warnings = {};  ///< as a member of a JSON document, after a comma; empty if there are none

  /// The interval of a figure, if it has one.
  [[nodiscard]] const Interval* interval_of(const std::string& name) const {
    for (const auto& [figures, ends] : {std::pair(&ratings_by_user, &rating_intervals), std::pair(&lists_by_user, &list_intervals)}) {
      for (std::size_t n = 0; n < ends->size(); ++n) {
        if (figures->figures[n].name == name) return &(*ends)[n];
      }
    }
    return nullptr;
  }
  [[nodiscard]] std::string with_interval(double value, const std::string& name) const {
    const Interval* interval = interval_of(name);
    return interval == nullptr ? fixed(value, 6) : fixed(value, 4) + interval_text(*interval);
  }
  /// Appends `,"level":...,"interval":{...}` for the figures that have one, their names followed by `suffix` being those of the intervals.
  void append_intervals(std::string& text, std::span<const std::string_view> names, const std::string& suffix) const {
    std::string intervals;
    for (const std::string_view name : names) {
      const Interval* interval = interval_of(std::string(name) + suffix);
      if (interval == nullptr || !std::isfinite(interval->low) || !std::isfinite(interval->high)) continue;
      append_json(intervals += intervals.empty() ? "" : ",", name);
      append_json(intervals += ':', *interval);
    }
    if (intervals.empty()) return;
    append(text += ",\"level\":", *level);
    text += ",\"interval\":{" + intervals + "}";
  }
};

std::string at(std::size_t top) { return "@" + std::to_string(top); }

std::string text_of(const Figures& figures) {
  std::string text;
  if (figures.predicts_ratings) {
    text += "rmse     " + figures.with_interval(figures.ratings.rmse, "rmse") + "\n";
    text += "mae      " + figures.with_interval(figures.ratings.mae, "mae") + "\n";
  }
  if (figures.calibration) {
    const Calibration& calibration = *figures.calibration;
    text += "crps     " + fixed(calibration.crps, 6) + "  (with one normal distribution for all errors " +
            fixed(calibration.constant_crps, 6) + ")\n";
    text += "within   ";
    for (std::size_t n = 0; n < calibration.coverage.size(); ++n) {
      text += (n == 0 ? "" : ", ") + fixed(100 * calibration.coverage[n], 1) + " % of ratings in intervals of " +
              fixed(100 * Calibration::kLevels[n], 0) + " %";
    }
    text += "\n";
  }
  text += "ratings  " + std::to_string(figures.ratings.ratings) + "\nunknown  " + std::to_string(figures.ratings.unknown) + "\n";
  if (figures.ranking.empty()) return text;
  // One column per list length.
  TextTable table;
  const auto add = [&](std::string_view label, const auto& value_of) {
    std::vector<std::string> row{std::string(label)};
    for (const RankingScores& scores : figures.ranking) row.push_back(value_of(scores));
    table.add(std::move(row));
  };
  add("top", [](const RankingScores& scores) { return std::to_string(scores.top); });
  add("users", [](const RankingScores& scores) { return std::to_string(scores.users); });
  for (const std::string_view name : ranking_metric_names()) {
    add(name, [&](const RankingScores& scores) {
      return figures.with_interval(ranking_metric(scores, name), std::string(name) + at(scores.top));
    });
  }
  if (figures.ranking.front().beyond) {
    for (const std::string_view name : beyond_accuracy_names()) {
      add(name, [&](const RankingScores& scores) {
        return figures.with_interval(beyond_accuracy(*scores.beyond, name), std::string(name) + at(scores.top));
      });
    }
  }
  return text + table.text();
}

std::string ranking_json(const Figures& figures, const RankingScores& scores) {
  std::string text = to_json(scores);
  text.pop_back();
  std::vector<std::string_view> names(ranking_metric_names().begin(), ranking_metric_names().end());
  names.insert(names.end(), beyond_accuracy_names().begin(), beyond_accuracy_names().end());
  figures.append_intervals(text, names, at(scores.top));
  return text + "}";
}

std::string json_of(const Figures& figures) {
  std::string text = "{";
  if (figures.predicts_ratings) {
    // A figure that is not finite is left out, because JSON cannot express it.
    for (const auto& [name, value] : {std::pair("rmse", figures.ratings.rmse), std::pair("mae", figures.ratings.mae)}) {
      if (!std::isfinite(value)) continue;
      ((text += '"') += name) += "\":";
      append(text, value);
      text += ',';
    }
  }
  if (figures.calibration) {
    const Calibration& calibration = *figures.calibration;
    append(text += "\"calibration\":{\"crps\":", calibration.crps);
    append(text += ",\"constant_crps\":", calibration.constant_crps);
    text += ",\"coverage\":[";
    for (std::size_t n = 0; n < calibration.coverage.size(); ++n) {
      append(text += n == 0 ? "{\"level\":" : ",{\"level\":", Calibration::kLevels[n]);
      append(text += ",\"share\":", calibration.coverage[n]);
      text += "}";
    }
    text += "]},";
  }
  text += "\"ratings\":" + std::to_string(figures.ratings.ratings) + ",\"unknown\":" + std::to_string(figures.ratings.unknown);
  figures.append_intervals(text, std::array<std::string_view, 2>{"rmse", "mae"}, "");
  const bool several = figures.ranking.size() > 1;
  if (!figures.ranking.empty()) {
    text += several ? ",\"ranking\":[" : ",\"ranking\":";
    for (std::size_t n = 0; n < figures.ranking.size(); ++n) text += (n == 0 ? "" : ",") + ranking_json(figures, figures.ranking[n]);
    if (several) text += "]";
  }
  return text + figures.warnings + "}\n";
}

void check(const EvaluateArguments& arguments) {
  if (arguments.relevant_from && arguments.tops.empty()) throw OptionError("relevant_from", "needs --top");
  if (arguments.beyond_accuracy && arguments.tops.empty()) throw OptionError("beyond_accuracy", "needs --top");
  if (arguments.interval) check_interval({.level = *arguments.interval});
  check_files({{"", arguments.model}, {"", arguments.test}}, {{"per_user", arguments.per_user}, {"plot", arguments.plot}});
  if (!arguments.plot.empty()) check_writable(arguments.plot);
  if (!arguments.per_user.empty()) check_writable(arguments.per_user);
}

int run_evaluate(EvaluateArguments& arguments) {
  check(arguments);
  const Model model = load_model(arguments.model);
  arguments.read.threads = arguments.threads;
  read_contexts_of({&model, 1}, arguments.read);
  const Pairs pairs = [&] {
    const FileReading reading(arguments.test, arguments.read, arguments.quiet);
    return read_pairs(arguments.test, model.users.ids, model.items.ids, arguments.read);
  }();
  const bool by_user = arguments.interval || !arguments.per_user.empty();
  const bool rated = model.centre.predicts_ratings;
  if (!rated && by_user && arguments.tops.empty()) {
    throw OptionError(arguments.interval ? "interval" : "per_user", "needs --top, because the model does not predict ratings");
  }
  if (!arguments.plot.empty()) need_uncertainty(model, "plot");
  Figures figures{.predicts_ratings = rated, .level = arguments.interval};
  figures.warnings = warn_of(arguments.test, {description(unknown_levels(model, pairs), pairs.size(), "lines")});
  figures.ratings = score_ratings(model, pairs, arguments.threads, by_user && rated ? &figures.ratings_by_user : nullptr);
  if (rated && model.uncertainty) figures.calibration = calibration_of(model, pairs, arguments.threads);
  if (!arguments.tops.empty()) {
    const RankingTest test(pairs, model.history, arguments.relevant_from);
    figures.ranking = test.score(model, arguments.tops,
                                 {.threads = arguments.threads,
                                  .beyond_accuracy = arguments.beyond_accuracy,
                                  .by_user = by_user ? &figures.lists_by_user : nullptr});
  }
  if (arguments.interval) {
    const IntervalOptions options{.level = *arguments.interval, .threads = arguments.threads};
    figures.rating_intervals = intervals(figures.ratings_by_user, options);
    figures.list_intervals = intervals(figures.lists_by_user, options);
  }
  if (!arguments.plot.empty()) {
    Results plot(arguments.plot);
    plot.write(calibration_curve(model, pairs, arguments.threads));
    plot.finish();
  }
  if (!arguments.per_user.empty()) {
    Results results(arguments.per_user);
    write_per_user(results, rated ? &figures.ratings_by_user : nullptr, arguments.tops.empty() ? nullptr : &figures.lists_by_user, pairs,
                   model.users.ids);
    results.finish();
  }
  Results results;
  results.write(arguments.json ? json_of(figures) : text_of(figures));
  results.finish();
  return kExitDone;
}

}  // namespace

Command add_evaluate(CLI::App& program, bool streams) {
  auto arguments = std::make_shared<EvaluateArguments>();
  CLI::App* app = program.add_subcommand("evaluate", "score a model on ratings that it was not trained on");
  add_positional(*app, "MODEL", arguments->model, "model file");
  if (streams) {
    app->get_option("MODEL")->required(false);
  } else {
    add_positional(*app, "TEST", arguments->test, "file of ratings, - for standard input; a pair rated twice counts twice");
  }
  add_tops(*app, arguments->tops, "also score the top-K list of every user in TEST; separate several lengths by commas");
  add_relevant_from(*app, arguments->relevant_from);
  app->add_flag("--beyond-accuracy", arguments->beyond_accuracy,
                "with --top: also novelty, diversity, popularity and concentration (Gini) of the lists");
  add_real(*app, "--interval", arguments->interval,
           "also an interval for every figure, by bootstrap over users: the share of such intervals that hold the true figure, as .95");
  add_text(*app, "--per-user", "FILE", arguments->per_user, "also write the figures of every user to FILE, separated by tabs");
  add_text(*app, "--plot", "FILE", arguments->plot,
           "also write an SVG picture: for a model of --method bayes shares of the ratings within intervals of 1 % to 99 %, with "
           "--prequential the moving figures");
  add_stream(*app, arguments->stream);
  add_threads(*app, arguments->threads);
  add_reading(*app, arguments->read, false);
  add_contexts(*app, arguments->read, true);
  add_json(*app, arguments->json);
  add_quiet(*app, arguments->quiet);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 \\\n"
              "    -o ratings.csv --test test.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  lowrank evaluate model.safetensors test.csv --top 10");
  return {app, [app, arguments, streams] {
            check_stream(*app, streams);
            if (!streams) return run_evaluate(*arguments);
            run_stream(arguments->stream, {arguments->model, arguments->tops, arguments->plot, arguments->read, arguments->threads,
                                           arguments->json, arguments->quiet});
            return kExitDone;
          }};
}

}  // namespace lowrank::cli
