#include "lowrank/tune/cross_validate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>

#include "lowrank/base/error.h"
#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/evaluate/validation.h"
#include "pipeline/feature_files.h"
#include "pipeline/monitor.h"
#include "train/train_ratings.h"
#include "tune/fold_data.h"

namespace lowrank {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Passes the reports of the trainings on, but each warning once.
class FoldObserver : public TrainingObserver {
 public:
  explicit FoldObserver(CrossValidationObserver& inner) : inner_(inner) {}
  bool on_epoch(const EpochReport& report, const std::function<Model()>& model) override { return inner_.on_epoch(report, model); }
  void on_memory(const MemoryReport& report) override { inner_.on_memory(report); }
  void on_divergence(const DivergenceReport& report) override { inner_.on_divergence(report); }
  void on_warning(std::string_view text) override {
    if (std::ranges::find(told_, text) != told_.end()) return;
    inner_.on_warning(told_.emplace_back(text));
  }

 private:
  CrossValidationObserver& inner_;
  std::vector<std::string> told_;
};

/// Passes the reports of the searches on.
class TrialObserver : public TuneObserver {
 public:
  explicit TrialObserver(CrossValidationObserver& inner) : inner_(inner) {}
  void on_run(const TuneRun& run, const TuneRun* best, double /*done*/) override { inner_.on_trial(run, best); }

 private:
  CrossValidationObserver& inner_;
};

/// The figures of one fold with their names, and what each user adds to them.
struct TestFigures {
  std::vector<std::string> names;
  std::vector<double> values;
  UserFigures ratings;
  UserFigures lists;
  std::size_t unknown = 0;
};

/// Numbers users as in all ratings, so that folds can be pooled.
void renumber(UserFigures& figures, std::span<const std::uint32_t> numbers) {
  std::vector<std::size_t> order(figures.users.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t position) { return numbers[figures.users[position]]; });
  const auto arrange = [&order](auto& column, const auto& of) {
    auto arranged = column;
    for (std::size_t n = 0; n < order.size(); ++n) arranged[n] = of(column[order[n]]);
    column = std::move(arranged);
  };
  arrange(figures.users, [&](std::uint32_t user) { return numbers[user]; });
  const auto as_it_is = [](double value) { return value; };
  arrange(figures.weights, as_it_is);
  for (UserFigure& figure : figures.figures) arrange(figure.sums, as_it_is);
}

/// \param rated  whether the model predicts ratings; if it does not although that of `options` does, it has no such figures
TestFigures figures_of(const Model& model, const FoldData& data, const CrossValidation& options, bool rated,
                       std::span<const std::size_t> tops) {
  TestFigures figures;
  const RatingScores scores = score_ratings(model, data.test, options.run.threads, &figures.ratings);
  figures.unknown = scores.unknown;
  if (predicts_ratings(options.run.method)) {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    figures.names = {"rmse", "mae"};
    figures.values = {rated ? scores.rmse : kNone, rated ? scores.mae : kNone};
  }
  if (!tops.empty()) {
    const RankingTest test(data.test, model.history, options.relevant_from);
    for (const RankingScores& lists : test.score(model, tops, options.run.threads, &figures.lists)) {
      for (const std::string_view metric : ranking_metric_names()) {
        figures.names.push_back(std::string(metric) + "@" + std::to_string(lists.top));
        figures.values.push_back(ranking_metric(lists, metric));
      }
    }
  }
  renumber(figures.ratings, data.users);
  renumber(figures.lists, data.users);
  return figures;
}

/// The figures of all folds together, with their intervals, into those of the same names.
void add_pooled(std::span<const UserFigures> tests, const IntervalOptions& options, std::vector<FoldFigure>& figures) {
  const UserFigures all = pooled(tests);
  const std::vector<Interval> limits = intervals(all, options);
  for (std::size_t n = 0; n < all.figures.size(); ++n) {
    const auto own = std::ranges::find(figures, all.figures[n].name, &FoldFigure::name);
    if (own == figures.end()) continue;
    own->pooled = all.value(n);
    if (!limits.empty()) own->interval = limits[n];
  }
}

