#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/parallel.h"
#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/validation.h"
#include "lowrank/tune/tune.h"
#include "lowrank/version.h"
#include "pipeline/monitor.h"
#include "train/option.h"
#include "train/train_ratings.h"
#include "tune/finish.h"
#include "tune/inner_split.h"
#include "tune/method_search.h"
#include "tune/trial_file.h"
#include "tune/trial_runner.h"

namespace lowrank {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostTrials = 100'000;

bool has_option(const std::vector<Method>& methods, const std::string& name) {
  return std::ranges::any_of(methods, [&](const Method& method) {
    const std::vector<OptionInfo> infos = options_of(method);
    return std::ranges::any_of(infos, [&](const OptionInfo& info) { return same_option(info.name, name); });
  });
}

std::string monitor_of(const TuneOptions& options) {
  if (!options.monitor.empty()) return options.monitor;
  return default_monitor(std::ranges::all_of(options.methods, predicts_ratings));
}

std::string hex_of(std::uint64_t hash) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned shift = 64; shift > 0; shift -= 4) text += kDigits[(hash >> (shift - 4)) & 15U];
  return text;
}

/// What the numbers of situations stand for.
template <class Add>
void add_situations(const Situations& situations, const Add& add) {
  const auto add_text = [&add](std::string_view text) {
    for (const char letter : text) add(static_cast<unsigned char>(letter));
    add(256);
  };
  for (const ContextColumn& column : situations.columns) {
    add_text(column.name);
    add(static_cast<std::uint64_t>(column.period));
    for (std::uint32_t level = 0; level < column.levels.size(); ++level) add_text(column.levels.id(level));
  }
  for (std::uint32_t situation = 0; situation < situations.size(); ++situation) {
    for (const std::uint16_t level : situations.levels(situation)) add(level);
  }
}

std::string fingerprint_of(const Pairs& pairs) {
  std::uint64_t hash = mix64(pairs.size());
  const auto add = [&hash](std::uint64_t word) { hash = mix64(hash ^ mix64(word + 1)); };
  for (std::size_t at = 0; at < pairs.size(); ++at) {
    add((std::uint64_t{pairs.users[at]} << 32U) | pairs.items[at]);
    if (!pairs.values.empty()) add(std::bit_cast<std::uint32_t>(pairs.values[at]));
    if (!pairs.situation.empty()) add(pairs.situation[at]);
  }
  add_situations(pairs.situations, add);
  return hex_of(hash);
}

std::string fingerprint_of(const Features& features) {
  std::uint64_t hash = mix64(features.rows());
  const auto add = [&hash](std::uint64_t word) { hash = mix64(hash ^ mix64(word + 1)); };
  for (std::uint32_t column = 0; column < features.description.size(); ++column) {
    for (const char letter : features.description.names.id(column)) add(static_cast<unsigned char>(letter));
    add(256);
  }
  for (const std::size_t offset : features.offsets) add(offset);
  for (std::size_t at = 0; at < features.columns.size(); ++at) {
    add((std::uint64_t{features.columns[at]} << 32U) | std::bit_cast<std::uint32_t>(features.values[at]));
  }
  return hex_of(hash);
}

