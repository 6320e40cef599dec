#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/row_policy.h"
#include "lowrank/data/ratings.h"
#include "lowrank/data/situations.h"
#include "lowrank/model/model.h"
#include "lowrank/train/context_als.h"
#include "train/context.h"
#include "train/context_levels.h"
#include "train/epoch_loop.h"
#include "train/row_blocks.h"
#include "train/transpose.h"

namespace lowrank {

/// What alternating least squares with contexts has whatever its loss: the ratings in both orders, the levels of every column, and what a
/// score makes of them.
class ContextLearnerBase : public EpochLearner {
 public:
  [[nodiscard]] LevelTable& column(std::size_t number) { return columns_[number]; }
  [[nodiscard]] const Ratings& ratings() const { return ratings_; }

 protected:
  /// \param ratings  at least one, each with its situation \param context  must outlive the learner, as its situations and `workers`
  /// \throws DataError for more than 4,294,967,295 ratings
  ContextLearnerBase(Ratings ratings, std::uint32_t rank, ContextForm form, const RowOptions& row_options, const TrainContext& context,
                     Workers& workers);

  /// Memory for one piece of work.
  struct Scratch {
    explicit Scratch(std::size_t rank) : rows(2, rank) {}
    CombinedLevels::Scratch combined;
    FactorMatrix rows;
  };
  /// What the rating at a place in the order of users is, less its score.
  virtual float residual(std::size_t place, Scratch& scratch) const = 0;

  [[nodiscard]] bool has_vectors() const { return form_ == ContextForm::pairwise || form_ == ContextForm::both; }
  [[nodiscard]] bool has_scales() const { return form_ == ContextForm::cp || form_ == ContextForm::both; }
  /// <a, b>; 0 without factors.
  static float product(const float* a, const float* b, std::size_t stride);
  /// <p o t, q>, with all scales t; what there is of them.
  float scaled_product(const float* p, const float* q, const float* scales, Scratch& scratch) const;
  /// The sum of squared residuals, times weights where there are any.
  double squared_residuals(std::span<const float> weights);

  /// The step of a column's levels. \param weights  of ratings in the order of users, borrowed; empty for ones
  [[nodiscard]] RegressorStep step_of(std::size_t column, std::span<const double> ridges, std::span<const float> weights) const;
  /// Solves the scales of a column as their distances from 1, towards which they are regularised: completes the step and runs it.
  /// \param[in,out] biases  of the levels, solved with the scales; null where they are not
  void solve_scales(std::size_t column, RegressorStep step, const FactorMatrix& users, const FactorMatrix& items, float* biases);

  /// Levels that change nothing.
  void reset_levels();
  /// Calls visit(number of the column, level, context of the model, its level) for each level with ratings that the model knows.
  void for_known_levels(const Model& from,
                        const std::function<void(std::size_t, std::uint32_t, const ContextVectors&, std::uint32_t)>& visit) const;
  /// Gives the model a context for each column, with its name and levels.
  void name_contexts(Model& model) const;
  [[nodiscard]] bool levels_finite();

  std::uint32_t rank_;
  ContextForm form_;
  RowOptions row_options_;
  const Model* init_;
  const Situations& situations_;
  Workers& workers_;
  Ratings ratings_;
  ByItem by_item_;
  std::vector<std::uint32_t> user_of_;             ///< of every rating, in the order of users
  std::vector<std::uint32_t> situations_by_item_;  ///< of every rating, in the order of items
  std::vector<LevelTable> columns_;
  std::vector<std::vector<std::uint16_t>> level_rows_;  ///< see rows_of()
  CombinedLevels combined_;
  RowBlocks blocks_;
};

}  // namespace lowrank
