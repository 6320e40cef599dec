#include "serve/service.h"

#include <algorithm>
#include <future>
#include <random>
#include <utility>

#include "base/parallel.h"
#include "base/text.h"
#include "lowrank/base/error.h"
#include "serve/http.h"

namespace lowrank::serve {

namespace {

constexpr std::size_t kMostTogether = 64;  // requests that a thread takes at once

bool is_safe(std::string_view method) { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }

/// The media type of a Content-Type, without parameters.
std::string media_type(std::string_view text) {
  std::string type = lowered(text.substr(0, text.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  return type;
}

/// Translates what an answer throws.
Response answer_of_error(const std::exception_ptr& error, std::string& fault) {
  try {
    std::rethrow_exception(error);
  } catch (const Problem& problem) {
    return answer_of(problem);
  } catch (const StoreError& problem) {
    return answer_of(problem_of(problem.problem(), problem.what()));
  } catch (const JobRunning& problem) {
    return answer_of({.status = 409, .detail = problem.what()});
  } catch (const UnknownIdError& problem) {
    return answer_of({.status = 404, .detail = problem.what()});
  } catch (const OptionError& problem) {
    return answer_of({.status = 422, .detail = problem.what()});
  } catch (const DataError& problem) {
    return answer_of({.status = 422, .detail = problem.what()});
  } catch (const Error& problem) {
    fault = problem.what();
  } catch (const std::bad_alloc&) {
    fault = "not enough memory";
    return answer_of({.status = 503, .detail = "not enough memory", .fields = {{"Retry-After", "10"}}});
  } catch (const std::exception& problem) {
    fault = problem.what();
  }
  return answer_of({.status = 500, .detail = "the service failed; its log says why"});
}

}  // namespace

Problem problem_of(StoreProblem problem, const std::string& message) {
  switch (problem) {
    case StoreProblem::none:
      break;
    case StoreProblem::invalid:
      return {.status = 400, .detail = message};
    case StoreProblem::full:
      return {.status = 507, .detail = message};
    case StoreProblem::read_only:
      return {.status = 403, .detail = message};
    case StoreProblem::busy:
    case StoreProblem::failed:
    case StoreProblem::closed:
      return {.status = 503, .detail = message, .fields = {{"Retry-After", "1"}}};
  }
  return {.status = 500, .detail = message};
}

std::vector<std::string> Context::not_ready() const {
  std::vector<std::string> reasons;
  if (draining) reasons.emplace_back("the service ends");
  if (!slot.get()) reasons.emplace_back("there is no model");
  const StoreCounts counts = store.counts();
  if (!counts.writable && !options.read_only) reasons.push_back(counts.problem.empty() ? "the store takes no writes" : counts.problem);
  if (longest_queue() >= options.limits.queue) reasons.emplace_back("the queue is full");
  return reasons;
}

Service::CommitWatch::CommitWatch(Store& store, Metrics& metrics) : store_(store) {
  store_.on_commit([&metrics](double seconds, std::size_t operations) { metrics.count_commit(seconds, operations); });
}

Service::Service(Store& store, ServiceOptions options, JobOptions jobs, const std::string& model)
    : options_(std::move(options)),
      store_(store),
      watch_(store, metrics_),
      catalogue_(store.load()),
      page_(options_.web),
      boot_(std::uint64_t{std::random_device{}()} << 32U | std::random_device{}()) {
  renew_keys(options_.keys);
  JobHooks hooks;
  hooks.serve = [this](std::int64_t id, Model trained) { serve(id, std::move(trained)); };
  hooks.on_end = [this](const Job& job) { metrics_.count_training(name_of(job.state), job.seconds); };
  hooks.on_log = [this](std::string_view message) {
    std::string members = ",\"detail\":";
    append_string(members, message);
    log("info", "jobs", members);
  };
  jobs_ = std::make_unique<Jobs>(store_, std::move(jobs), std::move(hooks));
  context_ = std::make_unique<Context>(Context{.options = options_,
                                               .store = store_,
                                               .catalogue = catalogue_,
                                               .jobs = *jobs_,
                                               .slot = slot_,
                                               .bound = bound_,
                                               .metrics = metrics_,
                                               .page = page_,
                                               .boot = boot_,
                                               .started = started_,
                                               .draining = draining_,
                                               .queue_length =
                                                   [this] {
                                                     const std::lock_guard<std::mutex> lock(mutex_);
                                                     return fast_.tasks.size() + slow_.tasks.size();
                                                   },
                                               .longest_queue =
                                                   [this] {
                                                     const std::lock_guard<std::mutex> lock(mutex_);
                                                     return std::max(fast_.tasks.size(), slow_.tasks.size());
                                                   },
                                               .post = [this](std::function<void()> work) { post(std::move(work)); },
                                               .pending = pending_});
  if (!model.empty()) {
    jobs_->adopt(model);
  } else if (auto loaded = jobs_->load_served()) {
    serve(loaded->entry.id, std::move(loaded->model));
  }
  const int threads = options_.threads > 0 ? options_.threads : hardware_threads();
  for (int n = 0; n < threads; ++n) threads_.emplace_back([this] { work_fast(); });
  threads_.emplace_back([this] { work_slow(); });
  threads_.emplace_back([this] { look_for_items(); });
  if (!options_.read_only) jobs_->start_schedule();
}

Service::~Service() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ends_ = true;
  }
  fast_.changed.notify_all();
  slow_.changed.notify_all();
  ending_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  // The store calls back into this object.
  while (pending_ != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  jobs_.reset();
}

void Service::log(std::string_view level, std::string_view event, std::string_view members) const {
  if (options_.on_log) options_.on_log(level, event, members);
}

void Service::renew_keys(Keys keys) {
  const std::lock_guard<std::mutex> lock(keys_mutex_);
  rates_ = std::make_shared<RateLimit>(options_.limits.requests_per_second, std::max<std::size_t>(keys.size(), 1));
  keys_ = std::make_shared<const Keys>(std::move(keys));
}

Admission Service::admit(const Request& request) {
  Admission admission;
  try {
    check(request, admission);
  } catch (const Problem& problem) {
    admission.refusal = answer_of(problem);
    finish(request, admission.route, *admission.refusal);
    metrics_.count(admission.route, request.method, *admission.refusal,
                   std::chrono::duration<double>(Clock::now() - request.arrived).count());
    admission.route = nullptr;
  }
  return admission;
}

void Service::check(const Request& request, Admission& admission) {
  if (!request.target.starts_with('/')) throw Problem{.status = 400, .detail = "the target of the request does not start with /"};
  if (request.target.size() > options_.limits.uri_bytes) {
    throw Problem{.status = 414, .detail = "the target is longer than " + std::to_string(options_.limits.uri_bytes) + " bytes"};
  }
  if (options_.checks_host && !allows_host(request.field("host").value_or(""), options_.hosts)) {
    throw Problem{.status = 421, .detail = "this service is not asked under that host; see --host"};
  }
  const auto origin = request.field("origin");
  if (request.method == "OPTIONS" && origin && std::ranges::find(options_.origins, *origin) != options_.origins.end()) {
    admission.refusal = Response{.status = 204, .content_type = ""};
    admission.refusal->with("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
    admission.refusal->with("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match, X-API-Key");
    finish(request, nullptr, *admission.refusal);
    return;
  }
  admission.route = &match(request);
  const Route& route = *admission.route;
  check_key(request, route);
  if (!is_safe(request.method) && !allows_origin(request, options_.origins)) {
    throw Problem{.status = 403, .detail = "a page of a foreign origin may not change anything; see --allow-origin"};
  }
  if (route.writes && options_.read_only) throw Problem{.status = 403, .detail = "the service was started with --read-only"};
  if (route.body != BodyKind::none) {
    const std::string type = media_type(request.field("content-type").value_or(""));
    const bool lines = route.body == BodyKind::bulk && (type == "application/x-ndjson" || type == "application/ndjson");
    if (type != "application/json" && !lines) {
      throw Problem{.status = 415,
                    .detail = std::string("the body must be of the type application/json") +
                              (route.body == BodyKind::bulk ? " or application/x-ndjson" : "")};
    }
  }
  admission.body_limit = route.body == BodyKind::bulk ? options_.limits.bulk_bytes : options_.limits.body_bytes;
}

void Service::check_key(const Request& request, const Route& route) {
  std::shared_ptr<const Keys> keys;
  std::shared_ptr<RateLimit> rates;
  {
    const std::lock_guard<std::mutex> lock(keys_mutex_);
    keys = keys_;
    rates = rates_;
  }
  if (route.scope == Scope::open) return;
  std::size_t number = 0;
  if (!keys->empty()) {
    const auto holder = keys->holder_of(request);
    if (!holder) {
      throw Problem{
          .status = 401, .detail = "give a key of the service as Authorization: Bearer KEY", .fields = {{"WWW-Authenticate", "Bearer"}}};
    }
    if (holder->scope < route.scope) {
      throw Problem{
          .status = 403,
          .detail = "the key is for " + std::string(name_of(holder->scope)) + ", and this needs " + std::string(name_of(route.scope))};
    }
    number = holder->number;
  }
  if (!rates->allows(number)) throw Problem{.status = 429, .detail = "too many requests", .fields = {{"Retry-After", "1"}}};
}

void Service::finish(const Request& request, const Route* route, Response& response) const {
  response.route = route == nullptr ? "" : route->path;
  response.with("X-Content-Type-Options", "nosniff");
  if (draining_) response.closes = true;
  if (const auto origin = request.field("origin"); origin) {
    const auto allowed = std::ranges::find(options_.origins, *origin);
    if (allowed != options_.origins.end()) response.with("Access-Control-Allow-Origin", *allowed).with("Vary", "Origin");
  }
}

Reply Service::finishing(const Request& request, const Route* route, Reply reply) {
  // The request itself ends with the task; what its answer needs goes along.
  Request header{.method = request.method, .target = {}, .fields = {}, .body = {}, .arrived = request.arrived, .id = request.id};
  if (const auto origin = request.field("origin")) header.fields.push_back({"origin", std::string(*origin)});
  return [this, header = std::move(header), route, reply = std::move(reply)](Response response) {
    finish(header, route, response);
    metrics_.count(route, header.method, response, std::chrono::duration<double>(Clock::now() - header.arrived).count());
    reply(std::move(response));
  };
}

Response Service::failed(const Route& route) const {
  std::string fault;
  Response response = answer_of_error(std::current_exception(), fault);
  if (!fault.empty()) {
    std::string members = ",\"route\":";
    append_string(members, route.path);
    append_string(members.append(",\"detail\":"), fault);
    log("error", "failed", members);
  }
  return response;
}

void Service::answer(Request request, const Route& route, Reply reply) {
  Reply finished = finishing(request, &route, std::move(reply));
  if (route.lane == Lane::instant) {
    try {
      finished(std::get<Direct>(route.answer)(*context_, check_call(request, route)));
    } catch (...) {
      finished(failed(route));
    }
    return;
  }
  Queue& queue = route.lane == Lane::fast ? fast_ : slow_;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!ends_ && queue.tasks.size() < options_.limits.queue) {
      queue.tasks.push_back({.request = std::move(request), .route = &route, .reply = std::move(finished), .work = {}});
      queue.changed.notify_one();
      return;
    }
  }
  finished(answer_of({.status = 503, .detail = "too many requests wait", .fields = {{"Retry-After", "1"}}}));
}

Response Service::handle(Request request) {
  Admission admission = admit(request);
  if (admission.refusal) return *std::move(admission.refusal);
  if (request.body.size() > admission.body_limit) {
    Response response = answer_of({.status = 413, .detail = "the body is longer than " + std::to_string(admission.body_limit) + " bytes"});
    finish(request, admission.route, response);
    return response;
  }
  std::promise<Response> promise;
  answer(std::move(request), *admission.route, [&](Response response) { promise.set_value(std::move(response)); });
  return promise.get_future().get();
}

void Service::post(std::function<void()> work) {
  const std::lock_guard<std::mutex> lock(mutex_);
  slow_.tasks.push_back({.request = {}, .reply = {}, .work = std::move(work)});
  slow_.changed.notify_one();
}

void Service::work_fast() {
  ListRoom room;
  std::vector<Task> tasks;
  const auto threads = static_cast<std::size_t>(options_.threads > 0 ? options_.threads : hardware_threads());
  for (;;) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      fast_.changed.wait(lock, [this] { return ends_ || !fast_.tasks.empty(); });
      if (fast_.tasks.empty()) return;
      // What waits is shared among the threads.
      const std::size_t share = std::clamp<std::size_t>((fast_.tasks.size() + threads - 1) / threads, 1, kMostTogether);
      for (std::size_t n = 0; n < share; ++n) {
        tasks.push_back(std::move(fast_.tasks.front()));
        fast_.tasks.pop_front();
      }
    }
    answer_tasks(tasks, room);
    tasks.clear();
  }
}

