#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/memory.h"
#include "lowrank/pipeline/run.h"

namespace lowrank {

namespace {

using Json = nlohmann::ordered_json;

// A figure that is not finite is left out, because JSON cannot express it.
void put(Json& object, const std::string& key, double value) {
  if (std::isfinite(value)) object[key] = value;
}

Json ranking_json(const RankingScores& scores) {
  Json object;
  object["top"] = scores.top;
  object["users"] = scores.users;
  for (const std::string_view name : ranking_metric_names()) put(object, std::string(name), ranking_metric(scores, name));
  if (scores.beyond) {
    for (const std::string_view name : beyond_accuracy_names()) put(object, std::string(name), beyond_accuracy(*scores.beyond, name));
  }
  return object;
}

/// The scores of ratings and lists as one object; null if there are neither.
Json scores_json(const std::optional<RatingScores>& ratings, const std::optional<RankingScores>& ranking) {
  Json object;
  if (ratings) {
    put(object, "rmse", ratings->rmse);
    put(object, "mae", ratings->mae);
    object["ratings"] = ratings->ratings;
    object["unknown"] = ratings->unknown;
  }
  if (ranking) object["ranking"] = ranking_json(*ranking);
  return object;
}

Json history_json(const TrainSummary& summary) {
  Json history = Json::array();
  for (const EpochReport& report : summary.history) {
    Json entry;
    entry["epoch"] = report.epoch;
    if (report.train_rmse) put(entry, "train_rmse", *report.train_rmse);
    if (report.root_squared_error) put(entry, "root_squared_error", *report.root_squared_error);
    if (report.train_loss) put(entry, "train_loss", *report.train_loss);
    if (report.validation) put(entry, "validation_" + summary.monitor, *report.validation);
    put(entry, "seconds", report.seconds);
    history.push_back(std::move(entry));
  }
  return history;
}

}  // namespace

std::string to_json(const TrainSummary& summary) {
  Json json;
  json["method"] = summary.method;
  json["options"] = Json::parse(summary.options);
  json["users"] = summary.users;
  json["items"] = summary.items;
  json["ratings"] = summary.ratings;
  json["duplicates"] = summary.duplicates;
  if (summary.user_features != 0) json["user_features"] = summary.user_features;
  if (summary.item_features != 0) json["item_features"] = summary.item_features;
  if (summary.skipped != 0) json["skipped_lines"] = summary.skipped;
  json["epochs"] = summary.epochs;
  if (summary.epochs > 0) json["best_epoch"] = summary.best_epoch;
  json["stopped"] = summary.stopped;
  if (summary.epochs > 0) {
    Json train = Json::object();
    if (summary.train_rmse) put(train, "rmse", *summary.train_rmse);
    if (summary.train_loss) put(train, "loss", *summary.train_loss);
    if (!train.empty()) json["train"] = std::move(train);
  }
  for (auto& [key, scores] : {std::pair("validation", scores_json(summary.validation, summary.validation_ranking)),
                              std::pair("test", scores_json(summary.test, summary.test_ranking))}) {
    if (!scores.is_null()) json[key] = scores;
  }
  if (!summary.warnings.empty()) json["warnings"] = summary.warnings;
  json["history"] = history_json(summary);
  Json& seconds = json["seconds"];
  put(seconds, "read", summary.seconds.read);
  put(seconds, "train", summary.seconds.train);
  put(seconds, "write", summary.seconds.write);
  put(seconds, "total", summary.seconds.total);
  put(json, "updates_per_second", summary.updates_per_second);
  json["peak_memory_bytes"] = summary.peak_memory_bytes;
  if (!summary.model.empty()) json["model"] = summary.model;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_json(const RankingScores& scores) { return ranking_json(scores).dump(); }

std::size_t peak_memory_bytes() { return peak_resident_memory(); }

}  // namespace lowrank