std::vector<FoldFigure> summarize(const std::vector<std::string>& names, const std::vector<FoldScores>& folds) {
  std::vector<FoldFigure> figures;
  const auto count = static_cast<double>(folds.size());
  for (std::size_t n = 0; n < names.size(); ++n) {
    FoldFigure figure{.name = names[n]};
    for (const FoldScores& fold : folds) figure.mean += fold.figures[n] / count;
    for (const FoldScores& fold : folds) figure.deviation += std::pow(fold.figures[n] - figure.mean, 2) / (count - 1);
    figure.deviation = std::sqrt(figure.deviation);
    figures.push_back(std::move(figure));
  }
  return figures;
}

void refuse(bool stated, const char* option) {
  if (stated) throw OptionError(option, "is not read by cross-validation");
}

/// Checks how ratings are divided. The option `seed` is that of the method here.
void check_division(const CrossValidation& options) {
  const FoldOptions& folds = options.folds;
  const FoldOptions defaults;
  const auto is_stated = [&folds](const char* name) { return std::ranges::find(folds.stated, name) != folds.stated.end(); };
  const bool seeded = is_stated("fold_seed") || folds.seed != defaults.seed;
  if (options.fold_files.empty()) {
    if (seeded && needs_times(folds.by)) {
      throw OptionError("fold_seed", "is not read with " + mention("by=" + std::string(name_of(folds.by))));
    }
    check_folds(folds);
    return;
  }
  const std::string unread = "is not read with given folds, one per file";
  if (is_stated("folds") || folds.folds != defaults.folds) throw OptionError("folds", unread);
  if (is_stated("by") || folds.by != defaults.by) throw OptionError("by", unread);
  if (seeded) throw OptionError("fold_seed", unread);
  if (options.fold_files.size() < 2) throw OptionError("fold_files", "must be at least 2 files");
  if (options.fold_files.size() > FoldOptions::kMostFolds) throw OptionError("fold_files", "must be at most 100 files");
}

void refuse_with_search(bool stated, const char* option) {
  if (stated) throw OptionError(option, "is not read with " + mention("tune") + ", which has its own");
}

/// The options of the search within a fold, with what they take from the run. \throws OptionError
std::optional<TuneOptions> search_of(const CrossValidation& options) {
  if (!options.tune) return {};
  const TrainRun& run = options.run;
  TuneOptions tune = *options.tune;
  refuse_with_search(run.holdout != 0, "holdout");
  refuse_with_search(!run.monitor.empty(), "monitor");
  refuse_with_search(run.refit, "refit");
  if (tune.methods.empty()) {
    tune.methods = {run.method};
    tune.fixed.insert(tune.fixed.end(), run.stated.begin(), run.stated.end());
  } else if (!run.stated.empty()) {
    refuse_with_search(true, run.stated.front().c_str());
  }
  tune.threads = run.threads;
  tune.memory = run.memory;
  check_search(tune);
  return tune;
}

/// Whether a training of the folds, or of a search within them, may read the timestamps of ratings.
bool trainings_read_times(const CrossValidation& options) {
  const std::optional<TuneOptions> search = search_of(options);
  return reads_times(options.run.method) || (search && may_read_times(*search));
}

FeatureFiles feature_files(const TrainRun& run) { return {run.user_features, run.item_features, run.feature_columns}; }

/// Checks that every method that folds are trained by reads the features.
void check_features(const CrossValidation& options) {
  std::vector<Method> methods = {options.run.method};
  if (options.tune && !options.tune->methods.empty()) methods = options.tune->methods;
  for (const Method& method : methods) {
    check_feature_files(feature_files(options.run), method);
    if (options.user_features != nullptr) check_reads_features("user_features", method);
    if (options.item_features != nullptr) check_reads_features("item_features", method);
  }
}

/// The features of a fold in the numbering of its training part, whose ids they may add to.
void add_features(const CrossValidation& options, Dataset& train, TrainData& given) {
  if (options.user_features != nullptr) given.user_features = learn_features(*options.user_features, train.users);
  if (options.item_features != nullptr) given.item_features = learn_features(*options.item_features, train.items);
  train.ratings.extend(train.users.size(), train.items.size());
}

void check(const CrossValidation& options) {
  const TrainRun& run = options.run;
  refuse(!run.output.empty(), "output");
  refuse(!run.validation.empty(), "validation");
  refuse(!run.test.empty(), "test");
  refuse(!run.init.empty(), "init");
  check_options(run.method);
  check_features(options);
  if (run.read.columns.weight_stated && !options.tune) check_weights(run.method, "columns");
  check_division(options);
  static_cast<void>(search_of(options));
  check_interval(options.intervals);
  if (std::ranges::find(options.tops, std::size_t{0}) != options.tops.end()) throw OptionError("top", "must be at least 1, got 0");
  if (options.relevant_from && options.tops.empty()) throw OptionError("relevant_from", "needs " + mention("top"));
}

