#include "train/epoch_loop.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <set>
#include <vector>

#include "lowrank/base/error.h"

namespace lowrank::epoch_loop_test {
namespace {

/// A learner whose state is one number, the item's bias: it grows by the step in every epoch. It runs away in the epochs that it is told,
/// as long as the step is above `good_step`.
class Counter final : public EpochLearner {
 public:
  std::optional<EpochFigures> run(std::size_t epoch) override {
    runs.push_back(epoch);
    if (bad.contains(epoch) && step > good_step) return std::nullopt;
    state += step;
    ++visits;
    return EpochFigures{.train_loss = 100 / static_cast<double>(epoch)};
  }
  bool finite() override { return is_finite; }
  void store(Model& model) override {
    ++stores;
    model.items.biases[0] = state;
  }
  void restore(const Model* model) override { state = model != nullptr ? model->items.biases[0] : 0; }
  [[nodiscard]] std::vector<std::byte> save_state() override { return std::vector<std::byte>(1, std::byte(visits)); }
  void load_state(std::span<const std::byte> saved) override { visits = std::to_integer<unsigned>(saved.front()); }
  [[nodiscard]] Keep keep() const override { return kept; }
  [[nodiscard]] bool has_step() const override { return good_step < 1; }
  std::optional<DivergenceReport> cut_step() override {
    if (step < 1e-3F) return std::nullopt;
    const double old = static_cast<double>(step);
    step /= 2;
    return DivergenceReport{.old_learning_rate = old, .new_learning_rate = static_cast<double>(step)};
  }

  std::vector<std::size_t> runs;
  std::set<std::size_t> bad;
  float state = 0;
  float step = 1;
  float good_step = 1;
  bool is_finite = true;
  std::size_t stores = 0;
  unsigned visits = 0;  ///< a part of the state that no model holds
  Keep kept = Keep::best;
};

class Watcher final : public TrainingObserver {
 public:
  bool on_epoch(const EpochReport& report, const std::function<Model()>& model) override {
    epochs.push_back(report.epoch);
    states.push_back(model().items.biases[0]);
    return report.epoch != end;
  }
  void on_divergence(const DivergenceReport& report) override { divergences.push_back(report.epoch); }

