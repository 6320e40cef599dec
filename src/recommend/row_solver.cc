#include "recommend/row_solver.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "kernels/solve.h"

namespace lowrank {

namespace {

/// a += weight * row row^T, lower triangle of n x n.
void add_outer_product(double weight, const double* row, std::size_t n, double* a) {
  for (std::size_t i = 0; i < n; ++i) {
    const double scaled = weight * row[i];
    double* to = a + i * n;
    for (std::size_t k = 0; k <= i; ++k) to[k] += scaled * row[k];
  }
}

RowTerms terms(const NoFoldIn& /*problem*/) { return {.penalty = {}, .solvable = false}; }

RowTerms terms(const LeastSquares& problem) {
  return {.penalty = problem.users, .solves_bias = problem.solves_bias, .non_negative = problem.non_negative};
}

RowTerms terms(const WeightedLeastSquares& problem) {
  return {.penalty = problem.users,
          .size_exponent = problem.size_exponent,
          .observed_weight = problem.observed_weight,
          .alpha = problem.alpha,
          .unobserved_weight = problem.unobserved_weight,
          .unobserved_includes_seen = problem.unobserved_includes_seen,
          .binary_target = problem.binary_target,
          .non_negative = problem.non_negative,
          .fixed_observed = problem.observed_item,
          .row_unobserved = problem.unobserved_user,
          .fixed_unobserved = problem.unobserved_item};
}

RowTerms terms(const Divergence& problem) {
  return {.penalty = problem.users, .unobserved_weight = problem.absent_weight, .non_negative = true, .divergence = true};
}

}  // namespace

RowTerms terms_of_user(const FoldIn& fold_in) {
  return std::visit([](const auto& problem) { return terms(problem); }, fold_in);
}

std::vector<double> item_sums(const Model& model, int threads) {
  const RowTerms terms = terms_of_user(model.fold_in);
  // Summed in a number of pieces that does not depend on the threads, then piece by piece.
  constexpr std::size_t kPieces = 16;
  const std::size_t rank = model.rank();
  const std::size_t items = model.items.factors.rows();
  if (terms.unobserved_weight == 0 || rank == 0 || items == 0) return {};
  const bool products = !terms.divergence;
  const std::size_t size = products ? rank * rank : rank;
  const CountWeight weight(terms.fixed_unobserved);
  std::vector<std::vector<double>> pieces(kPieces);
  const std::size_t grain = (items + kPieces - 1) / kPieces;
  Workers(threads).for_ranges(items, grain, [&](std::size_t begin, std::size_t end, int) {
    std::vector<double> sum(size);
    std::vector<double> row(rank);
    for (std::size_t item = begin; item < end; ++item) {
      const auto factors = model.items.factors.row(item);
      std::copy(factors.begin(), factors.end(), row.begin());
      if (products) {
        add_outer_product(weight(model.items.counts[item]), row.data(), rank, sum.data());
      } else {
        for (std::size_t k = 0; k < rank; ++k) sum[k] += row[k];
      }
    }
    pieces[begin / grain] = std::move(sum);
  });
  std::vector<double> total(size);
  for (const auto& piece : pieces) {
    for (std::size_t i = 0; i < piece.size(); ++i) total[i] += piece[i];
  }
  return total;
}

RowSolver::RowSolver(const Model& model, const std::vector<double>& all_items)
    : model_(model),
      terms_(terms_of_user(model.fold_in)),
      all_items_(all_items),
      observed_item_(terms_.fixed_observed),
      unobserved_item_(terms_.fixed_unobserved),
      unobserved_user_(terms_.row_unobserved),
      unobserved_items_(terms_.divergence ? 0 : unobserved_item_.sum(model.items.counts)),
      rank_(model.rank()),
      size_(rank_ + (terms_.solves_bias ? 1 : 0)),
      a_(size_ * size_),
      b_(size_),
      row_(size_) {}

void RowSolver::add_observations(std::span<const Observation> observations) {
  const RowTerms& problem = terms_;
  const double unobserved = unobserved_weight(observations.size());
  if (size_ != rank_) row_[rank_] = 1;
  for (const Observation& observation : observations) {
    const auto factors = model_.items.factors.row(observation.item);
    std::copy(factors.begin(), factors.end(), row_.begin());
    const auto value = static_cast<double>(observation.value);
    // A negative weight would ask to be as far away as possible.
    const std::uint32_t count = model_.items.counts[observation.item];
    const double weight = std::max(0.0, problem.observed_weight + problem.alpha * value) * observed_item_(count);
    const double target =
        (problem.binary_target ? 1.0 : value) - model_.centre.mean - static_cast<double>(model_.items.biases[observation.item]);
    add_outer_product(weight, row_.data(), size_, a_.data());
    for (std::size_t i = 0; i < size_; ++i) b_[i] += weight * target * row_[i];
    if (problem.unobserved_includes_seen || all_items_.empty()) continue;
    // The Gramian below counts this item too; without it only the missing cells are left.
    const double taken = unobserved * unobserved_item_(count);
    for (std::size_t i = 0; i < rank_; ++i) {
      for (std::size_t k = 0; k <= i; ++k) a_[i * size_ + k] -= taken * row_[i] * row_[k];
    }
  }
  if (all_items_.empty()) return;
  for (std::size_t i = 0; i < rank_; ++i) {
    for (std::size_t k = 0; k <= i; ++k) a_[i * size_ + k] += unobserved * all_items_[i * rank_ + k];
  }
}

double RowSolver::unobserved_weight(std::size_t observed) const {
  return terms_.unobserved_weight * unobserved_user_(static_cast<std::uint32_t>(observed));
}

double RowSolver::scale(std::size_t observed) const {
  const double count = static_cast<double>(observed) + unobserved_weight(observed) * unobserved_items_;
  return std::pow(count, terms_.size_exponent);
}

void RowSolver::add_regularization(std::size_t observed) {
  // Far below what float factors resolve; it makes the solution of an underdetermined row the short one.
  constexpr double kRidge = 1e-10;
  const RowPenalty& penalty = terms_.penalty;
  const double factor = scale(observed);
  for (std::size_t i = 0; i < size_; ++i) {
    const bool bias = i == rank_;
    a_[i * size_ + i] += factor * (bias ? penalty.bias : penalty.l2) + (bias ? penalty.bias_constant : penalty.l2_constant);
    if (!bias) b_[i] -= factor * penalty.l1 + penalty.l1_constant;
  }
  double trace = 0;
  for (std::size_t i = 0; i < size_; ++i) trace += a_[i * size_ + i];
  for (std::size_t i = 0; i < size_; ++i) a_[i * size_ + i] += kRidge * trace / static_cast<double>(size_);
}

bool RowSolver::solve_signed() { return solve_positive_definite(a_.data(), b_.data(), size_); }

bool RowSolver::solve_with_non_negative_factors() {
  // The bias may have any sign: it is eliminated (by its own equation), and follows from the factors at the end.
  const double* last = a_.data() + rank_ * size_;
  const bool has_bias = size_ != rank_;
  if (has_bias && !(last[rank_] > 0)) return false;
  reduced_.assign(rank_ * rank_ + 2 * rank_, 0);
  double* rhs = reduced_.data() + rank_ * rank_;
  double* x = rhs + rank_;
  for (std::size_t i = 0; i < rank_; ++i) {
    rhs[i] = b_[i] - (has_bias ? last[i] * b_[rank_] / last[rank_] : 0);
    for (std::size_t k = 0; k <= i; ++k) {
      const double value = a_[i * size_ + k] - (has_bias ? last[i] * last[k] / last[rank_] : 0);
      reduced_[i * rank_ + k] = value;
      reduced_[k * rank_ + i] = value;
    }
    if (!(reduced_[i * rank_ + i] > 0)) return false;
  }
  std::vector<double> gradient(rank_);
  solve_non_negative(reduced_.data(), rhs, rank_, 1000, x, gradient.data());
  if (has_bias) {
    for (std::size_t i = 0; i < rank_; ++i) b_[rank_] -= last[i] * x[i];
    b_[rank_] /= last[rank_];
  }
  std::copy_n(x, rank_, b_.data());
  return true;
}

void RowSolver::solve_divergence(std::span<const Observation> observations) {
  // Lee and Seung's update with the regularisation's share, as training has it: it never raises the loss, which is convex in one row. Ends
  // where nothing moves any more, or after so many updates.
  constexpr int kMostUpdates = 2000;
  constexpr double kChange = 1e-7;
  constexpr double kLeast = 1e-100;  // a product that stands below a value must not be nothing
  const RowTerms& problem = terms_;
  const double factor = scale(observations.size());
  const double l1 = factor * problem.penalty.l1 + problem.penalty.l1_constant;
  const double l2 = factor * problem.penalty.l2 + problem.penalty.l2_constant;
  // Every item of the row, in double.
  std::vector<double>& items = reduced_;
  items.resize(observations.size() * rank_);
  std::vector<double> down(rank_, l1);
  double values = 0;
  for (std::size_t k = 0; k < all_items_.size(); ++k) down[k] += problem.unobserved_weight * all_items_[k];
  for (std::size_t n = 0; n < observations.size(); ++n) {
    const auto factors = model_.items.factors.row(observations[n].item);
    std::copy(factors.begin(), factors.end(), items.begin() + static_cast<std::ptrdiff_t>(n * rank_));
    values += static_cast<double>(observations[n].value);
    const double weight = all_items_.empty() ? 1 : 1 - problem.unobserved_weight;
    for (std::size_t k = 0; k < rank_; ++k) down[k] += weight * items[n * rank_ + k];
  }
  // A start at which the row's products sum up to about its values.
  double pull = 0;
  for (const double x : down) pull += x;
  std::fill(b_.begin(), b_.end(), pull > 0 ? values / pull : 0);
  std::vector<double> up(rank_);
  for (int update = 0; update < kMostUpdates; ++update) {
    std::fill(up.begin(), up.end(), 0.0);
    for (std::size_t n = 0; n < observations.size(); ++n) {
      const double* q = items.data() + n * rank_;
      double product = 0;
      for (std::size_t k = 0; k < rank_; ++k) product += b_[k] * q[k];
      const double ratio = static_cast<double>(observations[n].value) / std::max(product, kLeast);
      for (std::size_t k = 0; k < rank_; ++k) up[k] += ratio * q[k];
    }
    double largest = 0;
    double change = 0;
    for (std::size_t k = 0; k < rank_; ++k) {
      // The root of l2 x^2 + down x = x_old up, without cancellation.
      const double lifted = b_[k] * up[k];
      const double sum = down[k] + std::sqrt(down[k] * down[k] + 4 * l2 * lifted);
      const double next = sum > 0 ? 2 * lifted / sum : 0;
      change = std::max(change, std::abs(next - b_[k]));
      largest = std::max(largest, next);
      b_[k] = next;
    }
    if (!(change > kChange * largest)) return;
  }
}

float RowSolver::solve(std::span<const Observation> observations, std::span<float> factors) {
  std::fill(factors.begin(), factors.end(), 0.0F);
  if (observations.empty() || size_ == 0 || !terms_.solvable) return 0;
  bool solved = true;
  if (terms_.divergence) {
    solve_divergence(observations);
  } else {
    std::fill(a_.begin(), a_.end(), 0.0);
    std::fill(b_.begin(), b_.end(), 0.0);
    add_observations(observations);
    add_regularization(observations.size());
    solved = terms_.non_negative ? solve_with_non_negative_factors() : solve_signed();
  }
  constexpr auto kMost = static_cast<double>(std::numeric_limits<float>::max());
  // Where nothing can be learned (factors of zero, numbers out of range) the row stays what an unknown one is.
  if (!solved || !std::all_of(b_.begin(), b_.end(), [](double value) { return std::abs(value) <= kMost; })) return 0;
  std::transform(b_.begin(), b_.begin() + static_cast<std::ptrdiff_t>(rank_), factors.begin(),
                 [](double value) { return static_cast<float>(value); });
  return size_ == rank_ ? 0.0F : static_cast<float>(b_[rank_]);
}

}  // namespace lowrank
