#pragma once

/// \file
/// A training run, the same for every door: read, hold out, train with a monitor, score, write.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lowrank/data/read.h"
#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/model/model.h"
#include "lowrank/train/train.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Options of a training run from a file of ratings to a model file, as of `lowrank train`.
struct TrainRun {
  std::string ratings;  ///< file to read, `-` for standard input
  ReadOptions read;     ///< how to read all files of ratings; its `threads` is ignored, `threads` below counts
  Method method;
  /// Names of the options of `method` that were stated. One that training does not read under the values of the others is an error (see
  /// check_reads()); options whose value is not the default count as stated.
  std::vector<std::string> stated = {};
  std::string output;      ///< model file to write; empty: none
  std::string validation;  ///< file of validation ratings; empty: none
  double holdout = 0;      ///< share of the ratings for the validation set, in [0, 1); 0: none. Not together with `validation`
  /// Validation metric that picks the best epoch (see parse_monitor); empty: rmse, or ndcg@20 if the method does not predict ratings. Only
  /// together with validation data. Lists leave out items that were rated in training, but not held-out ones.
  std::string monitor;
  bool refit = false;  ///< train once more, on all ratings, for best_epoch epochs. Only together with validation data
  /// Take the widths of intervals of predicted ratings from the errors of the validation ratings (split conformal prediction) instead of
  /// the normal distribution. Only together with validation data, without `refit`, and for a method whose models have an uncertainty.
  bool conformal = false;
  std::string test;           ///< file of test ratings, scored once with the final model; empty: none
  std::string user_features;  ///< file of features of users; empty: none. Only for a method that reads features
  std::string item_features;  ///< file of features of items; empty: none
  /// The columns of the files of features that are read (see FeatureReadOptions::columns); with both files each is called `user:COLUMN` or
  /// `item:COLUMN`. Only with such a file.
  std::string feature_columns;
  std::string init;                                  ///< model file to start from, rows matched by id (warm start); empty: none
  std::optional<float> min_rating;                   ///< lower limit of predicted ratings; default: the lowest training rating
  std::optional<float> max_rating;                   ///< upper limit of predicted ratings; default: the highest training rating
  bool clips = true;                                 ///< whether predicted ratings are limited at all
  HistoryValues history = HistoryValues::automatic;  ///< what the model keeps of the ratings' values besides the items
  int threads = 0;                                   ///< 0 for all
  std::size_t memory = 0;                            ///< bytes that training may take; 0: all that are available
};

/// Wall times of the stages of a run, in seconds.
struct RunSeconds {
  double read = 0;  ///< reading all inputs, and holding out
  double train = 0;
  double write = 0;
  double total = 0;
};

/// The results of a run.
struct TrainSummary {
  std::string method;
  std::string options;              ///< JSON object
  std::uint32_t users = 0;          ///< users with a training rating
  std::uint32_t items = 0;          ///< items with a training rating
  std::size_t ratings = 0;          ///< training ratings
  std::size_t duplicates = 0;       ///< ratings that were removed as duplicates of a pair
  std::uint32_t user_features = 0;  ///< columns of features
  std::uint32_t item_features = 0;
  std::size_t skipped = 0;  ///< malformed lines of the file of ratings that were left out (ReadOptions::skip_bad_lines)
  std::size_t epochs = 0;
  std::size_t best_epoch = 0;
  std::string stopped;                              ///< epochs, converged, patience, observer or interrupt
  std::optional<double> train_rmse;                 ///< RMSE of the final model on its training ratings, if it predicts ratings
  std::optional<double> train_loss;                 ///< loss of the final model on its training ratings, if the method has one
  std::string monitor;                              ///< name of the validation figures in `history`; empty without validation
  std::optional<RatingScores> validation;           ///< scores of the best epoch's model, also with `refit`
  std::optional<RatingScores> test;                 ///< scores of the final model
  std::optional<RankingScores> validation_ranking;  ///< if the monitor is a metric of lists: figures of the best epoch's model
  std::optional<RankingScores> test_ranking;        ///< if the monitor is a metric of lists: figures of the final model
  std::vector<EpochReport> history;   ///< epochs of the training that picks the best one; `validation_name` is empty (see `monitor`)
  std::vector<std::string> warnings;  ///< what the observer was warned of: sentences without a full stop
  RunSeconds seconds;
  double updates_per_second = 0;      ///< training ratings * epochs / wall time of the epochs without validation
  std::size_t peak_memory_bytes = 0;  ///< peak resident memory of the process
  std::string model;                  ///< written model file; empty if none
};

/// Runs a training. Options, the target and every input are checked before training starts. `interrupted`, if given, is called before
/// training and after each epoch; if it returns true, the run ends with that epoch and writes the best model so far. Before the end of the
/// first epoch there is no model: nothing is written, and `epochs` of the summary is 0. A run that ends during the second training of
/// `refit` keeps the model of the first.
/// \param[out] model  if given, receives the model
/// \throws any lowrank::Error; then nothing is written
TrainSummary run_training(const TrainRun& run, TrainingObserver& observer = TrainingObserver::silent(),
                          const std::function<bool()>& interrupted = {}, Model* model = nullptr);

/// The input of a run that is in memory.
struct TrainData {
  Dataset data;
  std::optional<Pairs> validation;  ///< numbered in the vocabulary of `data`; not together with `holdout`
  std::optional<Pairs> test;        ///< numbered in the vocabulary of `data`
  std::optional<Model> init;        ///< model to start from, rows matched by id (warm start)
  /// Features with a row per user or item of `data`; the files named in the run are ignored.
  std::optional<Features> user_features = {};
  std::optional<Features> item_features = {};
  std::size_t skipped = 0;  ///< malformed lines that were left out when `data` was read
};

/// Runs a training on data in memory; the input files of `run`, and how to read them, are ignored. The model is the same, byte for byte, as
/// that of a file with the same ratings in the same order. \throws as the run from a file
TrainSummary run_training(TrainData data, const TrainRun& run, TrainingObserver& observer = TrainingObserver::silent(),
                          const std::function<bool()>& interrupted = {}, Model* model = nullptr);

/// The summary as the JSON document of docs/command-line.md; keys that do not apply are left out.
std::string to_json(const TrainSummary& summary);

/// The figures of lists as a JSON object whose keys are the names in RankingScores.
std::string to_json(const RankingScores& scores);

/// Peak resident memory of the process, in bytes.
std::size_t peak_memory_bytes();

}  // namespace lowrank
