#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/normal_equations.h"

namespace lowrank {

/// \file
/// Who solves which row, and why. All choices follow from the data alone.
///
/// | row | solver | because |
/// |---|---|---|
/// | x >= 0 | coordinate descent in double, from the row as it was | nothing else keeps x >= 0 |
/// | long (see is_long) | cut into pieces, then exactly, whatever the method | one thread would keep all others waiting |
/// | exact, at most kBatchRatings ratings, fewer than the rank | n x n systems, kBatchSystems side by side | the latency of small
/// factorisations is shared | | exact, fewer ratings than the rank | its n x n (dual) system | n < rank | | exact, any other, or a weight
/// not above 0 | its rank x rank (primal) system | works for every row | | cg, subspace, where an exact solution costs no more | as exact |
/// it is better | | subspace, blocks of 16 | BlockSweep | the blocks' matrices are inverted side by side | | subspace, any other, and
/// blocks that BlockSweep refuses | block by block | works for every row | | exact, where float32 leaves too few digits | refined by
/// residuals in double, or solved in double | rare, and then needed |

/// How a method asks for its rows to be solved.
enum class RowMethod : std::uint8_t {
  exact,     ///< to the minimum
  cg,        ///< steps of conjugate gradients from the row as it was
  subspace,  ///< sweeps over blocks of coordinates from the row as it was, each block to its minimum
};

struct RowOptions {
  RowMethod method = RowMethod::exact;
  std::uint32_t cg_steps = 3;
  std::size_t block = 16;            ///< coordinates per block of subspace, a multiple of 16
  std::uint32_t sweeps = 2;          ///< sweeps of subspace
  std::uint32_t descent_sweeps = 0;  ///< sweeps of coordinate descent with x >= 0; 0 for as many as it takes
};

enum class RowSolverKind : std::uint8_t { descent, batch, exact, cg, subspace };

/// The most ratings of a row that is solved in a batch: kBatchSystems such systems fit in the nearest cache.
inline constexpr std::size_t kBatchRatings = 24;

/// \param row  a whole row with ratings, rank > 0
RowSolverKind solver_of(const NormalEquations& row, const RowOptions& options, std::size_t rank);
/// True when the solver of a row of `ratings` ratings starts from the row as it was.
bool starts_from_row(std::size_t ratings, bool non_negative, const RowOptions& options, std::size_t rank);
/// Multiplications that a row takes, about.
double cost_of_row(std::size_t ratings, const RowOptions& options, std::size_t rank);
/// True for a row that is cut into pieces.
bool is_long(std::size_t ratings, const RowOptions& options, std::size_t rank);

bool batch_takes(const NormalEquations& row, std::size_t rank);
/// True where the n x n system is smaller than the rank x rank one, and exists.
bool dual_takes(const NormalEquations& row, std::size_t rank);
/// Weights above 0, no bias, and ratings that fit in 16 MiB.
bool block_sweep_takes(const NormalEquations& row, std::size_t rank);

}  // namespace lowrank
