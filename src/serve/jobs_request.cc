/// \file
/// What to train and when, as text.

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "data/number.h"
#include "pipeline/feature_files.h"
#include "serve/item_features.h"
#include "serve/jobs.h"

namespace lowrank::serve {

namespace {

using OrderedJson = nlohmann::ordered_json;

[[noreturn]] void refuse(const std::string& key, const char* expected) { throw OptionError(key, std::string("must be ") + expected); }

double real_of(const std::string& key, const OrderedJson& value) {
  if (!value.is_number()) refuse(key, "a number");
  return value.get<double>();
}

bool flag_of(const std::string& key, const OrderedJson& value) {
  if (!value.is_boolean()) refuse(key, "true or false");
  return value.get<bool>();
}

std::string text_of(const std::string& key, const OrderedJson& value) {
  if (!value.is_string()) refuse(key, "a text");
  return value.get<std::string>();
}

std::optional<float> limit_of(const std::string& key, const OrderedJson& value) {
  return value.is_null() ? std::nullopt : std::optional(static_cast<float>(real_of(key, value)));
}

void set_options(Method& method, const OrderedJson& options) {
  if (!options.is_object()) refuse("options", "an object");
  for (const auto& [name, value] : options.items()) {
    if (value.is_structured()) throw OptionError(name, "must be a number, a text, true, false or null");
    set_option(method, name, value.is_string() ? value.get<std::string>() : value.is_null() ? "auto" : value.dump());
  }
}

constexpr std::array<std::string_view, 3> kHistories{"automatic", "kept", "dropped"};

HistoryValues history_of(const std::string& text) {
  const auto* const found = std::ranges::find(kHistories, text);
  if (found == kHistories.end()) refuse("history", "automatic, kept or dropped");
  return std::array{HistoryValues::automatic, HistoryValues::kept,
                    HistoryValues::dropped}[static_cast<std::size_t>(found - kHistories.begin())];
}

std::string_view name_of_history(HistoryValues history) {
  return history == HistoryValues::kept ? kHistories[1] : history == HistoryValues::dropped ? kHistories[2] : kHistories[0];
}

std::string flag_name(std::string_view option) {
  std::string flag(option);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

}  // namespace

TrainRequest read_train_request(std::string_view json, const TrainRequest& defaults) {
  TrainRequest request = defaults;
  if (json.find_first_not_of(" \t\r\n") == std::string_view::npos) return request;
  const OrderedJson object = OrderedJson::parse(json, nullptr, false);
  if (!object.is_object()) throw DataError("a training request must be a JSON object");
  TrainRun& run = request.run;
  // Before its options, wherever it is among the keys.
  if (const auto method = object.find("method"); method != object.end()) {
    const std::string name = text_of("method", *method);
    if (name != name_of(run.method)) {
      run.method = method_by_name(name);
      run.stated.clear();
      request.item_features = false;
    }
  }
  for (const auto& [key, value] : object.items()) {
    if (key == "method") continue;
    if (key == "options") {
      // Not noted as stated: what is not the default counts as stated, and a default that is not read does no harm.
      set_options(run.method, value);
    } else if (key == "holdout") {
      run.holdout = real_of(key, value);
    } else if (key == "monitor") {
      run.monitor = text_of(key, value);
    } else if (key == "refit") {
      run.refit = flag_of(key, value);
    } else if (key == "conformal") {
      run.conformal = flag_of(key, value);
    } else if (key == "min_rating") {
      run.min_rating = limit_of(key, value);
    } else if (key == "max_rating") {
      run.max_rating = limit_of(key, value);
    } else if (key == "clip") {
      run.clips = flag_of(key, value);
    } else if (key == "history") {
      run.history = history_of(text_of(key, value));
    } else if (key == "warm") {
      request.warm = flag_of(key, value);
    } else if (key == "item_features") {
      request.item_features = flag_of(key, value);
    } else if (key == "activate") {
      request.activate = flag_of(key, value);
    } else {
      throw OptionError(key, "is not a key of a training request");
    }
  }
  return request;
}

void check_request(const TrainRequest& request) {
  if (request.item_features) check_reads_features("item_features", request.run.method);
}

std::string to_json(const TrainRequest& request) {
  const TrainRun& run = request.run;
  OrderedJson json;
  json["method"] = name_of(run.method);
  json["options"] = OrderedJson::parse(options_json(run.method));
  if (run.holdout != 0) json["holdout"] = run.holdout;
  if (!run.monitor.empty()) json["monitor"] = run.monitor;
  if (run.refit) json["refit"] = true;
  if (run.conformal) json["conformal"] = true;
  // As the shortest digits of a float32, which the double of the same value does not have.
  if (run.min_rating) json["min_rating"] = OrderedJson::parse(shortest_text(*run.min_rating));
  if (run.max_rating) json["max_rating"] = OrderedJson::parse(shortest_text(*run.max_rating));
  if (!run.clips) json["clip"] = false;
  if (run.history != HistoryValues::automatic) json["history"] = name_of_history(run.history);
  if (request.item_features) json["item_features"] = true;
  if (request.warm) json["warm"] = true;
  if (!request.activate) json["activate"] = false;
  return json.dump();
}

std::string command_line(const TrainRequest& request) {
  const TrainRun& run = request.run;
  std::string line = "lowrank train - --output MODEL --method " + std::string(name_of(run.method));
  if (request.item_features) line += std::string(" --item-features ITEMS --feature-columns ") + kFeatureColumns;
  const std::vector<OptionInfo> defaults = options_of(method_by_name(name_of(run.method)));
  const std::vector<OptionInfo> options = options_of(run.method);
  for (std::size_t n = 0; n < options.size(); ++n) {
    if (options[n].value == defaults[n].value) continue;
    if (options[n].kind == OptionInfo::Kind::flag) {
      line += (options[n].value == "true" ? " --" : " --no-") + flag_name(options[n].name);
    } else {
      line += " --" + flag_name(options[n].name) + " " + options[n].value;
    }
  }
  if (run.holdout != 0) line += " --holdout " + shortest_text(run.holdout);
  if (!run.monitor.empty()) line += " --monitor " + run.monitor;
  if (run.refit) line += " --refit";
  if (run.conformal) line += " --conformal";
  if (run.min_rating) line += " --min-rating " + shortest_text(*run.min_rating);
  if (run.max_rating) line += " --max-rating " + shortest_text(*run.max_rating);
  if (!run.clips) line += " --no-clip";
  if (run.history == HistoryValues::kept) line += " --keep-values";
  if (run.history == HistoryValues::dropped) line += " --no-history";
  return line;
}

namespace {

std::optional<std::uint64_t> whole(std::string_view text) {
  constexpr std::size_t kMostDigits = 12;
  return text.size() > kMostDigits ? std::nullopt : parse_count(text);
}

}  // namespace

Schedule Schedule::parse(std::string_view text) {
  if (text.empty()) return {};
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    const auto hours = whole(text.substr(0, colon));
    const auto minutes = whole(text.substr(colon + 1));
    if (hours && minutes && *hours < 24 && *minutes < 60 && text.size() - colon == 3)
      return {std::chrono::minutes(static_cast<std::int64_t>(*hours * 60 + *minutes))};
  } else if (const auto count = whole(text); count && *count > 0) {
    return {*count};
  } else {
    constexpr std::array<std::pair<char, std::int64_t>, 4> kUnits{{{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}}};
    const auto number = whole(text.substr(0, text.size() - 1));
    for (const auto& [unit, seconds] : kUnits) {
      if (number && *number > 0 && *number < 1'000'000'000 && text.back() == unit)
        return {std::chrono::seconds(static_cast<std::int64_t>(*number) * seconds)};
    }
  }
  throw OptionError(
      "train_when",
      "must be a number of ratings (1000), a time between trainings (30s, 10m, 6h, 2d) or a time of day in UTC (03:00), got \"" +
          std::string(text) + "\"");
}

std::string_view name_of(JobState state) noexcept {
  switch (state) {
    case JobState::running:
      return "running";
    case JobState::done:
      return "done";
    case JobState::rejected:
      return "rejected";
    case JobState::cancelled:
      return "cancelled";
    case JobState::failed:
      return "failed";
  }
  return "failed";
}

}  // namespace lowrank::serve
