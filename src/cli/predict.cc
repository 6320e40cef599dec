#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/arguments.h"
#include "cli/candidates.h"
#include "cli/command.h"
#include "cli/figures.h"
#include "cli/list_writer.h"
#include "cli/progress.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/user_figures.h"
#include "lowrank/model/model_file.h"
#include "lowrank/model/uncertainty.h"
#include "lowrank/recommend/fold_in.h"

namespace lowrank::cli {

namespace {

struct PredictArguments {
  std::string model;
  std::string pairs;
  std::string user_features;
  std::string item_features;
  std::string output;
  ReadOptions read;
  std::vector<ContextValue> context;
  std::optional<double> interval;
  bool json = false;
  bool quiet = false;
};

/// The ends of the interval of one pair, as the fields or members that follow its score.
std::string interval_text(const Model& model, std::uint32_t user, std::uint32_t item, double score, double level, bool json) {
  double variance = 0;
  predict_variances(model, {&user, 1}, {&item, 1}, {&variance, 1}, 1);
  const RatingInterval interval = rating_interval(model, score, variance, level);
  std::string text = json ? ",\"interval\":[" : "\t";
  append(text, static_cast<float>(interval.low));
  text += json ? ',' : '\t';
  append(text, static_cast<float>(interval.high));
  return text += json ? "]" : "";
}

/// The columns of pairs that would say again what is given of them: those of contexts but of periods, which times tell.
std::vector<std::string> columns_given(const Model& model, const std::vector<ContextValue>& context) {
  std::vector<std::string> names;
  for (const ContextVectors& own : model.contexts) {
    const auto gives = [&own](const ContextValue& value) { return context_name(value.first).value_or(value.first) == own.name; };
    if (own.period == Period::none && std::ranges::any_of(context, gives)) names.push_back(own.name);
  }
  return names;
}

/// The model with the users and items that it knows by their features alone.
Model model_of(const PredictArguments& arguments) {
  Model model = load_model(arguments.model);
  const auto read = [&](const std::string& path, FeatureSide side) {
    return read_new_rows(path, side, model, arguments.read, arguments.quiet);
  };
  if (!arguments.user_features.empty()) {
    const NewFeatures users = read(arguments.user_features, FeatureSide::users);
    model = add_users(std::move(model), users);
  }
  if (!arguments.item_features.empty()) {
    const NewFeatures items = read(arguments.item_features, FeatureSide::items);
    model = add_items(std::move(model), items);
  }
  return model;
}

int run_predict(PredictArguments& arguments) {
  const std::string* inputs[] = {&arguments.pairs, &arguments.user_features, &arguments.item_features};
  if (std::ranges::count_if(inputs, [](const std::string* input) { return *input == "-"; }) > 1) {
    throw OptionError("", "standard input can be read only once");
  }
  check_files({{"", arguments.model},
               {"", arguments.pairs},
               {"user_features", arguments.user_features},
               {"item_features", arguments.item_features}},
              {{"output", arguments.output}});
  if (arguments.interval) check_interval({.level = *arguments.interval});
  if (!arguments.output.empty()) check_writable(arguments.output);
  Model known = model_of(arguments);
  arguments.read.given_contexts = columns_given(known, arguments.context);
  const Model model = in_context(std::move(known), arguments.context);
  if (arguments.interval) need_uncertainty(model, "interval");
  arguments.read.pairs_only = true;
  read_contexts_of({&model, 1}, arguments.read);
  show_layout(arguments.read, arguments.quiet);
  Results results(arguments.output);
  ListWriter lists(
      results, {.json = arguments.json, .ranks = false, .outer_list = "users", .outer = "user", .inner_list = "items", .inner = "item"});
  ContextStream contexts(model, arguments.read.contexts);
  std::optional<std::string> current;
  for_each_rating(arguments.pairs, arguments.read, [&](const RatingLine& line) {
    if (current != line.user) {
      current = line.user;
      lists.begin(line.user);
    }
    const std::uint32_t user = model.users.ids.find(line.user);
    const std::uint32_t item = model.items.ids.find(line.item);
    double own = score(model, user, item);
    if (!model.contexts.empty()) own = contexts.score(user, item, line.time, line.contexts, own);
    const std::string ends =
        arguments.interval ? interval_text(model, user, item, own, *arguments.interval, arguments.json) : std::string();
    lists.add(line.item, static_cast<float>(model.centre.rating(own)), arguments.json ? std::string_view(ends) : std::string_view(),
              arguments.json ? std::string_view() : std::string_view(ends));
  });
  contexts.finish();
  lists.finish(warn_of(arguments.pairs, {description(contexts.unknown(), contexts.count(), "lines")}));
  return kExitDone;
}

}  // namespace

Command add_predict(CLI::App& program) {
  auto arguments = std::make_shared<PredictArguments>();
  CLI::App* app = program.add_subcommand("predict", "predict the ratings of given pairs");
  add_positional(*app, "MODEL", arguments->model, "model file");
  add_positional(
      *app, "PAIRS", arguments->pairs,
      "file of pairs, - for standard input; one per line: user, item; further columns are ignored, but for those of contexts that "
      "the model has, and the time if these are periods");
  add_text(*app, "--user-features", "FILE", arguments->user_features,
           "file of features of users that the model has no ratings of; the model must have features of users");
  add_text(*app, "--item-features", "FILE", arguments->item_features,
           "file of features of items that the model has no ratings of; the model must have features of items");
  add_reading(*app, arguments->read, false);
  add_context(*app, arguments->context);
  add_real(*app, "--interval", arguments->interval,
           "also the interval that holds the rating with this probability, as .9: two more columns; needs a model of --method bayes");
  add_output(*app, arguments->output);
  add_json(*app, arguments->json);
  add_quiet(*app, arguments->quiet);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  printf '1,10\\n1,11\\n' | lowrank predict model.safetensors -");
  return {app, [arguments] { return run_predict(*arguments); }};
}

}  // namespace lowrank::cli
