#pragma once

/// \file
/// Search over the options of methods: screening with shorter schedules, then a model of the figures, then the best few again.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lowrank/pipeline/run.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Options of a search. The path of a search, and so its result, is a function of the data, these options and the SIMD level, whatever the
/// number of threads; but for `seconds`, whose stop is recorded.
struct TuneOptions {
  /// The methods to search, each with the values of its options that are not searched. An option whose value is not the default is not
  /// searched. Each method gets the same number of trials.
  std::vector<Method> methods = {Sgd{}};
  /// Names of options that keep the value that they have in `methods`, be it the default. Methods that have no such option are passed over.
  std::vector<std::string> fixed = {};
  /// Ranges and choices that replace those of the methods' descriptions, or add options to them: `rank=16..256:log,solver=exact|cg`. A
  /// range is LOW..HIGH, with `:log` for a logarithmic scale; choices are separated by `|`. An entry counts for the methods that have the
  /// option.
  std::string space;
  std::uint64_t trials = 60;  ///< options tried per method, at least 1; the first are the methods' own values
  double seconds = 0;         ///< time after which no further round starts; 0: no limit
  double holdout = 0;       ///< share of the ratings for the inner validation set; 0: 0.1, if there are neither folds nor a validation set
  std::uint32_t folds = 0;  ///< parts of the ratings: the first is validated on in the search, all of them for the best few; 0: none
  std::string monitor;      ///< validation metric (see parse_monitor); empty: rmse, or ndcg@20 if a method does not predict ratings
  std::uint64_t seed = 1;   ///< of the inner split, of training and of the search
  int threads = 0;          ///< 0 for all
  std::size_t memory = 0;   ///< bytes that training may take; 0: all that are available
  /// File of the trials, JSON lines: appended and synced as they come. One that is there is gone on with. Empty: none
  std::string trials_file;
};

/// One training of a search.
struct TuneRun {
  std::size_t trial = 0;  ///< number of the tried options, from 1, over all methods
  std::string method;
  std::string options;           ///< searched options and their values, a JSON object
  std::size_t epochs = 0;        ///< length of the schedule; 0 for a method without one
  bool full = false;             ///< whether that is the trial's own length, not a shorter one
  std::size_t split = 0;         ///< inner split: 0 in the search, 1, 2, ... for the best few
  std::optional<double> figure;  ///< validation figure of the best epoch; nothing if training failed
  std::size_t best_epoch = 0;
  std::optional<double> neighbour_weight = {};  ///< see Trained
  std::string problem;                          ///< why training failed, one sentence
};

/// One of the best few, which were trained on further inner splits.
struct Finalist {
  std::size_t trial = 0;
  std::string method;
  std::string options;               ///< as of TuneRun
  std::vector<double> figures = {};  ///< by inner split; those of failed trainings are left out
  double mean = 0;
  /// Mean of the differences to the finalist of the best mean, positive where that one is better, and its standard error.
  double behind = 0;
  double standard_error = 0;
  double margin = 0;  ///< half the width of the 95 % interval of `behind`, by Student's t over the inner splits
};

/// The results of a search.
struct TuneResult {
  Method method;          ///< the chosen one, with all its options: epochs is the best number of epochs, and nothing ends training earlier
  std::size_t trial = 0;  ///< its number; 0 if no training has succeeded
  std::string options;    ///< searched options and their values, a JSON object
  std::string monitor;    ///< name of the figures
  bool higher_is_better = false;
  double figure = 0;                ///< mean validation figure of the chosen one
  std::size_t trials = 0;           ///< options tried
  std::size_t runs = 0;             ///< trainings, those read from the file of trials included
  std::size_t failed = 0;           ///< trainings that failed
  std::string stopped;              ///< trials, space (nothing new left to try), seconds or interrupt
  std::vector<Finalist> finalists;  ///< the best mean first; empty after an interrupt
  std::vector<TuneRun> history;     ///< every training, in the order of the search
  std::vector<std::string> warnings;
};

