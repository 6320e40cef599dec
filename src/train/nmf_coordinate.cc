#include "train/nmf_coordinate.h"

#include <algorithm>
#include <cmath>

#include "kernels/gramian.h"
#include "kernels/non_negative.h"
#include "kernels/rows.h"

namespace lowrank {

namespace {

/// Sweeps over the coordinates of a row per pass over its ratings.
constexpr int kSweeps = 4;
/// Floats of a task that only copies or adds them.
constexpr std::size_t kFloats = std::size_t{1} << 14U;
/// Strength of extrapolation in its first epoch; what it and its bound grow by after a good epoch, and what it falls by after a bad one.
constexpr double kFirstMomentum = 0.5;
constexpr double kGrowth = 1.05;
constexpr double kMostGrowth = 1.01;
constexpr double kFall = 1.5;

}  // namespace

NmfCoordinate::NmfCoordinate(const NmfProblem& problem, const Model* init, Workers& workers)
    : NmfLearner(problem, init, 0, workers),
      users_(problem.users.rows(), problem.rank),
      items_(problem.items.rows(), problem.rank),
      user_products_(problem.zeros ? problem.users.rows() : 0, problem.rank),
      item_products_(problem.zeros ? problem.items.rows() : 0, problem.rank),
      old_users_(user_products_),
      old_items_(item_products_),
      last_users_(user_products_),
      last_items_(item_products_),
      solved_users_(user_products_),
      half_steps_(problem.zeros ? 0 : problem.rank, workers) {
  diagonal_ = AlignedFloats(users_.stride());
  std::fill_n(diagonal_.data() + problem.rank, diagonal_.size() - problem.rank, 1.0F);
  NmfCoordinate::restore(nullptr);
}

void NmfCoordinate::restore(const Model* model) {
  NmfLearner::restore(model);
  still_gram_.clear();
  momentum_ = 0;
  most_momentum_ = 1;
}

void NmfCoordinate::put_row(const NmfSide& side, std::size_t row, std::span<const double> factors) {
  std::transform(factors.begin(), factors.end(), table(side).row(row).begin(), [](double x) { return static_cast<float>(x); });
}

void NmfCoordinate::take_row(const NmfSide& side, std::size_t row, std::span<double> factors) const {
  std::ranges::copy(table(side).row(row), factors.begin());
}

std::optional<EpochFigures> NmfCoordinate::run(std::size_t /*epoch*/) {
  if (problem_.zeros) return problem_.rank == 0 ? figures(0.5 * problem_.squares, 0) : run_all();
  solve_observed(problem_.users);
  const double squared = solve_observed(problem_.items);
  return figures(0.5 * squared, squared);
}

EpochFigures NmfCoordinate::run_all() {
  copy(users_, old_users_);
  copy(items_, old_items_);
  if (momentum_ > 0) {
    // On along the way that both sides came; where that raises the loss after all, the epoch starts again without.
    extrapolate(items_, last_items_);
    still_gram_.clear();
    solve_all(problem_.users);
    copy(users_, solved_users_);
    extrapolate(users_, last_users_);
    still_gram_.clear();
    const EpochFigures result = figures(0.5 * solve_all(problem_.items), 0);
    if (*result.train_loss <= last_loss_) {
      most_momentum_ = std::min(1.0, most_momentum_ * kMostGrowth);
      momentum_ = std::min(most_momentum_, momentum_ * kGrowth);
      std::swap(last_users_, solved_users_);
      std::swap(last_items_, old_items_);
      last_loss_ = *result.train_loss;
      return result;
    }
    most_momentum_ = momentum_;
    momentum_ /= kFall;
    copy(old_users_, users_);
    copy(old_items_, items_);
    still_gram_.clear();
  } else {
    momentum_ = kFirstMomentum;
  }
  solve_all(problem_.users);
  const EpochFigures result = figures(0.5 * solve_all(problem_.items), 0);
  copy(users_, last_users_);
  std::swap(last_items_, old_items_);
  last_loss_ = *result.train_loss;
  return result;
}

void NmfCoordinate::extrapolate(FactorMatrix& factors, const FactorMatrix& before) {
  const auto momentum = static_cast<float>(momentum_);
  workers_.for_ranges(factors.rows() * factors.stride(), kFloats, [&](std::size_t begin, std::size_t end, int) {
    float* x = factors.data();
    const float* old = before.data();
    for (std::size_t n = begin; n < end; ++n) x[n] = std::max(0.0F, x[n] + momentum * (x[n] - old[n]));
  });
}

void NmfCoordinate::copy(const FactorMatrix& from, FactorMatrix& to) {
  workers_.for_ranges(from.rows() * from.stride(), kFloats, [&](std::size_t begin, std::size_t end, int) {
    std::copy(from.data() + begin, from.data() + end, to.data() + begin);
  });
}

double NmfCoordinate::solve_observed(const NmfSide& side) {
  const FactorMatrix& fixed = table(other(side));
  const std::vector<float>& other_biases = biases(other(side));
  std::vector<double> l1(side.rows());
  std::vector<double> l2(side.rows());
  for (std::size_t row = 0; row < side.rows(); ++row) {
    l1[row] = problem_.l1 * problem_.weight(side, row);
    l2[row] = problem_.l2 * problem_.weight(side, row);
  }
  HalfStep step;
  step.offsets = side.offsets;
  step.others = side.others;
  step.fixed = {fixed.data(), fixed.stride()};
  step.diagonal = diagonal_.data();
  step.ridges = l2;
  step.l1 = l1;
  step.valued = true;
  step.cells = [&](std::size_t /*row*/, std::size_t begin, std::size_t end, float* /*weights*/, float* values) {
    for (std::size_t at = begin; at < end; ++at) values[at - begin] = side.value(at) - other_biases[side.others[at]];
  };
  if (!side.weights.empty()) {
    step.weighted = true;
    step.squares = true;
    step.cells = [&](std::size_t /*row*/, std::size_t begin, std::size_t end, float* weights, float* values) {
      for (std::size_t at = begin; at < end; ++at) {
        weights[at - begin] = side.weights[at];
        values[at - begin] = side.weights[at] * (side.value(at) - other_biases[side.others[at]]);
      }
    };
  }
  const std::vector<double> bias_dampings(problem_.biases ? side.rows() : 0, side.bias_damping);
  step.bias_dampings = bias_dampings;
  step.non_negative = true;
  step.options.descent_sweeps = kSweeps;
  const HalfStepSums sums = half_steps_.run(step, table(side).data(), problem_.biases ? biases(side).data() : nullptr);
  return std::max(0.0, sums.value_squares + sums.objective - 2 * penalty(side));
}

void NmfCoordinate::multiply(const NmfSide& side) {
  const FactorMatrix& others = table(other(side));
  FactorMatrix& products = &side == &problem_.users ? user_products_ : item_products_;
  const std::size_t stride = others.stride();
  std::vector<std::vector<float>> values(static_cast<std::size_t>(workers_.count()));
  const auto add = [&](std::size_t begin, std::size_t end, int slot, float* to) {
    std::vector<float>& scaled = values[static_cast<std::size_t>(slot)];
    scaled.resize(end - begin);
    for (std::size_t position = begin; position < end; ++position) scaled[position - begin] = side.value(position);
    std::fill_n(to, stride, 0.0F);
    gather_axpy({others.data(), stride}, side.others + begin, end - begin, stride, scaled.data(), to);
  };
  FactorMatrix pieces(side.plan.most_pieces(), problem_.rank);
  side.plan.run(
      workers_,
      [&](std::uint32_t begin, std::uint32_t end, int slot) {
        for (std::size_t row = begin; row < end; ++row) add(side.offsets[row], side.offsets[row + 1], slot, products.data() + row * stride);
      },
      [&](const RowPlan::Piece& piece, int slot) { add(piece.begin, piece.end, slot, pieces.data() + piece.number * stride); },
      [&](std::uint32_t row, std::size_t count) {
        for (std::size_t k = 0; k < problem_.rank; ++k) {
          double sum = 0;
          for (std::size_t piece = 0; piece < count; ++piece) sum += static_cast<double>(pieces.row(piece)[k]);
          products.row(row)[k] = static_cast<float>(sum);
        }
      });
}

double NmfCoordinate::solve_all(const NmfSide& side) {
  // Some dozens of thousands of multiplications a task.
  constexpr std::size_t kRows = 128;
  const std::size_t rank = problem_.rank;
  if (rank == 0) return problem_.squares;
  FactorMatrix& factors = table(side);
  const FactorMatrix& products = &side == &problem_.users ? user_products_ : item_products_;
  const std::size_t stride = factors.stride();
  const auto gram = [&](const FactorMatrix& rows) { return gramian({rows.data(), rows.stride()}, rows.rows(), rank, {}, workers_); };
  if (still_gram_.empty()) still_gram_ = gram(table(other(side)));
  FactorMatrix a(rank, rank);
  for (std::size_t k = 0; k < rank; ++k) {
    std::transform(still_gram_.begin() + static_cast<std::ptrdiff_t>(k * rank),
                   still_gram_.begin() + static_cast<std::ptrdiff_t>((k + 1) * rank), a.row(k).begin(),
                   [](double x) { return static_cast<float>(x); });
    a.row(k)[k] += static_cast<float>(problem_.l2 * side.cells);
  }
  multiply(side);
  const auto l1 = static_cast<float>(problem_.l1 * side.cells);
  std::vector<double> cross((side.rows() + kRows - 1) / kRows);
  workers_.for_ranges(side.rows(), kRows, [&](std::size_t begin, std::size_t end, int) {
    FactorMatrix scratch(1, descend_scratch(rank));
    descend_non_negative(a.data(), stride, rank, products.data() + begin * stride, l1, factors.data() + begin * stride, stride, end - begin,
                         kSweeps, scratch.data());
    double sum = 0;
    for (std::size_t row = begin; row < end; ++row) {
      for (std::size_t k = 0; k < rank; ++k) sum += static_cast<double>(factors.row(row)[k]) * static_cast<double>(products.row(row)[k]);
    }
    cross[begin / kRows] = sum;
  });
  double total = problem_.squares;
  for (const double sum : cross) total -= 2 * sum;
  std::vector<double> moved = gram(factors);
  for (std::size_t n = 0; n < moved.size(); ++n) total += moved[n] * still_gram_[n];
  still_gram_ = std::move(moved);
  return std::max(0.0, total);
}

}  // namespace lowrank
