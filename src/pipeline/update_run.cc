#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/outputs.h"
#include "data/input.h"
#include "data/read_tuned.h"
#include "data/text.h"
#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "lowrank/pipeline/update.h"

namespace lowrank {

namespace {

void check_update_files(const UpdateRun& run) {
  if (run.model.empty()) throw OptionError("model", "no file is given");
  if (run.output.empty()) throw OptionError("output", "no file is given");
  if (run.ratings.empty() && run.remove.empty() && run.forget_users.empty() && run.forget_items.empty() && !run.options.retrain) {
    throw OptionError("", "give at least one of " + mention("ratings") + ", " + mention("remove") + ", " + mention("forget_users") + ", " +
                              mention("forget_items") + " and " + mention("retrain"));
  }
  const std::array<NamedFile, 7> read{{{"ratings", run.ratings},
                                       {"remove", run.remove},
                                       {"forget_users", run.forget_users},
                                       {"forget_items", run.forget_items},
                                       {"history", run.history},
                                       {"user_features", run.user_features},
                                       {"item_features", run.item_features}}};
  int streams = 0;
  for (const NamedFile& file : read) streams += file.path == "-" ? 1 : 0;
  if (streams > 1) throw OptionError("", "standard input can be read only once");
  // The model is no such input: it may be updated in place.
  const std::array<NamedFile, 1> written{{{"output", run.output}}};
  check_outputs(read, written);
}

/// Pairs whose ratings are taken out; each must be in the model.
Pairs read_removed(const UpdateRun& run, const Model& model) {
  ReadOptions read = run.read;
  read.pairs_only = true;
  read.keep_times = false;
  Pairs pairs;
  pairs.known_users = model.users.ids.size();
  pairs.known_items = model.items.ids.size();
  std::uint32_t user_of_items = Vocabulary::kUnknown;
  std::vector<std::uint32_t> items;
  for_each_line(run.remove, read, {}, [&](const RatingLine& line, std::size_t number) {
    const std::uint32_t user = model.users.ids.find(line.user);
    const std::uint32_t item = model.items.ids.find(line.item);
    if (user != user_of_items || user == Vocabulary::kUnknown) {
      items.clear();
      if (user != Vocabulary::kUnknown) model.history.append_items_of(user, items);
      user_of_items = user;
    }
    // A model without a history gets one, and says then what is missing.
    const bool there = user != Vocabulary::kUnknown && item != Vocabulary::kUnknown &&
                       (model.history.offsets().empty() || std::ranges::binary_search(items, item));
    if (!there) {
      throw DataError(input_name(run.remove), number,
                      "the model has no rating of user " + lowrank::quoted(line.user) + " and item " + lowrank::quoted(line.item));
    }
    pairs.users.push_back(user);
    pairs.items.push_back(item);
  });
  return pairs;
}

std::vector<std::uint32_t> read_forgotten(const std::string& path, const Vocabulary& ids, const char* what) {
  std::vector<std::uint32_t> rows;
  std::vector<std::size_t> lines;
  const std::vector<std::string> names = read_ids(path, &lines);
  for (std::size_t n = 0; n < names.size(); ++n) {
    rows.push_back(ids.find(names[n]));
    if (rows.back() == Vocabulary::kUnknown)
      throw DataError(input_name(path), lines[n], std::string("the model does not know ") + what + " " + lowrank::quoted(names[n]));
  }
  return rows;
}

}  // namespace

UpdateRunSummary run_update(const UpdateRun& run) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  Clock::time_point last = start;
  const auto lap = [&last] {
    const Clock::time_point now = Clock::now();
    return std::chrono::duration<double>(now - std::exchange(last, now)).count();
  };
  check_update_files(run);
  check_writable(run.output);
  UpdateRunSummary summary;
  Model model = load_model(run.model);
  summary.seconds.load = lap();
  UpdateInput input;
  input.duplicates = run.read.duplicates;
  ReadOptions read = run.read;
  read.threads = run.options.threads;
  read.keep_times = false;
  const auto pairs_of = [&](const std::string& path) { return read_pairs(path, model.users.ids, model.items.ids, read); };
  if (!run.ratings.empty()) input.ratings = pairs_of(run.ratings);
  if (!run.history.empty()) input.history = pairs_of(run.history);
  if (!run.remove.empty()) input.removed = read_removed(run, model);
  if (!run.forget_users.empty()) input.forgotten_users = read_forgotten(run.forget_users, model.users.ids, "user");
  if (!run.forget_items.empty()) input.forgotten_items = read_forgotten(run.forget_items, model.items.ids, "item");
  const auto features_in = [&](const std::string& path, FeatureSide side) {
    FeatureGaps gaps;
    NewFeatures features = read_new_features(path, side, model, run.read.encoding, gaps);
    if (run.on_gaps) run.on_gaps(path, gaps);
    return features;
  };
  std::optional<NewFeatures> user_features;
  std::optional<NewFeatures> item_features;
  if (!run.user_features.empty()) input.user_features = &user_features.emplace(features_in(run.user_features, FeatureSide::users));
  if (!run.item_features.empty()) input.item_features = &item_features.emplace(features_in(run.item_features, FeatureSide::items));
  summary.seconds.read = lap();
  Updated updated = update(std::move(model), input, run.options);
  summary.update = std::move(updated.summary);
  summary.seconds.update = lap();
  save_model(updated.model, run.output);
  summary.model = run.output;
  summary.seconds.write = lap();
  summary.seconds.total = std::chrono::duration<double>(Clock::now() - start).count();
  return summary;
}

namespace {

nlohmann::ordered_json json_of(const UpdateSummary& update) {
  nlohmann::ordered_json json;
  json["method"] = update.method;
  json["users"] = update.users;
  json["items"] = update.items;
  json["ratings"] = update.ratings;
  json["added"] = update.added;
  json["replaced"] = update.replaced;
  json["removed"] = update.removed;
  json["new_users"] = update.new_users;
  json["new_items"] = update.new_items;
  json["forgotten_users"] = update.forgotten_users;
  json["forgotten_items"] = update.forgotten_items;
  json["touched_users"] = update.touched_users;
  json["touched_items"] = update.touched_items;
  if (update.incomplete_rows != 0) json["incomplete_rows"] = update.incomplete_rows;
  json["row_solves"] = update.row_solves;
  json["row_solves_left"] = update.row_solves_left;
  if (update.objective_before && update.objective_after) {
    json["objective"] = {{"before", *update.objective_before}, {"after", *update.objective_after}};
  }
  json["changed_share"] = update.changed_share;
  json["retrained"] = update.retrained;
  json["retrain_recommended"] = update.retrain_recommended;
  if (update.average_context) json["average_context"] = true;
  return json;
}

std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

std::string to_json(const UpdateSummary& summary) {
  nlohmann::ordered_json json = json_of(summary);
  json["seconds"] = {{"update", summary.seconds}, {"total", summary.seconds}};
  return text_of(json);
}

std::string to_json(const UpdateRunSummary& summary) {
  nlohmann::ordered_json json = json_of(summary.update);
  json["seconds"] = {{"load", summary.seconds.load},
                     {"read", summary.seconds.read},
                     {"update", summary.seconds.update},
                     {"write", summary.seconds.write},
                     {"total", summary.seconds.total}};
  json["model"] = summary.model;
  return text_of(json);
}

}  // namespace lowrank
