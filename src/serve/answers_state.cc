#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/memory.h"
#include "lowrank/version.h"
#include "serve/answers.h"

namespace lowrank::serve {

namespace {

double quantile_of(const Histogram& histogram, double share) { return histogram.quantile(share); }

void write_quantiles(JsonWriter& json, const Histogram& histogram, const std::string& prefix) {
  for (const int percent : {50, 95, 99}) {
    json.key(prefix + "p" + std::to_string(percent)).number(quantile_of(histogram, percent / 100.0));
  }
}

void write_limits(JsonWriter& json, const Limits& limits) {
  json.begin_object().member("header_bytes", std::uint64_t{limits.header_bytes}).member("uri_bytes", std::uint64_t{limits.uri_bytes});
  json.member("header_fields", std::uint64_t{limits.header_fields}).member("body_bytes", std::uint64_t{limits.body_bytes});
  json.member("bulk_bytes", std::uint64_t{limits.bulk_bytes}).member("connections", std::uint64_t{limits.connections});
  json.member("connections_per_address", std::uint64_t{limits.connections_per_address}).member("queue", std::uint64_t{limits.queue});
  json.member("request_milliseconds", std::int64_t{limits.request_time.count()}).member("requests_per_second", limits.requests_per_second);
  json.end_object();
}

void write_routes(JsonWriter& json, const Metrics& metrics) {
  json.begin_array();
  for (std::size_t n = 0; n + 1 < metrics.route_count(); ++n) {
    const Metrics::RouteFigures& figures = metrics.of(n);
    const std::uint64_t requests = figures.seconds.count();
    if (requests == 0) continue;
    std::uint64_t errors = 0;
    for (std::size_t status = 400; status < figures.statuses.size(); ++status) errors += figures.statuses[status].load();
    json.begin_object().member("route", routes()[n].path).member("method", routes()[n].method).member("requests", requests);
    json.member("errors", errors);
    write_quantiles(json, figures.seconds, "");
    json.end_object();
  }
  json.end_array();
}

std::optional<ModelEntry> served_model(const Context& context) {
  const auto served = context.jobs.served();
  return served ? context.jobs.model(*served) : std::nullopt;
}

std::uint64_t open_files() {
  std::error_code ignored;
  std::uint64_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ignored)) count += entry.path().empty() ? 0U : 1U;
  return count;
}

void add_process(MetricsText& text) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec); };
  text.metric("process_cpu_seconds_total", "counter", "CPU seconds of the process.")
      .sample(seconds(usage.ru_utime) + seconds(usage.ru_stime));
  text.metric("process_resident_memory_bytes", "gauge", "Resident memory of the process.").sample(static_cast<double>(resident_memory()));
  text.metric("process_open_fds", "gauge", "Open file descriptors.").sample(static_cast<double>(open_files()));
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  text.metric("process_max_fds", "gauge", "Most file descriptors.").sample(static_cast<double>(files.rlim_cur));
}

void add_requests(MetricsText& text, const Metrics& metrics) {
  const auto labels_of = [&](std::size_t n) {
    if (n == routes().size()) return std::string("route=\"none\",method=\"other\"");
    return "route=\"" + std::string(routes()[n].path) + "\",method=\"" + routes()[n].method + '"';
  };
  text.metric("lowrank_http_requests_total", "counter", "Answers by route, method and status.");
  for (std::size_t n = 0; n < metrics.route_count(); ++n) {
    for (std::size_t status = 0; status < metrics.of(n).statuses.size(); ++status) {
      const std::uint64_t count = metrics.of(n).statuses[status].load(std::memory_order_relaxed);
      if (count != 0) text.sample(labels_of(n) + ",status=\"" + std::to_string(status) + '"', static_cast<double>(count));
    }
  }
  text.metric("lowrank_http_request_duration_seconds", "histogram", "Time from the header of a request to its answer.");
  for (std::size_t n = 0; n < metrics.route_count(); ++n) {
    if (metrics.of(n).seconds.count() != 0) text.histogram(labels_of(n), metrics.of(n).seconds);
  }
}

