#include "train/implicit_context_learner.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/random.h"
#include "kernels/gramian.h"
#include "train/alternating.h"
#include "train/context_ratings.h"
#include "train/implicit_weights.h"
#include "train/units.h"

namespace lowrank {

namespace {

constexpr std::size_t kLevels = 64;

/// A copy of a table, turned by `basis` if there is one.
FactorMatrix in_basis(const FactorMatrix& table, const AlignedFloats* basis, Workers& workers) {
  FactorMatrix result = table;
  if (basis != nullptr) rotate(result.data(), result.stride(), result.rows(), result.rank(), *basis, workers);
  return result;
}

/// A ridge for rows that nothing else holds down: of the mean cell of a row's matrix less than float32 resolves.
double least_ridge(const Matrix& matrix, std::size_t rank, double cells) {
  double trace = 0;
  for (std::size_t k = 0; k < rank; ++k) trace += matrix[k * rank + k];
  return std::max(1e-10 * trace / (std::max(cells, 1.0) * static_cast<double>(rank)), 1e-30);
}

std::vector<double> at_least(std::span<const double> ridges, double least, std::span<const double> factors) {
  std::vector<double> result(ridges.begin(), ridges.end());
  for (std::size_t row = 0; row < result.size(); ++row) result[row] = std::max(result[row], least * (factors.empty() ? 1.0 : factors[row]));
  return result;
}

bool all_ones(std::span<const float> numbers) {
  return std::ranges::all_of(numbers, [](float x) { return x == 1.0F; });
}

}  // namespace

ImplicitContextLearner::ImplicitContextLearner(Ratings ratings, const ImplicitContext& options, const Implicit& settled, const Model& frame,
                                               const TrainContext& context, Workers& workers)
    : ContextLearnerBase(std::move(ratings), options.rank, options.form,
                         {.method = static_cast<RowMethod>(options.solver), .cg_steps = options.cg_steps}, context, workers),
      options_(options),
      unobserved_weight_(*settled.unobserved_weight),
      moments_(columns_.size()) {
  set_up(users_, frame.users.counts, *settled.unobserved_user_exponent);
  set_up(items_, frame.items.counts, settled.unobserved_item_exponent);
  users_.ridges = implicit_ridges(settled, users_.counts, users_.unobserved, items_.unobserved);
  items_.ridges = implicit_ridges(settled, items_.counts, items_.unobserved, users_.unobserved);
  // In ridges, as in method implicit, rows without ratings count as cells. They have no factors, and no context gives them a score.
  for (Rows* side : {&users_, &items_}) {
    for (std::size_t row = 0; row < side->counts.size(); ++row) {
      if (side->counts[row] == 0) side->unobserved[row] = 0;
    }
  }
  set_up_weights(settled);
  set_up_columns(settled);
  ImplicitContextLearner::restore(nullptr);
}

void ImplicitContextLearner::set_up(Rows& side, const std::vector<std::uint32_t>& counts, double exponent) const {
  side.counts = counts;
  side.factors = FactorMatrix(counts.size(), options_.rank);
  side.unobserved = unobserved_factors(exponent, counts);
}

void ImplicitContextLearner::set_up_weights(const Implicit& settled) {
  const ObservedWeights observed(settled, items_.counts);
  weights_.resize(ratings_.size());
  for (std::size_t at = 0; at < ratings_.size(); ++at)
    weights_[at] = static_cast<float>(observed(ratings_.items()[at], ratings_.value(at), ratings_.weights(), at));
  if (all_ones(weights_)) {
    weights_ = {};
    return;
  }
  weights_by_item_.resize(ratings_.size());
  for (std::size_t item = 0; item < items_.counts.size(); ++item) {
    for (std::size_t at = by_item_.offsets[item]; at < by_item_.offsets[item + 1]; ++at)
      weights_by_item_[at] = static_cast<float>(observed(item, by_item_.value(at), by_item_.weights, at));
  }
}

void ImplicitContextLearner::set_up_columns(const Implicit& settled) {
  const auto sum = [](const std::vector<double>& numbers) { return std::accumulate(numbers.begin(), numbers.end(), 0.0); };
  const double cells = unobserved_weight_ * sum(users_.unobserved) * sum(items_.unobserved);
  for (LevelTable& table : columns_) {
    const double total = sum(table.totals);
    std::vector<double>& shares = shares_.emplace_back(table.totals);
    for (std::size_t level = 0; level < table.levels(); ++level) {
      if (total != 0) shares[level] /= total;
      const double size = static_cast<double>(table.counts[level]) + shares[level] * cells;
      const double scaling = std::pow(size, settled.regularization_exponent);
      table.vector_ridges.push_back(options_.context_regularization * scaling);
      table.scale_ridges.push_back(options_.scale_regularization * scaling);
    }
  }
}

std::optional<EpochFigures> ImplicitContextLearner::run(std::size_t /*epoch*/) {
  if (options_.rank != 0) {
    solve_users();
    solve_items();
    for (std::size_t column = 0; column < columns_.size(); ++column) solve_levels(column);
  }
  const double sum = loss();
  if (!std::isfinite(sum)) return std::nullopt;
  return EpochFigures{.train_loss = sum};
}

void ImplicitContextLearner::share(const Matrix& matrix, FactorMatrix linear, std::span<const double> factors, SharedTerms& shared,
                                   RegressorStep& step) const {
  if (unobserved_weight_ == 0) return;
  shared.matrix = matrix;
  for (double& x : shared.matrix) x *= unobserved_weight_;
  shared.linear = std::move(linear);
  for (std::size_t row = 0; row < shared.linear.rows(); ++row) {
    for (float& x : shared.linear.row(row)) x = static_cast<float>(static_cast<double>(x) * unobserved_weight_);
  }
  const bool same = std::ranges::all_of(factors, [](double factor) { return factor == 1 || factor == 0; });
  if (!same) shared.factors = factors;
  step.shared = &shared;
}

void ImplicitContextLearner::follow(std::vector<const FactorMatrix*> rows, Turned& turned, RegressorStep& step) const {
  const auto take = [this, rows = std::move(rows), &turned](const AlignedFloats* basis) {
    for (const FactorMatrix* table : rows) turned.rows.push_back(in_basis(*table, basis, workers_));
    for (const LevelTable& table : columns_) turned.vectors.push_back(in_basis(table.vectors, basis, workers_));
  };
  if (step.shared == nullptr) return take(nullptr);
  step.turn = [take](const AlignedFloats& basis) { take(&basis); };
}

template <class View>
auto ImplicitContextLearner::sums_of(const View& view, const Turned& turned) const {
  return [this, &view, &turned](std::size_t, std::size_t begin, std::size_t end, float* regressors, std::size_t stride, float* values) {
    for (std::size_t at = begin; at < end; ++at, regressors += stride) {
      const std::span<const float> row = turned.rows[0].row(view.other(at));
      std::ranges::copy(turned.vectors[0].row(level_rows_[0][view.situation(at)]), regressors);
      for (std::size_t column = 1; column < columns_.size(); ++column) {
        const std::span<const float> own = turned.vectors[column].row(level_rows_[column][view.situation(at)]);
        for (std::size_t k = 0; k < own.size(); ++k) regressors[k] += own[k];
      }
      values[at - begin] = target(view.value(at)) - product(row.data(), regressors, stride);
      for (std::size_t k = 0; k < row.size(); ++k) regressors[k] += row[k];
    }
  };
}

template <class View>
auto ImplicitContextLearner::scaled_of(const View& view, const FactorMatrix& fixed) const {
  return [this, &view, &fixed](std::size_t, std::size_t begin, std::size_t end, float* regressors, std::size_t stride, float* values) {
    CombinedLevels::Scratch scratch;
    for (std::size_t at = begin; at < end; ++at, regressors += stride) {
      const std::span<const float> row = fixed.row(view.other(at));
      const CombinedLevels::Terms terms = combined_.of(view.situation(at), scratch);
      values[at - begin] = target(view.value(at)) - (has_vectors() ? product(row.data(), terms.vectors, stride) : 0.0F);
      // Without vectors their sum is 0.
      for (std::size_t k = 0; k < row.size(); ++k) regressors[k] = row[k] * terms.scales[k] + terms.vectors[k];
    }
  };
}

template <class View>
void ImplicitContextLearner::solve(const View& view, std::span<const float> weights, const Rows& fixed, Rows& solved) {
  const std::size_t rank = options_.rank;
  const RowMoments moments = moments_of_rows(fixed.factors, fixed.unobserved, workers_);
  const Quadratic cells = cells_of_row(moments, levels());
  FactorMatrix linear(1, rank);
  std::ranges::transform(cells.linear, linear.row(0).begin(), [](double x) { return static_cast<float>(x); });
  const std::vector<double> ridges = at_least(solved.ridges, least_ridge(cells.matrix, rank, moments.weight), solved.unobserved);
  RegressorStep step;
  step.offsets = view.offsets();
  step.ridges = ridges;
  step.options = row_options_;
  if (!weights.empty()) step.weight = [weights](std::size_t at) { return weights[at]; };
  SharedTerms shared;
  share(cells.matrix, std::move(linear), solved.unobserved, shared, step);
  Turned turned;
  if (has_scales()) {
    step.write = scaled_of(view, fixed.factors);
  } else {
    // A regressor is a sum of rows of tables, which take less time to turn than regressors do.
    follow({&fixed.factors}, turned, step);
    step.write = sums_of(view, turned);
  }
  blocks_.run(step, solved.factors, nullptr);
}

void ImplicitContextLearner::solve_users() { solve(UserView{ratings_}, weights_, items_, users_); }

void ImplicitContextLearner::solve_items() { solve(ItemView{by_item_, situations_by_item_}, weights_by_item_, users_, items_); }

void ImplicitContextLearner::solve_levels(std::size_t column) {
  // Of users, items and the other columns, so that it holds for vectors and scales alike.
  const LevelStep cells = cells_of(column);
  if (has_vectors()) solve_vectors(column, cells);
  if (has_vectors() && has_scales()) take_over(column);
  if (has_scales()) solve_scales_of(column, cells);
  refresh(column);
}

void ImplicitContextLearner::take_over(std::size_t column) {
  set_missing(mean_of(columns_[column]), columns_[column]);
  combined_.refresh(workers_);
}

void ImplicitContextLearner::refresh(std::size_t column) {
  take_over(column);
  const LevelTable& table = columns_[column];
  const bool rated = std::ranges::any_of(shares_[column], [](double share) { return share != 0; });
  moments_[column] = rated ? moments_of_levels(table.scales, table.vectors, shares_[column], workers_) : no_levels(options_.rank);
}

LevelMoments ImplicitContextLearner::levels(std::optional<std::size_t> except) const {
  LevelMoments all = no_levels(options_.rank);
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    if (column != except) all = combined(all, moments_[column]);
  }
  return all;
}