/// Follows a search, in the thread that called it.
class TuneObserver {
 public:
  TuneObserver() = default;
  TuneObserver(const TuneObserver&) = default;
  TuneObserver& operator=(const TuneObserver&) = default;
  virtual ~TuneObserver() = default;
  /// The observer that ignores every report.
  static TuneObserver& silent() noexcept;

  /// After every training, in the order of the search.
  /// \param best  the best run of full length so far; null before there is one. \param done  share of the search, 0 to 1
  virtual void on_run(const TuneRun& run, const TuneRun* best, double done);
  /// Before training with the chosen options. \param result  complete
  virtual void on_choice(const TuneResult& result);
  /// \param text  one sentence, without a full stop
  virtual void on_warning(std::string_view text);
};

/// Checks what can be checked without the data. \throws OptionError
void check_search(const TuneOptions& options);

/// Whether a training of the search may read the timestamps of ratings.
bool may_read_times(const TuneOptions& options);

/// Searches the options of methods for the best validation figure. Nothing is trained on all ratings at the end. `data` is read, never
/// copied as a whole: besides it there are the ratings to train on, and those of the trainings in progress.
///
/// 1. Trial 1 of a method are its own values, the next ones scrambled Sobol points: 27 of 60 trials. All are trained with a ninth of their
///    epochs, the best third with a third, the best third of those with all (successive halving; a shorter schedule, not the first epochs
///    of a long one). The first trial goes on in any case. Methods without epochs are trained in full.
/// 2. In rounds of 8, all trained in full: the points of the greatest expected improvement by a Gaussian process, or, where most options
///    are choices, by a tree-structured Parzen estimator.
/// 3. The best three are trained on two further inner splits with other seeds (with folds: on all of them). Of those whose mean figure is
///    within one standard error of the difference to the best mean, the one is chosen whose training takes the least memory, then the
///    fewest epochs, then the earliest.
///
/// A training that fails (diverges, takes too much memory) is recorded with its sentence and counts as the worst.
/// \param data  ratings, features and, in place of an inner split, a validation set; `test` and `init` are not read
/// \param interrupted  if given, asked between epochs; when it returns true, the best so far is chosen
/// \throws OptionError, also for features that a method does not read; DataError, FileError for a file of trials of another search;
/// TrainingError where no training succeeds
TuneResult search(const TrainData& data, const TuneOptions& options, TuneObserver& observer = TuneObserver::silent(),
                  const std::function<bool()>& interrupted = {});

/// A search over a file of ratings that ends with a model file, as of `lowrank tune`.
struct TuneFiles {
  std::string ratings;               ///< file to read, `-` for standard input
  ReadOptions read;                  ///< how to read all files; its `threads` is ignored
  std::string output;                ///< model file to write; empty: none
  std::string validation;            ///< file of validation ratings; empty: an inner split
  std::string test;                  ///< file of test ratings, opened once, after the model is written; empty: none
  std::string user_features = {};    ///< file of features of users; empty: none. Only where every method of the search reads features
  std::string item_features = {};    ///< file of features of items; empty: none
  std::string feature_columns = {};  ///< the columns of these files that are read, as of TrainRun
};

/// The results of a search and of the training with the chosen options.
struct TuneSummary {
  TuneResult result;
  TrainSummary training;      ///< of the chosen method on all ratings, with the scores of the test ratings
  double search_seconds = 0;  ///< wall time of the search
};

/// Searches, trains the chosen method on all ratings, writes the model, and only then reads and scores the test ratings. The model is that
/// of a training of the same ratings with the chosen options. After an interrupt the best so far is trained and written; before the first
/// training has ended there is none, and `trial` of the result is 0. \throws any lowrank::Error
TuneSummary tune(const TuneFiles& files, const TuneOptions& options, TuneObserver& observer = TuneObserver::silent(),
                 const std::function<bool()>& interrupted = {});
/// The same on data in memory. \param[out] model  if given, receives the model. \param output  model file to write; empty: none
TuneSummary tune(TrainData data, const TuneOptions& options, const std::string& output, TuneObserver& observer = TuneObserver::silent(),
                 const std::function<bool()>& interrupted = {}, Model* model = nullptr);

/// The summary as the JSON document of docs/command-line.md.
std::string to_json(const TuneSummary& summary);

}  // namespace lowrank