  std::size_t end = 0;
  std::vector<std::size_t> epochs;
  std::vector<float> states;
  std::vector<std::size_t> divergences;
};

Model frame() {
  Model model;
  model.users.counts = {1};
  model.items.counts = {1};
  return model;
}

Trained run(Counter& counter, const Stopping& stopping, const Validation& validation = {},
            TrainingObserver& observer = TrainingObserver::silent()) {
  return run_epochs(counter, frame(), Divergence{.absent_weight = 0.5}, 3, 1, stopping, validation, observer);
}

/// A figure that is best where the state is `best`.
Validation best_at(float best, bool higher_is_better) {
  return {.measure =
              [=](const Model& model) {
                const double off = std::abs(static_cast<double>(model.items.biases[0] - best));
                return higher_is_better ? -off : off;
              },
          .name = "off",
          .higher_is_better = higher_is_better};
}

TEST(EpochLoop, RunsEveryEpochAndKeepsTheLast) {
  Counter counter;
  const Trained trained = run(counter, {.epochs = 7, .patience = 1});
  EXPECT_EQ(counter.runs, (std::vector<std::size_t>{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(trained.epochs, 7U);
  EXPECT_EQ(trained.best_epoch, 7U);
  EXPECT_EQ(trained.stopped, Stopped::epochs);
  EXPECT_EQ(trained.model.items.biases[0], 7);
  EXPECT_EQ(trained.model.rank(), 3U);
  EXPECT_EQ(trained.model.fold_in, FoldIn(Divergence{.absent_weight = 0.5}));
  EXPECT_EQ(trained.model.record.epochs, 7U);
  EXPECT_DOUBLE_EQ(*trained.train_loss, 100.0 / 7);
  EXPECT_EQ(counter.stores, 1U) << "a learner without a step needs no state to go back to";
}

TEST(EpochLoop, KeepsTheBestEpochAndStopsAfterPatience) {
  for (const bool higher : {false, true}) {
    Counter counter;
    const Trained trained = run(counter, {.epochs = 50, .patience = 4}, best_at(6, higher));
    EXPECT_EQ(trained.best_epoch, 6U);
    EXPECT_EQ(trained.epochs, 10U);
    EXPECT_EQ(trained.stopped, Stopped::patience);
    EXPECT_EQ(trained.model.items.biases[0], 6);
    EXPECT_EQ(trained.history[7].validation, higher ? -2 : 2);
  }
}

TEST(EpochLoop, KeepsTheLastEpochWhereTheLearnerSaysSo) {
  Counter counter;
  counter.kept = Keep::last;
  const Trained trained = run(counter, {.epochs = 12, .patience = 2}, best_at(3, false));
  EXPECT_EQ(trained.epochs, 12U);
  EXPECT_EQ(trained.best_epoch, 12U);
  EXPECT_EQ(trained.stopped, Stopped::epochs);
  EXPECT_EQ(trained.model.items.biases[0], 12);
  EXPECT_EQ(trained.history[11].validation, 9);
}

TEST(EpochLoop, StopsWhereTheLossConverges) {
  Counter counter;
  // 100 / n falls by a share of 1 / n from epoch n - 1 to n.
  const Trained trained = run(counter, {.epochs = 50, .patience = 1, .tolerance = 0.095});
  EXPECT_EQ(trained.epochs, 11U);
  EXPECT_EQ(trained.stopped, Stopped::converged);
  EXPECT_EQ(trained.model.items.biases[0], 11);
}

TEST(EpochLoop, AnObserverSeesEveryEpochAndEndsTheRun) {
  Counter counter;
  Watcher watcher;
  watcher.end = 5;
  const Trained trained = run(counter, {.epochs = 9, .patience = 1}, {}, watcher);
  EXPECT_EQ(watcher.epochs, (std::vector<std::size_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(watcher.states, (std::vector<float>{1, 2, 3, 4, 5}));
  EXPECT_EQ(trained.stopped, Stopped::observer);
  EXPECT_EQ(trained.model.items.biases[0], 5);
}

TEST(EpochLoop, GoesBackToTheLastKeptEpochWithASmallerStep) {
  Counter counter;
  counter.bad = {7};
  counter.good_step = 0.3F;
  Watcher watcher;
  const Trained trained = run(counter, {.epochs = 9, .patience = 1}, {}, watcher);
  // Kept after epochs 1, 2, 4, 8: from epoch 7 back to 4, twice, until the step is a quarter.
  EXPECT_EQ(counter.runs, (std::vector<std::size_t>{1, 2, 3, 4, 5, 6, 7, 5, 6, 7, 5, 6, 7, 8, 9}));
  EXPECT_EQ(watcher.divergences, (std::vector<std::size_t>{5, 5}));
  EXPECT_EQ(trained.epochs, 9U);
  EXPECT_FLOAT_EQ(trained.model.items.biases[0], 4 + 5 * 0.25F);
  EXPECT_EQ(counter.visits, 9U) << "what the model does not hold went back too";
}

TEST(EpochLoop, GoesBackToTheStart) {
  Counter counter;
  counter.bad = {1};
  counter.good_step = 0.5F;
  const Trained trained = run(counter, {.epochs = 2, .patience = 1});
  EXPECT_FLOAT_EQ(trained.model.items.biases[0], 1);
}

TEST(EpochLoop, FailsWhereNoStepIsSmallEnough) {
  Counter stuck;
  stuck.bad = {3};
  stuck.good_step = 0;
  EXPECT_THROW(run(stuck, {.epochs = 5, .patience = 1}), TrainingError);
  Counter infinite;
  infinite.good_step = 0.5F;
  infinite.is_finite = false;
  EXPECT_THROW(run(infinite, {.epochs = 5, .patience = 1}), TrainingError);
}

}  // namespace
}  // namespace lowrank::epoch_loop_test
