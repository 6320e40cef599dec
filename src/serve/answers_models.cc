#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "data/number.h"
#include "lowrank/base/error.h"
#include "lowrank/train/method.h"
#include "serve/answers.h"

namespace lowrank::serve {

namespace {

void write_epochs(JsonWriter& json, const std::vector<EpochReport>& epochs, const std::string& monitor) {
  json.key("history").begin_array();
  for (const EpochReport& epoch : epochs) {
    json.begin_object().member("epoch", std::uint64_t{epoch.epoch});
    if (epoch.train_rmse) json.member("train_rmse", *epoch.train_rmse);
    if (epoch.validation && !monitor.empty()) json.key("validation_" + monitor).number(*epoch.validation);
    json.member("seconds", epoch.seconds).end_object();
  }
  json.end_array();
}

const char* state_of(const Job& job) { return name_of(job.state).data(); }

/// The command that trains so; empty for a model of a version that knows other methods or options.
std::string command_of(const ModelEntry& entry) {
  try {
    return command_line(read_train_request(entry.options, {}));
  } catch (const Error&) {
    return {};
  }
}

/// `backup-20260131-235959`, with a number where there is one of this second.
std::string backup_name(const std::string& folder) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[40];
  const std::string name(text, std::strftime(text, sizeof text, "backup-%Y%m%d-%H%M%S", &utc));
  std::string free = name;
  for (int n = 2; std::filesystem::exists(std::filesystem::path(folder) / free); ++n)
    free.assign(name).append("-").append(std::to_string(n));
  return free;
}

/// The number in the path, which is checked already.
std::uint64_t number_of(const Call& call) { return parse_count(call.path[0]).value_or(0); }

ModelEntry entry_of(const Context& context, const Call& call) {
  const auto entry = context.jobs.model(static_cast<std::int64_t>(number_of(call)));
  if (!entry) throw Problem{.status = 404, .detail = "there is no model of this number"};
  return *entry;
}

Response answer_job(const Context& context, std::uint64_t id) {
  const auto job = context.jobs.job(id);
  if (!job) throw Problem{.status = 404, .detail = "there is no job of this number"};
  Response response;
  JsonWriter json(response.body);
  write_job(json, *job);
  return response;
}

}  // namespace

void write_model(JsonWriter& json, const ModelEntry& entry, bool active, bool history) {
  const Json request = Json::parse(entry.options, nullptr, false);
  json.begin_object().member("id", entry.id).member("active", active).member("state", entry.state).member("method", entry.method);
  if (request.is_object()) {
    if (request.contains("options") && request["options"].contains("rank")) json.key("rank").raw(request["options"]["rank"].dump());
    if (request.contains("options")) json.key("options").raw(request["options"].dump());
    json.key("training").raw(entry.options);
    if (const std::string command = command_of(entry); !command.empty()) json.member("command", command);
  }
  json.member("ratings", entry.ratings).member("fingerprint", entry.fingerprint).key("metrics").raw(entry.metrics);
  if (history) json.key("history").raw(entry.history);
  json.member("created", entry.created).end_object();
}

void write_job(JsonWriter& json, const Job& job) {
  const std::string training = to_json(job.request);
  json.begin_object().member("id", job.id).member("kind", "train").member("state", state_of(job)).member("stage", job.stage);
  json.member("cause", job.cause).member("method", Json::parse(training).value("method", ""));
  json.key("training").raw(training).member("ratings", std::uint64_t{job.ratings});
  if (!job.monitor.empty()) json.member("monitor", job.monitor);
  if (!job.epochs.empty()) {
    json.member("epoch", std::uint64_t{job.epochs.back().epoch}).member("epochs", std::uint64_t{job.epochs.back().epochs});
  }
  write_epochs(json, job.epochs, job.monitor);
  json.key("warnings").begin_array();
  for (const std::string& warning : job.warnings) json.string(warning);
  json.end_array();
  if (!job.error.empty()) json.member("detail", job.error);
  if (job.model) json.member("model", *job.model);
  json.member("started", job.started).member("seconds", job.seconds);
  if (job.state != JobState::running) json.member("finished", job.started + static_cast<std::int64_t>(job.seconds));
  json.end_object();
}