ImplicitContextLearner::LevelStep ImplicitContextLearner::cells_of(std::size_t column) const {
  const RowMoments users = moments_of_rows(users_.factors, users_.unobserved, workers_);
  const RowMoments items = moments_of_rows(items_.factors, items_.unobserved, workers_);
  return {.cells = LevelCells(users, items, levels(column)), .weight = users.weight * items.weight};
}

void ImplicitContextLearner::solve_vectors(std::size_t column, const LevelStep& own) {
  LevelTable& table = columns_[column];
  const auto& [cells, weight] = own;
  // Scales make the difference: without them one row is that of all levels.
  FactorMatrix linear(has_scales() ? table.levels() : 1, options_.rank);
  workers_.for_ranges(linear.rows(), kLevels, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t level = begin; level < end; ++level) own.cells.vector_linear(table.scales.row(level), linear.row(level));
  });
  const double least = least_ridge(cells.vector_matrix(), options_.rank, weight);
  const std::vector<double> ridges = at_least(table.vector_ridges, least, shares_[column]);
  RegressorStep step = step_of(column, ridges, weights_);
  SharedTerms shared;
  share(cells.vector_matrix(), std::move(linear), shares_[column], shared, step);
  Turned turned;
  follow({&users_.factors, &items_.factors}, turned, step);
  step.write = [&](std::size_t level, std::size_t begin, std::size_t end, float* regressors, std::size_t stride, float* values) {
    Scratch scratch(options_.rank);
    for (std::size_t at = begin; at < end; ++at, regressors += stride) {
      const std::uint32_t place = table.places[at];
      const std::span<const float> p = turned.rows[0].row(user_of_[place]);
      const std::span<const float> q = turned.rows[1].row(ratings_.items()[place]);
      for (std::size_t k = 0; k < p.size(); ++k) regressors[k] = p[k] + q[k];
      values[at - begin] = target(ratings_.value(place));
      if (has_scales()) {
        values[at - begin] -= score(user_of_[place], ratings_.items()[place], ratings_.situation(place), scratch);
        values[at - begin] += product(turned.vectors[column].row(level).data(), regressors, stride);
        continue;
      }
      // Products of rows are the same in any basis.
      values[at - begin] -= product(p.data(), q.data(), stride);
      for (std::size_t other = 0; other < columns_.size(); ++other) {
        if (other == column) continue;
        values[at - begin] -= product(turned.vectors[other].row(level_rows_[other][ratings_.situation(place)]).data(), regressors, stride);
      }
    }
  };
  FactorMatrix solved = table.vectors;
  blocks_.run(step, solved, nullptr);
  table.vectors = std::move(solved);
}