/// What a file of trials states of its search: all that its path depends on.
std::string header_of(const TrainData& data, const TuneOptions& options, const std::string& monitor) {
  Json json;
  json["lowrank"] = "tune";
  json["version"] = version();
  json["simd"] = simd_level();
  json["data"] = fingerprint(data.data.users, data.data.items, data.data.ratings, options.threads, &data.data.situations);
  if (data.validation) json["validation"] = fingerprint_of(*data.validation);
  if (data.user_features) json["user_features"] = fingerprint_of(*data.user_features);
  if (data.item_features) json["item_features"] = fingerprint_of(*data.item_features);
  Json methods = Json::object();
  for (const Method& method : options.methods) methods[std::string(name_of(method))] = Json::parse(options_json(method));
  json["methods"] = methods;
  json["fixed"] = options.fixed;
  json["space"] = options.space;
  json["trials"] = options.trials;
  if (options.seconds > 0) json["seconds"] = options.seconds;
  if (!data.validation && options.folds == 0) json["holdout"] = options.holdout == 0 ? kHoldout : options.holdout;
  if (options.folds != 0) json["folds"] = options.folds;
  json["monitor"] = monitor;
  json["seed"] = options.seed;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// A search in progress.
class Search {
 public:
  Search(const TrainData& data, const TuneOptions& options, TuneObserver& observer, const std::function<bool()>& interrupted)
      : options_(options), observer_(observer) {
    check_search(options);
    check_split(data, options);
    result_.monitor = monitor_of(options);
    const std::vector<SpaceEntry> entries = parse_space(options.space);
    for (const Method& method : options.methods) {
      if (data.data.ratings.has_weights()) check_weights(method, "weights");
      check_reads_contexts(method, data.data.situations);
      check_features(method, data.user_features ? &*data.user_features : nullptr, data.data.ratings.user_count(),
                     data.item_features ? &*data.item_features : nullptr, data.data.ratings.item_count());
      searches_.emplace_back(Space(method, options.fixed, entries), options.trials, options.seed, searches_.size());
      planned_ += searches_.back().planned_work();
    }
    planned_ += 3 * static_cast<double>(inner_splits(options) - 1);
    if (!options.trials_file.empty()) file_.emplace(options.trials_file, header_of(data, options, result_.monitor));
    runner_.emplace(data, options, result_.monitor, file_ ? *file_ : none_, interrupted);
    result_.higher_is_better = runner_->higher_is_better();
  }

  TuneResult run() {
    const auto start = std::chrono::steady_clock::now();
    const auto record = [this](const TuneRun& run) { take(run); };
    while (round(record)) {
      if (stops(start)) break;
    }
    for (const MethodSearch& search : searches_) result_.trials += search.candidates().size();
    if (result_.stopped != "interrupt" && !choose(searches_, options_, *runner_, record, result_)) result_.stopped = "interrupt";
    if (result_.stopped == "interrupt") {
      choose_now(searches_, options_, result_);
    } else {
      note_choice();
    }
    warn();
    return std::move(result_);
  }

 private:
  /// One round of every method. \return whether there may be another one
  bool round(const std::function<void(const TuneRun&)>& record) {
    bool any = false;
    for (MethodSearch& search : searches_) {
      const std::vector<Job> jobs = search.next(trials_);
      if (jobs.empty()) continue;
      any = true;
      const std::vector<TuneRun> runs = runner_->run(jobs, record);
      std::vector<double> losses;
      for (const TuneRun& run : runs) {
        const double sign = result_.higher_is_better ? -1 : 1;
        losses.push_back(run.figure ? sign * *run.figure : std::numeric_limits<double>::infinity());
      }
      search.absorb(losses);
      if (runs.size() < jobs.size()) {
        result_.stopped = "interrupt";
        return false;
      }
    }
    if (!any) {
      const bool all = std::ranges::all_of(searches_, [](const MethodSearch& search) { return search.exhausted(); });
      result_.stopped = all ? "space" : "trials";
    }
    return any;
  }

  /// Whether the time is over; a search that goes on stops where it stopped before.
  bool stops(std::chrono::steady_clock::time_point start) {
    if (!(options_.seconds > 0)) return false;
    const std::string line = R"({"stopped":"seconds","runs":)" + std::to_string(result_.runs) + "}";
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const bool recorded = file_ && file_->next_is(line);
    if (!recorded && ((file_ && file_->reads()) || elapsed.count() < options_.seconds)) return false;
    if (file_) file_->note(line);
    result_.stopped = "seconds";
    return true;
  }

  void take(const TuneRun& run) {
    result_.history.push_back(run);
    ++result_.runs;
    if (!run.figure) ++result_.failed;
    if (run.figure && run.full && run.split == 0 && (!best_ || better(*run.figure, *best_->figure))) best_ = run;
    work_ += run.full ? 1 : 1.0 / 9;
    observer_.on_run(run, best_ ? &*best_ : nullptr, std::min(1.0, work_ / planned_));
  }

  [[nodiscard]] bool better(double figure, double than) const { return result_.higher_is_better ? figure > than : figure < than; }

  void note_choice() {
    if (!file_) return;
    Json line;
    line["choice"] = result_.trial;
    line["method"] = name_of(result_.method);
    line["options"] = Json::parse(options_json(result_.method));
    file_->note(line.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  void warn() {
    if (result_.trial == 0) return;
    const auto& finalists = result_.finalists;
    if (finalists.size() > 1 &&
        std::all_of(finalists.begin() + 1, finalists.end(), [](const Finalist& one) { return one.behind <= one.margin; })) {
      say("the validation part is too small to tell the best " + std::to_string(finalists.size()) +
          " trials apart: they differ by less than the intervals of their differences");
    }
    for (const MethodSearch& search : searches_) {
      for (const Candidate& candidate : search.candidates()) {
        if (candidate.trial != result_.trial) continue;
        for (const std::string& option : search.space().at_ends(candidate.method)) {
          say("the best value of " + mention(option) + " lies at the end of its range; widen it by " + mention("space"));
        }
      }
    }
  }

  void say(const std::string& text) {
    result_.warnings.emplace_back(Error(text).what());
    observer_.on_warning(text);
  }

  const TuneOptions& options_;
  TuneObserver& observer_;
  TuneResult result_;
  std::vector<MethodSearch> searches_;
  std::optional<TrialFile> file_;
  TrialFile none_;
  std::optional<TrialRunner> runner_;
  std::optional<TuneRun> best_;
  std::size_t trials_ = 0;
  double planned_ = 0;
  double work_ = 0;
};

}  // namespace

TuneObserver& TuneObserver::silent() noexcept {
  static TuneObserver observer;
  return observer;
}

void TuneObserver::on_run(const TuneRun& /*run*/, const TuneRun* /*best*/, double /*done*/) {}
void TuneObserver::on_choice(const TuneResult& /*result*/) {}
void TuneObserver::on_warning(std::string_view /*text*/) {}

bool may_read_times(const TuneOptions& options) {
  // An entry of the space that is called time.
  const bool searched = options.space.starts_with("time=") || options.space.find(",time=") != std::string::npos;
  return std::ranges::any_of(options.methods, [&](const Method& method) {
    return reads_times(method) ||
           (searched && std::ranges::any_of(options_of(method), [](const OptionInfo& option) { return option.name == "time"; }));
  });
}

void check_search(const TuneOptions& options) {
  if (options.methods.empty()) throw OptionError("methods", "there is no method to search");
  if (options.trials == 0 || options.trials > kMostTrials) {
    throw OptionError("trials", "must be 1 to " + std::to_string(kMostTrials) + ", got " + std::to_string(options.trials));
  }
  if (!(options.seconds >= 0) || !std::isfinite(options.seconds)) throw OptionError("seconds", "must be at least 0");
  Workers::check(options.threads);
  const std::vector<SpaceEntry> entries = parse_space(options.space);
  for (const std::string& name : options.fixed) {
    if (!has_option(options.methods, name)) throw OptionError("fixed", mention(name) + " is not an option of a method of this search");
    if (name == "seed") throw OptionError("seed", "is one for the whole search, not one of a method");
  }
  for (const SpaceEntry& entry : entries) {
    if (!has_option(options.methods, entry.option)) {
      throw OptionError("space", mention(entry.option) + " is not an option of a method of this search");
    }
  }
  for (std::size_t at = 0; at < options.methods.size(); ++at) {
    const Method& method = options.methods[at];
    for (std::size_t other = 0; other < at; ++other) {
      if (options.methods[other].index() == method.index()) throw OptionError("methods", "has " + std::string(name_of(method)) + " twice");
    }
    check_options(method);
    check_monitor(method, monitor_of(options));
    for (const OptionInfo& info : options_of(method)) {
      if (info.name == "seed" && info.value != "1" && info.value != std::to_string(options.seed)) {
        throw OptionError("seed", "is one for the whole search, not one of a method");
      }
    }
    static_cast<void>(Space(method, options.fixed, entries));
  }
  check_parts(options);
}

TuneResult search(const TrainData& data, const TuneOptions& options, TuneObserver& observer, const std::function<bool()>& interrupted) {
  return Search(data, options, observer, interrupted).run();
}

}  // namespace lowrank
