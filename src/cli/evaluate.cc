#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "lowrank/base/error.h"
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
  ReadOptions read;
  int threads = 0;
  bool json = false;
  bool quiet = false;
};

/// The scores of a model. `ranking` has one entry per value of --top.
struct Figures {
  bool predicts_ratings = true;
  RatingScores ratings;
  std::vector<RankingScores> ranking = {};
};

std::string text_of(const Figures& figures) {
  std::string text;
  if (figures.predicts_ratings) {
    text += "rmse     " + fixed(figures.ratings.rmse, 6) + "\nmae      " + fixed(figures.ratings.mae, 6) + "\n";
  }
  text += "ratings  " + std::to_string(figures.ratings.ratings) + "\nunknown  " + std::to_string(figures.ratings.unknown) + "\n";
  if (figures.ranking.empty()) return text;
  // One column per list length.
  constexpr std::size_t kLabel = 11;
  constexpr std::size_t kColumn = 10;
  const auto add = [&](std::string_view label, const auto& value_of) {
    std::string line(label);
    line.resize(kLabel, ' ');
    for (const RankingScores& scores : figures.ranking) {
      std::string value = value_of(scores);
      value.resize(std::max(value.size() + 1, kColumn), ' ');
      line += value;
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  add("top", [](const RankingScores& scores) { return std::to_string(scores.top); });
  add("users", [](const RankingScores& scores) { return std::to_string(scores.users); });
  for (const std::string_view name : ranking_metric_names()) {
    add(name, [name](const RankingScores& scores) { return fixed(ranking_metric(scores, name), 6); });
  }
  return text;
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
  text += "\"ratings\":" + std::to_string(figures.ratings.ratings) + ",\"unknown\":" + std::to_string(figures.ratings.unknown);
  const bool several = figures.ranking.size() > 1;
  if (!figures.ranking.empty()) {
    text += several ? ",\"ranking\":[" : ",\"ranking\":";
    for (std::size_t n = 0; n < figures.ranking.size(); ++n) text += (n == 0 ? "" : ",") + to_json(figures.ranking[n]);
    if (several) text += "]";
  }
  return text + "}\n";
}

int run_evaluate(EvaluateArguments& arguments) {
  if (arguments.relevant_from && arguments.tops.empty()) throw OptionError("relevant_from", "needs --top");
  check_files({{"", arguments.model}, {"", arguments.test}});
  const Model model = load_model(arguments.model);
  arguments.read.threads = arguments.threads;
  const Pairs pairs = [&] {
    const FileReading reading(arguments.test, arguments.read, arguments.quiet);
    return read_pairs(arguments.test, model.users.ids, model.items.ids, arguments.read);
  }();
  Figures figures{.predicts_ratings = model.centre.predicts_ratings, .ratings = score_ratings(model, pairs, arguments.threads)};
  if (!arguments.tops.empty()) {
    const RankingTest test(pairs, model.history, arguments.relevant_from);
    figures.ranking = test.score(model, arguments.tops, arguments.threads);
  }
  Results results;
  results.write(arguments.json ? json_of(figures) : text_of(figures));
  results.finish();
  return kExitDone;
}

}  // namespace

Command add_evaluate(CLI::App& program) {
  auto arguments = std::make_shared<EvaluateArguments>();
  CLI::App* app = program.add_subcommand("evaluate", "score a model on ratings that it was not trained on");
  add_positional(*app, "MODEL", arguments->model, "model file");
  add_positional(*app, "TEST", arguments->test, "file of ratings, - for standard input; a pair rated twice counts twice");
  add_tops(*app, arguments->tops, "also score the top-K list of every user in TEST; separate several lengths by commas");
  add_real(*app, "--relevant-from", arguments->relevant_from,
           "with --top: count only items rated X or more in TEST as relevant (default: all)");
  add_threads(*app, arguments->threads);
  add_reading(*app, arguments->read, false);
  add_json(*app, arguments->json);
  add_quiet(*app, arguments->quiet);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 \\\n"
              "    -o ratings.csv --test test.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  lowrank evaluate model.safetensors test.csv --top 10");
  return {app, [arguments] { return run_evaluate(*arguments); }};
}

}  // namespace lowrank::cli
