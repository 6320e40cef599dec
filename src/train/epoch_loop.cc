#include "train/epoch_loop.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <utility>

#include "lowrank/base/error.h"

namespace lowrank {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

[[noreturn]] void fail_to_converge() {
  throw TrainingError("training diverged (non-finite values) at every " + mention("learning_rate") +
                      " tried, or the method has none: check the ratings for extreme values, or raise " + mention("regularization"));
}

/// A state to go back to: the model of an epoch, none for the start, and what a learner with a step keeps besides.
struct GoodState {
  const Model* model = nullptr;
  std::vector<std::byte> rest = {};

  void restore(EpochLearner& learner) const {
    learner.restore(model);
    if (model != nullptr && learner.has_step()) learner.load_state(rest);
  }
};

/// Cuts the step and goes back, or throws when there is nothing left to cut.
void go_back(EpochLearner& learner, const GoodState& last_good, std::size_t next_epoch, TrainingObserver& observer) {
  std::optional<DivergenceReport> cut = learner.cut_step();
  if (!cut) fail_to_converge();
  last_good.restore(learner);
  cut->epoch = next_epoch;
  observer.on_divergence(*cut);
}

/// The figure that convergence is judged by.
template <class Figures>
std::optional<double> objective(const Figures& figures) {
  return figures.train_loss ? figures.train_loss : figures.train_rmse;
}

constexpr std::size_t kMostReports = std::size_t{1} << 14U;

/// The reports of a run, of which a bounded number is kept: when there are kMostReports, every second one goes, and from then on only
/// every second epoch's report comes in. The last and the best epoch's are always there.
class Reports {
 public:
  void add(const EpochReport& report, bool best) {
    seconds_ += report.seconds;
    last_ = report;
    if (best) best_ = report;
    if (report.epoch % stride_ != 0) return;
    if (kept_.size() == kMostReports) {
      stride_ *= 2;
      std::erase_if(kept_, [this](const EpochReport& one) { return one.epoch % stride_ != 0; });
      if (report.epoch % stride_ != 0) return;
    }
    kept_.push_back(report);
  }
  /// Marks the present epoch as one to go back to.
  void mark() { marked_ = {.last = last_, .seconds = seconds_}; }
  /// Forgets the epochs after the marked one.
  void go_back() {
    last_ = marked_.last;
    seconds_ = marked_.seconds;
    std::erase_if(kept_, [this](const EpochReport& one) { return one.epoch > epochs(); });
  }

  void take_marked_as_best() { best_ = marked_.last; }

  [[nodiscard]] const std::optional<EpochReport>& last() const { return last_; }
  [[nodiscard]] std::size_t epochs() const { return last_ ? last_->epoch : 0; }
  [[nodiscard]] double seconds() const { return seconds_; }
  [[nodiscard]] const EpochReport& best() const { return *best_; }
  /// The kept reports, ascending.
  std::vector<EpochReport> take() {
    for (const EpochReport& report : {*best_, *last_}) {
      const auto place = std::ranges::lower_bound(kept_, report.epoch, {}, &EpochReport::epoch);
      if (place == kept_.end() || place->epoch != report.epoch) kept_.insert(place, report);
    }
    return std::move(kept_);
  }

 private:
  struct Mark {
    std::optional<EpochReport> last = {};
    double seconds = 0;
  };

  std::vector<EpochReport> kept_;
  std::size_t stride_ = 1;
  std::optional<EpochReport> last_;
  std::optional<EpochReport> best_;
  double seconds_ = 0;
  Mark marked_;
};

/// True when `figures` improve on those of the epoch before by less than the tolerance.
bool converged(const std::optional<EpochReport>& before_it, const EpochFigures& figures, double tolerance) {
  if (tolerance == 0 || !before_it) return false;
  const std::optional<double> before = objective(*before_it);
  const std::optional<double> now = objective(figures);
  return before && now && *before - *now < tolerance * *before;
}

}  // namespace

