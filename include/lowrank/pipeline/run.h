#pragma once

/// \file
/// What a training run is, for every door: read, hold out, train with a monitor, score, write.

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

namespace lowrank {

/// A training run from a file of ratings to a model file, as `lowrank train` does it.
struct TrainRun {
  std::string ratings;  ///< file to read, `-` for standard input
  ReadOptions read;     ///< how to read it and the files of validation and test ratings; its `threads` is replaced by the one below
  Method method;
  std::string output;      ///< model file to write; empty: none
  std::string validation;  ///< file of validation ratings; empty: none
  double holdout = 0;      ///< share of the ratings to set aside for validation, in [0, 1); 0: none. Not together with `validation`
  /// Validation metric that picks the epoch (see parse_monitor); empty: rmse, or ndcg@20 where the method predicts no ratings. Only
  /// together with validation data. Lists leave out what was rated in training, not what is held out.
  std::string monitor;
  bool refit = false;               ///< train all ratings again for best_epoch epochs. Only together with validation data
  std::string test;                 ///< file of test ratings, scored once, with the kept model; empty: none
  std::string init;                 ///< model file whose rows training starts from, matched by id; empty: none
  std::optional<float> min_rating;  ///< range that predictions are clipped to; default: that of the training ratings
  std::optional<float> max_rating;
  bool clips = true;
  int threads = 0;         ///< 0 for all
  std::size_t memory = 0;  ///< bytes that the run may take from where it starts to train; 0: what the machine has to give
};

/// Wall times of a run's stages, in seconds.
struct RunSeconds {
  double read = 0;  ///< every input, and holding out
  double train = 0;
  double write = 0;
  double total = 0;
};

/// What a run ends in.
struct TrainSummary {
  std::string method;
  std::string options;      ///< JSON object
  std::uint32_t users = 0;  ///< users and items with a training rating
  std::uint32_t items = 0;
  std::size_t ratings = 0;     ///< trained on
  std::size_t duplicates = 0;  ///< repeats of a pair that were taken out
  std::size_t epochs = 0;
  std::size_t best_epoch = 0;
  std::string stopped;                              ///< epochs, converged, patience, observer or interrupt
  std::optional<double> train_rmse;                 ///< of the kept model, over the ratings that it was trained on, if it predicts ratings
  std::optional<double> train_loss;                 ///< the method's objective there, where it has one
  std::string monitor;                              ///< name of the validation figures in `history`; empty without validation
  std::optional<RatingScores> validation;           ///< of the best epoch's model, also with `refit`
  std::optional<RatingScores> test;                 ///< of the kept model
  std::optional<RankingScores> validation_ranking;  ///< where the monitor is a metric of lists, at its length; as `validation`
  std::optional<RankingScores> test_ranking;        ///< the same of the kept model, with the definitions of RankingTest
  std::vector<EpochReport> history;                 ///< of the run that picks the epoch; `validation_name` is empty here (see `monitor`)
  RunSeconds seconds;
  double updates_per_second = 0;      ///< training ratings * epochs / wall time of the epochs, validation left out
  std::size_t peak_memory_bytes = 0;  ///< high-water mark of the process's resident memory
  std::string model;                  ///< the file written; empty when none was
};

/// Runs it. Options, the target and every input are checked before training starts. `interrupted`, when given, is asked before training
/// and after each epoch; true ends the run with that epoch, and the best model so far is written. Before the first epoch there is none:
/// then nothing is written, and the summary's `epochs` is 0. Ended during the second training of `refit`, a run keeps the first
/// one's model.
/// \param[out] model  if given, receives the model
/// \throws any lowrank::Error; nothing is written then
TrainSummary run_training(const TrainRun& run, TrainingObserver& observer = TrainingObserver::silent(),
                          const std::function<bool()>& interrupted = {}, Model* model = nullptr);

/// What a run works on when it is in memory already.
struct TrainData {
  Dataset data;
  std::optional<Pairs> validation;  ///< in the vocabulary of `data`; not together with `holdout`
  std::optional<Pairs> test;        ///< in the vocabulary of `data`
  std::optional<Model> init;        ///< model whose rows training starts from, matched by id
};

/// The same run on data in memory: the files that `run` names as input, and how to read them, are not looked at. Equal ratings in equal
/// order end in the same model, byte for byte, as those from a file. \throws as the other
TrainSummary run_training(TrainData data, const TrainRun& run, TrainingObserver& observer = TrainingObserver::silent(),
                          const std::function<bool()>& interrupted = {}, Model* model = nullptr);

/// Trains on a data set in memory and completes the model: ids, seen items, fingerprint. \throws as train()
Trained train_on(Dataset data, const Method& method, const Validation& validation = {},
                 TrainingObserver& observer = TrainingObserver::silent(), const TrainContext& context = {});

/// The summary as the JSON document that docs/command-line.md describes: what does not apply is left out.
std::string to_json(const TrainSummary& summary);

/// The figures of lists as a JSON object with the names of RankingScores.
std::string to_json(const RankingScores& scores);

/// The process's high-water mark of resident memory, in bytes.
std::size_t peak_memory_bytes();

}  // namespace lowrank