void Service::work_slow() {
  ListRoom room;
  std::vector<Task> tasks;
  for (;;) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      slow_.changed.wait(lock, [this] { return ends_ || !slow_.tasks.empty(); });
      if (slow_.tasks.empty()) return;
      tasks.push_back(std::move(slow_.tasks.front()));
      slow_.tasks.pop_front();
    }
    if (tasks.front().work) {
      try {
        tasks.front().work();
      } catch (...) {
        std::string members = ",\"detail\":";
        append_string(members, fault_in_flight());
        log("error", "failed", members);
      }
    } else {
      answer_tasks(tasks, room);
    }
    tasks.clear();
  }
}

void Service::answer_tasks(std::vector<Task>& tasks, ListRoom& room) {
  struct Asked {
    Task* task;
    std::size_t begin;
    std::size_t end;
    bool many;
  };
  std::vector<ListQuery> queries;
  std::vector<Asked> asked;
  const auto fail = [this](Task& task) { task.reply(failed(*task.route)); };
  for (Task& task : tasks) {
    try {
      if (task.route->lane == Lane::fast && Clock::now() - task.request.arrived > options_.limits.request_time) {
        throw Problem{.status = 504, .detail = "the request waited too long", .fields = {{"Retry-After", "1"}}};
      }
      const Call call = check_call(task.request, *task.route);
      if (const auto* direct = std::get_if<Direct>(&task.route->answer)) {
        task.reply((*direct)(*context_, call));
      } else if (const auto* waiting = std::get_if<Waiting>(&task.route->answer)) {
        (*waiting)(*context_, call, task.reply);
      } else {
        Lists lists = std::get<Listing>(task.route->answer)(call);
        const std::size_t begin = queries.size();
        queries.insert(queries.end(), std::make_move_iterator(lists.queries.begin()), std::make_move_iterator(lists.queries.end()));
        asked.push_back({&task, begin, queries.size(), lists.many});
      }
    } catch (...) {
      fail(task);
    }
  }
  if (asked.empty()) return;
  std::vector<Response> responses;
  try {
    responses = lists_of(queries, room);
  } catch (...) {
    for (const Asked& own : asked) fail(*own.task);
    return;
  }
  for (const Asked& own : asked) {
    if (!own.many) {
      own.task->reply(std::move(responses[own.begin]));
      continue;
    }
    Response response;
    JsonWriter json(response.body);
    json.begin_object().key("answers").begin_array();
    for (std::size_t n = own.begin; n < own.end; ++n) json.raw(responses[n].body);
    json.end_array().end_object();
    own.task->reply(std::move(response));
  }
}

