#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lowrank/train/observer.h"
#include "lowrank/train/trained.h"
#include "lowrank/train/validation.h"

namespace lowrank {

/// What one epoch measured on the way.
struct EpochFigures {
  std::optional<double> train_rmse = {};
  std::optional<double> root_squared_error = {};
  std::optional<double> train_loss = {};
};

/// Whose model a run ends in.
enum class Keep : std::uint8_t {
  best,  ///< with validation, the epoch with the best figure; else the last (default)
  last,  ///< the last epoch, whose model sums up all before it: no patience
};

/// A method that learns epoch by epoch, as the loop below sees it.
class EpochLearner {
 public:
  EpochLearner() = default;
  EpochLearner(const EpochLearner&) = delete;
  EpochLearner& operator=(const EpochLearner&) = delete;
  virtual ~EpochLearner() = default;

  /// Runs epoch number `epoch` (1, 2, ...) from the present state.
  /// \return nothing when the numbers ran away: the state is then of no use until restore()
  virtual std::optional<EpochFigures> run(std::size_t epoch) = 0;
  /// True when every number of the present state is finite. Looked at before store().
  [[nodiscard]] virtual bool finite() = 0;
  /// Writes the present state into `model`: factors, biases and mean in rating units; rows without a rating are zero. What does not change
  /// from epoch to epoch is there already.
  virtual void store(Model& model) = 0;
  /// Takes `model`, which store() wrote, as the present state; or the start when null.
  virtual void restore(const Model* model) = 0;
  /// What is not in the model of the present state, such as a chain's rows and hyperparameters or an optimiser's moments; by default
  /// nothing. A learner of the same ratings and options goes on from it as if the run had not ended. A run asks for it where there is a
  /// step.
  [[nodiscard]] virtual std::vector<std::byte> save_state() { return {}; }
  /// Takes what save_state() gave, after restore() of the model of the same moment. \throws DataError for bytes that are not such a state:
  /// the learner is then of no use
  virtual void load_state(std::span<const std::byte> /*state*/) {}
  [[nodiscard]] virtual Keep keep() const { return Keep::best; }
  /// True for a method with a step size to cut. The others have no way out where numbers run away, and no use for a state to go back to.
  [[nodiscard]] virtual bool has_step() const { return false; }
  /// Cuts the step size. \return the old and the new one, or nothing when there is none to cut any further
  virtual std::optional<DivergenceReport> cut_step() { return std::nullopt; }
};

/// When to stop.
struct Stopping {
  std::uint32_t epochs = 1;    ///< the most
  std::uint32_t patience = 0;  ///< epochs without improvement of the validation figure
  double tolerance = 0;        ///< relative improvement of the training error (or loss) below which training has converged; 0: never
  std::uint32_t warm_up = 0;   ///< first epochs, fewer than all, whose models are not judged by the validation figure
};

/// Runs a learner's epochs: keeps the model that the learner declares, stops when it is time, goes back to the last
/// good state with a smaller step, where there is a step, when the numbers run away, and reports each epoch. Without validation the state
/// to go back to is that after epoch 1, 2, 4, 8 ..., so that storing it costs next to nothing.
/// \param frame    a model with everything but the learned rows and biases, which are given room here
/// \param fold_in  how a new row of the model is solved: every method states it
/// \param ratings  number of ratings an epoch visits
/// \throws TrainingError when no step is small enough, or there is none
Trained run_epochs(EpochLearner& learner, Model frame, const FoldIn& fold_in, std::size_t rank, std::size_t ratings,
                   const Stopping& stopping, const Validation& validation, TrainingObserver& observer);

}  // namespace lowrank
