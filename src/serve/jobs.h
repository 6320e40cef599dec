#pragma once

/// \file
/// Training from the store, and the models that came of it: one job at a time, schedules, the gate, activation.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/data/lines.h"
#include "lowrank/model/model.h"
#include "lowrank/pipeline/run.h"
#include "serve/store.h"

namespace lowrank::serve {

/// What to train.
struct TrainRequest {
  /// Method, stated options, holdout, monitor, refit, conformal, limits, history. Files, reading and threads in it are ignored.
  TrainRun run;
  bool warm = false;  ///< start from the served model. The result then depends on it, and cannot be repeated from the export alone
  /// Learn from categories and metadata of the items (see item_table()). Only for a method that reads features
  bool item_features = false;
  bool activate = true;  ///< serve the model, unless it is worse by more than the gate allows; otherwise it stays ready
};

/// A request from JSON: `{"method":"als","options":{"rank":64},"holdout":0.1,"monitor":"rmse","refit":true,"conformal":false,"warm":false,
/// "activate":true,"item_features":true,"min_rating":1,"max_rating":5,"clip":true}`, every key optional. What is not given is as in
/// `defaults`; with another method than the default's, its options are that method's defaults, and `item_features` is false. An empty text
/// is `{}`. \throws OptionError naming the key or the option; DataError for text that is not JSON
TrainRequest read_train_request(std::string_view json, const TrainRequest& defaults);
/// The request as such a JSON object, every option of the method included. What ModelRow::options holds.
std::string to_json(const TrainRequest& request);
/// The command that makes the same model from the exported ratings: `lowrank train - --output MODEL --method als --rank 64 ...`, with
/// `--item-features ITEMS` for the exported table of items where the request has item_features.
std::string command_line(const TrainRequest& request);

/// Checks what the request has besides its run. \throws OptionError("item_features") for a method that does not read features
void check_request(const TrainRequest& request);

/// When to train by itself.
struct Schedule {
  std::variant<std::monostate,        // never
               std::uint64_t,         // after each so many written ratings
               std::chrono::seconds,  // every so often
               std::chrono::minutes>  // daily at this time, minutes since midnight in UTC
      when;

  /// `1000` (ratings), `30s`, `10m`, `6h`, `2d`, or `03:00` (daily, UTC); empty for never. \throws OptionError("train_when")
  static Schedule parse(std::string_view text);
  explicit operator bool() const noexcept { return when.index() != 0; }
};

enum class JobState : std::uint8_t {
  running,
  done,       ///< a model is there, and served if it was to be
  rejected,   ///< a model is there, but is worse than the served one by more than the gate allows; it is not served
  cancelled,  ///< no model
  failed,     ///< no model; see `error`
};
/// `running`, `done`, ...
std::string_view name_of(JobState state) noexcept;

/// A training as it is now.
struct Job {
  std::uint64_t id = 0;  ///< 1, 2, ... since the start of the service
  JobState state = JobState::running;
  std::string cause;  ///< `request` or `schedule`
  TrainRequest request;
  std::string stage;                ///< `reading`, `training`, `writing`, `loading`, `ended`
  std::size_t ratings = 0;          ///< 0 until they are read
  std::vector<EpochReport> epochs;  ///< epochs so far; `validation_name` is empty, see `monitor`. Of many only the newest 10,000
  std::string monitor;              ///< name of the validation figures in `epochs`; empty without
  std::vector<std::string> warnings;
  std::string error;                  ///< one sentence, where it failed or was rejected
  std::optional<std::int64_t> model;  ///< the model that came of it
  std::int64_t started = 0;           ///< seconds since 1970
  double seconds = 0;                 ///< wall time so far
};

/// A model of the table, with what is read from its JSON columns as text.
using ModelEntry = ModelRow;

/// A job runs already.
class JobRunning : public Error {
 public:
  explicit JobRunning(std::uint64_t id) : Error("job " + std::to_string(id) + " is running; wait for it or cancel it"), id_(id) {}
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

 private:
  std::uint64_t id_;
};

struct JobOptions {
  TrainRequest request;  ///< what schedules train, and the defaults of requests
  Schedule schedule;
  /// The most that a scheduled or requested model's validation figure may be worse than the served one's, as a share of it, to be served:
  /// 0.01 is one percent. Compared only where both have the same monitor and holdout. Nothing: every model is served.
  std::optional<double> max_loss;
  int threads = 1;               ///< threads of training; 0 for all. The model does not depend on it
  std::size_t keep_models = 10;  ///< models whose files are kept, the served one included; older ones are removed. At least 2
};

/// What jobs need of the service.
struct JobHooks {
  /// Puts a model in service: builds what answers need, warms it, swaps it in. Called in the thread of a job or of activate(), never twice
  /// at a time. What it throws makes the job fail or leaves activate(); the served model then stays.
  std::function<void(std::int64_t id, Model model)> serve;
  /// Called when a job has ended, in its thread: for metrics and the log.
  std::function<void(const Job& job)> on_end;
  /// Receives sentences for the log.
  std::function<void(std::string_view message)> on_log;
};

/// A model read from its file.
struct LoadedModel {
  ModelEntry entry;
  Model model;
};

/// Safe from many threads. Trainings run in a thread of their own with nice 19.
class Jobs {
 public:
  /// `store` must outlive it. The schedule runs once start_schedule() is called.
  Jobs(Store& store, JobOptions options, JobHooks hooks);
  /// Cancels what runs and waits for it.
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  /// The model to serve at the start: the served one of the store, or where its file is damaged or missing, the newest sound one, which
  /// is then noted as served; nothing where there is none. Does not call the hook.
  std::optional<LoadedModel> load_served();
  /// Takes a model file from elsewhere as a new model, puts it in service by the hook, and notes it as served. A file with the same bytes
  /// as a model of the store is not taken again, and one with those that were put in service by the last call that did so changes nothing.
  /// \throws as load_model(), StoreError, what the hook throws
  ModelEntry adopt(const std::string& path);

  void start_schedule();

  /// Starts a training. \return the number of the job \throws JobRunning; OptionError for options out of range or without effect
  std::uint64_t start(TrainRequest request, std::string cause = "request");
  [[nodiscard]] const JobOptions& options() const noexcept;
  /// A job, or all of them, oldest first. The newest 100 that have ended are kept.
  [[nodiscard]] std::optional<Job> job(std::uint64_t id) const;
  [[nodiscard]] std::vector<Job> jobs() const;
  /// Asks a running job to end after its epoch, without a model. \return whether there is such a job \throws Error where it has ended, or
  /// its model is trained
  bool cancel(std::uint64_t id);
  /// Waits until no job runs.
  void wait() const;

  [[nodiscard]] std::vector<ModelEntry> models() const;
  [[nodiscard]] std::optional<ModelEntry> model(std::int64_t id) const;
  /// Reads a model from its file. \throws UnknownIdError; as load_model()
  [[nodiscard]] LoadedModel load(std::int64_t id) const;
  /// Serves a model: loads it, calls the hook, notes it. The way to roll back and forward. \throws as load(), and what the hook throws
  void activate(std::int64_t id);
  /// The served model's id.
  [[nodiscard]] std::optional<std::int64_t> served() const;
  /// Ratings put and removed since the ratings of the served model were read; all of them where there is none.
  [[nodiscard]] std::uint64_t ratings_since_training() const;

  /// Checks every model file. \return faults
  [[nodiscard]] std::vector<std::string> check() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lowrank::serve
