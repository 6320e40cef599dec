#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/model/model.h"
#include "lowrank/recommend/fold_in.h"
#include "model/count_weight.h"

namespace lowrank {

/// What all items, rated or not, add to a row's equations: the sum of c q q^T over all item factors (rank x rank, row by row, lower
/// triangle), c the item's share of the unobserved weight; for a divergence the sum of q (rank numbers). Empty where the row problem needs
/// none. The same for any number of threads.
std::vector<double> item_sums(const Model& model, int threads);

/// A FoldIn as the rows of one side see it, every kind in the same terms.
struct RowTerms {
  RowPenalty penalty;
  double size_exponent = 1;
  double observed_weight = 1;
  double alpha = 0;
  double unobserved_weight = 0;
  bool unobserved_includes_seen = true;
  bool binary_target = false;
  bool solves_bias = false;
  bool non_negative = false;
  bool divergence = false;
  bool solvable = true;             ///< false: there is nothing to solve
  PowerWeight row_observed = {};    ///< of the row's own ratings, in the weight of its observed cells
  PowerWeight fixed_observed = {};  ///< of the fixed row's ratings, in the same
  PowerWeight row_unobserved = {};
  PowerWeight fixed_unobserved = {};
};
RowTerms terms_of_user(const FoldIn& fold_in);

/// An observed cell of the row to be solved.
struct Observation {
  std::uint32_t item;
  float value;
};

/// Solves one user after another in double: by the normal equations, a divergence by multiplicative updates. Holds scratch memory: one
/// solver a thread.
class RowSolver {
 public:
  /// Both must outlive the solver. \param all_items of item_sums()
  RowSolver(const Model& model, const std::vector<double>& all_items);

  /// \param observations each item once, ascending, all known to the model
  /// \param[out] factors rank floats. \return the bias
  float solve(std::span<const Observation> observations, std::span<float> factors);

 private:
  /// The unobserved weight of a row, without its items' shares.
  [[nodiscard]] double unobserved_weight(std::size_t observed) const;
  [[nodiscard]] double scale(std::size_t observed) const;
  void add_observations(std::span<const Observation> observations);
  void add_regularization(std::size_t observed);
  bool solve_signed();
  bool solve_with_non_negative_factors();
  void solve_divergence(std::span<const Observation> observations);

  const Model& model_;
  RowTerms terms_;
  const std::vector<double>& all_items_;
  CountWeight observed_item_;
  CountWeight unobserved_item_;
  CountWeight unobserved_user_;
  double unobserved_items_;  ///< the sum of the items' shares of the unobserved weight
  std::size_t rank_;
  std::size_t size_;         ///< unknowns: the factors, then the bias where it is solved
  std::vector<double> a_;    ///< size x size, lower triangle
  std::vector<double> b_;    ///< right-hand side, then the solution
  std::vector<double> row_;  ///< one item's factors, and 1 for the bias
  std::vector<double> reduced_;
};

}  // namespace lowrank
