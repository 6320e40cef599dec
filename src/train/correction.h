#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "lowrank/model/history.h"
#include "lowrank/train/correction.h"
#include "lowrank/train/trained.h"
#include "lowrank/train/validation.h"
#include "train/context.h"
#include "train/methods.h"
#include "train/residual_neighbours.h"

namespace lowrank {

/// Neighbours by ratings, kept for trainings on the same ratings that ask for them with the same options. Several threads may ask.
class NeighbourCache {
 public:
  /// Those for these options, found by `find()` where nobody has asked before. The weight of the options' rule does not matter.
  std::shared_ptr<const Neighbours> get(const ResidualNeighbourOptions& options, const std::function<Neighbours()>& find);

 private:
  using Key = std::tuple<std::uint32_t, double, double, double>;
  std::mutex mutex_;
  std::map<Key, std::shared_ptr<const Neighbours>> known_;
};

/// Whether a method has the options of the correction by neighbours.
template <class Options>
constexpr bool has_correction() {
  return requires(const Options& options) { options.neighbour_similarity; };
}

/// The correction of a model's predictions by what its users thought of the neighbours of an item. The ratings are looked at before
/// training, which lets go of them; the model afterwards.
class NeighbourCorrection {
 public:
  struct Settings {
    std::uint32_t neighbours = 0;
    CorrectionSimilarity similarity = CorrectionSimilarity::pearson;
    double shrinkage = 0;
    std::optional<double> power;
    std::optional<double> damping;
    std::optional<double> weight;
  };
  template <class Options>
  static Settings settings_of(const Options& options) {
    return {.neighbours = options.neighbours,
            .similarity = options.neighbour_similarity,
            .shrinkage = options.neighbour_shrinkage,
            .power = options.neighbour_power,
            .damping = options.neighbour_damping,
            .weight = options.neighbour_weight};
  }

  /// What the neighbours are found by; their weight is 1 where it is open.
  static ResidualNeighbourOptions found_by(const Settings& settings);

  /// \param frame  with the numbers of ratings \param settings  of at least one neighbour
  NeighbourCorrection(const Ratings& ratings, const Settings& settings, const Model& frame, const TrainContext& context);

  /// Gives the model its neighbours, and where the weight is open the one with the best validation figure; a weight of 0 gives none.
  void apply(Trained& trained, const Validation& validation);

 private:
  Settings settings_;
  ResidualNeighbourOptions found_by_;
  History history_;
  std::vector<float> weights_;                    ///< of the ratings, in the order of the history; empty for ones
  std::shared_ptr<const Neighbours> neighbours_;  ///< those by ratings
  int threads_;
  bool measures_;
};

/// Trains by one method, and corrects the predictions where its options say so.
template <class Options>
Trained train_and_correct(Ratings ratings, const Options& options, Model frame, const Validation& validation, TrainingObserver& observer,
                          const TrainContext& context) {
  std::optional<NeighbourCorrection> correction;
  if constexpr (has_correction<Options>()) {
    if (options.neighbours != 0 && frame.centre.predicts_ratings)
      correction.emplace(ratings, NeighbourCorrection::settings_of(options), frame, context);
  }
  Trained trained = train_method(std::move(ratings), options, std::move(frame), validation, observer, context);
  if (correction) correction->apply(trained, validation);
  return trained;
}

}  // namespace lowrank
