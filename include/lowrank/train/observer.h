#pragma once

/// \file
/// What training tells while it runs.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lowrank/model/model.h"

namespace [[gnu::visibility("default")]] lowrank {

/// One epoch, when it has passed.
struct EpochReport {
  std::size_t epoch = 0;                  ///< 1, 2, ...
  std::size_t epochs = 0;                 ///< the most that there will be
  std::optional<double> train_rmse = {};  ///< running error of the epoch (each rating just before its update), unclipped, in rating units
  /// Tutorial order only: root of the SUM of squared errors after the epoch, what the article's `mse()` returns.
  std::optional<double> root_squared_error = {};
  std::optional<double> train_loss = {};  ///< the method's full objective, where it computes it
  std::optional<double> validation = {};  ///< value of the monitored metric
  std::string_view validation_name = {};  ///< its name, e.g. `rmse` or `ndcg@20`
  double seconds = 0;                     ///< wall time of this epoch, validation left out
  double ratings_per_second = 0;
};

/// What a run will need, before it trains. An estimate, made to be a little high.
struct MemoryReport {
  std::size_t resident = 0;   ///< bytes that the process has now: the ratings as read, mostly
  std::size_t training = 0;   ///< bytes that training adds at its peak
  std::size_t available = 0;  ///< bytes that the process can still take
};

/// Training left the finite numbers and went back to the last good state.
struct DivergenceReport {
  std::size_t epoch = 0;  ///< the epoch that is run again
  double old_learning_rate = 0;
  double new_learning_rate = 0;
};

/// Receives the reports of a run, in the thread that called train(). The default ignores them.
class TrainingObserver {
 public:
  TrainingObserver() = default;
  TrainingObserver(const TrainingObserver&) = default;
  TrainingObserver& operator=(const TrainingObserver&) = default;
  virtual ~TrainingObserver() = default;
  /// The observer that ignores every report.
  static TrainingObserver& silent() noexcept;

  /// Before training starts, from a run (not from train() itself).
  virtual void on_memory(const MemoryReport& report);
  /// After every epoch. \param model  makes a copy of the model as it is now, when called during this call
  /// \return false to end training here with the best model so far
  virtual bool on_epoch(const EpochReport& report, const std::function<Model()>& model);
  /// After the epoch's numbers ran away and the step size was cut.
  virtual void on_divergence(const DivergenceReport& report);
  /// A warning about the ratings, their parts or the model. \param text  one sentence, without a full stop
  virtual void on_warning(std::string_view text);
};

}  // namespace lowrank
