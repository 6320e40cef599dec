#pragma once

/// \file
/// A model that takes in what is new, and gives up what must be forgotten, without training again.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/data/read.h"
#include "lowrank/model/model.h"
#include "lowrank/recommend/fold_in.h"

namespace [[gnu::visibility("default")]] lowrank {

/// The changes that an update makes. First users and items are forgotten, then ratings removed, then new ones added.
struct UpdateInput {
  /// New ratings, numbered in the vocabularies of the model (see read_pairs()); without values each is 1. Unknown users and items get rows
  /// behind those of the model, in order of first appearance.
  Pairs ratings = {};
  /// Ratings to take out, numbered in the same way; values are not read. Each must be there.
  Pairs removed = {};
  std::vector<std::uint32_t> forgotten_users = {};  ///< numbers of users of the model; repeats are harmless
  std::vector<std::uint32_t> forgotten_items = {};
  /// Which rating counts where a pair of `ratings` is repeated, or has one already: that of the model comes first. `error` refuses both.
  /// With `last`, repeats of a model that was trained in contexts count by their mean, as in its history: they may be of several contexts.
  Duplicates duplicates = Duplicates::last;
  /// All ratings of the model so far, for a model whose history lacks their values; numbered in the same way.
  std::optional<Pairs> history = {};
  /// Features of users and items, of a model that has learned some: those of new rows, and of every row with features that is solved again.
  const NewFeatures* user_features = nullptr;
  const NewFeatures* item_features = nullptr;
};

/// How an update works.
struct UpdateOptions {
  static constexpr std::uint32_t kMostSweeps = 1'000'000;

  std::uint32_t sweeps = 2;  ///< times that the touched users and then the touched items are solved, 1 to kMostSweeps
  /// Seconds after which no further row is solved; 0: no limit. What is done by then depends on the clock. Not together with `retrain`
  double max_seconds = 0;
  /// Share of the ratings of the last full training that may change before the summary recommends another one; above 0
  double retrain_share = 0.2;
  /// Train the updated model on, by its method, options and number of epochs, on all of its ratings; from the start where the method starts
  /// from no model.
  bool retrain = false;
  int threads = 0;  ///< 0 for all; no influence on the result
};

/// Counts and figures of an update.
struct UpdateSummary {
  std::string method;
  std::uint64_t added = 0;     ///< ratings of pairs that were new
  std::uint64_t replaced = 0;  ///< ratings that took the place of another one, or were added to it
  std::uint64_t removed = 0;   ///< ratings that were taken out, those of forgotten users and items included
  std::uint32_t new_users = 0;
  std::uint32_t new_items = 0;
  std::uint32_t forgotten_users = 0;
  std::uint32_t forgotten_items = 0;
  std::uint32_t touched_users = 0;  ///< users with a rating that changed
  std::uint32_t touched_items = 0;
  /// Touched users and items that stay as they are, for the model does not have all ratings that they were trained on: items of a model
  /// of fold_in(), whose history is that of its users
  std::uint32_t incomplete_rows = 0;
  std::uint32_t users = 0;  ///< users of the updated model
  std::uint32_t items = 0;
  std::uint64_t ratings = 0;     ///< ratings in its history
  std::uint64_t row_solves = 0;  ///< rows that were solved, once per sweep
  std::uint64_t row_solves_left =
      0;  ///< rows that the time limit left unsolved, once per sweep; new rows and those that lost a rating are 0
  /// The method's objective over the ratings of touched rows, with the touched rows as they were (new ones at 0) and as they are; nothing
  /// for a method whose rows do not minimise squared errors.
  std::optional<double> objective_before;
  std::optional<double> objective_after;
  double changed_share = 0;  ///< ratings that changed since the last full training, as a share of those trained on then
  bool retrained = false;
  bool retrain_recommended = false;  ///< changed_share exceeds UpdateOptions::retrain_share
  bool average_context = false;      ///< the model knows contexts, and rows were solved as of their average: an update reads none
  double seconds = 0;                ///< wall time of update()
};

/// A model after an update.
struct Updated {
  Model model;
  UpdateSummary summary;
};

/// Takes ratings into `model` and out of it. Users and items whose ratings change are touched: they are solved again from all of their
/// ratings by the problem that the model states for new rows (see FoldIn), users against items and then items against users, `sweeps`
/// times. All other rows stay as they are, to the last bit. The result does not depend on the number of threads.
///
/// The parts of a model besides rows follow: the popularity of items is counted anew; weights between items or users that are the model
/// itself (methods neighbours, slim and ease) are learned anew from all ratings, and with them mean and biases, which is a full training;
/// neighbours beside factors are found anew for the touched items. The mean that scores are relative to stays, and so do learned
/// hyperparameters; `rating_mean` moves with the ratings, and so does the range of predictions where it was the range of the ratings.
///
/// Rows that lose a rating start from nothing instead of from what they were: other rows apart, the result is that of a model which never
/// had the rating. A row without any rating left is unknown, and keeps its id; a forgotten one is gone, and the rows behind it move up.
///
/// The record's fingerprint becomes one of the fingerprint before and of the new ratings, and once ratings were removed, one of all that
/// are left. Figures of the training are dropped from the record.
///
/// Costs O(n rank^2 + rank^3) per touched row of n ratings and sweep, one pass over the history, and where unobserved cells have weight
/// O((users + items) rank^2 + rank^3) per sweep. `model` is taken by value: moved in, its tables are changed in place.
/// \throws DataError for a model that lacks the values of its ratings and gets no `history`, for a history that is not the model's, for
/// ratings that are not finite, for a rating to remove that is not there, with Duplicates::error for a repeated pair, and where nothing is
/// left; OptionError for options out of range, and where rows with features are solved and none are given; MemoryError and TrainingError
/// as train()
Updated update(Model model, const UpdateInput& input, const UpdateOptions& options = {});

/// An update from files, as of `lowrank update`.
struct UpdateRun {
  std::string model;          ///< model file to update
  std::string output;         ///< model file to write, which may be the same
  std::string ratings;        ///< file of new ratings, `-` for standard input; empty: none
  std::string remove;         ///< file of pairs whose ratings are taken out; empty: none
  std::string forget_users;   ///< file of ids of users, one per line; empty: none
  std::string forget_items;   ///< file of ids of items
  std::string history;        ///< file of all ratings of the model so far, where the model lacks their values; empty: none
  std::string user_features;  ///< file of features of users; empty: none
  std::string item_features;  ///< file of features of items; empty: none
  ReadOptions read;           ///< how to read all files of ratings; its `threads` is ignored
  UpdateOptions options = {};
  /// Called with what files of features have that the model's columns do not, if given.
  std::function<void(const std::string& path, const FeatureGaps& gaps)> on_gaps = {};
};

/// Wall times of the stages of an update from files, in seconds.
struct UpdateSeconds {
  double load = 0;
  double read = 0;
  double update = 0;
  double write = 0;
  double total = 0;
};

/// The results of an update from files.
struct UpdateRunSummary {
  UpdateSummary update;
  UpdateSeconds seconds;
  std::string model;  ///< written model file
};

/// Runs an update. Nothing is written unless all of it succeeds. \throws any lowrank::Error; what is wrong in a file is named with its line
UpdateRunSummary run_update(const UpdateRun& run);

/// The summary as the JSON document of docs/command-line.md; keys that do not apply are left out.
std::string to_json(const UpdateRunSummary& summary);
/// The same without files.
std::string to_json(const UpdateSummary& summary);

}  // namespace lowrank