void ImplicitContextLearner::solve_scales_of(std::size_t column, const LevelStep& own) {
  LevelTable& table = columns_[column];
  const auto& [cells, weight] = own;
  // Vectors make the difference, likewise.
  FactorMatrix linear(has_vectors() ? table.levels() : 1, options_.rank);
  workers_.for_ranges(linear.rows(), kLevels, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t level = begin; level < end; ++level) own.cells.scale_linear(table.vectors.row(level), linear.row(level));
  });
  const double least = least_ridge(cells.scale_matrix(), options_.rank, weight);
  const std::vector<double> ridges = at_least(table.scale_ridges, least, shares_[column]);
  RegressorStep step = step_of(column, ridges, weights_);
  SharedTerms shared;
  share(cells.scale_matrix(), std::move(linear), shares_[column], shared, step);
  solve_scales(column, std::move(step), users_.factors, items_.factors, nullptr);
}

float ImplicitContextLearner::residual(std::size_t place, Scratch& scratch) const {
  return target(ratings_.value(place)) - score(user_of_[place], ratings_.items()[place], ratings_.situation(place), scratch);
}

float ImplicitContextLearner::score(std::uint32_t user, std::uint32_t item, std::uint32_t situation, Scratch& scratch) const {
  const CombinedLevels::Terms terms = combined_.of(situation, scratch.combined);
  const std::size_t stride = users_.factors.stride();
  const float* p = users_.factors.row(user).data();
  const float* q = items_.factors.row(item).data();
  const float sum = has_vectors() ? product(p, terms.vectors, stride) + product(q, terms.vectors, stride) : 0.0F;
  return sum + scaled_product(p, q, terms.scales, scratch);
}

