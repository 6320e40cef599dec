#include "recommend/fold_in_solver.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "kernels/divergence.h"
#include "kernels/dot.h"
#include "kernels/half_step.h"
#include "kernels/rows.h"
#include "lowrank/base/error.h"
#include "model/neighbour_sums.h"

namespace lowrank {

namespace {

using Kind = FoldInTerms::Kind;

FoldInTerms terms_of(const NoFoldIn& /*problem*/, FoldInSide /*side*/) { return {}; }

FoldInTerms terms_of(const LeastSquares& problem, FoldInSide side) {
  return {.kind = Kind::least_squares,
          .penalty = side == FoldInSide::users ? problem.users : problem.items,
          .solves_bias = problem.solves_bias,
          .non_negative = problem.non_negative};
}

FoldInTerms terms_of(const WeightedLeastSquares& problem, FoldInSide side) {
  FoldInTerms terms{.kind = Kind::least_squares,
                    .penalty = side == FoldInSide::users ? problem.users : problem.items,
                    .size_exponent = problem.size_exponent,
                    .observed_weight = problem.observed_weight,
                    .alpha = problem.alpha,
                    .unobserved_weight = problem.unobserved_weight,
                    .unobserved_includes_seen = problem.unobserved_includes_seen,
                    .binary_target = problem.binary_target,
                    .non_negative = problem.non_negative};
  const bool users = side == FoldInSide::users;
  (users ? terms.fixed_observed : terms.row_observed) = problem.observed_item;
  (users ? terms.fixed_unobserved : terms.row_unobserved) = problem.unobserved_item;
  (users ? terms.row_unobserved : terms.fixed_unobserved) = problem.unobserved_user;
  return terms;
}

FoldInTerms terms_of(const Divergence& problem, FoldInSide side) {
  return {.kind = Kind::divergence,
          .penalty = side == FoldInSide::users ? problem.users : problem.items,
          .unobserved_weight = problem.absent_weight,
          .non_negative = true};
}

FoldInTerms terms_of(const HistorySum& problem, FoldInSide side) {
  const bool users = side == FoldInSide::users;
  return {.kind = users && !problem.solves_factors ? Kind::sum : Kind::least_squares,
          .penalty = users ? problem.users : problem.items,
          .solves_bias = problem.solves_bias,
          .sum_exponent = problem.exponent,
          .sums = users};
}

FoldInTerms terms_of(const PosteriorMean& problem, FoldInSide /*side*/) {
  return {.kind = Kind::posterior, .solves_bias = true, .noise = problem.noise};
}

FoldInTerms terms_of(const PairwiseLogistic& /*problem*/, FoldInSide /*side*/) { return {.kind = Kind::pairwise}; }

}  // namespace

FoldInSolver::FoldInSolver(const Model& model, FoldInSide side, Workers& workers, bool solves)
    : fixed_(side == FoldInSide::users ? model.items : model.users),
      solved_(side == FoldInSide::users ? model.users : model.items),
      history_factors_(model.history_factors),
      side_(side),
      mean_(model.centre.mean),
      ordinal_(model.centre.ordinal ? &*model.centre.ordinal : nullptr),
      has_variances_(model.uncertainty && std::holds_alternative<PosteriorMean>(model.fold_in)),
      terms_(std::visit([side](const auto& problem) { return terms_of(problem, side); }, model.fold_in)),
      row_observed_(terms_.row_observed),
      fixed_observed_(terms_.fixed_observed),
      row_unobserved_(terms_.row_unobserved),
      fixed_unobserved_(terms_.fixed_unobserved),
      shared_(terms_.unobserved_weight != 0 && terms_.row_unobserved.exponent != 0),
      weighted_(shared_ || terms_.observed_weight != 1 || terms_.alpha != 0 || terms_.row_observed.exponent != 0 ||
                terms_.fixed_observed.exponent != 0 || (terms_.unobserved_weight != 0 && !terms_.unobserved_includes_seen)),
      diagonal_(fixed_.factors.stride()) {
  const FactorMatrix& table = fixed_.factors;
  const std::size_t rank = table.rank();
  std::fill_n(diagonal_.data() + rank, diagonal_.size() - rank, 1.0F);
  if (const auto* problem = std::get_if<PairwiseLogistic>(&model.fold_in); problem != nullptr && solves) pairwise_.emplace(model, *problem);
  if (terms_.kind == Kind::posterior) {
    for (std::size_t row = 0; row <= rank; ++row) {
      for (const float number : solved_.prior->precision.row(row)) {
        precision_.push_back(static_cast<float>(static_cast<double>(number) * terms_.noise));
      }
    }
  }
  if (terms_.kind == Kind::none || terms_.unobserved_weight == 0) return;
  if (terms_.kind == Kind::divergence) {
    if (!solves) return;
    fixed_sums_ = workers.sum_rows(table.rows(), [&](std::size_t begin, std::size_t end, int) {
      std::vector<double> sum(rank);
      for (std::size_t row = begin; row < end; ++row) {
        for (std::size_t k = 0; k < rank; ++k) sum[k] += static_cast<double>(table.row(row)[k]);
      }
      return sum;
    });
    return;
  }
  if (terms_.size_exponent != 0) fixed_shares_ = fixed_unobserved_.sum(fixed_.counts);
  if (rank == 0 || table.rows() == 0 || !solves) return;
  std::vector<double> shares;
  if (terms_.fixed_unobserved.exponent != 0) shares = fixed_unobserved_.of(fixed_.counts);
  if (fixed_.features) {
    // Training had no unobserved cells of rows without ratings.
    shares.resize(fixed_.counts.size(), 1);
    for (std::size_t row = 0; row < shares.size(); ++row) shares[row] = fixed_.counts[row] == 0 ? 0 : shares[row];
  }
  gramian_ = gramian({table.data(), table.stride()}, table.rows(), rank, shares, workers);
  for (double& sum : gramian_) sum *= terms_.unobserved_weight;
  if (terms_.non_negative) return;
  basis_ = eigenbasis(std::exchange(gramian_, {}), rank, workers);
  for (std::size_t k = 0; k < rank; ++k) diagonal_[k] = static_cast<float>(basis_->values[k]);
}

double FoldInSolver::size_of(std::size_t ratings) const {
  const double unobserved =
      fixed_shares_ == 0 ? 0 : terms_.unobserved_weight * row_unobserved_(static_cast<std::uint32_t>(ratings)) * fixed_shares_;
  return std::pow(static_cast<double>(ratings) + unobserved, terms_.size_exponent);
}

/// A ridge far below what float factors resolve, which makes the solution of an underdetermined row the shortest one.
double FoldInSolver::least_ridge(const FoldInRows& rows, std::size_t row) const {
  double squares = 0;
  for (std::size_t at = rows.offsets[row]; at < rows.offsets[row + 1]; ++at) {
    for (const float x : fixed_.factors.row(rows.others[at])) squares += static_cast<double>(x) * static_cast<double>(x);
  }
  const auto numbers = static_cast<double>((rows.offsets[row + 1] - rows.offsets[row]) * fixed_.factors.rank());
  return std::clamp(1e-10 * squares / std::max(numbers, 1.0), 1e-30, 1e30);
}

FoldInSolver::RowNumbers FoldInSolver::numbers_of(const FoldInRows& rows) const {
  constexpr double kEnough = 1e-6;       // a ridge that least_ridge() does not exceed
  constexpr double kLeastShare = 1e-15;  // equations are divided by the share
  RowNumbers numbers;
  for (std::vector<double>* all : {&numbers.ridges, &numbers.bias_dampings, &numbers.l1, &numbers.shares}) all->resize(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::size_t ratings = rows.offsets[row + 1] - rows.offsets[row];
    const double size = size_of(ratings);
    const RowPenalty& penalty = terms_.penalty;
    numbers.shares[row] = shared_ && ratings != 0 ? std::max(row_unobserved_(static_cast<std::uint32_t>(ratings)), kLeastShare) : 1;
    numbers.ridges[row] = penalty.l2 * size + penalty.l2_constant;
    if (numbers.ridges[row] < kEnough) numbers.ridges[row] = std::max(numbers.ridges[row], least_ridge(rows, row));
    numbers.bias_dampings[row] = penalty.bias * size + penalty.bias_constant;
    numbers.l1[row] = (penalty.l1 * size + penalty.l1_constant) / numbers.shares[row];
  }
  return numbers;
}

void FoldInSolver::check_features() const {
  if (!solved_.features) {
    throw OptionError("features",
                      std::string("cannot be given: the model has no features of ") + (side_ == FoldInSide::users ? "users" : "items"));
  }
  if (terms_.kind == Kind::posterior) return;
  if (terms_.kind != Kind::least_squares || terms_.sums || terms_.non_negative) {
    throw OptionError("features", "cannot be given: new rows of the model are not solved around a mean");
  }
}

std::optional<FoldInSolver::Means> FoldInSolver::means_of(const FoldInRows& rows, std::span<const FeatureRow> features) const {
  if (!solved_.features || terms_.kind != Kind::least_squares) return {};
  const bool moves = !solved_.features->mean.empty() || solved_.features->mean_bias != 0;
  const bool given = std::ranges::any_of(features, [](const FeatureRow& row) { return !row.columns.empty(); });
  if (!moves && !given) return {};
  Means means{.factors = FactorMatrix(rows.size(), fixed_.factors.rank()), .biases = std::vector<float>(rows.size())};
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const FeatureRow own = features.empty() ? FeatureRow{} : features[row];
    means.biases[row] = solved_.features->expect(own.columns, own.values, means.factors.row(row));
    if (!terms_.solves_bias) means.biases[row] = 0;
  }
  return means;
}

