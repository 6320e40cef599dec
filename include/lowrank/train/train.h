#pragma once

/// \file
/// Training: ratings and a method's options in, a Model out.

#include <cstddef>

#include "lowrank/train/input.h"
#include "lowrank/train/method.h"
#include "lowrank/train/observer.h"
#include "lowrank/train/trained.h"
#include "lowrank/train/validation.h"

namespace [[gnu::visibility("default")]] lowrank {

/// What training_memory() must know of the data.
struct TrainingShape {
  std::size_t users = 0;
  std::size_t items = 0;
  std::size_t ratings = 0;
  bool validates = false;
  bool weighted = false;
  bool features = false;     ///< whether users or items have features
  std::size_t contexts = 0;  ///< columns of contexts
};
/// About how many bytes train() adds at its peak to those of the ratings that it is given.
std::size_t training_memory(const Method& method, const TrainingShape& shape);

/// Trains a model: complete, with ids, history, fingerprint of the data and training error. The result depends on the input, the options,
/// the seed and the SIMD level, never on the number of threads.
///
/// With `validation` the kept model is the best epoch's, and training ends after `patience` epochs without improvement. Models that
/// `validation` and `observer` see on the way have neither ids nor history.
/// \throws OptionError for options out of range, or without effect beside the others (see check_reads()); DataError for data that the
/// method cannot use (no rating at all, for instance);
///         TrainingError when no step size gives a finite model; what the observer and the validation throw
Trained train(TrainInput input, const Method& method, const Validation& validation = {},
              TrainingObserver& observer = TrainingObserver::silent(), const TrainSettings& settings = {});

}  // namespace lowrank
