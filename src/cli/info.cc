#include <memory>
#include <nlohmann/json.hpp>

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
  json["fingerprint"] = model.record.fingerprint;
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
