#include "serve/jobs.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/file.h"
#include "lowrank/model/model_file.h"
#include "pipeline/monitor.h"
#include "pipeline/run_check.h"
#include "serve/digest.h"
#include "serve/item_features.h"
#include "serve/jobs_models.h"

namespace lowrank::serve {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kKeptJobs = 100;
constexpr std::size_t kKeptEpochs = 10'000;
/// How often the schedule looks.
constexpr std::chrono::milliseconds kLook{500};

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Training ended because the job was cancelled.
struct Cancelled {};

/// The ratings as training takes them from a file of the same lines.
Dataset dataset_of(RatingLines lines, const Method& method, int threads) {
  Dataset data;
  RatingsBuilder builder;
  if (reads_times(method)) {
    for (std::size_t n = 0; n < lines.size(); ++n) builder.add(lines.user[n], lines.item[n], lines.value[n], lines.time[n]);
  } else {
    builder.add_many(lines.user, lines.item, lines.value, threads);
  }
  data.users = std::move(lines.users);
  data.items = std::move(lines.items);
  lines = {};
  data.ratings = builder.build(data.users.size(), data.items.size(), Duplicates::last, &data.duplicates, threads);
  return data;
}

}  // namespace

struct Jobs::State {
  State(Store& store_given, JobOptions options_given, JobHooks hooks_given)
      : store(store_given), options(std::move(options_given)), hooks(std::move(hooks_given)), models(store_given) {}

  void work();
  void run(std::uint64_t id);
  void train(std::uint64_t id);
  [[nodiscard]] Job copy_of(const Job& job) const;
  std::uint64_t begin(TrainRequest request, std::string cause);
  void put_in_service(std::int64_t id, Model model);
  bool due();
  std::chrono::system_clock::time_point next_daily(std::chrono::minutes time) const;
  void log(std::string_view message) const {
    if (hooks.on_log) hooks.on_log(message);
  }

  /// Changes a job under the lock.
  template <class Change>
  void change(std::uint64_t id, const Change& change) {
    const std::lock_guard<std::mutex> lock(mutex);
    for (Job& job : jobs) {
      if (job.id == id) change(job);
    }
  }

  Store& store;
  JobOptions options;
  JobHooks hooks;
  Models models;

  std::mutex serving;  ///< held while the hook swaps and the table is told, and while models are removed
  /// A model file that was put in service.
  struct Adopted {
    Digest digest;  ///< of its bytes
    ModelEntry entry;
  };
  std::mutex adopting;             ///< held while a file is taken
  std::optional<Adopted> adopted;  ///< the last one; guarded by adopting
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::deque<Job> jobs;       ///< guarded by mutex
  std::uint64_t last_id = 0;  ///< guarded by mutex
  std::uint64_t waiting = 0;  ///< job that the thread has not begun, 0 for none; guarded by mutex
  std::uint64_t running = 0;  ///< job that waits or runs, 0 for none; guarded by mutex
  Clock::time_point since;    ///< start of that job; guarded by mutex
  bool scheduled = false;     ///< guarded by mutex
  bool closing = false;       ///< guarded by mutex
  std::atomic<bool> cancelled{false};
  std::atomic<std::uint64_t> tried_written{0};  ///< StoreCounts::written of the last training that was tried
  Clock::time_point tried{Clock::now()};        ///< only the thread
  std::chrono::system_clock::time_point daily;  ///< only the thread
  std::thread thread;
};

namespace {

/// Notes the epochs of a job.
class JobObserver : public TrainingObserver {
 public:
  explicit JobObserver(std::function<void(const std::function<void(Job&)>&)> change) : change_(std::move(change)) {}

  bool on_epoch(const EpochReport& report, const std::function<Model()>& /*model*/) override {
    change_([&report](Job& job) {
      if (job.epochs.size() >= kKeptEpochs) job.epochs.erase(job.epochs.begin());
      job.epochs.push_back(report);
      // The name lives in the training.
      job.epochs.back().validation_name = {};
    });
    return true;
  }
  void on_warning(std::string_view text) override {
    change_([text](Job& job) { job.warnings.emplace_back(text); });
  }

