#include <charconv>
#include <ctime>
#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "cli/training.h"
#include "lowrank/base/error.h"
#include "serve/address.h"
#include "serve/import.h"
#include "serve/json.h"
#include "serve/net.h"
#include "serve/service.h"

namespace lowrank::cli {

namespace {

struct ServeArguments {
  std::string state;
  std::string model;
  std::string listen = "127.0.0.1:8090";
  std::string keys;
  std::vector<std::string> hosts;
  std::vector<std::string> origins;
  std::string import;
  std::string titles;
  std::string web;
  std::string retrain;
  std::string sync = "full";
  std::string log_level = "info";
  ReadOptions read;
  TrainRun run;
  std::optional<double> max_loss;
  std::uint32_t train_threads = 1;
  std::uint32_t new_item_ratings = 3;
  int threads = 0;
  bool warm = false;
  bool item_features = false;
  bool read_only = false;
  bool check = false;
  bool quiet = false;
  serve::Limits limits;
  std::uint64_t header_seconds = 5;
  std::uint64_t body_seconds = 30;
  std::uint64_t idle_seconds = 60;
  std::uint64_t write_seconds = 30;
  std::uint64_t request_milliseconds = 2000;
  std::uint64_t drain_seconds = 30;
};

serve::Limits limits_of(const ServeArguments& arguments) {
  serve::Limits limits = arguments.limits;
  limits.header_time = std::chrono::seconds(arguments.header_seconds);
  limits.body_time = std::chrono::seconds(arguments.body_seconds);
  limits.idle_time = std::chrono::seconds(arguments.idle_seconds);
  limits.write_time = std::chrono::seconds(arguments.write_seconds);
  limits.request_time = std::chrono::milliseconds(arguments.request_milliseconds);
  limits.drain_time = std::chrono::seconds(arguments.drain_seconds);
  return limits;
}

void import_files(const ServeArguments& arguments, serve::Store& store) {
  const std::int64_t now = std::time(nullptr);
  Progress progress(arguments.quiet);
  if (!arguments.import.empty()) {
    ReadOptions read = arguments.read;
    read.keep_times = true;
    read.on_layout = [&progress](const std::string& text) { progress.line(text); };
    const serve::ImportCounts counts = serve::import_ratings(store, arguments.import, read, now);
    progress.line("imported    " + std::to_string(counts.lines) + " ratings, " + std::to_string(counts.created_users) + " new users, " +
                  std::to_string(counts.created_items) + " new items");
    if (counts.refused != 0)
      progress.message("warning: " + std::to_string(counts.refused) + " ratings were left out: " + counts.first_refused);
  }
  if (arguments.titles.empty()) return;
  const serve::ImportCounts counts = serve::import_items(store, arguments.titles, now);
  progress.line("imported    " + std::to_string(counts.lines) + " titles");
}

/// Looks through the store and the models. \return the exit code
int check_state(serve::Store& store) {
  serve::Jobs jobs(store, {}, {});
  std::vector<std::string> faults = store.check();
  for (std::string& fault : jobs.check()) faults.push_back(std::move(fault));
  Results results;
  for (const std::string& fault : faults) results.write(fault + "\n");
  if (faults.empty()) results.write("the store and the models are sound\n");
  results.finish();
  return faults.empty() ? kExitDone : kExitFailed;
}

serve::ServiceOptions service_options(const ServeArguments& arguments, const serve::Address& address, serve::Log& log) {
  serve::ServiceOptions options{.limits = limits_of(arguments),
                                .read_only = arguments.read_only,
                                .checks_host = !address.is_unix(),
                                .hosts = arguments.hosts,
                                .origins = arguments.origins,
                                .keys = {},
                                .threads = arguments.threads,
                                .web = arguments.web,
                                .retrain = arguments.retrain,
                                .new_item_ratings = arguments.new_item_ratings,
                                .on_log = [&log](std::string_view level, std::string_view event, std::string_view members) {
                                  log.write(serve::parse_log_level(level), event, members);
                                }};
  if (!arguments.keys.empty()) options.keys = serve::Keys::read(arguments.keys);
  return options;
}

serve::JobOptions job_options(const ServeArguments& arguments) {
  serve::JobOptions options;
  options.request.run = arguments.run;
  options.request.warm = arguments.warm;
  options.request.item_features = arguments.item_features;
  serve::check_request(options.request);
  options.schedule = serve::Schedule::parse(arguments.retrain);
  options.max_loss = arguments.max_loss;
  options.threads = static_cast<int>(arguments.train_threads);
  return options;
}

int run_serve(const ServeArguments& arguments) {
  const serve::Address address = serve::parse_address(arguments.listen);
  if (!address.is_local() && arguments.keys.empty()) {
    throw OptionError("listen", "others than this machine can reach " + address.text() + "; give " + mention("api_keys"));
  }
  if (arguments.read_only && !arguments.model.empty())
    throw OptionError("model", "cannot be taken into a store that is open for reading only");
  serve::Log log(serve::parse_log_level(arguments.log_level));
  const auto say = [&log](std::string_view event) {
    return [&log, event = std::string(event)](std::string_view text) {
      std::string members = ",\"detail\":";
      serve::append_string(members, text);
      log.write(serve::LogLevel::info, event, members);
    };
  };
  serve::JobOptions jobs = job_options(arguments);
  serve::ServiceOptions options = service_options(arguments, address, log);
  serve::Store store({.folder = arguments.state,
                      .sync = serve::parse_sync(arguments.sync),
                      .read_only = arguments.read_only,
                      .vfs = {},
                      .on_log = say("store")});
  import_files(arguments, store);
  if (arguments.check) return check_state(store);
  std::optional<serve::Service> service;
  service.emplace(store, std::move(options), std::move(jobs), arguments.model);
  const auto reload = [&, &own = *service] {
    try {
      if (!arguments.keys.empty()) own.renew_keys(serve::Keys::read(arguments.keys));
      if (!arguments.model.empty()) {
        own.jobs().adopt(arguments.model);
      }
      log.write(serve::LogLevel::info, "reloaded", "");
    } catch (const std::exception& error) {
      std::string members = ",\"detail\":";
      serve::append_string(members, error.what());
      log.write(serve::LogLevel::error, "reload", members);
    }
  };
  serve::Server server(*service, {.address = address, .limits = limits_of(arguments), .reload = reload}, log);
  if (!service->serving() && !arguments.read_only && store.counts().ratings != 0) {
    serve::TrainRequest first = service->jobs().options().request;
    first.warm = false;  // there is no model to start from
    service->jobs().start(std::move(first), "start");
  }
  {
    Results results;
    results.write("listening on " + (address.is_unix() ? address.text() : "http://" + server.address().text() + "/") + "\n");
    results.finish();
  }
  server.run();
  service.reset();
  store.close();
  return kExitDone;
}

void add_limits_of_service(CLI::App& app, ServeArguments& arguments) {
  constexpr const char* kGroup = "Limits";
  const auto add = [&](const char* name, std::uint64_t& target, const char* help) {
    add_integer(app, name, target, help, 1)->group(kGroup);
  };
  serve::Limits& limits = arguments.limits;
  add("--max-header", limits.header_bytes, "bytes of the header of a request");
  add("--max-uri", limits.uri_bytes, "bytes of the path and query of a request");
  add("--max-fields", limits.header_fields, "fields of a header");
  add("--max-body", limits.body_bytes, "bytes of a body");
  add("--max-bulk", limits.bulk_bytes, "bytes of a body of many ratings or items");
  add("--max-held", limits.bulk_bytes_held, "bytes of all bodies that are being read or answered");
  add("--max-connections", limits.connections, "open connections");
  add("--max-connections-per-address", limits.connections_per_address, "open connections of one address");
  add("--max-queue", limits.queue, "requests that wait; further ones are answered 503");
  add("--header-time", arguments.header_seconds, "seconds for a header");
  add("--body-time", arguments.body_seconds, "seconds for a body, and one more for each KiB of it");
  add("--idle-time", arguments.idle_seconds, "seconds that a connection may wait between requests");
  add("--write-time", arguments.write_seconds, "seconds for each 64 KiB of an answer");
  add("--request-time", arguments.request_milliseconds,
      "milliseconds that a request may wait before it is begun; later ones are answered 504");
  add("--drain-time", arguments.drain_seconds, "seconds for open requests when the service ends");
  add_real(app, "--rate", limits.requests_per_second, "requests per second of one key, or of all without keys; 0 for no limit")
      ->group(kGroup);
}

}  // namespace

Command add_serve(CLI::App& program, const std::string& method) {
  auto arguments = std::make_shared<ServeArguments>();
  arguments->run.method = method_to_describe(method);
  CLI::App* app = program.add_subcommand("serve", "answer requests over HTTP: a recommendation service with its store and page");
  add_positional(*app, "STATE", arguments->state, "folder of the store and the models, made where there is none");
  add_text(*app, "--listen", "ADDRESS", arguments->listen,
           "address and port, or unix:PATH; other addresses than those of this machine need --api-keys");
  add_text(*app, "--model", "MODEL", arguments->model,
           "model file to serve; default: the newest model of STATE, or one trained on its ratings");
  add_text(*app, "--import", "FILE", arguments->import, "file of ratings to put into the store first");
  add_text(*app, "--titles", "FILE", arguments->titles,
           "file of titles of items to put into the store first, or of items as lines of JSON (.ndjson)");
  app->add_flag("--read-only", arguments->read_only, "refuse whatever changes ratings, items or models");
  add_text(*app, "--api-keys", "FILE", arguments->keys,
           "file of keys, one NAME SCOPE KEY per line with SCOPE read, write or admin; nobody but its owner may read it");
  add_list(*app, "--host", "NAME...", arguments->hosts, "names under which the service is asked, besides localhost and addresses");
  add_list(*app, "--allow-origin", "ORIGIN...", arguments->origins, "foreign origins whose pages may ask, such as https://shop.example");
  add_text(
      *app, "--sync", "MODE", arguments->sync,
      "what an answered write survives: full (power loss), or normal (the end of the process; the last writes may be lost with the power)");
  add_threads(*app, arguments->threads);
  add_integer(*app, "--new-item-ratings", arguments->new_item_ratings,
              "ratings by users of the model that an item needs which came after the training, to be recommended before the next one", 1);
  app->add_flag("--check", arguments->check, "look through the store and the models for damage, and end");
  add_text(*app, "--web", "FOLDER", arguments->web, "folder of the files of the page, for working on them; default: those in the program");
  add_text(*app, "--log-level", "LEVEL", arguments->log_level,
           "lowest level of the log: debug, info (a line per request), warning or error")
      ->group(kOutput);
  add_method(*app, "serve");
  add_text(*app, "--train-when", "WHEN", arguments->retrain,
           "when to train again: a number of ratings (1000), a time (10m, 6h), or a time of day in UTC (03:00); default: on request");
  add_holdout(*app, arguments->run, "share of the ratings to set aside at random as the validation set");
  add_real(
      *app, "--max-loss", arguments->max_loss,
      "share by which the validation figure of a new model may be worse than that of the served one; a worse one is kept, but not served "
      "(default: any is served)");
  app->add_flag("--warm", arguments->warm, "train from the served model on; the models can then not be repeated from the ratings alone");
  app->add_flag("--item-features", arguments->item_features,
                "train on categories and metadata of the items too, so that items without ratings are recommended by them");
  add_integer(*app, "--train-threads", arguments->train_threads, "threads of training; 0 for all");
  add_limits(*app, arguments->run);
  add_method_options(*app, arguments->run);
  add_limits_of_service(*app, *arguments);
  add_reading(*app, arguments->read, false);
  add_quiet(*app, arguments->quiet);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank serve state --import ratings.csv --check\n"
              "  timeout --preserve-status 5 lowrank serve state --listen unix:socket");
  return {app, [app, arguments] {
            refuse_unread_reading(*app, !arguments->import.empty(), "needs --import");
            return run_serve(*arguments);
          }};
}

}  // namespace lowrank::cli
