#include "lowrank/pipeline/run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <span>
#include <utility>

#include "base/file.h"
#include "base/memory.h"
#include "base/outputs.h"
#include "base/parallel.h"
#include "base/text.h"
#include "lowrank/base/error.h"
#include "lowrank/data/split.h"
#include "lowrank/evaluate/calibration.h"
#include "lowrank/evaluate/validation.h"
#include "lowrank/model/model_file.h"
#include "pipeline/feature_files.h"
#include "pipeline/monitor.h"
#include "pipeline/refit.h"
#include "pipeline/run_check.h"
#include "pipeline/warnings.h"
#include "train/train_ratings.h"

namespace lowrank {

namespace {

class Stopwatch {
 public:
  /// Seconds since the start or the last lap.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - start_).count();
    start_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Passes reports on, and ends training if `interrupted` says so.
class InterruptibleObserver : public TrainingObserver {
 public:
  InterruptibleObserver(TrainingObserver& inner, const std::function<bool()>& interrupted) : inner_(inner), asks_(interrupted) {}

  bool on_epoch(const EpochReport& report, const std::function<Model()>& model) override {
    const bool goes_on = inner_.on_epoch(report, model);
    return !poll() && goes_on;
  }
  void on_memory(const MemoryReport& report) override { inner_.on_memory(report); }
  void on_divergence(const DivergenceReport& report) override { inner_.on_divergence(report); }
  void on_warning(std::string_view text) override {
    if (again_) return;
    warnings_.emplace_back(text);
    inner_.on_warning(text);
  }
  void warn(const std::optional<std::string>& text) {
    if (text) on_warning(*text);
  }

  /// A second training on the same ratings starts: what there was to warn of has been said.
  void train_again() { again_ = true; }
  /// It has ended.
  void trained() { again_ = false; }
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

  bool poll() {
    interrupted_ = interrupted_ || (asks_ && asks_());
    return interrupted_;
  }

