#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "lowrank/base/error.h"
#include "lowrank/tune/tune.h"

namespace lowrank {

namespace {

using Json = nlohmann::ordered_json;

Json finalist_json(const Finalist& finalist) {
  Json json;
  json["trial"] = finalist.trial;
  json["method"] = finalist.method;
  json["options"] = Json::parse(finalist.options);
  json["figures"] = finalist.figures;
  json["mean"] = finalist.mean;
  json["behind"] = finalist.behind;
  json["standard_error"] = finalist.standard_error;
  json["margin"] = finalist.margin;
  return json;
}

}  // namespace

std::string to_json(const TuneSummary& summary) {
  const TuneResult& result = summary.result;
  Json json;
  json["trials"] = result.trials;
  json["runs"] = result.runs;
  json["failed"] = result.failed;
  json["stopped"] = result.stopped;
  json["monitor"] = result.monitor;
  if (result.trial != 0) {
    json["trial"] = result.trial;
    json["method"] = name_of(result.method);
    json["searched"] = Json::parse(result.options);
    json["options"] = Json::parse(options_json(result.method));
    json["validation"] = {{result.monitor, result.figure}};
  }
  json["finalists"] = Json::array();
  for (const Finalist& finalist : result.finalists) json["finalists"].push_back(finalist_json(finalist));
  json["warnings"] = result.warnings;
  const auto training = Json::parse(to_json(summary.training));
  if (result.trial != 0) {
    for (const char* key : {"users", "items", "ratings", "duplicates", "train", "test"}) {
      if (training.contains(key)) json[key] = training[key];
    }
  }
  json["seconds"] = {{"search", summary.search_seconds}, {"train", summary.training.seconds.train}};
  json["peak_memory_bytes"] = peak_memory_bytes();
  if (!summary.training.model.empty()) json["model"] = summary.training.model;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lowrank