void add_model(MetricsText& text, const Context& context) {
  if (const auto model = served_model(context)) {
    const auto serving = context.slot.get();
    text.metric("lowrank_model_info", "gauge", "The model in service.")
        .sample("id=\"" + std::to_string(model->id) + "\",method=\"" + label_text(model->method) + "\",rank=\"" +
                    std::to_string(serving ? serving->model().rank() : 0) + '"',
                1);
    text.metric("lowrank_model_age_seconds", "gauge", "Time since the training of the model.")
        .sample(static_cast<double>(std::max<std::int64_t>(0, now_seconds() - model->created)));
    const Json metrics = Json::parse(model->metrics, nullptr, false);
    if (metrics.is_object() && !metrics.empty()) {
      text.metric("lowrank_model_metric", "gauge", "Figures of the model's training.");
      for (const auto& [name, value] : metrics.items()) {
        if (value.is_number()) text.sample("name=\"" + label_text(name) + '"', value.get<double>());
      }
    }
  }
  text.metric("lowrank_training_duration_seconds", "histogram", "Time of trainings.").histogram("", context.metrics.training);
  text.metric("lowrank_trainings_total", "counter", "Trainings by result.");
  for (std::size_t n = 0; n < kTrainingResults.size(); ++n) {
    text.sample("result=\"" + std::string(kTrainingResults[n]) + '"', static_cast<double>(context.metrics.trainings[n].load()));
  }
  text.metric("lowrank_model_rejected_total", "counter", "Models that were not served because their figures are worse.")
      .sample(static_cast<double>(context.metrics.trainings[1].load()));
}

}  // namespace

Response get_stats(Context& context, const Call& /*call*/) {
  const std::vector<std::string> reasons = context.not_ready();
  const StoreCounts counts = context.store.counts();
  Response response;
  JsonWriter json(response.body);
  json.begin_object().member("version", version()).member("simd", simd_level()).member("ready", reasons.empty());
  json.key("not_ready").begin_array();
  for (const std::string& reason : reasons) json.string(reason);
  json.end_array();
  json.member("uptime", std::int64_t{std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - context.started).count()});
  json.member("read_only", context.options.read_only).member("keys", !context.options.keys.empty());
  {
    const Catalogue::View view = context.catalogue.view();
    json.key("scale").begin_object().member("min", view.least()).member("max", view.greatest()).end_object();
  }
  json.key("methods").begin_array();
  for (const std::string_view method : method_names()) json.string(method);
  json.end_array();
  json.member("users", counts.users).member("items", counts.items).member("ratings", counts.ratings);
  json.member("ratings_since_training", context.jobs.ratings_since_training()).key("model");
  if (const auto model = served_model(context)) {
    write_model(json, *model, true, false);
    json.member("model_age", std::max<std::int64_t>(0, now_seconds() - model->created));
  } else {
    json.null();
  }
  json.key("retrain");
  if (context.options.retrain.empty()) {
    json.null();
  } else {
    json.string(context.options.retrain);
  }
  const std::vector<Job> jobs = context.jobs.jobs();
  json.key("job");
  if (jobs.empty()) {
    json.null();
  } else {
    write_job(json, jobs.back());
  }
  json.member("queue", std::uint64_t{context.queue_length()}).member("connections", std::int64_t{context.metrics.connections.load()});
  json.key("store").begin_object().member("bytes", counts.bytes).member("commits", counts.commits).member("writable", counts.writable);
  write_quantiles(json, context.metrics.commit, "commit_");
  json.end_object().key("routes");
  write_routes(json, context.metrics);
  json.key("errors").begin_array();
  for (const RecentProblem& problem : context.metrics.problems()) {
    json.begin_object().member("time", problem.time).member("status", std::uint64_t{problem.status}).member("route", problem.route);
    json.member("detail", problem.detail).end_object();
  }
  json.end_array().key("limits");
  write_limits(json, context.options.limits);
  json.member("memory_bytes", std::uint64_t{resident_memory()}).end_object();
  return response;
}

