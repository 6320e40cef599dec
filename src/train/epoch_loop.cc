#include "train/epoch_loop.h"

#include <chrono>
#include <cmath>
#include <utility>

#include "lowrank/base/error.h"

namespace lowrank {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Runs an epoch, from the last good state and with smaller steps again where the numbers run away.
EpochFigures run_until_finite(EpochLearner& learner, std::size_t epoch, const Model* last_good, TrainingObserver& observer) {
  for (;;) {
    if (const std::optional<EpochFigures> figures = learner.run(epoch)) return *figures;
    std::optional<DivergenceReport> cut = learner.cut_step();
    if (!cut) {
      throw TrainingError(
          "training diverges with every step size down to 1e-30: check the ratings for extreme values, "
          "or lower --learning-rate or --regularization");
    }
    learner.restore(last_good);
    cut->epoch = epoch;
    observer.on_divergence(*cut);
  }
}

/// The figure that convergence is judged by.
std::optional<double> objective(const EpochFigures& figures) { return figures.train_loss ? figures.train_loss : figures.train_rmse; }

}  // namespace

Trained run_epochs(EpochLearner& learner, Model frame, std::size_t ratings, const Stopping& stopping, const Validation& validation,
                   TrainingObserver& observer) {
  Trained trained;
  Model newest = std::move(frame);
  Model best;
  if (validation) best = newest;
  const Model* last_good = nullptr;
  std::optional<double> best_value;
  std::optional<double> previous_objective;

  for (std::size_t epoch = 1; epoch <= stopping.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    const EpochFigures figures = run_until_finite(learner, epoch, last_good, observer);
    learner.store(newest);
    last_good = &newest;

    EpochReport report{.epoch = epoch,
                       .epochs = stopping.epochs,
                       .train_rmse = figures.train_rmse,
                       .root_squared_error = figures.root_squared_error,
                       .train_loss = figures.train_loss,
                       .seconds = seconds_since(start)};
    report.ratings_per_second = report.seconds > 0 ? static_cast<double>(ratings) / report.seconds : 0;
    trained.seconds += report.seconds;
    trained.epochs = epoch;
    if (validation) {
      newest.record.epochs = epoch;
      const double value = validation.measure(newest);
      report.validation = value;
      report.validation_name = validation.name;
      if (!best_value || (validation.higher_is_better ? value > *best_value : value < *best_value)) {
        best_value = value;
        trained.best_epoch = epoch;
        std::swap(newest, best);
        last_good = &best;
      }
    } else {
      trained.best_epoch = epoch;
    }
    trained.history.push_back(report);
    if (!observer.on_epoch(report, [&] { return *last_good; })) {
      trained.stopped = Stopped::observer;
      break;
    }
    if (validation && epoch - trained.best_epoch >= stopping.patience) {
      trained.stopped = Stopped::patience;
      break;
    }
    const std::optional<double> now = objective(figures);
    if (stopping.tolerance > 0 && now && previous_objective && *previous_objective - *now < stopping.tolerance * *previous_objective) {
      trained.stopped = Stopped::converged;
      break;
    }
    previous_objective = now;
  }
  trained.model = validation ? std::move(best) : std::move(newest);
  trained.model.record.epochs = trained.best_epoch;
  return trained;
}

}  // namespace lowrank
