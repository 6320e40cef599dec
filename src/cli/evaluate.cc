#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/results.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/model/model_file.h"

namespace lowrank::cli {

namespace {

struct EvaluateArguments {
  std::string model;
  std::string test;
  ReadOptions read;
  int threads = 0;
  bool json = false;
};

std::string text_of(const RatingScores& scores) {
  return "rmse     " + fixed(scores.rmse, 6) + "\nmae      " + fixed(scores.mae, 6) + "\nratings  " + std::to_string(scores.ratings) +
         "\nunknown  " + std::to_string(scores.unknown) + "\n";
}

std::string json_of(const RatingScores& scores) {
  std::string text = "{\"rmse\":";
  append(text, scores.rmse);
  text += ",\"mae\":";
  append(text, scores.mae);
  return text + ",\"ratings\":" + std::to_string(scores.ratings) + ",\"unknown\":" + std::to_string(scores.unknown) + "}\n";
}

int run_evaluate(EvaluateArguments& arguments) {
  const Model model = load_model(arguments.model);
  arguments.read.threads = arguments.threads;
  const Pairs pairs = read_pairs(arguments.test, model.users, model.items, arguments.read);
  const RatingScores scores = score_ratings(model, pairs, arguments.threads);
  Results results;
  results.write(arguments.json ? json_of(scores) : text_of(scores));
  results.finish();
  return kExitDone;
}

}  // namespace

Command add_evaluate(CLI::App& program) {
  auto arguments = std::make_shared<EvaluateArguments>();
  CLI::App* app = program.add_subcommand("evaluate", "score a model on ratings that it was not trained on");
  add_positional(*app, "MODEL", arguments->model, "model file");
  add_positional(*app, "TEST", arguments->test, "file of ratings, - for standard input; each one counts, repeats too");
  add_threads(*app, arguments->threads);
  add_reading(*app, arguments->read, false);
  add_json(*app, arguments->json);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 --output ratings.csv --test test.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  lowrank evaluate model.safetensors test.csv");
  return {app, [arguments] { return run_evaluate(*arguments); }};
}

}  // namespace lowrank::cli