double ImplicitContextLearner::loss() {
  double sum = squared_residuals(weights_);
  if (unobserved_weight_ != 0 && options_.rank != 0) {
    const RowMoments users = moments_of_rows(users_.factors, users_.unobserved, workers_);
    const RowMoments items = moments_of_rows(items_.factors, items_.unobserved, workers_);
    sum += unobserved_weight_ * squares_of_cells(users, items, levels());
  }
  for (const Rows* side : {&users_, &items_}) sum += weighted_squares(side->factors, side->ridges, workers_);
  for (const LevelTable& table : columns_) {
    if (has_vectors()) sum += penalty(table.vectors, table.vector_ridges, 0);
    if (has_scales()) sum += penalty(table.scales, table.scale_ridges, 1);
  }
  return sum;
}

bool ImplicitContextLearner::finite() {
  return all_finite(users_.factors, workers_) && all_finite(items_.factors, workers_) && levels_finite();
}

// With D the sum of the columns' mean vectors, T the product of their mean scales and any a, p' = p + a and q' = q + a,
//
//     sum_k p_k q_k t_k + <d, p + q> = sum_k p'_k q'_k t_k + <d - a o t, p' + q'> + sum_k a_k^2 t_k - 2 <a, d>
//
// a = D / T leaves a mean vector of 0, so that the mean over contexts is the dot product of p' and T o q'. Without scales, or with one
// column, d - a o t is a sum over columns; with scales of several it is not: then a = 0, and the mean <D, p + q> goes into biases of rows.
ImplicitContextLearner::Centre ImplicitContextLearner::centre() const {
  // Where the mean scale is less than this part of the root of the mean square, rows would be shifted by what the mean hardly sees.
  constexpr double kLeastShare = 0.1;
  const std::size_t rank = options_.rank;
  Centre centre{
      .columns = {}, .scale = std::vector<double>(rank, 1.0), .shift = std::vector<double>(rank), .rest = std::vector<double>(rank)};
  for (const LevelTable& table : columns_) {
    const LevelMean& own = centre.columns.emplace_back(mean_of(table));
    for (std::size_t k = 0; k < rank; ++k) {
      centre.rest[k] += own.vector[k];
      centre.scale[k] *= own.scale[k];
    }
  }
  const bool separates = !has_scales() || columns_.size() == 1;
  for (std::size_t k = 0; k < rank && separates; ++k) {
    const double vector = centre.rest[k];
    const double scale = centre.scale[k];
    const double root = has_scales() ? std::sqrt(std::max(moments_[0].scales[k * rank + k], 0.0)) : 1.0;
    if (std::abs(scale) < kLeastShare * root) continue;
    const double shift = vector / scale;
    centre.shift[k] = shift;
    centre.rest[k] = vector - shift * scale;
    centre.mean += shift * (shift * scale - 2 * vector);
  }
  return centre;
}

