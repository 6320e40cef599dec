#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/results.h"
#include "lowrank/model/model_file.h"

namespace lowrank::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kColumn = 18;

struct InfoArguments {
  std::string model;
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
      std::string levels = std::to_string(context.levels.size()) + (context.levels.size() == 1 ? " level" : " levels");
      if (!context.levels.empty()) {
        levels.append(", ").append(context.levels.id(0)).append(" to ").append(context.levels.id(context.levels.size() - 1));
      }
      json["contexts"][context.name] = levels;
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
  check_files({{"", arguments.model}});
  const Json json = json_of(load_model(arguments.model), arguments.model);
  Results results;
  results.write(arguments.json ? json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n" : text_of(json));
  results.finish();
  return kExitDone;
}

}  // namespace

Command add_info(CLI::App& program) {
  auto arguments = std::make_shared<InfoArguments>();
  CLI::App* app = program.add_subcommand("info", "show what is in a model file");
  add_positional(*app, "MODEL", arguments->model, "model file");
  add_json(*app, arguments->json);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  lowrank info model.safetensors");
  return {app, [arguments] { return run_info(*arguments); }};
}

}  // namespace lowrank::cli
