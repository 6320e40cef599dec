#pragma once

/// \file
/// Cross-validation: a method trained and tested on several folds of the same ratings. See docs/comparing.md.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lowrank/data/feature_source.h"
#include "lowrank/data/folds.h"
#include "lowrank/data/lines.h"
#include "lowrank/evaluate/user_figures.h"
#include "lowrank/pipeline/run.h"
#include "lowrank/tune/tune.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Options of a cross-validation.
struct CrossValidation {
  /// How each fold is trained: its method, limits of ratings, threads and memory count, and `holdout`, `monitor` and `refit`, which divide
  /// the training ratings of the fold once more. `ratings` and `read` say what is read. A file of `output`, `validation`, `test` or `init`
  /// is an error. Features, from `user_features`, `item_features` and `feature_columns`, are learned anew in each fold, from the ids of its
  /// training ratings and those of the table.
  TrainRun run;
  FoldOptions folds;
  /// Files of given folds, at least 2: each is tested by a model that is trained on the others. Empty: `run.ratings` is divided by `folds`.
  std::vector<std::string> fold_files;
  /// Features for ratings in memory, in place of files; null: none. They must outlive the cross-validation. Only for a method that reads
  /// features.
  const FeatureSource* user_features = nullptr;
  const FeatureSource* item_features = nullptr;
  /// Options of a search within the training ratings of each fold, for the method that the fold is trained with (nested cross-validation):
  /// what is chosen has not seen the test ratings. Without `methods`, that of `run` is searched, and its stated options are fixed.
  /// `holdout`, `monitor` and `refit` of `run` are not read then, for the search has its own; threads and memory are those of `run`.
  std::optional<TuneOptions> tune;
  /// Lengths of the lists to test, each at least 1. Empty: none, or 20 if the method does not predict ratings.
  std::vector<std::size_t> tops;
  std::optional<float> relevant_from;  ///< lowest rating of a relevant item, only with lists; default: all are relevant
  IntervalOptions intervals;           ///< options of the intervals; their `threads` are those of `run`
};

/// One fold of a cross-validation.
struct FoldScores {
  std::uint32_t fold = 0;                  ///< 1, 2, ...
  std::string file = {};                   ///< file of the test ratings, where the folds are given
  std::optional<std::int64_t> first = {};  ///< with SplitBy::global_time: the first moment of the test ratings
  std::size_t train = 0;                   ///< training ratings, those of the validation set included
  std::size_t test = 0;                    ///< test ratings
  std::size_t unknown = 0;                 ///< test ratings whose user or item has neither a training rating in this fold nor features
  std::size_t users = 0;                   ///< test users
  std::string method = {};                 ///< method of the fold
  std::uint64_t trials = 0;                ///< options that the search within the fold tried; 0 without a search
  std::string options = {};                ///< options of the method, a JSON object
  std::size_t epochs = 0;
  std::size_t best_epoch = 0;
  std::vector<double> figures = {};  ///< one per name in CrossValidated::names
  double seconds = 0;                ///< wall time of training and testing
};

/// One figure over all folds.
struct FoldFigure {
  std::string name;                       ///< `rmse`, `mae`, or METRIC@K
  double mean = 0;                        ///< mean of the folds' figures
  double deviation = 0;                   ///< their standard deviation, with K - 1 in the denominator
  std::optional<double> pooled = {};      ///< the figure over the test ratings or lists of all folds together; nothing for coverage
  std::optional<Interval> interval = {};  ///< of `pooled`, by bootstrap over users; nothing with fewer than two users
};

/// The results of a cross-validation.
struct CrossValidated {
  std::string method;
  std::string by;                  ///< choice of the folds: `random`, `user`, `last`, `global-time`, or `file` for given ones
  std::size_t ratings = 0;         ///< ratings that were divided
  std::size_t duplicates = 0;      ///< ratings that were removed as duplicates of a pair
  bool dates = false;              ///< whether the moments of folds are dates, in microseconds since 1970
  double level = 0.95;             ///< share of the draws that lie within an interval
  std::vector<std::string> names;  ///< names of the figures: `rmse`, `mae`, METRIC@K
  std::vector<FoldScores> folds;
  std::vector<FoldFigure> figures;  ///< one per name; empty after an interrupt
  bool interrupted = false;         ///< whether the run was ended before the last fold was tested; `folds` are those that were
  double seconds = 0;
  std::size_t peak_memory_bytes = 0;  ///< peak resident memory of the process
};

/// Follows a cross-validation.
class CrossValidationObserver : public TrainingObserver {
 public:
  /// Called before each fold is trained.
  virtual void on_fold(std::uint32_t fold, std::uint32_t folds);
  /// Called after each fold, with its figures and their names.
  virtual void on_scores(const FoldScores& scores, const std::vector<std::string>& names);
  /// Called after each training of a search within a fold. \param best  the best of full length so far; null before there is one
  virtual void on_trial(const TuneRun& run, const TuneRun* best);
  /// The observer that ignores every report.
  static CrossValidationObserver& silent() noexcept;
};

/// Cross-validates a method on a file of ratings.
///
/// Pairs that are rated more than once become one rating first, by `run.read.duplicates`, so that no pair is in two folds. Then the ratings
/// are divided (see assign_folds()), and each fold is trained and tested as if its two parts were files: users and items are numbered by
/// their first appearance in the training part, as the files that `lowrank split --folds` writes are when they are read. So a fold's
/// figures are those of `lowrank train` and `lowrank evaluate` on them. The folds are trained one after another, each on all threads.
///
/// Folds that are given as files are taken as they are: repeats of a pair within the training files of a fold become one rating by
/// `run.read.duplicates`, test files keep their lines, and a pair in two files is warned of.
///
/// Weights of ratings count in training, as in train(); every test rating counts alike.
///
/// Besides one training at a time, memory holds the ratings once more, in 14 bytes each (22 with timestamps).
///
/// \param interrupted  if given, asked between epochs; if it returns true, the run ends and has the folds that were tested
/// \throws any lowrank::Error
CrossValidated cross_validate(const CrossValidation& options, CrossValidationObserver& observer = CrossValidationObserver::silent(),
                              const std::function<bool()>& interrupted = {});

/// The same on ratings in memory; `run.ratings` is ignored, and of `run.read` all but `duplicates`. Files of features are an error.
CrossValidated cross_validate(RatingLines lines, const CrossValidation& options,
                              CrossValidationObserver& observer = CrossValidationObserver::silent(),
                              const std::function<bool()>& interrupted = {});

/// The results as the JSON document of docs/command-line.md; keys that do not apply are left out.
std::string to_json(const CrossValidated& results);

}  // namespace lowrank