std::vector<Response> Service::lists_of(std::vector<ListQuery>& queries, ListRoom& room) {
  const auto served = slot_.get();
  ListFigures figures;
  std::vector<Response> responses(queries.size());
  // Lists of one model are made together: nearly all are of the model in service, without a context.
  struct Group {
    std::shared_ptr<const Serving> serving;
    std::vector<ListQuery> queries;
    std::vector<std::size_t> places;
  };
  std::vector<Group> groups;
  for (std::size_t n = 0; n < queries.size(); ++n) {
    ListQuery& query = queries[n];
    try {
      const bool own = !query.model || (served && *query.model == served->id());
      auto [serving, warning] = bound_.in_context(own ? served : other_model(*query.model), query.context);
      query.warning = std::move(warning);
      auto group = std::ranges::find(groups, serving, &Group::serving);
      if (group == groups.end()) group = groups.insert(groups.end(), {std::move(serving), {}, {}});
      group->queries.push_back(std::move(query));
      group->places.push_back(n);
    } catch (const Problem& problem) {
      responses[n] = answer_of(problem);
    }
  }
  for (const Group& group : groups) {
    std::vector<Response> made = make_lists(group.serving, catalogue_, boot_, group.queries, room, figures);
    for (std::size_t n = 0; n < made.size(); ++n) responses[group.places[n]] = std::move(made[n]);
  }
  metrics_.count_batch(queries.size(), figures);
  return responses;
}

