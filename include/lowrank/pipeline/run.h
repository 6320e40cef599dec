#pragma once

/// \file
/// What a training run is, for every door: read, hold out, train with a monitor, score, write.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lowrank/data/read.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/model/model.h"
#include "lowrank/train/train.h"

namespace lowrank {

/// A training run from a file of ratings to a model file, as `lowrank train` does it.
struct TrainRun {
  std::string ratings;  ///< file to read, `-` for standard input
  ReadOptions read;
  Method method;
  std::string output;            ///< model file to write; empty: none
  std::string validation;        ///< file of validation ratings; empty: none
  double holdout = 0;            ///< share of the ratings to set aside for validation, in [0, 1); 0: none. Not together with `validation`
  std::string monitor = "rmse";  ///< validation metric that picks the epoch
  bool refit = false;            ///< train all ratings again for best_epoch epochs
  std::string test;              ///< file of test ratings, scored once, with the kept model; empty: none
  std::string init;              ///< model file to start from; empty: none
  std::optional<float> min_rating;
  std::optional<float> max_rating;
  bool clips = true;
  int threads = 0;
};

/// Wall times of a run's stages, in seconds.
struct RunSeconds {
  double read = 0;
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
  std::size_t ratings = 0;  ///< trained on
  std::size_t duplicates = 0;
  std::size_t epochs = 0;
  std::size_t best_epoch = 0;
  std::string stopped;  ///< epochs, converged, patience, observer or interrupt
  RatingScores train;   ///< of the kept model
  std::optional<RatingScores> validation;
  std::optional<RatingScores> test;
  std::vector<EpochReport> history;
  RunSeconds seconds;
  double updates_per_second = 0;      ///< training ratings * epochs / wall time of the epochs, validation left out
  std::size_t peak_memory_bytes = 0;  ///< high-water mark of the process's resident memory
  std::string model;                  ///< the file written
};

/// Runs it. `interrupted`, when given, is asked after each epoch; true ends the run with that epoch: the best model so far is written.
/// \param[out] model  if given, receives the model
/// \throws any lowrank::Error; nothing is written then
TrainSummary run_training(const TrainRun& run, TrainingObserver& observer, const std::function<bool()>& interrupted = {},
                          Model* model = nullptr);

/// The summary as the JSON document that docs/command-line.md describes: what does not apply is left out.
std::string to_json(const TrainSummary& summary);

/// The process's high-water mark of resident memory, in bytes.
std::size_t peak_memory_bytes();

}  // namespace lowrank
