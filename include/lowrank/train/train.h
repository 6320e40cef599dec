#pragma once

/// \file
/// Training: ratings and a method's options in, a Model out.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/train/als.h"
#include "lowrank/train/baseline.h"
#include "lowrank/train/implicit.h"
#include "lowrank/train/nmf.h"
#include "lowrank/train/observer.h"
#include "lowrank/train/popular.h"
#include "lowrank/train/sgd.h"
#include "lowrank/train/validation.h"

namespace lowrank {

/// Every method of training, a closed set: adding one is adding its options struct here.
using Method = std::variant<Sgd, Als, Implicit, Nmf, Baseline, Popular>;

/// What a run needs beside the method's options: it does not go into the model file, or holds for every method.
struct TrainContext {
  int threads = 0;              ///< 0 for all; the model does not depend on it
  const Model* init = nullptr;  ///< start from the rows that this model knows (same numbering; others start fresh); must have the same rank
  std::optional<float> min_rating;  ///< predictions are clipped to [min_rating, max_rating]; default the range of the training ratings
  std::optional<float> max_rating;
  bool clips = true;
};

/// Why training ended.
enum class Stopped : std::uint8_t { epochs, converged, patience, observer };
/// `epochs`, `converged`, `patience`, `observer`.
std::string_view name_of(Stopped stopped);

/// What training gives back.
struct Trained {
  Model model;                 ///< the kept one; without vocabularies, seen items, fingerprint and metrics, which the caller knows
  std::size_t epochs = 0;      ///< epochs run
  std::size_t best_epoch = 0;  ///< the epoch of the kept model
  Stopped stopped = Stopped::epochs;
  double seconds = 0;                ///< wall time of the epochs, validation left out
  std::optional<double> train_rmse;  ///< of the kept model over the ratings trained on, clipped when the model clips; if it predicts them
  std::optional<double> train_loss;  ///< the method's full objective of the kept model, where it has one
  std::vector<EpochReport> history;
};

/// What training_memory() must know of the data.
struct TrainingShape {
  std::size_t users = 0;
  std::size_t items = 0;
  std::size_t ratings = 0;
  bool validates = false;
};
/// About how many bytes train() adds at its peak to those of the ratings that it is given.
std::size_t training_memory(const Method& method, const TrainingShape& shape);

/// Trains a model. The ratings are handed over, so that a method may turn them into its own blocks without holding both.
/// The result depends on ratings, options, seed and SIMD level alone, never on the number of threads.
///
/// With `validation` the kept model is the best epoch's, and training ends after `patience` epochs without improvement.
/// \throws OptionError for options out of range; DataError for ratings that the method cannot use (none at all, for instance);
///         TrainingError when no step size gives a finite model; what the observer and the validation throw
Trained train(Ratings ratings, const Method& method, const Validation& validation, TrainingObserver& observer,
              const TrainContext& context = {});

/// \name Methods by name
/// What doors need to offer every method without knowing any.
/// \{

/// The default options of the method called `name`. \throws OptionError("method") naming the methods there are
Method method_by_name(std::string_view name);
/// The names of all methods, in the order of the list.
std::vector<std::string_view> method_names();
/// `sgd`, and one line on what it is.
std::string_view name_of(const Method& method);
std::string_view summary_of(const Method& method);

/// One option of a method, with its kind and its value as text.
struct OptionInfo {
  enum class Kind : std::uint8_t { integer, real, flag, choice };
  std::string_view name;  ///< `learning_rate`
  std::string_view help;
  Kind kind = Kind::integer;
  std::string value;  ///< as of the given method: `0.05`, `true`, `equations`
  double least = 0;   ///< valid range of numbers
  double most = 0;
  bool least_excluded = false;
  std::vector<std::string_view> choices;
};
/// False for a method whose scores only rank items: its models have no RMSE.
bool predicts_ratings(const Method& method);
/// Every option of `method` with its value, in the order of its description.
std::vector<OptionInfo> options_of(const Method& method);
/// Sets the option called `name` (`_` and `-` are the same) from text. \throws OptionError when there is none, or the text is no value in
/// its range
void set_option(Method& method, std::string_view name, std::string_view value);
/// Checks every option's range. \throws OptionError
void check_options(const Method& method);
/// The options as a JSON object, in the order of their description; numbers in shortest round-trip digits.
std::string options_json(const Method& method);
/// \}

}  // namespace lowrank