 private:
  std::function<void(const std::function<void(Job&)>&)> change_;
};

}  // namespace

Jobs::Jobs(Store& store, JobOptions options, JobHooks hooks)
    : state_(std::make_unique<State>(store, std::move(options), std::move(hooks))) {
  State& state = *state_;
  state.options.keep_models = std::max<std::size_t>(state.options.keep_models, 2);
  state.tried_written = state.models.served_written();
  state.thread = std::thread([&state] { state.work(); });
}

Jobs::~Jobs() {
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->closing = true;
    state_->cancelled = true;
  }
  state_->changed.notify_all();
  state_->thread.join();
}

void Jobs::State::work() {
  // Of this thread alone, on Linux. Answers go before training; a thread cannot take back its niceness, so that it does nothing else.
  constexpr int kNicest = 19;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNicest);
  for (;;) {
    std::uint64_t next = 0;
    bool looks = false;
    {
      std::unique_lock<std::mutex> lock(mutex);
      changed.wait_for(lock, kLook, [this] { return closing || waiting != 0; });
      if (closing && waiting == 0) return;
      next = std::exchange(waiting, 0);
      looks = scheduled && next == 0;
    }
    if (next != 0) {
      run(next);
    } else if (looks && due()) {
      try {
        TrainRequest request = options.request;
        request.warm = request.warm && models.served();
        const std::uint64_t id = begin(std::move(request), "schedule");
        log("job " + std::to_string(id) + ": a scheduled training starts");
      } catch (const JobRunning&) {
        // A request came first.
      } catch (const std::exception& error) {
        log(std::string("the scheduled training cannot start: ") + error.what());
      }
    }
  }
}

std::chrono::system_clock::time_point Jobs::State::next_daily(std::chrono::minutes time) const {
  const auto now = std::chrono::system_clock::now();
  auto next = std::chrono::time_point_cast<std::chrono::system_clock::duration>(std::chrono::floor<std::chrono::days>(now)) + time;
  if (next <= now) next += std::chrono::days(1);
  return next;
}

bool Jobs::State::due() {
  const StoreCounts counts = store.counts();
  const std::uint64_t fresh = counts.written - std::min(counts.written, tried_written.load());
  if (const auto* time = std::get_if<std::chrono::minutes>(&options.schedule.when)) {
    if (daily == std::chrono::system_clock::time_point()) daily = next_daily(*time);
    if (std::chrono::system_clock::now() < daily) return false;
    daily = next_daily(*time);
  } else if (const auto* period = std::get_if<std::chrono::seconds>(&options.schedule.when)) {
    if (Clock::now() - tried < *period) return false;
    tried = Clock::now();
  } else if (const auto* ratings = std::get_if<std::uint64_t>(&options.schedule.when)) {
    if (fresh < *ratings) return false;
  } else {
    return false;
  }
  // The same ratings would give the same model.
  return fresh > 0 && counts.ratings > 0;
}

std::uint64_t Jobs::State::begin(TrainRequest request, std::string cause) {
  if (store.read_only()) throw StoreError(StoreProblem::read_only, "the store is open for reading only");
  if (request.warm && !models.served()) throw OptionError("warm", "needs a served model to start from, and there is none");
  request.run.threads = options.threads;
  check_request(request);
  check_run(request.run, false, request.warm);
  const std::lock_guard<std::mutex> lock(mutex);
  if (closing) throw Error("the service is ending");
  if (running != 0) throw JobRunning(running);
  if (jobs.size() >= kKeptJobs) jobs.pop_front();
  Job job;
  job.id = ++last_id;
  job.cause = std::move(cause);
  job.stage = "reading";
  job.request = std::move(request);
  job.started = unix_seconds();
  jobs.push_back(std::move(job));
  running = waiting = last_id;
  since = Clock::now();
  cancelled = false;
  changed.notify_all();
  return last_id;
}

/// A copy of a job, with its time so far. The caller holds the lock.
Job Jobs::State::copy_of(const Job& job) const {
  Job copy = job;
  if (job.state == JobState::running) copy.seconds = std::chrono::duration<double>(Clock::now() - since).count();
  return copy;
}