Trained run_epochs(EpochLearner& learner, Model frame, const FoldIn& fold_in, std::size_t rank, std::size_t ratings,
                   const Stopping& stopping, const Validation& validation, TrainingObserver& observer) {
  Trained trained;
  frame.fold_in = fold_in;
  frame.users.factors = FactorMatrix(frame.users.counts.size(), rank);
  frame.items.factors = FactorMatrix(frame.items.counts.size(), rank);
  frame.users.biases.assign(frame.users.counts.size(), 0.0F);
  frame.items.biases.assign(frame.items.counts.size(), 0.0F);
  Model newest = std::move(frame);
  Model best;
  if (validation && learner.keep() == Keep::best) best = newest;
  GoodState last_good;
  const bool keeps_best = validation && learner.keep() == Keep::best;
  std::size_t stored_epoch = 0;
  std::optional<double> best_value;

  Reports reports;
  std::size_t epoch = 1;
  while (epoch <= stopping.epochs) {
    const auto start = std::chrono::steady_clock::now();
    const std::optional<EpochFigures> figures = learner.run(epoch);
    const bool last = epoch == stopping.epochs || (figures && converged(reports.last(), *figures, stopping.tolerance));
    const bool judged = validation && epoch > stopping.warm_up;
    const bool store = judged || last || (learner.has_step() && std::has_single_bit(epoch));
    if (!figures || (store && !learner.finite())) {
      reports.go_back();
      epoch = stored_epoch + 1;
      go_back(learner, last_good, epoch, observer);
      continue;
    }
    if (store) {
      learner.store(newest);
      last_good = {.model = &newest, .rest = learner.has_step() ? learner.save_state() : std::vector<std::byte>()};
      stored_epoch = epoch;
    }

    EpochReport report{.epoch = epoch,
                       .epochs = stopping.epochs,
                       .train_rmse = figures->train_rmse,
                       .root_squared_error = figures->root_squared_error,
                       .train_loss = figures->train_loss,
                       .seconds = seconds_since(start)};
    report.ratings_per_second = report.seconds > 0 ? static_cast<double>(ratings) / report.seconds : 0;
    if (judged) {
      newest.record.epochs = epoch;
      const double value = validation.measure(newest);
      report.validation = value;
      report.validation_name = validation.name;
      if (!keeps_best) {
        trained.best_epoch = epoch;
      } else if (!best_value || validation.better(value, *best_value)) {
        best_value = value;
        trained.best_epoch = epoch;
        std::swap(newest, best);
        last_good.model = &best;
      }
    } else {
      trained.best_epoch = epoch;
    }
    reports.add(report, trained.best_epoch == epoch);
    if (stored_epoch == epoch) reports.mark();
    const auto present = [&] {
      if (stored_epoch == epoch) return *last_good.model;
      Model copy = newest;
      learner.store(copy);
      return copy;
    };
    if (!observer.on_epoch(report, present)) {
      trained.stopped = Stopped::observer;
      if (!store) {
        if (!learner.finite()) {
          if (last_good.model == nullptr) fail_to_converge();
          last_good.restore(learner);
          trained.best_epoch = stored_epoch;
          reports.take_marked_as_best();
        }
        learner.store(newest);
      }
      break;
    }
    if (keeps_best && judged && epoch - trained.best_epoch >= stopping.patience) {
      trained.stopped = Stopped::patience;
      break;
    }
    if (last && epoch < stopping.epochs) {
      trained.stopped = Stopped::converged;
      break;
    }
    ++epoch;
  }
  trained.epochs = reports.epochs();
  trained.seconds = reports.seconds();
  // Ended within the first epochs, a run has no best one.
  trained.model = best_value ? std::move(best) : std::move(newest);
  trained.model.record.epochs = trained.best_epoch;
  trained.train_loss = reports.best().train_loss;
  trained.history = reports.take();
  return trained;
}

}  // namespace lowrank
