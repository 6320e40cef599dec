#include "lowrank/train/popular.h"

#include <array>

#include "train/common_options.h"
#include "train/epoch_loop.h"
#include "train/methods.h"
#include "train/units.h"

namespace lowrank {

namespace {

constexpr std::array kOptions = {
    holdout_seed_option<Popular>(),
};

/// All is known before the first epoch.
class PopularLearner final : public EpochLearner {
 public:
  explicit PopularLearner(const Ratings& ratings) : weights_(ratings.has_weights() ? ratings.item_count() : 0) {
    for (std::size_t position = 0; position < ratings.weights().size(); ++position) {
      weights_[ratings.items()[position]] += static_cast<double>(ratings.weights()[position]);
    }
  }

  std::optional<EpochFigures> run(std::size_t /*epoch*/) override { return EpochFigures{}; }
  bool finite() override { return true; }
  void store(Model& model) override {
    for (std::size_t item = 0; item < model.items.counts.size(); ++item) {
      model.items.biases[item] = weights_.empty() ? static_cast<float>(model.items.counts[item]) : to_bias(weights_[item]);
    }
  }
  void restore(const Model* /*model*/) override {}

 private:
  std::vector<double> weights_;  ///< of every item's ratings; empty for ones
};

}  // namespace

template <>
MethodTraits<Popular> traits_of() {
  return {.options = kOptions,
          .rating_bytes = 0,
          .warm_starts = false,
          .counts = is_positive<Popular>,
          .uncounted = kNonePositive,
          .ignores_values = always<Popular>,
          .weighs = always<Popular>};
}

template <>
Trained train_method(Ratings ratings, const Popular& /*options*/, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& /*context*/) {
  // The score of what nobody rated is 0 for everybody.
  frame.centre.rating_mean = 0;
  frame.centre.clips = false;
  PopularLearner learner(ratings);
  return run_epochs(learner, std::move(frame), NoFoldIn{}, 0, ratings.size(), Stopping{.epochs = 1, .patience = 1}, validation, observer);
}

}  // namespace lowrank
