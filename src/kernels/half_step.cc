#include "kernels/half_step.h"

#include <algorithm>

#include "kernels/dual_batch.h"
#include "kernels/row_plan.h"

namespace lowrank {

namespace {

/// Multiplications of a run of rows: well under a millisecond.
constexpr double kRunCost = 1 << 23U;
constexpr std::size_t kPieces = 16;

/// Asks for the first fixed rows of a row, some 3 KiB, while the row before it is solved.
void prefetch_first(const HalfStep& step, std::size_t row) {
  constexpr std::size_t kFloatsOfLine = 16;
  const std::size_t stride = step.fixed.stride;
  const std::size_t begin = step.offsets[row];
  const std::size_t end = std::min(step.offsets[row + 1], begin + 768 / std::max<std::size_t>(stride, 1));
  for (std::size_t i = begin; i < end; ++i) {
    const float* fixed = step.fixed.rows + step.others[i] * stride;
    for (std::size_t k = 0; k < stride; k += kFloatsOfLine) __builtin_prefetch(fixed + k);
  }
}

double factor_of(const HalfStep& step, std::size_t row) { return step.factors.empty() ? 1.0 : step.factors[row]; }

double squares(const HalfStep& step, const NormalEquations& row) {
  double sum = 0;
  if (!step.valued || (step.weighted && !step.squares)) return sum;
  if (step.weighted) {
    for (std::size_t i = 0; i < row.rows.size(); ++i) sum += row.value(i) * row.value(i) / row.weight(i);
    return sum;
  }
  for (std::size_t i = 0; i < row.rows.size(); ++i) sum += row.value(i) * row.value(i);
  return sum;
}

}  // namespace

/// Memory of one thread.
struct HalfSteps::Scratch {
  explicit Scratch(std::size_t rank) : solver(rank), batch(rank) {}
  NormalSolver solver;
  DualBatch batch;
  std::vector<float> weights;
  std::vector<float> values;
};

HalfSteps::HalfSteps(std::size_t rank, Workers& workers)
    : rank_(rank), workers_(workers), scratch_(std::max(kPieces, static_cast<std::size_t>(workers.count()))) {}

HalfSteps::~HalfSteps() = default;

HalfSteps::Scratch& HalfSteps::scratch(std::size_t slot) {
  if (!scratch_[slot]) scratch_[slot] = std::make_unique<Scratch>(rank_);
  return *scratch_[slot];
}

std::vector<std::uint32_t> HalfSteps::continued_rows(const HalfStep& step) const {
  std::vector<std::uint32_t> rows;
  for (std::size_t row = 0; row + 1 < step.offsets.size(); ++row) {
    const std::size_t ratings = step.offsets[row + 1] - step.offsets[row];
    if (starts_from_row(ratings, step.non_negative, step.options, rank_)) rows.push_back(static_cast<std::uint32_t>(row));
  }
  return rows;
}

NormalEquations HalfSteps::equations(const HalfStep& step, std::size_t row, std::size_t begin, std::size_t end, Scratch& scratch) {
  NormalEquations result;
  result.table = step.fixed;
  result.rows = {step.others + begin, end - begin};
  if (step.weighted) scratch.weights.resize(std::max(scratch.weights.size(), end - begin));
  if (step.valued) scratch.values.resize(std::max(scratch.values.size(), end - begin));
  if (step.cells) step.cells(row, begin, end, scratch.weights.data(), scratch.values.data());
  if (step.weighted) result.weights = scratch.weights.data();
  if (step.valued) result.values = scratch.values.data();
  double ridge = step.ridges[row];
  if (!step.factors.empty()) {
    const double factor = step.factors[row];
    ridge /= factor;
    for (std::size_t i = 0; i < end - begin; ++i) {
      scratch.weights[i] = static_cast<float>(static_cast<double>(scratch.weights[i]) / factor);
      scratch.values[i] = static_cast<float>(static_cast<double>(scratch.values[i]) / factor);
    }
  }
  result.diagonal = step.diagonal;
  result.ridge = static_cast<float>(std::max(ridge, step.least_ridge));
  result.has_bias = !step.bias_dampings.empty();
  if (result.has_bias) result.bias_damping = step.bias_dampings[row];
  result.non_negative = step.non_negative;
  if (!step.l1.empty()) result.l1 = step.l1[row];
  result.shared = step.shared;
  return result;
}

void HalfSteps::solve_row(const HalfStep& step, std::size_t row, Scratch& scratch, float* x, float* bias, HalfStepSums& sums) const {
  const std::size_t begin = step.offsets[row];
  const std::size_t end = step.offsets[row + 1];
  if (begin == end) {
    std::fill_n(x, step.fixed.stride, 0.0F);
    if (bias != nullptr) *bias = 0;
    return;
  }
  const NormalEquations equations = HalfSteps::equations(step, row, begin, end, scratch);
  const double factor = factor_of(step, row);
  sums.value_squares = squares(step, equations);
  if (rank_ != 0 && solver_of(equations, step.options, rank_) == RowSolverKind::batch) {
    scratch.batch.add(equations, factor, x, &sums.objective, scratch.solver);
  } else {
    sums.objective = factor * scratch.solver.solve(equations, step.options, x, bias);
  }
}

HalfStepSums HalfSteps::run(const HalfStep& step, float* solved, float* biases) {
  const std::size_t rows = step.offsets.size() - 1;
  const auto long_row = [&](std::size_t ratings) { return is_long(ratings, step.options, rank_); };
  const RowPlan plan(step.offsets, {.row = [&](std::size_t ratings) { return cost_of_row(ratings, step.options, rank_); },
                                    .is_long = long_row,
                                    .run = kRunCost,
                                    .piece = 1,
                                    .most_pieces = kPieces});
  const auto x_of = [&](std::size_t row) { return solved + row * step.fixed.stride; };
  const auto bias_of = [&](std::size_t row) { return biases != nullptr ? biases + row : nullptr; };
  std::vector<HalfStepSums> sums(rows);
  std::vector<double> piece_squares(kPieces);
  plan.run(
      workers_,
      [&](std::uint32_t begin, std::uint32_t end, int slot) {
        Scratch& mine = scratch(static_cast<std::size_t>(slot));
        for (std::size_t row = begin; row < end; ++row) {
          if (row + 1 < rows) prefetch_first(step, row + 1);
          solve_row(step, row, mine, x_of(row), bias_of(row), sums[row]);
        }
        mine.batch.finish(mine.solver);
      },
      [&](const RowPlan::Piece& piece, int) {
        Scratch& mine = scratch(piece.number);
        mine.solver.begin_pieces();
        const NormalEquations equations = HalfSteps::equations(step, piece.row, piece.begin, piece.end, mine);
        mine.solver.add_piece(equations);
        piece_squares[piece.number] = squares(step, equations);
      },
      [&](std::uint32_t row, std::size_t pieces) {
        Scratch& first = scratch(0);
        for (std::size_t piece = 0; piece < pieces; ++piece) {
          if (piece != 0) first.solver.merge(scratch(piece).solver);
          sums[row].value_squares += piece_squares[piece];
        }
        const NormalEquations whole = equations(step, row, step.offsets[row], step.offsets[row + 1], first);
        sums[row].objective = factor_of(step, row) * first.solver.solve_pieces(whole, step.options, x_of(row), bias_of(row));
      });
  return workers_.sum_rows(rows, [&](std::size_t begin, std::size_t end, int) {
    HalfStepSums total;
    for (std::size_t row = begin; row < end; ++row) total += sums[row];
    return total;
  });
}

}  // namespace lowrank
