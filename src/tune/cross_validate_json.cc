#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "lowrank/tune/cross_validate.h"

namespace lowrank {

namespace {

using Json = nlohmann::ordered_json;

// A figure that is not finite is left out, because JSON cannot express it.
void put(Json& object, const std::string& key, double value) {
  if (std::isfinite(value)) object[key] = value;
}

Json fold_json(const FoldScores& fold, const std::vector<std::string>& names, bool dates) {
  Json json;
  json["fold"] = fold.fold;
  if (!fold.file.empty()) json["file"] = fold.file;
  if (fold.first && dates) json["from"] = time_text(*fold.first, true);
  if (fold.first && !dates) json["from"] = *fold.first;
  json["train"] = fold.train;
  json["test"] = fold.test;
  json["unknown"] = fold.unknown;
  json["users"] = fold.users;
  json["method"] = fold.method;
  json["options"] = Json::parse(fold.options);
  if (fold.trials != 0) json["trials"] = fold.trials;
  json["epochs"] = fold.epochs;
  json["best_epoch"] = fold.best_epoch;
  for (std::size_t n = 0; n < names.size(); ++n) put(json["figures"], names[n], fold.figures[n]);
  put(json, "seconds", fold.seconds);
  return json;
}

}  // namespace

std::string to_json(const CrossValidated& results) {
  Json json;
  json["method"] = results.method;
  json["by"] = results.by;
  json["ratings"] = results.ratings;
  json["duplicates"] = results.duplicates;
  json["stopped"] = results.interrupted ? "interrupt" : "folds";
  json["folds"] = Json::array();
  for (const FoldScores& fold : results.folds) json["folds"].push_back(fold_json(fold, results.names, results.dates));
  for (const FoldFigure& figure : results.figures) {
    Json& own = json["figures"][figure.name];
    put(own, "mean", figure.mean);
    put(own, "sd", figure.deviation);
    if (figure.pooled) put(own, "pooled", *figure.pooled);
    if (!figure.interval) continue;
    own["interval"] = {figure.interval->low, figure.interval->high};
    own["level"] = results.level;
  }
  put(json, "seconds", results.seconds);
  json["peak_memory_bytes"] = results.peak_memory_bytes;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lowrank
