#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/aligned_floats.h"
#include "kernels/gramian.h"
#include "kernels/half_step.h"
#include "lowrank/model/factor_matrix.h"

namespace lowrank {

/// What the rows of a step share besides their ratings: f (x^T M x + 2 <b, x>), for a factor f of the row.
struct SharedTerms {
  std::vector<double> matrix;       ///< M, rank x rank, positive semidefinite
  FactorMatrix linear;              ///< b: one row for all rows of the step, or one for each
  std::span<const double> factors;  ///< f of each row, above 0 where it has ratings; empty for ones
};

/// The normal equations of rows whose ratings have regressors of their own, rather than fixed rows that they share: x minimises
///
///     sum over its ratings of c (v - <z, x> - bias)^2  +  ridge |x|^2  +  bias_damping bias^2  +  the shared terms
///
/// With shared terms it is posed in the eigenbasis of M, in which they are a diagonal and a mean m: with lambda the eigenvalues,
///
///     m_k = -f b_k / (f lambda_k + ridge)    and    w = x - m minimises  sum of c (v - <z, m> - <z, w>)^2 + sum_k (f lambda_k + ridge)
///     w_k^2
struct RegressorStep {
  std::span<const std::size_t> offsets;   ///< rows + 1 positions: the ratings of row r are at [offsets[r], offsets[r + 1])
  std::span<const double> ridges;         ///< of each row, above 0
  std::span<const double> bias_dampings;  ///< of each row; empty without biases
  /// Writes z and v of the ratings of a row at [begin, end), z as rows of `stride` floats, of which those from the rank on stay.
  std::function<void(std::size_t row, std::size_t begin, std::size_t end, float* regressors, std::size_t stride, float* values)> write;
  std::function<float(std::size_t at)> weight;  ///< c of a rating, at least 0; null for ones
  RowOptions options;
  const SharedTerms* shared = nullptr;  ///< null for none; without biases only
  /// Where there are shared terms: told the matrix that turns rows into the eigenbasis before regressors are written, which are then to be
  /// written in it. Null where `write` does not follow: regressors are then turned here, at rank^2 multiplications per rating.
  std::function<void(const AlignedFloats& vectors)> turn;
};

/// Solves such steps. Regressors are written for blocks of rows of about kBlockFloats floats, and these solved by HalfSteps; a row of more
/// ratings than a block has is solved from the sums of its products, block by block. Holds the memory of a block.
class RowBlocks {
 public:
  /// Floats of the regressors of a block: 2 MiB.
  static constexpr std::size_t kBlockFloats = std::size_t{1} << 19U;

  RowBlocks(std::size_t rank, Workers& workers);
  /// \param most_ratings  of a block, at least 1
  RowBlocks(std::size_t rank, Workers& workers, std::size_t most_ratings);

  /// Solves each row that has ratings; the others become zero. The same result for any number of threads.
  /// \param[in,out] solved  of the rank: where a solver starts, and the solutions
  /// \param[in,out] biases  one per row; null without biases
  void run(const RegressorStep& step, FactorMatrix& solved, float* biases);

  /// Bytes that blocks of a rank take at most.
  static std::size_t bytes(std::size_t rank);

 private:
  void run_rows(const RegressorStep& step, FactorMatrix& solved, float* biases);
  /// Finds the eigenbasis of the shared terms, and the means of all rows.
  void begin_shared(const RegressorStep& step);
  /// Writes the ratings at [begin, end) of a row to where those at [start, ...) begin in the block. They are complete after turn_block().
  void write(const RegressorStep& step, std::size_t row, std::size_t begin, std::size_t end, std::size_t start);
  /// Turns the first `size` regressors of a block into the basis of the shared terms.
  void turn_block(std::size_t size);
  /// Takes what the means of a row explain from the values of its ratings at [begin, end) of the block.
  void subtract_mean(std::size_t row, std::size_t begin, std::size_t end);
  void run_block(const RegressorStep& step, std::size_t first, std::size_t last, FactorMatrix& solved, float* biases);
  void run_long(const RegressorStep& step, std::size_t row, FactorMatrix& solved, float* biases);

  std::size_t rank_;
  Workers& workers_;
  HalfSteps half_steps_;
  std::size_t most_;  ///< ratings of a block
  FactorMatrix regressors_;
  std::vector<float> values_;
  std::vector<float> weights_;
  std::vector<std::uint32_t> numbers_;  ///< 0, 1, 2 ...
  AlignedFloats diagonal_;
  Eigenbasis basis_;    ///< of shared terms
  FactorMatrix means_;  ///< of every row, in that basis; no rows without shared terms
};

}  // namespace lowrank