std::vector<std::size_t> tops_of(const CrossValidation& options) {
  const bool rated = predicts_ratings(options.run.method);
  if (options.tops.empty() && !rated) return {parse_monitor(default_monitor(rated)).top};
  return options.tops;
}

/// \param rule  training rating to keep of a pair that is rated more than once
CrossValidated run_folds(const RatingLines& lines, const Folds& folds, Duplicates rule, const CrossValidation& options,
                         CrossValidationObserver& observer, const std::function<bool()>& interrupted) {
  CrossValidated results;
  results.method = name_of(options.run.method);
  results.level = options.intervals.level;
  results.dates = lines.dates;
  results.ratings = lines.size();
  const std::vector<std::size_t> tops = tops_of(options);
  const std::optional<TuneOptions> tune = search_of(options);
  FoldObserver trainings(observer);
  TrialObserver trials(observer);
  std::vector<UserFigures> ratings;
  std::vector<UserFigures> lists;
  bool all_rated = true;
  for (std::uint32_t fold = 1; fold <= folds.count; ++fold) {
    const auto start = std::chrono::steady_clock::now();
    observer.on_fold(fold, folds.count);
    TrainData given;
    FoldData data = fold_data(lines, folds, fold, rule, options.run.threads, [&](Dataset& train) { add_features(options, train, given); });
    FoldScores scores{.fold = fold, .train = data.train.ratings.size(), .test = data.test.size()};
    if (!folds.moments.empty()) scores.first = folds.moments[fold - 1];
    given.data = std::move(data.train);
    TrainRun run = options.run;
    run.user_features = run.item_features = run.feature_columns = {};
    if (tune) {
      const TuneResult found = search(given, *tune, trials, interrupted);
      scores.trials = found.trials;
      run.stated = {};
      if (found.trial != 0) run.method = found.method;
    }
    Model model;
    const TrainSummary summary = run_training(std::move(given), run, trainings, interrupted, &model);
    if (summary.stopped == "interrupt" || (interrupted && interrupted())) {
      results.interrupted = true;
      break;
    }
    const bool rated = predicts_ratings(run.method);
    all_rated = all_rated && rated;
    TestFigures figures = figures_of(model, data, options, rated, tops);
    scores.unknown = figures.unknown;
    scores.users = figures.ratings.users.size();
    scores.method = summary.method;
    scores.options = summary.options;
    scores.epochs = summary.epochs;
    scores.best_epoch = summary.best_epoch;
    scores.figures = std::move(figures.values);
    scores.seconds = seconds_since(start);
    results.names = std::move(figures.names);
    ratings.push_back(std::move(figures.ratings));
    lists.push_back(std::move(figures.lists));
    observer.on_scores(scores, results.names);
    results.folds.push_back(std::move(scores));
  }
  if (!results.interrupted) {
    results.figures = summarize(results.names, results.folds);
    IntervalOptions intervals = options.intervals;
    intervals.threads = options.run.threads;
    if (all_rated) add_pooled(ratings, intervals, results.figures);
    if (!tops.empty()) add_pooled(lists, intervals, results.figures);
  }
  results.peak_memory_bytes = peak_memory_bytes();
  return results;
}

void check_stdin(const CrossValidation& options) {
  const TrainRun& run = options.run;
  const auto is_read = [](const std::string& file) { return file == "-" ? 1 : 0; };
  const auto folds = std::ranges::count(options.fold_files, "-");
  if (is_read(run.user_features) + is_read(run.item_features) + is_read(run.ratings) + folds > 1) {
    throw OptionError("", "standard input can be read only once");
  }
}

/// The options of a cross-validation with the features that its files have.
class ReadFeatures {
 public:
  /// \param lines  all ratings; says what a file was taken for, with the number of its rows that have none
  ReadFeatures(const CrossValidation& options, const RatingLines& lines) : options_(options) {
    const FeatureFiles files = feature_files(options.run);
    users_ = read(files, FeatureSide::users, lines.users);
    items_ = read(files, FeatureSide::items, lines.items);
    options_.run.user_features = options_.run.item_features = options_.run.feature_columns = {};
    if (users_) options_.user_features = &*users_;
    if (items_) options_.item_features = &*items_;
  }
  ReadFeatures(const ReadFeatures&) = delete;
  ReadFeatures& operator=(const ReadFeatures&) = delete;

