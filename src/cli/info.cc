#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/results.h"
#include "lowrank/base/error.h"
#include "lowrank/data/titles.h"
#include "lowrank/model/context_effects.h"
#include "lowrank/model/model_file.h"

namespace lowrank::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kColumn = 18;

/// `+0.213`, `-0.010`.
std::string signed_fixed(double value) { return (value < 0 ? "" : "+") + fixed(value, 3); }

struct InfoArguments {
  std::string model;
  bool contexts = false;
  std::size_t top = 5;
  std::uint32_t min_count = 10;
  std::string titles;
  bool json = false;
};

/// What features weigh, the heaviest first: the length of their vectors, their bias, and the number of training rows that have them.
Json features_json(const FeatureVectors& features) {
  std::vector<std::pair<double, std::uint32_t>> order;
  for (std::uint32_t column = 0; column < features.description.size(); ++column) {
    double squares = 0;
    for (const float x : features.factors.row(column)) squares += static_cast<double>(x) * static_cast<double>(x);
    order.emplace_back(-std::sqrt(squares), column);
  }
  std::ranges::sort(order);
  Json list = Json::array();
  for (const auto& [norm, column] : order) {
    list.push_back({{"feature", features.description.names.id(column)},
                    {"rows", features.counts[column]},
                    {"norm", std::stod(fixed(-norm, 4))},
                    {"bias", std::stod(fixed(static_cast<double>(features.biases[column]), 4))}});
  }
  return list;
}

/// `3 levels, 2001-01 to 2001-03` of periods, else `2 levels: kids, friends`, with a few of them.
std::string levels_text(const ContextVectors& context) {
  const std::uint32_t size = context.levels.size();
  std::string text = std::to_string(size) + (size == 1 ? " level" : " levels");
  if (size == 0) return text;
  if (context.period != Period::none) {
    text.append(", ").append(context.levels.id(0));
    return size == 1 ? text : text.append(" to ").append(context.levels.id(size - 1));
  }
  constexpr std::uint32_t kShown = 5;
  for (std::uint32_t level = 0; level < std::min(size, kShown); ++level) {
    text.append(level == 0 ? ": " : ", ").append(context.levels.id(level));
  }
  return size > kShown ? text.append(" ...") : text;
}

/// `50 Star Wars`, or `50`.
std::string name_of_item(const Model& model, std::uint32_t item, const Titles& titles) {
  std::string name(model.items.ids.id(item));
  if (const std::string_view title = titles.find(name); !title.empty()) name.append(" ").append(title);
  return name;
}

Json effects_json(const Model& model, const std::vector<ItemEffect>& effects, const Titles& titles) {
  Json list = Json::array();
  for (const ItemEffect& effect : effects) {
    Json& own = list.emplace_back(Json{{"item", model.items.ids.id(effect.item)}});
    if (const std::string_view title = titles.find(model.items.ids.id(effect.item)); !title.empty()) own["title"] = title;
    own["effect"] = std::stod(fixed(static_cast<double>(effect.effect), 4));
  }
  return list;
}

/// What each level of each context does.
Json contexts_json(const Model& model, const InfoArguments& arguments, const Titles& titles) {
  Json contexts = Json::object();
  for (std::size_t n = 0; n < model.contexts.size(); ++n) {
    const ContextVectors& context = model.contexts[n];
    Json levels = Json::array();
    for (std::uint32_t level = 0; level < context.levels.size(); ++level) {
      const LevelEffects effects = level_effects(model, n, level, arguments.top, arguments.min_count);
      levels.push_back({{"level", context.levels.id(level)},
                        {"ratings", context.counts[level]},
                        {"bias", std::stod(fixed(static_cast<double>(context.biases[level]), 4))},
                        {"lifts", effects_json(model, effects.lifted, titles)},
                        {"lowers", effects_json(model, effects.lowered, titles)}});
    }
    contexts[context.name] = std::move(levels);
  }
  return contexts;
}

std::string contexts_text(const Model& model, const InfoArguments& arguments, const Titles& titles) {
  std::string text;
  const auto add = [&](const char* what, const std::vector<ItemEffect>& effects) {
    if (effects.empty()) return;
    text += std::string("    ") + what;
    for (std::size_t n = 0; n < effects.size(); ++n) {
      text +=
          (n == 0 ? " " : "; ") + name_of_item(model, effects[n].item, titles) + " " + signed_fixed(static_cast<double>(effects[n].effect));
    }
    text += "\n";
  };
  for (std::size_t n = 0; n < model.contexts.size(); ++n) {
    const ContextVectors& context = model.contexts[n];
    text += context.name + "\n";
    for (std::uint32_t level = 0; level < context.levels.size(); ++level) {
      const LevelEffects effects = level_effects(model, n, level, arguments.top, arguments.min_count);
      text += "  " + std::string(context.levels.id(level)) + ": bias " + signed_fixed(static_cast<double>(context.biases[level])) + ", " +
              std::to_string(context.counts[level]) + " ratings\n";
      add("lifts", effects.lifted);
      add("lowers", effects.lowered);
    }
  }
  return text;
}

