#pragma once

#include <vector>

#include "kernels/half_step.h"
#include "train/nmf_learner.h"

namespace lowrank {

/// Coordinate descent on the rows of one side while the other is fixed, users then items: hierarchical alternating least squares
/// (Cichocki, Phan 2009), with a few sweeps over a row per pass over its ratings (Gillis, Glineur: Accelerated multiplicative updates
/// and hierarchical ALS algorithms for nonnegative matrix factorization, 2012). Frobenius only.
///
/// Where absent cells are zeros, both sides are carried on along their last change before they are solved again, as long as that lowers the
/// loss (Ang, Gillis: Accelerating nonnegative matrix factorization algorithms using extrapolation, 2019): a third of the epochs.
///
/// Over observed cells every row has normal equations of its own, from which its bias is eliminated: O(n rank^2). Where absent cells are
/// zeros all rows of a side share one matrix: O(n rank + (users + items) rank^2).
class NmfCoordinate final : public NmfLearner {
 public:
  NmfCoordinate(const NmfProblem& problem, const Model* init, Workers& workers);
  std::optional<EpochFigures> run(std::size_t epoch) override;
  void restore(const Model* model) override;

 protected:
  void put_row(const NmfSide& side, std::size_t row, std::span<const double> factors) override;
  void take_row(const NmfSide& side, std::size_t row, std::span<double> factors) const override;

 private:
  [[nodiscard]] const FactorMatrix& table(const NmfSide& side) const { return &side == &problem_.users ? users_ : items_; }
  [[nodiscard]] FactorMatrix& table(const NmfSide& side) { return &side == &problem_.users ? users_ : items_; }
  /// \return sum of squared errors over the observed cells
  double solve_observed(const NmfSide& side);
  /// An epoch where absent cells are zeros. \return its figures
  EpochFigures run_all();
  /// Moves factors by their change since `before` once more, times the momentum, and cuts off at zero.
  void extrapolate(FactorMatrix& factors, const FactorMatrix& before);
  void copy(const FactorMatrix& from, FactorMatrix& to);
  /// \return the sum of squared errors over all cells
  double solve_all(const NmfSide& side);
  void multiply(const NmfSide& side);

  FactorMatrix users_;
  FactorMatrix items_;
  // Only where absent cells are zeros.
  FactorMatrix user_products_;  ///< ratings times the other side's factors
  FactorMatrix item_products_;
  FactorMatrix old_users_;  ///< at the start of the epoch
  FactorMatrix old_items_;
  FactorMatrix last_users_;  ///< what the changes are counted from that extrapolation goes on with
  FactorMatrix last_items_;
  FactorMatrix solved_users_;  ///< before they were extrapolated
  double momentum_ = 0;        ///< of extrapolation; 0 in the first epoch
  double most_momentum_ = 1;
  double last_loss_ = 0;
  std::vector<double> still_gram_;  ///< Gramian of the fixed side; empty when it is not known
  // Only over observed cells.
  HalfSteps half_steps_;
  AlignedFloats diagonal_;
};

}  // namespace lowrank
