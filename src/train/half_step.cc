#include "train/half_step.h"

#include <algorithm>
#include <numeric>

#include "kernels/short_rows.h"

namespace lowrank {

namespace {

/// Work is counted in multiplications. A task of so many takes well under a millisecond.
constexpr double kTaskWork = 1 << 23U;
/// A row of more is cut into pieces.
constexpr double kLongWork = 1 << 27U;
constexpr std::size_t kPieces = 16;

/// Asks for the first fixed rows that a row meets, while the row before it is solved: some 3 KiB.
void prefetch_first(const HalfStep& step, std::size_t row) {
  constexpr std::size_t kFloatsOfLine = 16;
  const std::size_t stride = step.fixed->stride();
  const std::size_t begin = step.offsets[row];
  const std::size_t end = std::min(step.offsets[row + 1], begin + 768 / std::max<std::size_t>(stride, 1));
  for (std::size_t i = begin; i < end; ++i) {
    const float* fixed = step.fixed->data() + step.others[i] * stride;
    for (std::size_t k = 0; k < stride; k += kFloatsOfLine) __builtin_prefetch(fixed + k);
  }
}

double share_of(const HalfStep& step, std::size_t row) { return step.shares.empty() ? 1.0 : step.shares[row]; }

}  // namespace

/// What one thread works with.
struct HalfSteps::Scratch {
  explicit Scratch(std::size_t rank) : system(rank), short_rows(rank) {}
  RowSystem system;
  ShortRows short_rows;
  std::vector<float> weights;
  std::vector<float> values;
};

HalfSteps::HalfSteps(std::size_t rank, Workers& workers)
    : rank_(rank), workers_(workers), scratch_(std::max(kPieces, static_cast<std::size_t>(workers.count()))) {}

HalfSteps::~HalfSteps() = default;

double HalfSteps::work_of(const HalfStep& step, std::size_t ratings) const {
  const auto n = static_cast<double>(ratings);
  const auto k = static_cast<double>(rank_);
  const double least = std::min(n, k);
  const double exact = least * least * (std::max(n, k) / 2 + least / 6);
  const double begin = 2000 + 20 * k;
  if (step.solver == Solver::cg) return begin + std::min(exact, 3 * n * k * (2 + step.cg_steps));
  if (step.solver == Solver::subspace) return begin + std::min(exact, k * static_cast<double>(step.block) * (n + k));
  return begin + exact;
}

bool HalfSteps::is_long(const HalfStep& step, std::size_t ratings) const {
  return rank_ != 0 && ratings > std::max<std::size_t>(4096, rank_) && work_of(step, ratings) > kLongWork;
}

bool HalfSteps::continues(const HalfStep& step, std::size_t ratings) const {
  if (ratings == 0 || rank_ == 0) return false;
  if (step.non_negative) return true;
  if (step.solver == Solver::exact || is_long(step, ratings)) return false;
  // Where the exact solution of a short row costs no more than the approximation, it is taken.
  if (step.solver == Solver::cg) return ratings >= rank_ || ratings > 4 * std::size_t{step.cg_steps} + 4;
  return ratings > step.block && rank_ > step.block;
}

std::vector<std::uint32_t> HalfSteps::continued_rows(const HalfStep& step) const {
  std::vector<std::uint32_t> rows;
  for (std::size_t row = 0; row + 1 < step.offsets.size(); ++row) {
    if (continues(step, step.offsets[row + 1] - step.offsets[row])) rows.push_back(static_cast<std::uint32_t>(row));
  }
  return rows;
}

RowEquations HalfSteps::equations(const HalfStep& step, std::size_t row, std::size_t begin, std::size_t end, Scratch& scratch) const {
  const std::size_t ratings = step.offsets[row + 1] - step.offsets[row];
  RowEquations result;
  result.table = {step.fixed->data(), step.fixed->stride()};
  result.rows = {step.others + begin, end - begin};
  if (step.weighted) scratch.weights.resize(std::max(scratch.weights.size(), end - begin));
  if (step.valued) scratch.values.resize(std::max(scratch.values.size(), end - begin));
  if (step.cells) step.cells(row, begin, end, scratch.weights.data(), scratch.values.data());
  if (step.weighted) result.weights = scratch.weights.data();
  if (step.valued) result.values = scratch.values.data();
  double ridge = step.ridges[row];
  if (!step.shares.empty()) {
    const double share = step.shares[row];
    ridge /= share;
    for (std::size_t i = 0; i < end - begin; ++i) {
      scratch.weights[i] = static_cast<float>(static_cast<double>(scratch.weights[i]) / share);
      scratch.values[i] = static_cast<float>(static_cast<double>(scratch.values[i]) / share);
    }
  }
  result.diagonal = step.diagonal;
  result.ridge = static_cast<float>(std::max(ridge, step.least_ridge));
  result.has_bias = step.has_bias;
  result.bias_damping = step.bias_damping + step.bias_rating * static_cast<double>(ratings);
  return result;
}

double HalfSteps::solve_row(const HalfStep& step, std::size_t row, Scratch& scratch, float* x, float* bias) const {
  const std::size_t begin = step.offsets[row];
  const std::size_t end = step.offsets[row + 1];
  const std::size_t ratings = end - begin;
  if (ratings == 0) {
    std::fill_n(x, step.fixed->stride(), 0.0F);
    if (bias != nullptr) *bias = 0;
    return 0;
  }
  const RowEquations row_equations = equations(step, row, begin, end, scratch);
  const double share = share_of(step, row);
  if (rank_ == 0) return share * scratch.system.solve(row_equations, x, bias);
  if (step.non_negative) return share * scratch.system.solve_non_negative(row_equations, x, bias);
  if (!continues(step, ratings)) {
    if (scratch.short_rows.takes(row_equations)) return scratch.short_rows.add(row_equations, share, x, scratch.system);
    return share * scratch.system.solve(row_equations, x, bias);
  }
  if (step.solver == Solver::cg) return share * scratch.system.solve_cg(row_equations, step.cg_steps, x, bias);
  return share * scratch.system.solve_blocks(row_equations, step.block, step.sweeps, x);
}

double HalfSteps::solve_long_row(const HalfStep& step, std::size_t row, float* x, float* bias) {
  const std::size_t begin = step.offsets[row];
  const std::size_t end = step.offsets[row + 1];
  const std::size_t grain = (end - begin + kPieces - 1) / kPieces;
  workers_.for_each(kPieces, [&](std::size_t piece, int) {
    if (!scratch_[piece]) scratch_[piece] = std::make_unique<Scratch>(rank_);
    Scratch& scratch = *scratch_[piece];
    const std::size_t from = std::min(end, begin + piece * grain);
    scratch.system.begin_pieces();
    scratch.system.add_piece(equations(step, row, from, std::min(end, from + grain), scratch));
  });
  RowSystem& system = scratch_[0]->system;
  for (std::size_t piece = 1; piece < kPieces; ++piece) system.merge(scratch_[piece]->system);
  return system.solve_pieces(equations(step, row, begin, end, *scratch_[0]), step.non_negative, x, bias);
}

double HalfSteps::run(const HalfStep& step, FactorMatrix& solved, std::vector<float>* biases) {
  const std::size_t rows = solved.rows();
  std::vector<std::size_t> long_rows;
  std::vector<std::size_t> tasks{0};
  double work = 0;
  const auto cut = [&](std::size_t row) {
    if (tasks.back() != row) tasks.push_back(row);
    work = 0;
  };
  for (std::size_t row = 0; row < rows; ++row) {
    // No task reaches beyond a piece of the sum, so that the sum of a piece depends on its rows alone.
    if (row % Workers::kSumRows == 0) cut(row);
    const std::size_t ratings = step.offsets[row + 1] - step.offsets[row];
    if (is_long(step, ratings)) {
      long_rows.push_back(row);
      continue;
    }
    work += work_of(step, ratings);
    if (work >= kTaskWork) cut(row + 1);
  }
  cut(rows);
  const auto bias_of = [&](std::size_t row) { return biases != nullptr ? biases->data() + row : nullptr; };

  std::vector<double> pieces((rows + Workers::kSumRows - 1) / Workers::kSumRows);
  for (const std::size_t row : long_rows) {
    pieces[row / Workers::kSumRows] += share_of(step, row) * solve_long_row(step, row, solved.row(row).data(), bias_of(row));
  }
  std::vector<double> sums(tasks.size() - 1);
  workers_.for_each(sums.size(), [&](std::size_t task, int slot) {
    auto& scratch = scratch_[static_cast<std::size_t>(slot)];
    if (!scratch) scratch = std::make_unique<Scratch>(rank_);
    for (std::size_t row = tasks[task]; row < tasks[task + 1]; ++row) {
      if (is_long(step, step.offsets[row + 1] - step.offsets[row])) continue;
      if (row + 1 < rows) prefetch_first(step, row + 1);
      sums[task] += solve_row(step, row, *scratch, solved.row(row).data(), bias_of(row));
    }
    sums[task] += scratch->short_rows.finish(scratch->system);
  });
  for (std::size_t task = 0; task < sums.size(); ++task) pieces[tasks[task] / Workers::kSumRows] += sums[task];
  return std::accumulate(pieces.begin(), pieces.end(), 0.0);
}

}  // namespace lowrank
