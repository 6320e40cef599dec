#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/data/situations.h"
#include "lowrank/model/model.h"
#include "lowrank/train/context_als.h"
#include "lowrank/train/train.h"
#include "train/als_weights.h"
#include "train/context.h"
#include "train/context_learner_base.h"
#include "train/level_products.h"
#include "train/level_runs.h"
#include "train/units.h"

namespace lowrank {

/// Alternating least squares of users, items and levels of contexts. An epoch is solve_users(), solve_items() and solve_levels() of every
/// column, each of which can be run alone.
class ContextLearner final : public ContextLearnerBase {
 public:
  /// The rows of one side, in units of training.
  struct Rows {
    FactorMatrix factors;
    std::vector<float> biases;
    std::vector<std::uint32_t> counts;
    std::vector<double> ridges;
    std::vector<double> bias_dampings;
  };

  /// \param ratings  at least one, each with its situation \param frame  with the numbers of ratings \param context  must outlive the
  /// learner, as its situations and `workers` \throws DataError for more than 4,294,967,295 ratings
  ContextLearner(Ratings ratings, const ContextAls& options, const Units& units, const AlsWeights& weights, const Model& frame,
                 const TrainContext& context, Workers& workers);

  std::optional<EpochFigures> run(std::size_t epoch) override;
  bool finite() override;
  void store(Model& model) override;
  void restore(const Model* model) override;

  /// Starts from the best of some random starts, with scales of any sign, each trained for a few epochs: the one of least loss.
  void find_start(std::uint32_t starts);

  /// \name The steps of an epoch
  /// \{
  void solve_users();
  void solve_items();
  void solve_levels(std::size_t column);
  /// The sum of squared errors, and the loss, in units of training. O(n rank)
  [[nodiscard]] double squared_errors();
  [[nodiscard]] double regularization();
  /// \}

  [[nodiscard]] Rows& users() { return users_; }
  [[nodiscard]] Rows& items() { return items_; }
  /// To be called when rows of a column were changed from outside.
  void refresh() { combined_.refresh(workers_); }

 private:
  /// Rows at random, and levels that change nothing.
  void start(std::uint64_t seed);
  void step();
  float residual(std::size_t place, Scratch& scratch) const override;
  void set_up(Rows& side, const std::vector<std::uint32_t>& counts, const std::vector<double>& totals, double bias_damping) const;
  void set_up_columns();
  template <class View>
  void solve(const View& view, const Rows& fixed, const LevelProducts& products, Rows& solved);
  void solve_vectors(std::size_t column);
  /// The same by runs of users.
  void solve_vectors_by_runs(std::size_t column);
  void solve_scales_of(std::size_t column);
  /// What the model without a context has of a column.
  [[nodiscard]] LevelMean mean(const LevelTable& table) const;
  /// Makes known to all what has been solved of a column.
  void take_over(std::size_t column);
  template <class View>
  void solve_row_biases(const View& view, std::size_t column, LevelBiases& biases);
  /// What biases of rows in levels add to a rating.
  [[nodiscard]] float row_biases(std::uint32_t user, std::uint32_t item, std::uint32_t situation) const;
  [[nodiscard]] float score(std::uint32_t user, std::uint32_t item, std::uint32_t situation, Scratch& scratch) const;
  void load(const Model& from);
  void store(const LevelTable& table, const LevelMean& mean, std::span<const double> scale, ContextVectors& to) const;

  struct RunScratch;
  /// Numbers that products of levels with the rows of a side may take: half as many as there are ratings.
  [[nodiscard]] std::size_t most_products() const { return has_vectors() && options_.rank != 0 ? ratings_.size() / 2 : 0; }
  [[nodiscard]] bool has_user_biases() const {
    return options_.biases && (options_.context_biases == ContextBiases::users || options_.context_biases == ContextBiases::both);
  }
  [[nodiscard]] bool has_item_biases() const {
    return options_.biases && (options_.context_biases == ContextBiases::items || options_.context_biases == ContextBiases::both);
  }
  /// Where products of levels are kept, refreshes those of the side.
  void refresh_products(LevelProducts& products, const Rows& side) { products.refresh(side.factors, columns_, workers_); }
  [[nodiscard]] float target(std::size_t at) const { return units_.to_training(ratings_.value(at)); }

  ContextAls options_;
  Units units_;
  AlsWeights weights_;
  double total_weight_;
  Rows users_;
  Rows items_;
  /// With vectors: of users and items. They hold where they were refreshed, within a step.
  LevelProducts user_products_;
  LevelProducts item_products_;
  std::vector<LevelRuns> runs_;  ///< of each column, where levels have vectors
  RowBlocks bias_blocks_;        ///< of rank 0
};

/// Bytes besides those of rows and of the ratings in both orders that training takes.
std::size_t context_learner_bytes(const ContextAls& options, const TrainingShape& shape);

}  // namespace lowrank
