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
#include "lowrank/train/implicit.h"
#include "lowrank/train/implicit_context.h"
#include "lowrank/train/train.h"
#include "train/context.h"
#include "train/context_learner_base.h"
#include "train/context_moments.h"

namespace lowrank {

/// Alternating least squares of users, items and levels of contexts over all cells of a tensor. An epoch is solve_users(), solve_items()
/// and solve_levels() of every column, each of which can be run alone.
class ImplicitContextLearner final : public ContextLearnerBase {
 public:
  /// The rows of one side.
  struct Rows {
    FactorMatrix factors;
    std::vector<std::uint32_t> counts;
    std::vector<double> unobserved;  ///< of every row, its factor of the unobserved weight; 0 without ratings
    std::vector<double> ridges;
  };

  /// \param ratings  at least one, each with its situation \param settled  those that method implicit has too, with nothing left open
  /// \param frame  with the numbers of ratings \param context  must outlive the learner, as its situations and `workers`
  /// \throws DataError for more than 4,294,967,295 ratings
  ImplicitContextLearner(Ratings ratings, const ImplicitContext& options, const Implicit& settled, const Model& frame,
                         const TrainContext& context, Workers& workers);

  std::optional<EpochFigures> run(std::size_t epoch) override;
  bool finite() override;
  void store(Model& model) override;
  void restore(const Model* model) override;

  /// \name The steps of an epoch
  /// \{
  void solve_users();
  void solve_items();
  void solve_levels(std::size_t column);
  /// The loss. O(n rank + columns rank^2)
  [[nodiscard]] double loss();
  /// \}

  [[nodiscard]] Rows& users() { return users_; }
  [[nodiscard]] Rows& items() { return items_; }
  /// The shares of the levels of a column.
  [[nodiscard]] std::span<const double> shares(std::size_t column) const { return shares_[column]; }
  /// To be called when rows of a column were changed from outside.
  void refresh(std::size_t column);

 private:
  float residual(std::size_t place, Scratch& scratch) const override;
  void set_up(Rows& side, const std::vector<std::uint32_t>& counts, double exponent) const;
  void set_up_columns(const Implicit& settled);
  void set_up_weights(const Implicit& settled);
  template <class View>
  void solve(const View& view, std::span<const float> weights, const Rows& fixed, Rows& solved);
  /// Tables in the basis of a step.
  struct Turned {
    std::vector<FactorMatrix> rows;
    std::vector<FactorMatrix> vectors;  ///< d of every column
  };
  /// Has a step fill `turned` before its regressors are written: with tables of rows, and the vectors of all columns.
  void follow(std::vector<const FactorMatrix*> rows, Turned& turned, RegressorStep& step) const;
  /// Writers of the regressors of a side's rows: of a form without scales, from tables that follow the step, and of the others.
  template <class View>
  auto sums_of(const View& view, const Turned& turned) const;
  template <class View>
  auto scaled_of(const View& view, const FactorMatrix& fixed) const;
  /// What the cells make of the levels of a column, and their number by weight.
  struct LevelStep {
    LevelCells cells;
    double weight = 0;
  };
  [[nodiscard]] LevelStep cells_of(std::size_t column) const;
  void solve_vectors(std::size_t column, const LevelStep& cells);
  void solve_scales_of(std::size_t column, const LevelStep& cells);
  /// Gives a missing level the mean of the column's, and makes all known to scores.
  void take_over(std::size_t column);
  /// Adds to a step what the cells make of its rows, if they have weight. \param[out] shared  what the step then borrows
  void share(const Matrix& matrix, FactorMatrix linear, std::span<const double> factors, SharedTerms& shared, RegressorStep& step) const;
  /// The moments of all columns, or of all but one.
  [[nodiscard]] LevelMoments levels(std::optional<std::size_t> except = {}) const;
  [[nodiscard]] float score(std::uint32_t user, std::uint32_t item, std::uint32_t situation, Scratch& scratch) const;
  [[nodiscard]] static float target(float rating) { return rating > 0 ? 1.0F : 0.0F; }
  /// What the model without a context has of the levels, see store().
  struct Centre {
    std::vector<LevelMean> columns;
    std::vector<double> scale;  ///< product of the mean scales
    std::vector<double> shift;  ///< added to the rows of users and items
    std::vector<double> rest;   ///< what the shift leaves of the sum of the mean vectors
    double mean = 0;            ///< what is the same for all cells
  };
  [[nodiscard]] Centre centre() const;
  void store(const LevelTable& table, const LevelMean& mean, const Centre& centre, ContextVectors& to) const;
  /// Levels at random: vectors of that standard deviation, and scales near 1.
  void start_levels(std::size_t column, double deviation);
  void load(const Model& from);

  ImplicitContext options_;
  double unobserved_weight_;
  std::vector<float> weights_;          ///< of observed cells in the order of users; empty for ones
  std::vector<float> weights_by_item_;  ///< the same in the order of items
  Rows users_;
  Rows items_;
  std::vector<std::vector<double>> shares_;  ///< of every column
  std::vector<LevelMoments> moments_;        ///< of every column
};

/// Bytes besides those of rows that training takes.
std::size_t implicit_context_bytes(const ImplicitContext& options, const TrainingShape& shape);

}  // namespace lowrank