void FoldInSolver::solve(const FoldInRows& rows, Workers& workers, FactorMatrix& factors, std::span<float> biases,
                         std::span<const FeatureRow> features) const {
  constexpr std::size_t kRows = 16;
  std::fill_n(factors.data(), factors.rows() * factors.stride(), 0.0F);
  std::fill(biases.begin(), biases.end(), 0.0F);
  if (terms_.sums) {
    solve_sums(rows, workers, factors, biases);
    return;
  }
  if (terms_.kind == Kind::posterior) {
    solve_posterior(rows, features, workers, factors, biases);
    return;
  }
  if (terms_.kind == Kind::least_squares) {
    std::optional<Means> means = means_of(rows, features);
    solve_least_squares(rows, {}, means ? &*means : nullptr, workers, factors, biases);
    return;
  }
  workers.for_ranges(rows.size(), kRows, [&](std::size_t begin, std::size_t end, int) {
    std::vector<double> scratch;
    for (std::size_t row = begin; row < end; ++row) {
      const std::span<float> x = factors.row(row);
      if (terms_.kind == Kind::divergence) solve_divergence(rows, row, scratch, x);
      if (terms_.kind == Kind::pairwise) solve_pairs(rows, row, x, biases[row]);
    }
  });
}

FoldInSolver::Cell FoldInSolver::cell(std::uint32_t other, float rating, double share, double row_observed) const {
  const auto value = static_cast<double>(rating);
  // No interaction: as a cell that is not there.
  if (terms_.binary_target && value == 0) return {.weight = 0, .value = 0};
  const std::uint32_t count = fixed_.counts[other];
  const double taken = terms_.unobserved_includes_seen ? 0.0 : terms_.unobserved_weight * share;
  const double weight = (terms_.observed_weight + terms_.alpha * std::abs(value)) * row_observed * fixed_observed_(count);
  const double wanted = value > 0 ? 1.0 : 0.0;
  const double target = (terms_.binary_target ? wanted : value) - mean_ - static_cast<double>(fixed_.biases[other]);
  // The Gramian has this row too; without it only the missing cells are left.
  return {.weight = taken == 0 ? weight : weight - taken * fixed_unobserved_(count), .value = weight * target};
}