 private:
  TrainingObserver& inner_;
  const std::function<bool()>& asks_;
  bool interrupted_ = false;
  bool again_ = false;
  std::vector<std::string> warnings_;
};

std::uint64_t seed_of(const Method& method) {
  return std::visit([](const auto& options) { return options.seed; }, method);
}

/// The numbers that `ids` have in `known`, kUnknown for those without a training rating there.
std::vector<std::uint32_t> matches(const Vocabulary& ids, const Vocabulary& known, std::span<const std::uint32_t> rating_counts) {
  std::vector<std::uint32_t> numbers(ids.size(), Vocabulary::kUnknown);
  for (std::uint32_t index = 0; index < ids.size(); ++index) {
    const std::uint32_t number = known.find(ids.id(index));
    if (number != Vocabulary::kUnknown && rating_counts[number] != 0) numbers[index] = number;
  }
  return numbers;
}

void take_rows(std::span<const std::uint32_t> numbers, FactorMatrix& factors, std::vector<float>& biases,
               std::vector<std::uint32_t>& counts) {
  FactorMatrix rows(numbers.size(), factors.rank());
  std::vector<float> row_biases(numbers.size(), 0.0F);
  std::vector<std::uint32_t> row_counts(numbers.size(), 0);
  for (std::size_t index = 0; index < numbers.size(); ++index) {
    if (numbers[index] == Vocabulary::kUnknown) continue;
    std::ranges::copy(factors.row(numbers[index]), rows.row(index).begin());
    row_biases[index] = biases[numbers[index]];
    row_counts[index] = counts[numbers[index]];
  }
  factors = std::move(rows);
  biases = std::move(row_biases);
  counts = std::move(row_counts);
}

/// Features from a file, whose new ids are added to `ids`; nothing where there is none.
std::optional<Features> read_features(const TrainRun& run, FeatureSide side, Vocabulary& ids) {
  const FeatureFiles files{run.user_features, run.item_features, run.feature_columns};
  const std::optional<FeatureSource> source = read_feature_file(files, side, run.read, ids);
  return source ? std::optional(learn_features(*source, ids)) : std::nullopt;
}

/// `model` with its rows in the numbering of the data. Rows of ids that it does not know have no training rating.
Model renumbered(Model model, const Vocabulary& users, const Vocabulary& items) {
  take_rows(matches(users, model.users.ids, model.users.counts), model.users.factors, model.users.biases, model.users.counts);
  const std::vector<std::uint32_t> item_numbers = matches(items, model.items.ids, model.items.counts);
  take_rows(item_numbers, model.items.factors, model.items.biases, model.items.counts);
  for (Side* side : {&model.users, &model.items}) {
    if (side->features) side->features->rows.assign(side->counts.size(), 0);
    side->prior.reset();  // for new rows, which training has no use for
  }
  // Training starts biases of rows in contexts anew.
  for (ContextVectors& context : model.contexts) context.user_biases = context.item_biases = {};
  if (model.history_factors.rows() != 0) {
    FactorMatrix rows(item_numbers.size(), model.history_factors.rank());
    for (std::size_t index = 0; index < item_numbers.size(); ++index) {
      if (item_numbers[index] != Vocabulary::kUnknown)
        std::ranges::copy(model.history_factors.row(item_numbers[index]), rows.row(index).begin());
    }
    model.history_factors = std::move(rows);
  }
  return model;
}

/// The model to start from, in the numbering of the data. \throws OptionError when nothing of it would be read
Model initial_model(Model model, const Vocabulary& users, const Vocabulary& items) {
  model = renumbered(std::move(model), users, items);
  if (model.users.known() == 0 && model.items.known() == 0) {
    throw OptionError("init", "the model to start from has no user and no item in common with the ratings");
  }
  return model;
}

/// A trained model, and the facts that are taken from its ratings before train() consumes them.
struct Fit {
  Trained trained;
  std::string fingerprint;
  std::size_t ratings = 0;
};

Fit fit(Ratings ratings, const Dataset& ids, const Method& method, const Validation& validation, TrainingObserver& observer,
        const TrainContext& context) {
  Fit fit;
  fit.ratings = ratings.size();
  fit.fingerprint = fingerprint(ids.users, ids.items, ratings, context.threads, &ids.situations);
  fit.trained = train_ratings(std::move(ratings), method, validation, observer, context);
  return fit;
}

void add_metrics(Model& model, const std::string& prefix, const std::optional<RatingScores>& ratings,
                 const std::optional<RankingScores>& ranking, const std::string& monitor) {
  // A figure that is not finite must not keep the model from being written.
  const auto add = [&](const std::string& name, double value) {
    if (std::isfinite(value)) model.record.metrics.push_back({(prefix + "_").append(name), value});
  };
  if (ratings) {
    add("rmse", ratings->rmse);
    add("mae", ratings->mae);
  }
  if (ranking) add(monitor, ranking_metric(*ranking, parse_monitor(monitor).metric));
}

/// Figures of lists of length `top`; nothing if `top` is 0 or no user has a relevant item.
std::optional<RankingScores> score_lists(const RankingTest& test, const Model& model, std::size_t top, int threads) {
  if (top == 0 || test.user_count() == 0) return {};
  return test.score(model, std::array{top}, threads).front();
}

TrainData read_data(const TrainRun& run) {
  TrainData data;
  ReadOptions read = run.read;
  read.threads = run.threads;
  read.keep_times = reads_times(run.method);
  read.times_needed = read.keep_times;
  if (!run.init.empty()) data.init = load_model(run.init);
  read.on_skipped = [&](const std::string& file, const SkippedLines& lines) {
    data.skipped = lines.count;
    if (run.read.on_skipped) run.read.on_skipped(file, lines);
  };
  data.data = read_ratings(run.ratings, read);
  read.on_skipped = run.read.on_skipped;
  // Before other files number their unknown ids.
  data.user_features = read_features(run, FeatureSide::users, data.data.users);
  data.item_features = read_features(run, FeatureSide::items, data.data.items);
  data.data.ratings.extend(data.data.users.size(), data.data.items.size());
  // Figures count every rating alike.
  read.columns.weight = {};
  read.columns.weight_stated = false;
  read.times_needed = false;
  // With levels of their own, so that those which training does not know can be counted.
  const auto pairs_of = [&](const std::string& path) { return read_pairs(path, data.data.users, data.data.items, read); };
  if (!run.validation.empty()) data.validation = pairs_of(run.validation);
  if (!run.test.empty()) data.test = pairs_of(run.test);
  return data;
}

/// The inputs of a run: training, validation and test data.
struct Inputs {
  Dataset data;  ///< data with the training ratings
  Ratings all;   ///< with refit after a holdout: all ratings
  History seen;  ///< seen items, held-out pairs included
  std::optional<Pairs> validation;
  std::optional<Pairs> test;
  std::optional<Model> init;  ///< model to start from, in the numbering of the data
  std::optional<Features> user_features;
  std::optional<Features> item_features;
};

Inputs prepare(TrainData given, const TrainRun& run) {
  Inputs inputs;
  inputs.data = std::move(given.data);
  inputs.validation = std::move(given.validation);
  inputs.test = std::move(given.test);
  inputs.user_features = std::move(given.user_features);
  inputs.item_features = std::move(given.item_features);
  Dataset& data = inputs.data;
  if (given.init) inputs.init = initial_model(std::move(*given.init), data.users, data.items);
  inputs.seen = History(data.ratings, values_to_keep(run.method, run.history), run.threads);
  if (run.holdout != 0) {
    Holdout parts = hold_out(data.ratings, run.holdout, seed_of(run.method));
    if (run.refit) inputs.all = std::move(data.ratings);
    data.ratings = std::move(parts.train);
    parts.held.situations = data.situations;
    inputs.validation = std::move(parts.held);
  } else if (run.refit) {
    inputs.all = data.ratings;
  }
  return inputs;
}

std::string gigabytes(std::size_t bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2g GB", static_cast<double>(bytes) / 1e9);
  return text.data();
}

/// Advice on how to make training fit into `available` bytes.
std::string what_fits(const Method& method, const TrainingShape& shape, std::size_t available) {
  Method smaller = method;
  for (const OptionInfo& option : options_of(method)) {
    if (option.name != "rank") continue;
    std::size_t fits = 0;  // a rank known to fit
    std::size_t large = std::stoul(option.value);
    const auto memory_of = [&](std::size_t rank) {
      set_option(smaller, "rank", std::to_string(rank));
      return training_memory(smaller, shape);
    };
    if (memory_of(0) > available) break;
    while (large - fits > 1) {
      const std::size_t middle = (fits + large) / 2;
      (memory_of(middle) <= available ? fits : large) = middle;
    }
    if (fits > 0) return "a " + mention("rank") + " of at most " + std::to_string(fits) + " fits";
  }
  return "use fewer ratings or a machine with more memory";
}

/// Reports the memory that training will need. \throws MemoryError if it does not fit
void check_memory(const TrainRun& run, const Inputs& inputs, TrainingObserver& observer) {
  TrainingShape shape{.users = inputs.data.users.size(),
                      .items = inputs.data.items.size(),
                      .ratings = inputs.data.ratings.size(),
                      .validates = inputs.validation.has_value(),
                      .weighted = inputs.data.ratings.has_weights(),
                      .features = inputs.user_features.has_value() || inputs.item_features.has_value(),
                      .contexts = inputs.data.situations.columns.size()};
  MemoryReport report{.resident = resident_memory(), .training = training_memory(run.method, shape), .available = run.memory};
  if (report.available == 0) report.available = available_memory();
  observer.on_memory(report);
  if (report.training <= report.available) return;
  throw MemoryError("training needs about " + gigabytes(report.training) + " besides the ratings, but only " + gigabytes(report.available) +
                    " is available: " + what_fits(run.method, shape, report.available));
}

/// Writes the facts about a trained model to the summary.
void summarize(const Fit& fit, TrainSummary& summary) {
  const auto rated = [](const Side& side) {
    return side.size() - static_cast<std::uint32_t>(std::count(side.counts.begin(), side.counts.end(), 0U));
  };
  const Model& model = fit.trained.model;
  summary.users = rated(model.users);
  summary.items = rated(model.items);
  if (model.users.features) summary.user_features = model.users.features->description.size();
  if (model.items.features) summary.item_features = model.items.features->description.size();
  summary.ratings = fit.ratings;
  summary.train_rmse = fit.trained.train_rmse;
  summary.train_loss = fit.trained.train_loss;
}

/// Writes the model. Where it cannot be written under its name although it could before training, it is written next to it: hours of work
/// may be in it. \throws FileError, which then says where the model is
void save(const Model& model, const std::string& path) {
  constexpr int kMostNames = 100;
  try {
    save_model(model, path);
  } catch (const FileError& error) {
    for (int number = 1; number <= kMostNames; ++number) {
      const std::string other = path + "." + std::to_string(number);
      if (exists(other)) continue;
      try {
        save_model(model, other);
      } catch (const FileError&) {
        throw error;
      }
      throw FileError(std::string(error.what()) + "; the model is in " + other);
    }
    throw;
  }
}

void warn_of_inputs(const TrainRun& run, const Inputs& inputs, InterruptibleObserver& watcher) {
  if (predicts_ratings(run.method)) watcher.warn(warning_of_counts(inputs.data.ratings, std::string(name_of(run.method))));
  if (run.conformal && inputs.validation->size() < kLeastConformal) {
    throw OptionError("conformal", "needs at least " + std::to_string(kLeastConformal) + " validation ratings, and there are " +
                                       std::to_string(inputs.validation->size()));
  }
  const auto warn_of_set = [&](const Pairs& pairs, const std::string& name) {
    watcher.warn(warning_of_shared_pairs(pairs, inputs.seen, name));
    watcher.warn(warning_of_unknown_levels(pairs, inputs.data.situations, name));
  };
  if (inputs.validation && run.holdout == 0) warn_of_set(*inputs.validation, "validation");
  if (inputs.test) warn_of_set(*inputs.test, "test");
}

TrainSummary run_all(const std::function<TrainData()>& take_data, const TrainRun& run, TrainingObserver& observer,
                     const std::function<bool()>& interrupted, Model* model) {
  Stopwatch total;
  Stopwatch stage;
  const bool rated = predicts_ratings(run.method);
  const std::string monitor = !run.monitor.empty() ? run.monitor : default_monitor(rated);
  const std::size_t top = parse_monitor(monitor).top;
  if (!run.output.empty()) check_writable(run.output);

  TrainSummary summary;
  summary.method = name_of(run.method);
  summary.options = options_json(run.method);
  TrainData given = take_data();
  summary.skipped = given.skipped;
  Inputs inputs = prepare(std::move(given), run);
  summary.duplicates = inputs.data.duplicates;
  summary.seconds.read = stage.lap();

  InterruptibleObserver watcher(observer, interrupted);
  if (watcher.poll()) {
    summary.stopped = "interrupt";
    summary.seconds.total = total.lap();
    summary.peak_memory_bytes = peak_memory_bytes();
    return summary;
  }

  check_memory(run, inputs, watcher);
  warn_of_inputs(run, inputs, watcher);
  const SeenInTraining seen{.items = &inputs.seen, .includes_pairs = run.holdout != 0};
  const Validation validation = inputs.validation ? validate_on(*inputs.validation, monitor, run.threads, seen) : Validation{};
  const TrainContext context{.threads = run.threads,
                             .init = inputs.init ? &*inputs.init : nullptr,
                             .min_rating = run.min_rating,
                             .max_rating = run.max_rating,
                             .clips = run.clips,
                             .user_features = inputs.user_features ? &*inputs.user_features : nullptr,
                             .item_features = inputs.item_features ? &*inputs.item_features : nullptr,
                             .situations = inputs.data.ratings.has_situations() ? &inputs.data.situations : nullptr};
  Fit kept = fit(std::move(inputs.data.ratings), inputs.data, run.method, validation, watcher, context);
  summary.epochs = kept.trained.epochs;
  summary.best_epoch = kept.trained.best_epoch;
  summary.stopped = watcher.poll() ? "interrupt" : std::string(name_of(kept.trained.stopped));
  summary.history = std::move(kept.trained.history);
  double updates = static_cast<double>(kept.ratings) * static_cast<double>(kept.trained.epochs);
  double seconds = kept.trained.seconds;
  if (validation) {
    summary.monitor = monitor;
    if (rated) summary.validation = score_ratings(kept.trained.model, *inputs.validation, run.threads);
    // A run that ends during the burn-in has no uncertainty.
    std::optional<Uncertainty>& uncertainty = kept.trained.model.uncertainty;
    if (run.conformal && uncertainty) uncertainty->quantiles = conformal_quantiles(kept.trained.model, *inputs.validation, run.threads);
    if (top != 0) {
      const RankingTest lists =
          seen.includes_pairs ? RankingTest::of_held_out(*inputs.validation, inputs.seen) : RankingTest(*inputs.validation, inputs.seen);
      summary.validation_ranking = score_lists(lists, kept.trained.model, top, run.threads);
    }
  }
  // The name refers to memory that does not live as long as the summary.
  for (EpochReport& report : summary.history) report.validation_name = {};

  if (run.refit && summary.stopped != "interrupt" && summary.stopped != "observer") {
    watcher.train_again();
    Fit again = fit(std::move(inputs.all), inputs.data, refit_method(run.method, summary.best_epoch, kept.trained.neighbour_weight), {},
                    watcher, context);
    updates += static_cast<double>(again.ratings) * static_cast<double>(again.trained.epochs);
    seconds += again.trained.seconds;
    if (again.trained.stopped == Stopped::observer) {
      summary.stopped = watcher.poll() ? "interrupt" : "observer";
    } else {
      kept = std::move(again);
    }
  }
  if (seconds > 0) summary.updates_per_second = updates / seconds;
  summary.seconds.train = stage.lap();

  summarize(kept, summary);
  watcher.trained();
  watcher.warn(warning_of_idle_factors(kept.trained, inputs.seen));
  summary.warnings = watcher.warnings();
  complete(kept.trained, std::move(inputs.data.users), std::move(inputs.data.items), std::move(inputs.seen), std::move(kept.fingerprint));
  Model& model_kept = kept.trained.model;
  if (inputs.test && rated) summary.test = score_ratings(model_kept, *inputs.test, run.threads);
  if (inputs.test && top != 0) {
    summary.test_ranking = score_lists(RankingTest(*inputs.test, model_kept.history), model_kept, top, run.threads);
  }
  add_metrics(model_kept, "validation", summary.validation, summary.validation_ranking, monitor);
  add_metrics(model_kept, "test", summary.test, summary.test_ranking, monitor);
  if (!run.output.empty()) {
    stage.lap();
    save(kept.trained.model, run.output);
    summary.model = run.output;
    summary.seconds.write = stage.lap();
  }
  if (model != nullptr) *model = std::move(kept.trained.model);
  summary.seconds.total = total.lap();
  summary.peak_memory_bytes = peak_memory_bytes();
  return summary;
}

}  // namespace

TrainSummary run_training(const TrainRun& run, TrainingObserver& observer, const std::function<bool()>& interrupted, Model* model) {
  const bool validates = !run.validation.empty();
  check_run_files(run);
  check_run(run, validates, !run.init.empty());
  return run_all([&] { return read_data(run); }, run, observer, interrupted, model);
}

TrainSummary run_training(TrainData data, const TrainRun& run, TrainingObserver& observer, const std::function<bool()>& interrupted,
                          Model* model) {
  const bool validates = data.validation.has_value();
  check_run(run, validates, data.init.has_value());
  return run_all([&] { return std::move(data); }, run, observer, interrupted, model);
}

}  // namespace lowrank