void Jobs::State::run(std::uint64_t id) {
  const auto end = [this, id](JobState state, const std::string& error) {
    change(id, [&](Job& job) {
      job.state = state;
      job.error = error;
    });
  };
  try {
    train(id);
  } catch (const Cancelled&) {
    end(JobState::cancelled, "");
  } catch (const Error& error) {
    end(JobState::failed, error.what());
  } catch (const std::bad_alloc&) {
    end(JobState::failed, "there is not enough memory");
  } catch (const std::exception& error) {
    end(JobState::failed, error.what());
  }
  Job ended;
  change(id, [&](Job& job) {
    job.stage = "ended";
    job.seconds = std::chrono::duration<double>(Clock::now() - since).count();
    ended = job;
  });
  tried = Clock::now();
  if (hooks.on_end) hooks.on_end(ended);
  {
    const std::lock_guard<std::mutex> lock(mutex);
    running = 0;
  }
  changed.notify_all();
}

void Jobs::State::train(std::uint64_t id) {
  TrainRequest request;
  change(id, [&request](Job& job) { request = job.request; });
  const auto stage = [this, id](const char* name) {
    change(id, [this, name](Job& job) {
      if (cancelled) throw Cancelled();
      job.stage = name;
    });
  };
  stage("reading");
  std::uint64_t written = 0;
  TrainData data;
  {
    RatingLines lines = store.snapshot(&written);
    tried_written = written;
    if (lines.size() == 0) throw DataError("there are no ratings to train on");
    change(id, [&lines](Job& job) { job.ratings = lines.size(); });
    data.data = dataset_of(std::move(lines), request.run.method, options.threads);
  }
  if (request.item_features) {
    data.item_features = learn_item_features(item_table(store.item_facts()), data.data.items,
                                             [this, id](const std::string& text) { log("job " + std::to_string(id) + ": " + text); });
    data.data.ratings.extend(data.data.users.size(), data.data.items.size());
  }
  if (request.warm) data.init = models.load(models.served().value()).model;
  stage("training");
  const std::string monitor = !request.run.monitor.empty() ? request.run.monitor : default_monitor(predicts_ratings(request.run.method));
  if (request.run.holdout != 0) change(id, [&monitor](Job& job) { job.monitor = monitor; });
  JobObserver observer([this, id](const std::function<void(Job&)>& note) { change(id, note); });
  Model model;
  const TrainSummary summary = run_training(
      std::move(data), request.run, observer, [this] { return cancelled.load(); }, &model);
  if (summary.stopped == "interrupt") throw Cancelled();
  stage("writing");
  ModelEntry entry = describe(model);
  entry.options = to_json(request);
  entry.history = history_json(summary.history, summary.monitor);
  entry.written = written;
  entry = models.add(model, std::move(entry));
  change(id, [&entry](Job& job) { job.model = entry.id; });
  const std::optional<std::int64_t> served = models.served();
  std::optional<std::string> worse;
  if (options.max_loss && served) worse = worse_than_served(entry, models.entry(*served), *options.max_loss);
  if (worse) {
    models.set_state(entry, "rejected");
    log("model " + std::to_string(entry.id) + " is not served: " + *worse);
  } else if (request.activate) {
    change(id, [](Job& job) { job.stage = "loading"; });
    put_in_service(entry.id, std::move(model));
  }
  {
    const std::lock_guard<std::mutex> lock(serving);
    models.prune(options.keep_models);
  }
  change(id, [&](Job& job) {
    job.state = worse ? JobState::rejected : JobState::done;
    job.error = worse.value_or("");
  });
}

void Jobs::State::put_in_service(std::int64_t id, Model model) {
  const std::lock_guard<std::mutex> lock(serving);
  // It may have been removed since it was loaded.
  static_cast<void>(models.entry(id));
  if (hooks.serve) hooks.serve(id, std::move(model));
  models.serve(id);
}