void ImplicitContextLearner::store(Model& model) {
  const Centre centre = ImplicitContextLearner::centre();
  model.centre.mean = centre.mean;
  for (const auto& [rows, side, scaled] : {std::tuple(&users_, &model.users, false), std::tuple(&items_, &model.items, true)}) {
    for (std::size_t row = 0; row < rows->counts.size(); ++row) {
      if (rows->counts[row] == 0) continue;
      double bias = 0;
      for (std::size_t k = 0; k < options_.rank; ++k) {
        const double own = static_cast<double>(rows->factors.row(row)[k]) + centre.shift[k];
        bias += centre.rest[k] * own;
        side->factors.row(row)[k] = to_bias(scaled ? own * centre.scale[k] : own);
      }
      side->biases[row] = to_bias(bias);
    }
  }
  name_contexts(model);
  for (std::size_t column = 0; column < columns_.size(); ++column)
    store(columns_[column], centre.columns[column], centre, model.contexts[column]);
}

void ImplicitContextLearner::store(const LevelTable& table, const LevelMean& mean, const Centre& centre, ContextVectors& to) const {
  const std::size_t levels = table.levels();
  to.counts = table.counts;
  to.biases.assign(levels, 0);
  to.user_factors = FactorMatrix(levels, options_.rank);
  to.item_factors = FactorMatrix(levels, options_.rank);
  if (has_scales()) to.scales = FactorMatrix(levels, options_.rank);
  for (std::size_t level = 0; level < levels; ++level) {
    const bool rated = table.counts[level] != 0;
    double bias = 0;
    for (std::size_t k = 0; k < options_.rank; ++k) {
      const double vector = static_cast<double>(table.vectors.row(level)[k]) - mean.vector[k];
      const auto own_scale = static_cast<double>(table.scales.row(level)[k]);
      const double scale = own_scale - mean.scale[k];
      if (has_scales()) to.scales.row(level)[k] = rated ? to_bias(own_scale / mean.scale[k]) : 1.0F;
      if (!rated || !has_vectors()) continue;
      const double own = vector - centre.shift[k] * scale;
      bias += centre.shift[k] * (centre.shift[k] * scale - 2 * vector);
      to.user_factors.row(level)[k] = to_bias(own);
      to.item_factors.row(level)[k] = to_bias(own / centre.scale[k]);
    }
    to.biases[level] = to_bias(bias);
  }
}

