#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/normal_solver.h"

namespace lowrank {

/// The normal equations of all rows of one side against the other side's fixed rows.
struct HalfStep {
  std::span<const std::size_t> offsets;   ///< rows + 1 positions: the ratings of row r are at [offsets[r], offsets[r + 1])
  const std::uint32_t* others = nullptr;  ///< number of the fixed row of each rating
  RowTable fixed{};
  const float* diagonal = nullptr;  ///< as in NormalEquations
  std::span<const double> ridges;   ///< ridge of each row
  double least_ridge = 0;           ///< least ridge of any row; above 0 where `ridges` may be 0
  /// Factor of the diagonal for each row, whose equations are divided by it. Empty for ones; else `weighted` and `valued` must be true.
  std::span<const double> factors;
  bool weighted = false;  ///< `cells` writes weights; else they are ones
  bool valued = false;    ///< `cells` writes values; else they are ones
  bool squares = false;   ///< HalfStepSums::value_squares is wanted where `cells` writes weights, which are then above 0
  /// Writes c and v for the ratings of a row at [begin, end). Null when both are ones.
  std::function<void(std::size_t row, std::size_t begin, std::size_t end, float* weights, float* values)> cells;
  std::span<const double> bias_dampings;  ///< bias damping of each row; empty without biases
  bool non_negative = false;              ///< x >= 0
  std::span<const double> l1;             ///< l1 of each row, divided by its factor; empty for zeros
  const double* shared = nullptr;         ///< as in NormalEquations; divided by no factor
  RowOptions options;
};

/// Sums over the rows of a half-step.
struct HalfStepSums {
  double objective = 0;      ///< the minimised expressions
  double value_squares = 0;  ///< squares of all values, where there are values; with weights v^2 / c, where HalfStep::squares

  HalfStepSums& operator+=(const HalfStepSums& other) {
    objective += other.objective;
    value_squares += other.value_squares;
    return *this;
  }
};

/// Solves half-steps of one rank. Holds scratch memory for each thread.
class HalfSteps {
 public:
  HalfSteps(std::size_t rank, Workers& workers);
  ~HalfSteps();
  HalfSteps(const HalfSteps&) = delete;
  HalfSteps& operator=(const HalfSteps&) = delete;

  /// Solves each row that has ratings; the others become zero. Who solves a row, and which rows are cut into pieces, is the policy of
  /// row_policy.h. The same result for any number of threads.
  /// \param[in,out] solved  rows of fixed.stride floats, aligned to 64 bytes: where a solver starts, and the solutions
  /// \param[in,out] biases  one per row; null without biases
  HalfStepSums run(const HalfStep& step, float* solved, float* biases);

  /// The rows whose solver starts from the row as it was; run() does not read the others.
  [[nodiscard]] std::vector<std::uint32_t> continued_rows(const HalfStep& step) const;

 private:
  struct Scratch;
  Scratch& scratch(std::size_t slot);
  /// The equations of the ratings at [begin, end), which are all of a row's or a piece of them.
  static NormalEquations equations(const HalfStep& step, std::size_t row, std::size_t begin, std::size_t end, Scratch& scratch);
  void solve_row(const HalfStep& step, std::size_t row, Scratch& scratch, float* x, float* bias, HalfStepSums& sums) const;

  std::size_t rank_;
  Workers& workers_;
  std::vector<std::unique_ptr<Scratch>> scratch_;
};

}  // namespace lowrank