std::shared_ptr<const Serving> Service::other_model(std::int64_t id) {
  const std::lock_guard<std::mutex> lock(other_mutex_);
  if (other_ && other_->id() == id) return other_;
  try {
    other_.reset();
    other_ = std::make_shared<const Serving>(id, 0, jobs_->load(id).model, catalogue_);
  } catch (const Error& error) {
    throw Problem{.status = 404, .detail = error.what()};
  }
  return other_;
}

void Service::put(std::shared_ptr<const Serving> serving) {
  // Warmed by lists, so that the first requests find everything in place.
  constexpr std::size_t kLists = 64;
  std::vector<ListQuery> queries;
  {
    const Catalogue::View view = catalogue_.view();
    for (std::uint32_t user = 0; user < view.user_slots() && queries.size() < kLists; ++user) {
      if (view.row_at(user)) queries.push_back({.user = std::string(view.user_id(user))});
    }
  }
  ListRoom room;
  ListFigures figures;
  for (int round = 0; round < 2 && !queries.empty(); ++round) make_lists(serving, catalogue_, boot_, queries, room, figures);
  bound_.keep_those_of(*serving);
  slot_.put(std::move(serving));
}

void Service::serve(std::int64_t id, Model model) {
  const std::lock_guard<std::mutex> lock(serving_mutex_);
  const auto bytes =
      (model.users.factors.rows() * model.users.factors.stride() + model.items.factors.rows() * model.items.factors.stride()) *
      sizeof(float);
  log("info", "model", ",\"stage\":\"prepared\",\"model\":" + std::to_string(id) + ",\"factor_bytes\":" + std::to_string(bytes));
  served_facts_ = catalogue_.view().facts_version();
  put(std::make_shared<const Serving>(id, 0, std::move(model), catalogue_));
  log("info", "model", ",\"stage\":\"served\",\"model\":" + std::to_string(id));
}

}  // namespace lowrank::serve
