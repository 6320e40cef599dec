#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/row_system.h"
#include "lowrank/model/factor_matrix.h"
#include "lowrank/train/solver.h"

namespace lowrank {

/// One side's rows, each solved against the other side's fixed ones: what RowEquations says, for all rows.
struct HalfStep {
  std::span<const std::size_t> offsets;   ///< the ratings of row r stand at [offsets[r], offsets[r + 1])
  const std::uint32_t* others = nullptr;  ///< of every rating, the number of the fixed row
  const FactorMatrix* fixed = nullptr;
  const float* diagonal = nullptr;  ///< as in RowEquations
  std::span<const double> ridges;   ///< of every row
  /// Of every row, how much of the diagonal it has; its equations are divided by it. Empty: ones; else `weighted` and `valued`.
  std::span<const double> shares;
  double least_ridge = 0;  ///< of any row; above 0 where a ridge may be 0
  bool weighted = false;   ///< `cells` gives weights; else they are ones
  bool valued = false;     ///< `cells` gives values; else they are ones
  /// Writes c and v of a row's ratings at [begin, end). Null when both are ones.
  std::function<void(std::size_t row, std::size_t begin, std::size_t end, float* weights, float* values)> cells;
  bool has_bias = false;
  double bias_damping = 0;  ///< of a row, plus
  double bias_rating = 0;   ///< of each rating
  Solver solver = Solver::exact;
  std::uint32_t cg_steps = 3;
  std::size_t block = 16;
  std::uint32_t sweeps = 2;
  bool non_negative = false;  ///< x >= 0, whatever the solver
};

/// Solves half-steps of one rank. Holds scratch memory for every thread.
class HalfSteps {
 public:
  HalfSteps(std::size_t rank, Workers& workers);
  ~HalfSteps();
  HalfSteps(const HalfSteps&) = delete;
  HalfSteps& operator=(const HalfSteps&) = delete;

  /// Solves every row that has ratings; the others are set to zero. Short rows are dealt out in pieces of about equal work, rows that would
  /// keep a thread for long are cut into pieces themselves and solved exactly. The same for any number of threads.
  /// \param[in,out] solved, biases  of the rows; where a solver starts, where it is not exact. `biases` null without biases
  /// \return the sum over rows of what RowEquations minimises
  double run(const HalfStep& step, FactorMatrix& solved, std::vector<float>* biases);

  /// The rows whose solver starts from what the row was: no matter what the others are before run().
  [[nodiscard]] std::vector<std::uint32_t> continued_rows(const HalfStep& step) const;

 private:
  struct Scratch;
  [[nodiscard]] double work_of(const HalfStep& step, std::size_t ratings) const;
  [[nodiscard]] bool is_long(const HalfStep& step, std::size_t ratings) const;
  [[nodiscard]] bool continues(const HalfStep& step, std::size_t ratings) const;
  double solve_row(const HalfStep& step, std::size_t row, Scratch& scratch, float* x, float* bias) const;
  double solve_long_row(const HalfStep& step, std::size_t row, float* x, float* bias);
  RowEquations equations(const HalfStep& step, std::size_t row, std::size_t begin, std::size_t end, Scratch& scratch) const;

  std::size_t rank_;
  Workers& workers_;
  std::vector<std::unique_ptr<Scratch>> scratch_;
};

}  // namespace lowrank
