#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/model/model.h"
#include "lowrank/recommend/fold_in.h"

namespace lowrank {

/// The sum of q q^T over all item factors: rank x rank, row by row, lower triangle. Empty where the row problem needs none.
/// The same for any number of threads.
std::vector<double> item_gramian(const Model& model, int threads);

/// An observed cell of the row to be solved.
struct Observation {
  std::uint32_t item;
  float value;
};

/// Solves one user after another by the normal equations, in double. Holds scratch memory: one solver a thread.
class RowSolver {
 public:
  /// Both must outlive the solver. \param gramian of item_gramian()
  RowSolver(const Model& model, const std::vector<double>& gramian);

  /// \param observations each item once, ascending, all known to the model
  /// \param[out] factors rank floats. \return the bias
  float solve(std::span<const Observation> observations, std::span<float> factors);

 private:
  void add_observations(std::span<const Observation> observations);
  void add_regularization(std::size_t observed);
  bool solve_signed();
  bool solve_with_non_negative_factors();

  const Model& model_;
  const std::vector<double>& gramian_;
  std::size_t rank_;
  std::size_t size_;         ///< unknowns: the factors, then the bias where it is solved
  std::vector<double> a_;    ///< size x size, lower triangle
  std::vector<double> b_;    ///< right-hand side, then the solution
  std::vector<double> row_;  ///< one item's factors, and 1 for the bias
  std::vector<double> reduced_;
};

}  // namespace lowrank