float FoldInSolver::bias_of(const FoldInRows& rows, std::size_t row, std::span<const float> products) const {
  const std::size_t begin = rows.offsets[row];
  const std::size_t end = rows.offsets[row + 1];
  double sum = 0;
  for (std::size_t at = begin; at < end; ++at) {
    const double known = mean_ + static_cast<double>(fixed_.biases[rows.others[at]]) + static_cast<double>(products[at]);
    sum += static_cast<double>(rows.values[at]) - known;
  }
  const auto ratings = static_cast<double>(end - begin);
  const double weight = ratings + terms_.penalty.bias * ratings + terms_.penalty.bias_constant;
  return begin == end ? 0.0F : static_cast<float>(sum / weight);
}

void FoldInSolver::solve_sums(const FoldInRows& rows, Workers& workers, FactorMatrix& factors, std::span<float> biases) const {
  constexpr std::size_t kRows = 64;
  const std::size_t stride = factors.stride();
  FactorMatrix sums(rows.size(), factors.rank());
  std::vector<float> products(rows.others.size());
  workers.for_ranges(rows.size(), kRows, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      const std::size_t first = rows.offsets[row];
      const std::size_t last = rows.offsets[row + 1];
      const std::span<float> sum = sums.row(row);
      for (std::size_t at = first; at < last; ++at) {
        const std::span<const float> vector = history_factors_.row(rows.others[at]);
        for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += vector[k];
      }
      const auto scale = static_cast<float>(std::pow(static_cast<double>(last - first), -terms_.sum_exponent));
      if (first != last) {
        for (float& x : sum) x *= scale;
      }
      for (std::size_t at = first; at < last; ++at) products[at] = dot(sum.data(), fixed_.factors.row(rows.others[at]).data(), stride);
      if (terms_.kind == Kind::sum && terms_.solves_bias) biases[row] = bias_of(rows, row, products);
    }
  });
  if (terms_.kind == Kind::least_squares) solve_least_squares(rows, products, nullptr, workers, factors, biases);
  for (std::size_t n = 0; n < rows.size() * stride; ++n) factors.data()[n] += sums.data()[n];
}

