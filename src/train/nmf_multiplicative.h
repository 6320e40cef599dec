#pragma once

#include <vector>

#include "train/nmf_learner.h"

namespace lowrank {

/// Multiplicative updates in double (Lee, Seung: Algorithms for non-negative matrix factorization, NIPS 2001), users then items, each with
/// the loss that it has over its own cells. With weights and biases the updates come from the same kind of auxiliary function, so that no
/// epoch raises the loss; a bias is set to its best value before its side's factors move.
class NmfMultiplicative final : public NmfLearner {
 public:
  NmfMultiplicative(const NmfProblem& problem, const Model* init, Workers& workers);
  std::optional<EpochFigures> run(std::size_t epoch) override;

 protected:
  void put_row(const NmfSide& side, std::size_t row, std::span<const double> factors) override;
  void take_row(const NmfSide& side, std::size_t row, std::span<double> factors) const override;

 private:
  [[nodiscard]] const std::vector<double>& table(const NmfSide& side) const { return &side == &problem_.users ? users_ : items_; }
  [[nodiscard]] std::vector<double>& table(const NmfSide& side) { return &side == &problem_.users ? users_ : items_; }
  void fit_biases(const NmfSide& side);
  /// \return the sum over the side's rows of the product of factors and numerators; a part of the loss over all cells
  double update(const NmfSide& side);
  void add_ratings(const NmfSide& side, std::size_t row, std::size_t begin, std::size_t end, double* numerator, double* denominator);
  double finish(const NmfSide& side, std::size_t row, const double* numerator, double* denominator);
  void sum_other_rows(const NmfSide& side);
  EpochFigures figures_now(double cross);

  std::vector<double> users_;  ///< rows x rank
  std::vector<double> items_;
  std::vector<double> gram_;  ///< where absent cells are zeros: of the side that stands still
  std::vector<double> sums_;  ///< the same, column by column
};

}  // namespace lowrank
