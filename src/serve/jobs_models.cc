#include "serve/jobs_models.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "lowrank/evaluate/validation.h"
#include "lowrank/model/model_file.h"
#include "pipeline/monitor.h"

namespace lowrank::serve {

namespace {

using OrderedJson = nlohmann::ordered_json;

std::string file_of(std::int64_t id) {
  std::array<char, 40> name{};
  std::snprintf(name.data(), name.size(), "%06lld.safetensors", static_cast<long long>(id));
  return name.data();
}

/// The greatest number of a model file in a folder. A file without a row is of a run that ended before its model was noted; its number is
/// not given again.
std::int64_t last_file(const std::string& folder) {
  std::int64_t last = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    long long id = 0;
    if (std::sscanf(file.path().filename().c_str(), "%lld.safetensors", &id) == 1) last = std::max<std::int64_t>(last, id);
  }
  return last;
}

void put(OrderedJson& object, const std::string& key, const std::optional<double>& value) {
  if (value && std::isfinite(*value)) object[key] = *value;
}

}  // namespace

Models::Models(Store& store) : store_(store) { refresh(); }

void Models::refresh() {
  // An older list must not take the place of a newer one.
  const std::lock_guard<std::mutex> refreshing(refreshing_);
  std::vector<ModelEntry> entries = store_.models();
  const std::lock_guard<std::mutex> lock(mutex_);
  entries_ = std::move(entries);
}

std::vector<ModelEntry> Models::all() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return entries_;
}

ModelEntry Models::entry(std::int64_t id) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = std::ranges::find(entries_, id, &ModelEntry::id);
  if (found == entries_.end()) throw UnknownIdError("there is no model " + std::to_string(id));
  return *found;
}

std::optional<std::int64_t> Models::served() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = std::ranges::find(entries_, "served", &ModelEntry::state);
  return found == entries_.end() ? std::nullopt : std::optional(found->id);
}

std::uint64_t Models::served_written() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = std::ranges::find(entries_, "served", &ModelEntry::state);
  return found == entries_.end() ? 0 : found->written;
}

std::string Models::path_of(const ModelEntry& entry) const { return store_.models_folder() + "/" + entry.file; }

LoadedModel Models::load(std::int64_t id) const {
  LoadedModel loaded{.entry = entry(id), .model = {}};
  loaded.model = load_model(path_of(loaded.entry));
  return loaded;
}

ModelEntry Models::insert(ModelEntry entry, const std::function<void(const std::string& path)>& write) {
  const std::lock_guard<std::mutex> adding(adding_);
  const std::vector<ModelEntry> known = all();
  entry.id = std::max(known.empty() ? 0 : known.back().id, last_file(store_.models_folder())) + 1;
  entry.file = file_of(entry.id);
  entry.state = "ready";
  entry.created = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  // The file first: a row without its file would be a promise that is not kept.
  const std::string path = path_of(entry);
  write(path);
  ::chmod(path.c_str(), 0600);
  try {
    store_.write({PutModel{entry}});
  } catch (const StoreError&) {
    ::unlink(path.c_str());
    throw;
  }
  refresh();
  return entry;
}

ModelEntry Models::add(const Model& model, ModelEntry entry) {
  return insert(std::move(entry), [&model](const std::string& path) { save_model(model, path); });
}

ModelEntry Models::add_bytes(const std::string& bytes, ModelEntry entry) {
  for (const ModelEntry& known : all()) {
    struct stat status {};
    const std::string path = path_of(known);
    if (::stat(path.c_str(), &status) != 0 || static_cast<std::size_t>(status.st_size) != bytes.size()) continue;
    if (read_file(path) == bytes) return known;
  }
  return insert(std::move(entry), [&bytes](const std::string& path) {
    AtomicFile file(path);
    file.write(bytes);
    file.commit();
  });
}

void Models::set_state(ModelEntry entry, std::string state) {
  entry.state = std::move(state);
  store_.write({PutModel{std::move(entry)}});
  refresh();
}

void Models::serve(std::int64_t id) {
  const bool found = store_.write({ServeModel{id}}).front().found;
  refresh();
  if (!found) throw UnknownIdError("there is no model " + std::to_string(id));
}

void Models::prune(std::size_t keep) {
  const std::vector<ModelEntry> known = all();
  if (known.size() <= keep) return;
  std::size_t surplus = known.size() - keep;
  for (const ModelEntry& entry : known) {
    if (surplus == 0) break;
    if (entry.state == "served") continue;
    store_.write({RemoveModel{entry.id}});
    ::unlink(path_of(entry).c_str());
    --surplus;
  }
  refresh();
}

ModelEntry describe(const Model& model) {
  ModelEntry entry;
  entry.method = model.record.method;
  entry.options = R"({"method":)" + OrderedJson(model.record.method).dump() + R"(,"options":)" + model.record.options + "}";
  entry.rank = model.rank();
  const auto rated = [](const Side& side) {
    return static_cast<std::uint64_t>(std::ranges::count_if(side.counts, [](std::uint32_t count) { return count != 0; }));
  };
  entry.users = rated(model.users);
  entry.items = rated(model.items);
  entry.ratings = model.record.ratings;
  entry.fingerprint = model.record.fingerprint;
  OrderedJson metrics = OrderedJson::object();
  for (const Metric& metric : model.record.metrics) put(metrics, metric.name, metric.value);
  entry.metrics = metrics.dump();
  return entry;
}

std::string history_json(const std::vector<EpochReport>& history, const std::string& monitor) {
  OrderedJson epochs = OrderedJson::array();
  for (const EpochReport& report : history) {
    OrderedJson epoch;
    epoch["epoch"] = report.epoch;
    put(epoch, "train_rmse", report.train_rmse);
    put(epoch, "train_loss", report.train_loss);
    put(epoch, "validation_" + monitor, report.validation);
    put(epoch, "seconds", report.seconds);
    epochs.push_back(std::move(epoch));
  }
  return epochs.dump();
}

std::optional<std::string> worse_than_served(const ModelEntry& made, const ModelEntry& served, double most) {
  const OrderedJson request = OrderedJson::parse(made.options, nullptr, false);
  const OrderedJson other = OrderedJson::parse(served.options, nullptr, false);
  const OrderedJson figures = OrderedJson::parse(made.metrics, nullptr, false);
  const OrderedJson others = OrderedJson::parse(served.metrics, nullptr, false);
  if (!request.is_object() || !other.is_object() || !figures.is_object() || !others.is_object()) return std::nullopt;
  const auto monitor_of = [](const OrderedJson& json) {
    const std::string method = json.value("method", "");
    return json.contains("monitor") ? json.value("monitor", "") : default_monitor(predicts_ratings(method_by_name(method)));
  };
  const std::string monitor = monitor_of(request);
  if (monitor != monitor_of(other) || request.value("holdout", 0.0) != other.value("holdout", 0.0)) return std::nullopt;
  const std::string key = "validation_" + monitor;
  if (!figures.contains(key) || !others.contains(key)) return std::nullopt;
  const double now = figures.value(key, 0.0);
  const double before = others.value(key, 0.0);
  const bool higher_is_better = parse_monitor(monitor).top != 0;
  if (higher_is_better ? now >= before * (1 - most) : now <= before * (1 + most)) return std::nullopt;
  return "the validation " + monitor + " is " + shortest_text(now) + ", which is worse than the " + shortest_text(before) + " of model " +
         std::to_string(served.id) + " by more than " + shortest_text(most * 100) + " %";
}

}  // namespace lowrank::serve
