#include "lowrank/tune/tune.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/outputs.h"
#include "lowrank/base/error.h"
#include "lowrank/data/situations.h"
#include "lowrank/evaluate/validation.h"
#include "lowrank/model/contexts.h"
#include "pipeline/feature_files.h"
#include "pipeline/warnings.h"

namespace lowrank {

namespace {

FeatureFiles feature_files(const TuneFiles& files) { return {files.user_features, files.item_features, files.feature_columns}; }

/// Features from a file, whose new ids are added to `ids`; nothing where there is none.
std::optional<Features> read_features(const TuneFiles& files, FeatureSide side, Vocabulary& ids) {
  const std::optional<FeatureSource> source = read_feature_file(feature_files(files), side, files.read, ids);
  return source ? std::optional(learn_features(*source, ids)) : std::nullopt;
}

void check_files(const TuneFiles& files, const TuneOptions& options) {
  if (files.ratings.empty()) throw OptionError("ratings", "no file is given");
  const NamedFile read[] = {{"", files.ratings},
                            {"validation", files.validation},
                            {"test", files.test},
                            {"user_features", files.user_features},
                            {"item_features", files.item_features}};
  if (std::ranges::count(read, "-", &NamedFile::path) > 1) throw OptionError("", "standard input can be read only once");
  for (const Method& method : options.methods) check_feature_files(feature_files(files), method);
  const NamedFile written[] = {{"output", files.output}, {"trials_file", options.trials_file}};
  check_outputs(read, written);
}

/// Notes a warning that has not been given yet.
void warn(const std::optional<std::string>& text, TuneSummary& summary, TuneObserver& observer) {
  std::vector<std::string>& given = summary.result.warnings;
  if (!text || std::ranges::find(given, *text) != given.end()) return;
  given.push_back(*text);
  observer.on_warning(*text);
}

void score(const Pairs& test, const Model& model, int threads, TuneSummary& summary, TuneObserver& observer) {
  warn(warning_of_shared_pairs(test, model.history, "test"), summary, observer);
  if (const auto unknown = unknown_levels(model, test); !unknown.empty())
    warn(description(unknown, test.size(), "ratings of the test set"), summary, observer);
  if (model.centre.predicts_ratings) summary.training.test = score_ratings(model, test, threads);
  const std::size_t top = parse_monitor(summary.result.monitor).top;
  if (top == 0) return;
  const RankingTest lists(test, model.history);
  if (lists.user_count() != 0) summary.training.test_ranking = lists.score(model, std::array{top}, threads).front();
}

}  // namespace

TuneSummary tune(TrainData data, const TuneOptions& options, const std::string& output, TuneObserver& observer,
                 const std::function<bool()>& interrupted, Model* model) {
  if (data.init) throw OptionError("init", "a search starts from no model");
  if (!output.empty()) check_writable(output);
  TuneSummary summary;
  if (data.validation) {
    warn(warning_of_shared_pairs(*data.validation, History(data.data.ratings, HistoryValues::dropped, options.threads), "validation"),
         summary, observer);
    warn(warning_of_unknown_levels(*data.validation, data.data.situations, "validation"), summary, observer);
  }
  std::vector<std::string> warnings = std::move(summary.result.warnings);
  const auto start = std::chrono::steady_clock::now();
  summary.result = search(data, options, observer, interrupted);
  summary.result.warnings.insert(summary.result.warnings.begin(), warnings.begin(), warnings.end());
  summary.search_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (summary.result.trial == 0) return summary;
  observer.on_choice(summary.result);
  const std::optional<Pairs> test = std::move(data.test);
  data.test.reset();
  data.validation.reset();
  TrainRun run;
  run.method = summary.result.method;
  run.output = output;
  run.threads = options.threads;
  run.memory = options.memory;
  Model kept;
  // The best so far is trained to the end: the interrupt was for the search.
  summary.training = run_training(std::move(data), run, TrainingObserver::silent(), {}, &kept);
  for (const std::string& text : summary.training.warnings) warn(text, summary, observer);
  if (test) score(*test, kept, options.threads, summary, observer);
  if (model != nullptr) *model = std::move(kept);
  return summary;
}

TuneSummary tune(const TuneFiles& files, const TuneOptions& options, TuneObserver& observer, const std::function<bool()>& interrupted) {
  check_files(files, options);
  check_search(options);
  ReadOptions read = files.read;
  read.threads = options.threads;
  read.keep_times = may_read_times(options);
  read.times_needed = read.keep_times;
  TrainData data;
  data.data = read_ratings(files.ratings, read);
  // Before other files number their unknown ids.
  data.user_features = read_features(files, FeatureSide::users, data.data.users);
  data.item_features = read_features(files, FeatureSide::items, data.data.items);
  data.data.ratings.extend(data.data.users.size(), data.data.items.size());
  // Figures count every rating alike.
  read.columns.weight = {};
  read.columns.weight_stated = false;
  read.times_needed = false;
  if (!files.validation.empty()) data.validation = read_pairs(files.validation, data.data.users, data.data.items, read);
  Model model;
  TuneSummary summary = tune(std::move(data), options, files.output, observer, interrupted, &model);
  if (!files.test.empty() && summary.result.trial != 0) {
    score(read_pairs(files.test, model.users.ids, model.items.ids, read), model, options.threads, summary, observer);
  }
  return summary;
}

}  // namespace lowrank