void FoldInSolver::solve_least_squares(const FoldInRows& rows, std::span<const float> products, Means* means, Workers& workers,
                                       FactorMatrix& factors, std::span<float> biases) const {
  const FactorMatrix& table = fixed_.factors;
  const std::size_t rank = table.rank();
  const std::size_t stride = table.stride();
  const std::size_t ratings = rows.others.size();
  HalfStep step;
  step.offsets = rows.offsets;
  step.others = rows.others.data();
  step.fixed = {table.data(), stride};
  // In the basis where the Gramian is diagonal: all fixed rows, or the rated ones alone where they are fewer.
  FactorMatrix rotated;
  std::vector<std::uint32_t> numbers;
  if (basis_) {
    if (ratings < table.rows()) {
      // gather_rows() writes a multiple of four rows.
      rotated = FactorMatrix((ratings + 3) / 4 * 4, rank);
      gather_rows(step.fixed, rows.others.data(), ratings, stride, nullptr, nullptr, rotated.data(), stride);
      numbers.resize(ratings);
      std::iota(numbers.begin(), numbers.end(), 0U);
      step.others = numbers.data();
    } else {
      rotated = table;
    }
    rotate(rotated.data(), stride, rotated.rows(), rank, basis_->vectors, workers);
    step.fixed = {rotated.data(), stride};
  }
  if (!gramian_.empty()) step.shared = gramian_.data();
  step.diagonal = diagonal_.data();
  const RowNumbers row_numbers = numbers_of(rows);
  step.ridges = row_numbers.ridges;
  step.least_ridge = 1e-30;
  if (terms_.non_negative) step.l1 = row_numbers.l1;
  if (shared_) step.factors = row_numbers.shares;
  if (terms_.solves_bias) step.bias_dampings = row_numbers.bias_dampings;
  FactorMatrix around;  // where a row is least without ratings, in the basis of the equations
  if (means != nullptr) {
    around = means->factors;
    if (basis_) rotate(around.data(), stride, around.rows(), rank, basis_->vectors, workers);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const double ridge = std::max(row_numbers.ridges[row] / row_numbers.shares[row], step.least_ridge);
      for (std::size_t k = 0; k < rank; ++k) {
        float& x = around.row(row)[k];
        x = static_cast<float>(static_cast<double>(x) * ridge / (ridge + static_cast<double>(diagonal_[k])));
      }
    }
  }
  step.non_negative = terms_.non_negative;
  // A value that is not above 0 has another weight or target than the others.
  const bool likes = std::ranges::all_of(rows.values, [](float value) { return value > 0; });
  step.weighted = weighted_ || (terms_.binary_target && !likes);
  step.valued = true;
  step.cells = [&](std::size_t row, std::size_t begin, std::size_t end, float* weights, float* values) {
    const double observed = row_observed_(static_cast<std::uint32_t>(rows.offsets[row + 1] - rows.offsets[row]));
    for (std::size_t at = begin; at < end; ++at) {
      const Cell own = cell(rows.others[at], rows.values[at], row_numbers.shares[row], observed);
      if (step.weighted) weights[at - begin] = static_cast<float>(own.weight);
      values[at - begin] = static_cast<float>(own.value) - (products.empty() ? 0.0F : products[at]);
      if (means == nullptr) continue;
      const float expected = means->biases[row] + dot(around.row(row).data(), step.fixed.rows + step.others[at] * stride, stride);
      values[at - begin] -= (step.weighted ? static_cast<float>(own.weight) : 1.0F) * expected;
    }
  };
  HalfSteps(rank, workers).run(step, factors.data(), terms_.solves_bias ? biases.data() : nullptr);
  for (std::size_t n = 0; n < around.rows() * stride; ++n) factors.data()[n] += around.data()[n];
  if (basis_) rotate(factors.data(), stride, factors.rows(), rank, basis_->back, workers);
  if (means == nullptr) return;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    biases[row] += means->biases[row];
    if (rows.offsets[row] == rows.offsets[row + 1]) std::ranges::copy(means->factors.row(row), factors.row(row).begin());
  }
}