void ImplicitContextLearner::restore(const Model* model) {
  const double deviation = options_.initial_scale / std::sqrt(static_cast<double>(std::max(options_.rank, 1U)));
  // An exact half-step does not ask where the users were.
  if (options_.solver != Solver::exact)
    start_rows(users_.factors, users_.counts, deviation, options_.seed, Purpose::user_factors, workers_);
  start_rows(items_.factors, items_.counts, deviation, options_.seed, Purpose::item_factors, workers_);
  reset_levels();
  for (std::size_t column = 0; column < columns_.size(); ++column) start_levels(column, deviation);
  const Model* from = model != nullptr ? model : init_;
  if (from != nullptr) load(*from);
  for (std::size_t column = 0; column < columns_.size(); ++column) refresh(column);
}

void ImplicitContextLearner::start_levels(std::size_t column, double deviation) {
  LevelTable& table = columns_[column];
  for (std::size_t level = 0; level < table.levels(); ++level) {
    if (table.counts[level] == 0) continue;
    RandomStream stream(options_.seed, Purpose::context_levels, column, level);
    // Levels that start alike stay so where users and items have as many ratings in each.
    for (std::size_t k = 0; k < options_.rank; ++k) {
      if (has_vectors()) table.vectors.row(level)[k] = static_cast<float>(deviation * stream.normal());
      if (has_scales()) table.scales.row(level)[k] += static_cast<float>(options_.initial_scale * stream.normal());
    }
  }
}

void ImplicitContextLearner::load(const Model& from) {
  continue_rows(users_.factors, users_.counts, from.users);
  continue_rows(items_.factors, items_.counts, from.items);
  for_known_levels(from, [this](std::size_t column, std::uint32_t level, const ContextVectors& context, std::uint32_t known) {
    LevelTable& table = columns_[column];
    if (has_vectors()) std::ranges::copy(context.user_factors.row(known), table.vectors.row(level).begin());
    if (has_scales() && context.scales.rows() != 0) std::ranges::copy(context.scales.row(known), table.scales.row(level).begin());
  });
}

std::size_t implicit_context_bytes(const ImplicitContext& options, const TrainingShape& shape) {
  if (shape.contexts == 0) return 0;
  // For each rating its user, its situation, two weights, and where it is of each context; and a turned copy of each side.
  const std::size_t of_ratings = shape.ratings * (4 + 4 + 8 + 4 * shape.contexts);
  const std::size_t of_rows = (shape.users + shape.items) * (options.rank + FactorMatrix::kLanes) * sizeof(float);
  return of_ratings + of_rows + RowBlocks::bytes(options.rank) + CombinedLevels::most_bytes(shape.ratings);
}

}  // namespace lowrank
