#include "train/neighbour_learner.h"

#include <utility>

#include "train/epoch_loop.h"

namespace lowrank {

namespace {

class NeighbourLearner final : public EpochLearner {
 public:
  explicit NeighbourLearner(std::function<Neighbours()> find) : find_(std::move(find)) {}
  std::optional<EpochFigures> run(std::size_t /*epoch*/) override {
    neighbours_ = find_();
    return EpochFigures{};
  }
  bool finite() override { return true; }
  void store(Model& model) override { model.neighbours = neighbours_; }
  void restore(const Model* /*model*/) override {}

 private:
  std::function<Neighbours()> find_;
  Neighbours neighbours_;
};

}  // namespace

Trained train_neighbours(const Ratings& ratings, const std::function<Neighbours(const Model& frame)>& find, Model frame,
                         const Validation& validation, TrainingObserver& observer, const TrainContext& context) {
  const Model counts = frame;
  // Scores come from the history, in validation too.
  frame.history = History(ratings, HistoryValues::dropped, context.threads);
  frame.centre.has_biases = false;
  frame.centre.rating_mean = 0;
  frame.centre.clips = false;
  NeighbourLearner learner([&] { return find(counts); });
  return run_epochs(learner, std::move(frame), NoFoldIn{}, 0, ratings.size(), Stopping{.epochs = 1, .patience = 1}, validation, observer);
}

}  // namespace lowrank
