#include "tune/trial_runner.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <new>
#include <utility>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/text.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/validation.h"
#include "pipeline/refit.h"
#include "train/train_ratings.h"

namespace lowrank {

namespace {

/// Memory of trainings up to which several run at the same time, each on one thread. Others run one by one, on all threads.
constexpr std::size_t kSmall = std::size_t{32} << 20U;

std::size_t bytes_of(const Ratings& ratings) {
  return ratings.size() * (sizeof(std::uint32_t) + (ratings.coded() ? 1 : sizeof(float)) + (ratings.has_weights() ? sizeof(float) : 0));
}

std::string key_of(const Job& job) { return std::to_string(job.split) + std::string(name_of(job.method)) + options_json(job.method); }

TuneRun asked(const Job& job) {
  TuneRun run;
  run.trial = job.trial;
  run.method = name_of(job.method);
  run.options = job.options;
  run.full = job.full;
  run.split = job.split;
  run.epochs = epochs_of(job.method);
  return run;
}

/// A training as the same training of another trial.
TuneRun repeated(const TuneRun& known, const Job& job) {
  TuneRun run = known;
  run.trial = job.trial;
  run.options = job.options;
  run.full = job.full;
  return run;
}

}  // namespace

/// Ends trainings when the search is interrupted. Only the thread that called the search may ask whether it is.
class TrialRunner::Watch : public TrainingObserver {
 public:
  Watch(TrialRunner& runner, bool asks) : runner_(runner), asks_(asks) {}
  bool on_epoch(const EpochReport& /*report*/, const std::function<Model()>& /*model*/) override {
    if (asks_) return !runner_.interrupted();
    return !runner_.interrupted_;
  }

 private:
  TrialRunner& runner_;
  bool asks_;
};

TrialRunner::TrialRunner(const TrainData& data, const TuneOptions& options, const std::string& monitor, TrialFile& file,
                         const std::function<bool()>& interrupted)
    : data_(data),
      options_(options),
      monitor_(monitor),
      file_(file),
      asks_(interrupted),
      higher_is_better_(parse_monitor(monitor).top != 0),
      available_(options.memory != 0 ? options.memory : available_memory()) {
  // Lists leave out what was rated in training; ratings do not ask.
  if (higher_is_better_) seen_ = History(data.data.ratings, HistoryValues::dropped, options.threads);
}

bool TrialRunner::interrupted() {
  if (!interrupted_ && asks_ && asks_()) interrupted_ = true;
  return interrupted_;
}

std::size_t TrialRunner::memory_of(const Method& method) const {
  const Ratings& ratings = data_.data.ratings;
  return training_memory(method, {.users = ratings.user_count(),
                                  .items = ratings.item_count(),
                                  .ratings = ratings.size(),
                                  .validates = true,
                                  .weighted = ratings.has_weights(),
                                  .features = data_.user_features.has_value() || data_.item_features.has_value()}) +
         bytes_of(ratings);
}

void TrialRunner::take_split(std::size_t split) {
  if (split_ && split_->number == split) return;
  split_.reset();
  found_.emplace();
  split_ = inner_split(data_, options_, split);
}

std::size_t TrialRunner::at_once(std::span<const Job* const> jobs) const {
  const auto threads = static_cast<std::size_t>(Workers(options_.threads).count());
  std::size_t most = 0;
  for (const Job* job : jobs) most = std::max(most, memory_of(job->method));
  return jobs.size() > 1 && most <= kSmall / threads ? std::min(threads, jobs.size()) : 1;
}

TuneRun TrialRunner::train(const Job& job, int threads, std::size_t at_once, int slot) {
  TuneRun run = asked(job);
  try {
    const std::size_t memory = memory_of(job.method);
    if (memory > available_ / at_once) {
      throw MemoryError("training needs about " + shortest_text(std::round(static_cast<double>(memory) / 1e6)) + " MB, but only " +
                        shortest_text(std::round(static_cast<double>(available_) / 1e6)) + " MB are available");
    }
    Method method = job.method;
    set_option(method, "seed", std::to_string(split_->seed));
    const SeenInTraining seen{.items = &seen_, .includes_pairs = split_->holds_out()};
    const Validation validation = validate_on(split_->pairs(), monitor_, threads, seen);
    give_back_freed();
    Watch watch(*this, slot == 0);
    TrainContext context;
    if (data_.user_features) context.user_features = &*data_.user_features;
    if (data_.item_features) context.item_features = &*data_.item_features;
    if (split_->ratings().has_situations()) context.situations = &data_.data.situations;
    context.threads = threads;
    context.found = &*found_;
    context.measures_corrected = false;
    const Trained trained = train_ratings(Ratings(split_->ratings()), method, validation, watch, context);
    if (interrupted_) return run;
    run.best_epoch = trained.best_epoch;
    run.neighbour_weight = trained.neighbour_weight;
    const double figure = validation.measure(trained.model);
    if (!std::isfinite(figure)) throw TrainingError("the validation figure is not a finite number");
    run.figure = figure;
  } catch (const Error& error) {
    run.problem = error.what();
  } catch (const std::bad_alloc&) {
    run.problem = "not enough memory";
  }
  return run;
}

std::vector<TuneRun> TrialRunner::run(std::span<const Job> jobs, const std::function<void(const TuneRun&)>& record) {
  std::vector<const Job*> left;
  std::map<std::string, bool> asked_for;
  for (const Job& job : jobs) {
    const std::string key = key_of(job);
    if (known_.contains(key) || !asked_for.emplace(key, true).second) continue;
    if (!file_.reads()) {
      left.push_back(&job);
      continue;
    }
    TuneRun run = asked(job);
    file_.read(run);
    record(known_[key] = run);
  }
  if (!left.empty() && !interrupted()) {
    take_split(left.front()->split);
    const std::size_t together = at_once(left);
    const int threads = together > 1 ? 1 : options_.threads;
    std::vector<TuneRun> runs(left.size());
    std::vector<std::atomic<bool>> ready(left.size());
    std::size_t recorded = 0;
    const auto record_ready = [&] {
      for (; recorded < runs.size() && ready[recorded]; ++recorded) {
        const TuneRun& run = known_[key_of(*left[recorded])] = std::move(runs[recorded]);
        file_.write(run);
        record(run);
      }
    };
    Workers(static_cast<int>(together)).for_each(left.size(), [&](std::size_t at, int slot) {
      if (interrupted_) return;
      runs[at] = train(*left[at], threads, together, slot);
      // A training that was cut short is none.
      if (!interrupted_) ready[at] = true;
      if (slot == 0) record_ready();
    });
    record_ready();
  }
  std::vector<TuneRun> results;
  for (const Job& job : jobs) {
    const auto known = known_.find(key_of(job));
    if (known == known_.end()) break;
    results.push_back(repeated(known->second, job));
  }
  return results;
}

}  // namespace lowrank