Response get_metrics(Context& context, const Call& /*call*/) {
  const Metrics& metrics = context.metrics;
  const StoreCounts counts = context.store.counts();
  MetricsText text;
  add_requests(text, metrics);
  text.metric("lowrank_http_connections", "gauge", "Open connections.").sample(static_cast<double>(metrics.connections.load()));
  text.metric("lowrank_http_connections_refused_total", "counter", "Connections that were closed at once, by the limits of connections.")
      .sample(static_cast<double>(metrics.refused_connections.load()));
  text.metric("lowrank_recommend_seconds", "histogram", "Time of the stages of making the lists of a batch.");
  text.histogram("stage=\"fold_in\"", metrics.fold_in)
      .histogram("stage=\"rank\"", metrics.rank)
      .histogram("stage=\"write\"", metrics.write);
  text.metric("lowrank_batch_size", "histogram", "Lists that are made together.").histogram("", metrics.batch);
  text.metric("lowrank_queue_length", "gauge", "Requests that wait.").sample(static_cast<double>(context.queue_length()));
  text.metric("lowrank_lists_total", "counter", "Lists by their source.");
  text.sample("source=\"personal\"", static_cast<double>(metrics.personal.load()));
  text.sample("source=\"similar\"", static_cast<double>(metrics.similar.load()));
  text.sample("source=\"popular\"", static_cast<double>(metrics.popular.load()));
  text.metric("lowrank_operations_written_total", "counter", "Operations that the store has committed.")
      .sample(static_cast<double>(metrics.ratings_written.load()));
  text.metric("lowrank_commit_duration_seconds", "histogram", "Time of commits.").histogram("", metrics.commit);
  text.metric("lowrank_store_bytes", "gauge", "Size of the store and its log.").sample(static_cast<double>(counts.bytes));
  text.metric("lowrank_users", "gauge", "Users in the store.").sample(static_cast<double>(counts.users));
  text.metric("lowrank_items", "gauge", "Items in the store.").sample(static_cast<double>(counts.items));
  text.metric("lowrank_ratings", "gauge", "Ratings in the store.").sample(static_cast<double>(counts.ratings));
  text.metric("lowrank_ratings_written_total", "counter", "Ratings put and removed since the store was made.")
      .sample(static_cast<double>(counts.written));
  text.metric("lowrank_ratings_since_training", "gauge", "Ratings put and removed since those of the served model were read.")
      .sample(static_cast<double>(context.jobs.ratings_since_training()));
  add_model(text, context);
  text.metric("lowrank_build_info", "gauge", "The program.")
      .sample("version=\"" + std::string(version()) + "\",simd=\"" + std::string(simd_level()) + '"', 1);
  add_process(text);
  Response response{.status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8"};
  response.body = text.take();
  return response;
}

Response get_openapi(Context& /*context*/, const Call& /*call*/) {
  static const auto document = std::make_shared<const std::string>(openapi());
  Response response;
  response.shared_body = document;
  return response;
}

Response get_livez(Context& /*context*/, const Call& /*call*/) {
  Response response;
  JsonWriter(response.body).begin_object().member("status", "alive").end_object();
  return response;
}

Response get_readyz(Context& context, const Call& /*call*/) {
  const std::vector<std::string> reasons = context.not_ready();
  Response response;
  JsonWriter json(response.body);
  json.begin_object().member("status", reasons.empty() ? "ready" : "not ready");
  if (!reasons.empty()) {
    response.status = 503;
    response.with("Retry-After", "1");
    json.key("reasons").begin_array();
    for (const std::string& reason : reasons) json.string(reason);
    json.end_array();
  }
  json.end_object();
  return response;
}

Response get_file(Context& context, const Call& call) {
  if (auto response = context.page.answer(path_of(call.request.target), call.request)) return *std::move(response);
  throw Problem{.status = 404, .detail = "there is no such path; see /openapi.json"};
}

}  // namespace lowrank::serve
