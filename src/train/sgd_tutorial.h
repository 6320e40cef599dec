#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/train/sgd.h"
#include "train/epoch_loop.h"
#include "train/tutorial.h"

namespace lowrank {

/// The program of Albert Au Yeung's article (2017), in double as there: rating units, factors that start as normal draws of standard
/// deviation 1/K, a new random order in every epoch, a constant step; biases first, then p, then q with the new p. It follows the program,
/// and is not fast.
class SgdTutorial final : public EpochLearner {
 public:
  /// \param mean  mean of the ratings
  /// \param init  the model of a warm start, or null
  SgdTutorial(const Ratings& ratings, const Sgd& options, double mean, const Model& frame, const Model* init);

  std::optional<EpochFigures> run(std::size_t epoch) override;
  bool finite() override { return true; }
  void store(Model& model) override;
  void restore(const Model* model) override;
  [[nodiscard]] bool has_step() const override { return true; }
  std::optional<DivergenceReport> cut_step() override;

  /// Gives `trained` its model's RMSE over the training ratings, clipped, and its loss.
  void score(Trained& trained);

 private:
  [[nodiscard]] TutorialState state();
  [[nodiscard]] double predict(std::size_t user, std::size_t item);

  Sgd options_;
  double mean_;
  const Model* init_;
  double rate_;
  std::vector<std::uint32_t> users_;
  std::vector<std::uint32_t> items_;
  std::vector<double> values_;
  std::vector<std::uint32_t> user_ratings_;
  std::vector<std::uint32_t> item_ratings_;
  std::vector<double> user_factors_;
  std::vector<double> item_factors_;
  std::vector<double> user_biases_;
  std::vector<double> item_biases_;
};

}  // namespace lowrank
