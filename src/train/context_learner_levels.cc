// The steps of ContextLearner that solve levels.

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/aligned_floats.h"
#include "kernels/dot.h"
#include "kernels/rows.h"
#include "train/context_learner.h"
#include "train/normal_sums.h"

namespace lowrank {

/// Memory for the runs of a piece of work.
struct ContextLearner::RunScratch {
  RunScratch(std::size_t rank, std::size_t stride) : scratch(rank), sum(stride), pulls(stride) {}
  void resize(std::size_t count) {
    others.resize(count);
    weights.resize(count);
    left.resize(count);
  }
  Scratch scratch;
  std::vector<std::uint32_t> others = {};
  std::vector<float> weights = {};
  std::vector<float> left = {};
  AlignedFloats sum;
  AlignedFloats pulls;
};

void ContextLearner::solve_levels(std::size_t column) {
  if (has_vectors() || (options_.biases && options_.form == ContextForm::biases)) {
    solve_vectors(column);
    take_over(column);
  }
  if (has_scales()) {
    solve_scales_of(column);
    take_over(column);
  }
}

LevelMean ContextLearner::mean(const LevelTable& table) const {
  LevelMean mean = mean_of(table);
  // Without biases there is nothing that the mean of vectors could be moved into.
  if (!options_.biases) std::ranges::fill(mean.vector, 0.0);
  return mean;
}

void ContextLearner::take_over(std::size_t column) {
  set_missing(mean(columns_[column]), columns_[column]);
  combined_.refresh(workers_);
}

void ContextLearner::solve_vectors_by_runs(std::size_t column) {
  constexpr std::size_t kMostRows = 8192;
  constexpr std::size_t kRuns = 64;
  LevelTable& table = columns_[column];
  const LevelRuns& runs = runs_[column];
  const std::size_t rank = options_.rank;
  const std::size_t stride = users_.factors.stride();
  const RowTable items{items_.factors.data(), stride};
  FactorMatrix rows(kMostRows, rank);
  std::vector<double> weights(kMostRows);
  const bool several = columns_.size() > 1;
  if (several) {
    refresh_products(user_products_, users_);
    refresh_products(item_products_, items_);
  }
  /// What the vectors of the other columns make of a pair.
  const auto rest_of = [&](std::uint32_t user, std::uint32_t item, std::uint32_t situation, std::size_t level, Scratch& scratch) {
    if (!user_products_.empty() && !item_products_.empty()) {
      float sum = 0;
      for (std::size_t other = 0; other < columns_.size(); ++other) {
        if (other == column) continue;
        const std::size_t row = level_rows_[other][situation];
        sum += user_products_.of_level(user, other, row) + item_products_.of_level(item, other, row);
      }
      return sum;
    }
    const std::span<float> rest = scratch.rows.row(1);
    const float* const all = combined_.of(situation, scratch.combined).vectors;
    const std::span<const float> own = table.vectors.row(level);
    for (std::size_t k = 0; k < rank; ++k) rest[k] = all[k] - own[k];
    return dot(rest.data(), users_.factors.row(user).data(), stride) + dot(rest.data(), items_.factors.row(item).data(), stride);
  };
  /// Writes the two rows of a run, and adds to what NormalSums::add_rest() takes.
  const auto take_run = [&](std::size_t level, std::size_t run, std::size_t row, std::span<double> sums, RunScratch& work) {
    const std::size_t begin = runs.starts[run];
    const std::size_t count = runs.starts[run + 1] - begin;
    const std::uint32_t user = user_of_[table.places[begin]];
    const float* const p = users_.factors.row(user).data();
    work.resize(count);
    auto& [scratch, others, own_weights, left, sum, pulls] = work;
    for (std::size_t n = 0; n < count; ++n) {
      const std::uint32_t place = table.places[begin + n];
      others[n] = ratings_.items()[place];
      own_weights[n] = ratings_.has_weights() ? ratings_.weights()[place] : 1.0F;
    }
    if (!has_scales()) gather_dots(items, others.data(), count, stride, p, left.data());
    double weight = 0;
    double pull = 0;
    for (std::size_t n = 0; n < count; ++n) {
      const std::uint32_t place = table.places[begin + n];
      const std::uint32_t situation = ratings_.situation(place);
      const CombinedLevels::Terms terms = combined_.of(situation, scratch.combined);
      float known = has_scales() ? scaled_product(p, items_.factors.row(others[n]).data(), terms.scales, scratch) : left[n];
      known += users_.biases[user] + items_.biases[others[n]] + (terms.bias - table.biases[level]) + row_biases(user, others[n], situation);
      if (several) known += rest_of(user, others[n], situation, level, scratch);
      left[n] = own_weights[n] * (target(place) - known);
      weight += static_cast<double>(own_weights[n]);
      pull += static_cast<double>(left[n]);
    }
    std::fill_n(sum.data(), stride, 0.0F);
    std::fill_n(pulls.data(), stride, 0.0F);
    gather_axpy(items, others.data(), count, stride, own_weights.data(), sum.data());
    gather_axpy(items, others.data(), count, stride, left.data(), pulls.data());
    double of_user = 0;
    double of_items = 0;
    for (std::size_t k = 0; k < rank; ++k) {
      const auto own = static_cast<double>(p[k]);
      sums[k] += weight * own + static_cast<double>(sum.data()[k]);
      sums[rank + k] += pull * own + static_cast<double>(pulls.data()[k]);
      sum.data()[k] += static_cast<float>(weight / 2) * p[k];
      of_user += own * own;
      of_items += static_cast<double>(sum.data()[k]) * static_cast<double>(sum.data()[k]);
    }
    sums[2 * rank] += weight;
    sums[2 * rank + 1] += pull;
    // p y^T + y p^T = ((a p + y / a)(a p + y / a)^T - (a p - y / a)(a p - y / a)^T) / 2, with both of about the same length.
    const double balance = of_user > 0 && of_items > 0 ? std::pow(of_items / of_user, 0.25) : 1.0;
    const std::span<float> plus = rows.row(row);
    const std::span<float> minus = rows.row(row + 1);
    for (std::size_t k = 0; k < rank; ++k) {
      const auto one = static_cast<float>(balance) * p[k];
      const auto other = static_cast<float>(1 / balance) * sum.data()[k];
      plus[k] = one + other;
      minus[k] = one - other;
    }
    weights[row] = 0.5;
    weights[row + 1] = -0.5;
  };
  for (std::size_t level = 0; level < table.levels(); ++level) {
    float* const bias = options_.biases ? &table.biases[level] : nullptr;
    if (table.counts[level] == 0) {
      std::ranges::fill(table.vectors.row(level), 0.0F);
      if (bias != nullptr) *bias = 0;
      continue;
    }
    NormalSums sums(rank);
    for (std::size_t first = runs.offsets[level]; first < runs.offsets[level + 1]; first += kMostRows / 2) {
      const std::size_t count = std::min(kMostRows / 2, runs.offsets[level + 1] - first);
      sums.add_rest(workers_.sum_ranges(count, kRuns, [&](std::size_t begin, std::size_t end, int) {
        std::vector<double> part(2 * rank + 2);
        RunScratch work(rank, stride);
        for (std::size_t run = begin; run < end; ++run) take_run(level, first + run, 2 * run, part, work);
        return part;
      }));
      sums.add_squares({rows.data(), stride}, 2 * count, std::span(weights).first(2 * count), workers_);
    }
    for (std::size_t first = runs.item_offsets[level]; first < runs.item_offsets[level + 1]; first += kMostRows) {
      const std::size_t count = std::min(kMostRows, runs.item_offsets[level + 1] - first);
      workers_.for_ranges(count, kRuns, [&](std::size_t begin, std::size_t end, int) {
        for (std::size_t n = begin; n < end; ++n) std::ranges::copy(items_.factors.row(runs.items[first + n]), rows.row(n).begin());
      });
      sums.add_squares({rows.data(), stride}, count, std::span(runs.item_weights).subspan(first, count), workers_);
    }
    sums.solve(table.vector_ridges[level], options_.biases ? table.bias_dampings[level] : 0, table.vectors.row(level), bias);
  }
}

void ContextLearner::solve_vectors(std::size_t column) {
  if (!runs_[column].empty()) return solve_vectors_by_runs(column);
  LevelTable& table = columns_[column];
  RegressorStep step = step_of(column, table.vector_ridges, ratings_.weights());
  if (options_.biases) step.bias_dampings = table.bias_dampings;
  const std::size_t row_stride = users_.factors.stride();
  step.write = [&](std::size_t level, std::size_t begin, std::size_t end, float* regressors, std::size_t stride, float* values) {
    Scratch scratch(options_.rank);
    // The sum of p and q.
    const std::span<float> rows = scratch.rows.row(1);
    for (std::size_t at = begin; at < end; ++at, regressors += stride) {
      const std::uint32_t place = table.places[at];
      const std::span<const float> p = users_.factors.row(user_of_[place]);
      const std::span<const float> q = items_.factors.row(ratings_.items()[place]);
      for (std::size_t k = 0; k < rows.size(); ++k) rows[k] = p[k] + q[k];
      if (has_vectors()) std::ranges::copy(rows, regressors);
      values[at - begin] =
          residual(place, scratch) + table.biases[level] + product(rows.data(), table.vectors.row(level).data(), row_stride);
    }
  };
  FactorMatrix none(table.levels() + 1, 0);
  (has_vectors() ? blocks_ : bias_blocks_).run(step, has_vectors() ? table.vectors : none, options_.biases ? table.biases.data() : nullptr);
}

void ContextLearner::solve_scales_of(std::size_t column) {
  LevelTable& table = columns_[column];
  RegressorStep step = step_of(column, table.scale_ridges, ratings_.weights());
  // With vectors the biases are solved together with these.
  const bool with_biases = options_.biases && !has_vectors();
  if (with_biases) step.bias_dampings = table.bias_dampings;
  solve_scales(column, std::move(step), users_.factors, items_.factors, with_biases ? table.biases.data() : nullptr);
}

}  // namespace lowrank