void FoldInSolver::solve_pairs(const FoldInRows& rows, std::size_t row, std::span<float> factors, float& bias) const {
  std::vector<std::uint32_t> others;
  for (std::size_t at = rows.offsets[row]; at < rows.offsets[row + 1]; ++at) {
    if (rows.values[at] > 0) others.push_back(rows.others[at]);
  }
  if (side_ == FoldInSide::users) {
    pairwise_->solve_user(others, factors);
  } else {
    pairwise_->solve_item(others, factors, bias);
  }
}

void FoldInSolver::solve_divergence(const FoldInRows& rows, std::size_t row, std::vector<double>& scratch, std::span<float> factors) const {
  // The loss is convex in one row. Ends where nothing moves any more, or after kMostUpdates.
  constexpr int kMostUpdates = 2000;
  constexpr double kChange = 1e-7;
  const std::size_t rank = factors.size();
  const std::size_t begin = rows.offsets[row];
  const std::size_t ratings = rows.offsets[row + 1] - begin;
  if (ratings == 0 || rank == 0) return;
  const double size = size_of(ratings);
  const double l1 = terms_.penalty.l1 * size + terms_.penalty.l1_constant;
  const double l2 = terms_.penalty.l2 * size + terms_.penalty.l2_constant;
  scratch.resize((ratings + 3) * rank);
  double* x = scratch.data() + ratings * rank;
  double* up = x + rank;
  double* down = up + rank;
  for (std::size_t k = 0; k < rank; ++k) down[k] = l1 + (fixed_sums_.empty() ? 0.0 : terms_.unobserved_weight * fixed_sums_[k]);
  const double weight = fixed_sums_.empty() ? 1 : 1 - terms_.unobserved_weight;
  std::vector<std::uint32_t> numbers(ratings);
  std::iota(numbers.begin(), numbers.end(), 0U);
  double values = 0;
  for (std::size_t n = 0; n < ratings; ++n) {
    const std::span<const float> other = fixed_.factors.row(rows.others[begin + n]);
    double* q = scratch.data() + n * rank;
    std::copy(other.begin(), other.end(), q);
    for (std::size_t k = 0; k < rank; ++k) down[k] += weight * q[k];
    values += static_cast<double>(rows.values[begin + n]);
  }
  // A start at which the products of the row sum up to about its values.
  const double pull = std::accumulate(down, down + rank, 0.0);
  std::fill_n(x, rank, pull > 0 ? values / pull : 0);
  const auto value = [&](std::size_t n) { return static_cast<double>(rows.values[begin + n]); };
  for (int update = 0; update < kMostUpdates; ++update) {
    std::fill_n(up, rank, 0.0);
    add_divergence(scratch.data(), rank, numbers.data(), ratings, value, x, up);
    const double change = update_divergence(up, down, l2, rank, x);
    if (!(change > kChange * *std::max_element(x, x + rank))) break;
  }
  std::transform(x, x + rank, factors.begin(), [](double number) { return static_cast<float>(number); });
}