std::optional<LoadedModel> Jobs::load_served() {
  std::vector<ModelEntry> candidates = state_->models.all();
  std::erase_if(candidates, [](const ModelEntry& entry) { return entry.state == "rejected"; });
  std::ranges::reverse(candidates);
  std::ranges::stable_partition(candidates, [](const ModelEntry& entry) { return entry.state == "served"; });
  for (const ModelEntry& entry : candidates) {
    try {
      LoadedModel loaded = state_->models.load(entry.id);
      if (entry.state == "served") return loaded;
      state_->log("model " + std::to_string(entry.id) + " is served instead");
      try {
        state_->models.serve(entry.id);
      } catch (const StoreError& error) {
        // A full disk is no reason not to answer.
        state_->log(error.what());
      }
      return loaded;
    } catch (const Error& error) {
      state_->log("model " + std::to_string(entry.id) + " cannot be loaded: " + error.what());
    }
  }
  return std::nullopt;
}

ModelEntry Jobs::adopt(const std::string& path) {
  State& state = *state_;
  const std::lock_guard<std::mutex> lock(state.adopting);
  const std::string bytes = read_file(path);
  const Digest digest = sha256(bytes);
  // A file that was taken before is no reason to leave a later model.
  if (state.adopted && state.adopted->digest == digest) return model(state.adopted->entry.id).value_or(state.adopted->entry);
  Model model = deserialize_model(bytes, path);
  ModelEntry entry = describe(model);
  const std::uint64_t written = state.store.counts().written;
  entry.written = written;
  entry = state.models.add_bytes(bytes, std::move(entry));
  state.put_in_service(entry.id, std::move(model));
  entry = state.models.entry(entry.id);
  state.adopted = {.digest = digest, .entry = entry};
  // For a model that was there before, the schedule counts on.
  if (entry.written == written) state.tried_written = written;
  return entry;
}

void Jobs::start_schedule() {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  state_->scheduled = true;
}

std::uint64_t Jobs::start(TrainRequest request, std::string cause) { return state_->begin(std::move(request), std::move(cause)); }

const JobOptions& Jobs::options() const noexcept { return state_->options; }

std::optional<Job> Jobs::job(std::uint64_t id) const {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  const auto found = std::ranges::find(state_->jobs, id, &Job::id);
  return found == state_->jobs.end() ? std::nullopt : std::optional(state_->copy_of(*found));
}

std::vector<Job> Jobs::jobs() const {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  std::vector<Job> jobs;
  for (const Job& job : state_->jobs) jobs.push_back(state_->copy_of(job));
  return jobs;
}

bool Jobs::cancel(std::uint64_t id) {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  const auto found = std::ranges::find(state_->jobs, id, &Job::id);
  if (found == state_->jobs.end()) return false;
  if (found->state != JobState::running) throw Error("job " + std::to_string(id) + " has ended");
  // What was trained is kept.
  if (found->stage == "writing" || found->stage == "loading") throw Error("job " + std::to_string(id) + " has trained its model already");
  state_->cancelled = true;
  return true;
}

void Jobs::wait() const {
  std::unique_lock<std::mutex> lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->running == 0; });
}

std::vector<ModelEntry> Jobs::models() const { return state_->models.all(); }

std::optional<ModelEntry> Jobs::model(std::int64_t id) const {
  const std::vector<ModelEntry> all = state_->models.all();
  const auto found = std::ranges::find(all, id, &ModelEntry::id);
  return found == all.end() ? std::nullopt : std::optional(*found);
}

LoadedModel Jobs::load(std::int64_t id) const { return state_->models.load(id); }

void Jobs::activate(std::int64_t id) {
  LoadedModel loaded = state_->models.load(id);
  state_->put_in_service(id, std::move(loaded.model));
}

std::optional<std::int64_t> Jobs::served() const { return state_->models.served(); }

std::uint64_t Jobs::ratings_since_training() const {
  const std::uint64_t written = state_->store.counts().written;
  return written - std::min(written, state_->models.served_written());
}

std::vector<std::string> Jobs::check() const {
  std::vector<std::string> faults;
  for (const ModelEntry& entry : state_->models.all()) {
    try {
      static_cast<void>(state_->models.load(entry.id));
    } catch (const Error& error) {
      faults.emplace_back(error.what());
    }
  }
  return faults;
}

}  // namespace lowrank::serve