Json json_of(const Model& model, const std::string& path) {
  Json json;
  json["model"] = path;
  json["method"] = model.record.method;
  json["options"] = Json::parse(model.record.options);
  json["seed"] = model.record.seed;
  json["users"] = model.users.ids.size();
  json["items"] = model.items.ids.size();
  json["rank"] = model.rank();
  json["biases"] = model.centre.has_biases;
  json["ratings"] = model.record.ratings;
  json["epochs"] = model.record.epochs;
  json["rating_mean"] = model.centre.rating_mean;
  if (model.centre.clips) {
    std::string least;
    std::string most;
    append(least, model.centre.min_rating);
    append(most, model.centre.max_rating);
    json["min_rating"] = Json::parse(least);
    json["max_rating"] = Json::parse(most);
  }
  if (model.centre.ordinal) json["levels"] = model.centre.ordinal->levels.size();
  if (model.uncertainty) json["noise_deviation"] = std::stod(fixed(std::sqrt(model.uncertainty->noise), 4));
  if (model.users.features) json["user_features"] = features_json(*model.users.features);
  if (model.items.features) json["item_features"] = features_json(*model.items.features);
  if (!model.contexts.empty()) {
    json["contexts"] = Json::object();
    for (const ContextVectors& context : model.contexts) {
      json["contexts"][context.name] = levels_text(context);
    }
  }
  json["fingerprint"] = model.record.fingerprint;
  json["history_values"] = model.history.has_values();
  if (const std::optional<Lineage>& lineage = model.record.lineage) {
    json["lineage"] = {{"updates", lineage->updates},
                       {"trained_ratings", lineage->trained},
                       {"added", lineage->added},
                       {"replaced", lineage->replaced},
                       {"removed", lineage->removed}};
    if (!lineage->trained_fingerprint.empty()) json["lineage"]["trained_fingerprint"] = lineage->trained_fingerprint;
  }
  json["metrics"] = Json::object();
  for (const Metric& metric : model.record.metrics) json["metrics"][metric.name] = metric.value;
  return json;
}

/// One line per figure, names in a column; one line per entry of an object.
std::string text_of(const Json& json) {
  std::string text;
  const auto add = [&text](std::string name, const Json& value) {
    name.resize(std::max(kColumn, name.size() + 2), ' ');
    text += name + (value.is_string() ? value.get<std::string>() : value.dump()) + "\n";
  };
  for (const auto& [key, value] : json.items()) {
    if (value.is_array()) {
      add(key, std::to_string(value.size()) + (value.size() == 1 ? " column" : " columns"));
      for (const Json& feature : value) {
        text += "  " + feature["feature"].get<std::string>() + ": norm " + feature["norm"].dump() + ", bias " + feature["bias"].dump() +
                ", in " + feature["rows"].dump() + " rows\n";
      }
      continue;
    }
    if (!value.is_object()) {
      add(key, value);
      continue;
    }
    for (const auto& [name, entry] : value.items()) {
      // The seed is already among the options of the method.
      if (!json.contains(name)) add(name, entry);
    }
  }
  return text;
}

int run_info(const InfoArguments& arguments) {
  check_files({{"", arguments.model}, {"titles", arguments.titles}});
  if (!arguments.titles.empty() && !arguments.contexts) throw OptionError("titles", "is read with --contexts only");
  const Model model = load_model(arguments.model);
  Results results;
  if (arguments.contexts) {
    if (model.contexts.empty())
      throw OptionError("contexts", "the model knows no contexts: see --contexts and --time-context of train --method context");
    const Titles titles = arguments.titles.empty() ? Titles() : Titles::read(arguments.titles);
    results.write(arguments.json ? contexts_json(model, arguments, titles).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"
                                 : contexts_text(model, arguments, titles));
  } else {
    const Json json = json_of(model, arguments.model);
    results.write(arguments.json ? json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n" : text_of(json));
  }
  results.finish();
  return kExitDone;
}

}  // namespace

Command add_info(CLI::App& program) {
  auto arguments = std::make_shared<InfoArguments>();
  CLI::App* app = program.add_subcommand("info", "show what is in a model file");
  add_positional(*app, "MODEL", arguments->model, "model file");
  app->add_flag("--contexts", arguments->contexts,
                "show what each level of each context does: its bias, and the items that it lifts and lowers most");
  add_integer(*app, "--top", arguments->top, "most items of each kind, with --contexts", 1);
  add_integer(*app, "--min-count", arguments->min_count, "show only items with at least N training ratings, with --contexts", 1);
  add_titles(*app, arguments->titles);
  add_json(*app, arguments->json);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  lowrank info model.safetensors");
  return {app, [arguments] { return run_info(*arguments); }};
}

}  // namespace lowrank::cli