void add_row(const Side& fixed, std::span<const std::uint32_t> others, std::span<const float> values, FoldInRows& rows) {
  if (others.size() != values.size()) {
    throw DataError(std::to_string(others.size()) + " items or users and " + std::to_string(values.size()) + " values to fold in");
  }
  std::vector<std::size_t> order;
  order.reserve(others.size());
  for (std::size_t i = 0; i < others.size(); ++i) {
    if (fixed.knows(others[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return others[a] < others[b]; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i + 1 == order.size() || others[order[i + 1]] != others[order[i]]) rows.add(others[order[i]], values[order[i]]);
  }
  rows.end_row();
}

bool is_finite(std::span<const float> factors, float bias) noexcept {
  return std::isfinite(bias) && std::ranges::all_of(factors, [](float factor) { return std::isfinite(factor); });
}

void fail_to_fold_in(const std::string& whose) {
  throw DataError("the ratings " + whose + " cannot be folded in: the factors that fit them are beyond the range of float32");
}

FoldedRow fold_in_row(const FoldInSolver& solver, const Side& fixed, std::span<const std::uint32_t> others, std::span<const float> values,
                      const Model* speaks, const FeatureRow& features) {
  if (!features.columns.empty()) solver.check_features();
  FoldInRows rows;
  add_row(fixed, others, values, rows);
  Workers alone(1);
  FactorMatrix factors(1, fixed.factors.rank());
  FoldedRow folded;
  solver.solve(rows, alone, factors, {&folded.bias, 1}, {&features, 1});
  folded.factors.assign(factors.row(0).begin(), factors.row(0).end());
  if (!is_finite(folded.factors, folded.bias)) fail_to_fold_in("given");
  if (speaks != nullptr && speaks->neighbours) {
    HistoryTerms terms = history_terms(*speaks, folded.factors, folded.bias, rows.others, rows.values);
    folded.history = std::move(terms.items);
    folded.residuals = std::move(terms.values);
  }
  return folded;
}

}  // namespace lowrank
