#include "lowrank/train/popular.h"

#include <array>

#include "train/common_options.h"
#include "train/epoch_loop.h"
#include "train/methods.h"

namespace lowrank {

namespace {

constexpr std::array kOptions = {
    holdout_seed_option<Popular>(),
};

/// All is known before the first epoch.
class PopularLearner final : public EpochLearner {
 public:
  std::optional<EpochFigures> run(std::size_t /*epoch*/) override { return EpochFigures{}; }
  bool finite() override { return true; }
  void store(Model& model) override {
    for (std::size_t item = 0; item < model.items.counts.size(); ++item)
      model.items.biases[item] = static_cast<float>(model.items.counts[item]);
  }
  void restore(const Model* /*model*/) override {}
};

}  // namespace

template <>
MethodTraits<Popular> traits_of() {
  return {.options = kOptions,
          .rating_bytes = 0,
          .warm_starts = false,
          .counts = is_positive<Popular>,
          .uncounted = kNonePositive,
          .ignores_values = always<Popular>};
}

template <>
Trained train_method(Ratings ratings, const Popular& /*options*/, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& /*context*/) {
  // The score of what nobody rated is 0 for everybody.
  frame.centre.rating_mean = 0;
  frame.centre.clips = false;
  PopularLearner learner;
  return run_epochs(learner, std::move(frame), NoFoldIn{}, 0, ratings.size(), Stopping{.epochs = 1, .patience = 1}, validation, observer);
}

}  // namespace lowrank