  [[nodiscard]] const CrossValidation& options() const noexcept { return options_; }

 private:
  [[nodiscard]] std::optional<FeatureSource> read(const FeatureFiles& files, FeatureSide side, Vocabulary ids) const {
    std::optional<FeatureSource> source = read_feature_file(files, side, options_.run.read, ids);
    if (!source) return source;
    static_cast<void>(learn_features(*source, ids));
    source->options.known = nullptr;
    source->options.on_summary = {};
    return source;
  }

  CrossValidation options_;
  std::optional<FeatureSource> users_;
  std::optional<FeatureSource> items_;
};

}  // namespace

void CrossValidationObserver::on_fold(std::uint32_t /*fold*/, std::uint32_t /*folds*/) {}

void CrossValidationObserver::on_scores(const FoldScores& /*scores*/, const std::vector<std::string>& /*names*/) {}

void CrossValidationObserver::on_trial(const TuneRun& /*run*/, const TuneRun* /*best*/) {}

CrossValidationObserver& CrossValidationObserver::silent() noexcept {
  static CrossValidationObserver observer;
  return observer;
}

CrossValidated cross_validate(RatingLines lines, const CrossValidation& options, CrossValidationObserver& observer,
                              const std::function<bool()>& interrupted) {
  const auto start = std::chrono::steady_clock::now();
  if (feature_files(options.run).any()) {
    throw OptionError(options.run.user_features.empty() ? "item_features" : "user_features",
                      "is not read as a file with ratings in memory");
  }
  check(options);
  if (!options.fold_files.empty()) throw OptionError("fold_files", "is not read with ratings in memory");
  if (lines.size() == 0) throw DataError("there are no ratings to cross-validate on");
  const std::size_t duplicates = merge_repeats(lines, options.run.read.duplicates, options.run.threads);
  const Folds folds = assign_folds(lines.user, lines.time, options.folds, lines.item);
  if (!trainings_read_times(options)) lines.time = {};
  // Without contexts no pair is left twice.
  const std::size_t shared = lines.situation.empty() || folds.rolls ? 0 : count_shared_pairs(lines.user, lines.item, folds.windows);
  if (shared > 0) observer.on_warning(shared_pairs_warning(shared));
  CrossValidated results = run_folds(lines, folds, Duplicates::last, options, observer, interrupted);
  results.by = name_of(options.folds.by);
  results.duplicates = duplicates;
  results.seconds = seconds_since(start);
  return results;
}

CrossValidated cross_validate(const CrossValidation& options, CrossValidationObserver& observer, const std::function<bool()>& interrupted) {
  const auto start = std::chrono::steady_clock::now();
  if (options.user_features != nullptr || options.item_features != nullptr) {
    throw OptionError(options.user_features != nullptr ? "user_features" : "item_features", "is a file where ratings are");
  }
  check(options);
  check_stdin(options);
  ReadOptions read = options.run.read;
  read.keep_times = needs_times(options.folds.by) || trainings_read_times(options);
  read.times_needed = read.keep_times;
  read.keep_weights = true;
  CrossValidated results;
  if (options.fold_files.empty()) {
    if (options.run.ratings.empty()) throw OptionError("ratings", "no file is given");
    RatingLines lines = read_lines(options.run.ratings, read);
    const ReadFeatures features(options, lines);
    results = cross_validate(std::move(lines), features.options(), observer, interrupted);
  } else {
    RatingLines lines;
    Folds folds;
    folds.count = static_cast<std::uint32_t>(options.fold_files.size());
    for (std::uint32_t fold = 1; fold <= folds.count; ++fold) {
      append_lines(options.fold_files[fold - 1], read, lines);
      folds.windows.resize(lines.size(), static_cast<std::uint16_t>(fold));
    }
    const ReadFeatures features(options, lines);
    const std::size_t shared = count_shared_pairs(lines.user, lines.item, folds.windows);
    if (shared > 0) observer.on_warning(shared_pairs_warning(shared));
    results = run_folds(lines, folds, read.duplicates, features.options(), observer, interrupted);
    results.by = "file";
    for (FoldScores& fold : results.folds) fold.file = options.fold_files[fold.fold - 1];
  }
  results.seconds = seconds_since(start);
  return results;
}

}  // namespace lowrank