Response start_training(Context& context, const Call& call) {
  const std::uint64_t id = context.jobs.start(read_train_request(call.body.dump(), context.jobs.options().request));
  Response response = answer_job(context, id);
  response.status = 202;
  return response.with("Location", "/v1/jobs/" + std::to_string(id));
}

Response list_jobs(Context& context, const Call& /*call*/) {
  Response response;
  JsonWriter json(response.body);
  json.begin_object().key("jobs").begin_array();
  std::vector<Job> jobs = context.jobs.jobs();
  std::ranges::reverse(jobs);
  for (const Job& job : jobs) write_job(json, job);
  json.end_array().end_object();
  return response;
}

Response get_job(Context& context, const Call& call) { return answer_job(context, number_of(call)); }

Response cancel_job(Context& context, const Call& call) {
  const std::uint64_t id = number_of(call);
  try {
    if (!context.jobs.cancel(id)) throw Problem{.status = 404, .detail = "there is no job of this number"};
  } catch (const Error& error) {
    throw Problem{.status = 409, .detail = error.what()};
  }
  return answer_job(context, id);
}

Response list_models(Context& context, const Call& /*call*/) {
  const auto served = context.jobs.served();
  std::vector<ModelEntry> models = context.jobs.models();
  std::ranges::reverse(models);
  Response response;
  JsonWriter json(response.body);
  json.begin_object().key("models").begin_array();
  for (const ModelEntry& entry : models) write_model(json, entry, served == entry.id, false);
  json.end_array();
  if (served) json.member("active", *served);
  json.end_object();
  return response;
}

Response get_model(Context& context, const Call& call) {
  const ModelEntry entry = entry_of(context, call);
  Response response;
  JsonWriter json(response.body);
  write_model(json, entry, context.jobs.served() == entry.id, true);
  return response;
}

Response activate_model(Context& context, const Call& call) {
  const ModelEntry entry = entry_of(context, call);
  context.jobs.activate(entry.id);
  return get_model(context, call);
}

Response get_map(Context& context, const Call& call) {
  const auto serving = model_in(context);
  const ItemMap& map = serving->map();
  const Catalogue::View view = context.catalogue.view();
  std::vector<std::size_t> shown;
  const auto limit = static_cast<std::size_t>(call.integer("limit"));
  for (std::size_t n = 0; n < map.items.size() && shown.size() < limit; ++n) {
    const ItemRecord& record = view.items()[serving->catalogue_item(map.items[n])];
    if (record.available && !record.removed) shown.push_back(n);
  }
  Response response;
  JsonWriter json(response.body);
  json.begin_object().member("model", serving->id());
  json.key("items").begin_array();
  for (const std::size_t n : shown) json.string(view.item_id(serving->catalogue_item(map.items[n])));
  json.end_array().key("titles").begin_array();
  for (const std::size_t n : shown) json.string(view.items()[serving->catalogue_item(map.items[n])].title);
  json.end_array().key("x").begin_array();
  for (const std::size_t n : shown) json.number(map.x[n]);
  json.end_array().key("y").begin_array();
  for (const std::size_t n : shown) json.number(map.y[n]);
  json.end_array().key("ratings").begin_array();
  for (const std::size_t n : shown) json.number(serving->model().items.counts[map.items[n]]);
  json.end_array().end_object();
  return response.with("Lowrank-Model", std::to_string(serving->id()));
}

Response back_up(Context& context, const Call& /*call*/) {
  const std::string folder = backup_name(context.store.folder());
  context.store.backup(context.store.folder() + "/" + folder);
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(context.store.folder() + "/" + folder, ignored)) {
    if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
  }
  Response response;
  JsonWriter json(response.body);
  json.begin_object().member("folder", folder).member("bytes", bytes).end_object();
  return response;
}

}  // namespace lowrank::serve
