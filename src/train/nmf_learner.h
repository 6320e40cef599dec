#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"
#include "kernels/row_plan.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/train/nmf.h"
#include "train/bias_damping.h"
#include "train/epoch_loop.h"
#include "train/transpose.h"
#include "train/units.h"

namespace lowrank {

/// The rows of one side, users or items, as the factorization sees them: their ratings in the units of training.
struct NmfSide {
  std::span<const std::size_t> offsets;  ///< rows + 1 positions
  const std::uint32_t* others;           ///< the row of the other side of every rating
  std::span<const std::uint8_t> codes;   ///< of values in `table`; empty when values are not coded
  std::span<const float> values;
  std::span<const float> weights;  ///< of the ratings; empty for ones
  std::vector<double> totals;      ///< the weights of every row's ratings, added up
  std::vector<float> table;
  Units units;
  RowPlan plan;
  Purpose start;        ///< of the random start of its factors
  double bias_damping;  ///< weight of bias^2
  double cells = 0;     ///< of a row where absent cells are zeros

  [[nodiscard]] std::size_t rows() const { return offsets.size() - 1; }
  [[nodiscard]] std::size_t count(std::size_t row) const { return offsets[row + 1] - offsets[row]; }
  [[nodiscard]] double weight(std::size_t position) const { return weights.empty() ? 1.0 : static_cast<double>(weights[position]); }
  [[nodiscard]] float value(std::size_t position) const {
    return table.empty() ? units.to_training(values[position]) : table[codes[position]];
  }
};

/// Factors to start from, in the units of training.
struct NmfStart {
  FactorMatrix users;
  FactorMatrix items;
};

/// What is minimised, and over what: everything that both solvers share but the tables of factors.
struct NmfProblem {
  /// \param options with nothing left open; \param moments of `ratings`, not negative
  NmfProblem(const Ratings& ratings, const Nmf& options, const RatingMoments& moments, Workers& workers);

  /// What a row's regularisation is multiplied by.
  [[nodiscard]] double weight(const NmfSide& side, std::size_t row) const { return zeros ? side.cells : side.totals[row] + prior; }

  bool zeros;       ///< absent cells are zeros
  bool divergence;  ///< Kullback-Leibler, not Frobenius
  bool biases;
  double l1;
  double l2;
  double prior;
  std::size_t rank;
  std::uint64_t seed;
  double total_weight;  ///< of all ratings: their number where they have no weights
  Units units;
  double squares;                      ///< sum of the squares of all values
  std::optional<NmfStart> start = {};  ///< else factors start as random draws
  double level;                        ///< factors start as absolute values of normal draws of this deviation
  ByItem by_item;
  NmfSide users;
  NmfSide items;
};

/// What both solvers have in common: start, model, biases, and the account of losses.
class NmfLearner : public EpochLearner {
 public:
  /// \param least what a start from `init` has instead of zeros, as a share of the usual start
  NmfLearner(const NmfProblem& problem, const Model* init, double least, Workers& workers);

  bool finite() override { return finite_; }
  void store(Model& model) override;
  void restore(const Model* model) override;

 protected:
  /// One row of a side's factors in or out of the solver's table.
  virtual void put_row(const NmfSide& side, std::size_t row, std::span<const double> factors) = 0;
  virtual void take_row(const NmfSide& side, std::size_t row, std::span<double> factors) const = 0;

  [[nodiscard]] std::vector<float>& biases(const NmfSide& side) { return &side == &problem_.users ? user_biases_ : item_biases_; }
  [[nodiscard]] const std::vector<float>& biases(const NmfSide& side) const {
    return &side == &problem_.users ? user_biases_ : item_biases_;
  }
  [[nodiscard]] const NmfSide& other(const NmfSide& side) const { return &side == &problem_.users ? problem_.items : problem_.users; }
  /// The figures of an epoch. \param loss of the cells, in the units of training \param squared sum of squared errors over observed cells
  EpochFigures figures(double loss, double squared);
  /// Half of what regularisation adds to the loss for the rows of a side.
  [[nodiscard]] double penalty(const NmfSide& side) const;
  /// Sum of part(row) over the rows of a side, in a fixed order.
  double sum_rows(const NmfSide& side, const std::function<double(std::size_t row)>& part) const;

  const NmfProblem& problem_;
  Workers& workers_;

 private:
  void start_side(const NmfSide& side, const Side* from, double shift);

  const Model* init_;
  double least_;
  bool finite_ = true;
  std::vector<float> user_biases_;
  std::vector<float> item_biases_;
};

}  // namespace lowrank
