#include "train/context_learner_base.h"

#include <algorithm>
#include <utility>

#include "kernels/dot.h"
#include "train/alternating.h"
#include "train/context_ratings.h"

namespace lowrank {

ContextLearnerBase::ContextLearnerBase(Ratings ratings, std::uint32_t rank, ContextForm form, const RowOptions& row_options,
                                       const TrainContext& context, Workers& workers)
    : rank_(rank),
      form_(form),
      row_options_(row_options),
      init_(context.init),
      situations_(*context.situations),
      workers_(workers),
      ratings_(std::move(ratings)),
      by_item_(transpose(ratings_, workers)),
      user_of_(users_of(ratings_)),
      situations_by_item_(situations_by_item(ratings_, by_item_)),
      columns_(situations_.columns.size()),
      level_rows_(rows_of_columns(situations_)),
      combined_(columns_, level_rows_, situations_.size(), rank, ratings_.size()),
      blocks_(rank, workers) {
  for (std::size_t number = 0; number < columns_.size(); ++number) {
    columns_[number].counts.assign(situations_.columns[number].levels.size(), 0);
    group_by_level(ratings_, level_rows_[number], columns_[number]);
  }
}

float ContextLearnerBase::product(const float* a, const float* b, std::size_t stride) { return stride == 0 ? 0.0F : dot(a, b, stride); }

float ContextLearnerBase::scaled_product(const float* p, const float* q, const float* scales, Scratch& scratch) const {
  const std::size_t stride = scratch.rows.stride();
  if (!has_scales()) return product(p, q, stride);
  const std::span<float> scaled = scratch.rows.row(0);
  for (std::size_t k = 0; k < scaled.size(); ++k) scaled[k] = p[k] * scales[k];
  return product(scaled.data(), q, stride);
}

double ContextLearnerBase::squared_residuals(std::span<const float> weights) {
  return workers_.sum_rows(ratings_.user_count(), [&](std::size_t first, std::size_t last, int) {
    Scratch scratch(rank_);
    double sum = 0;
    for (std::size_t at = ratings_.row_offsets()[first]; at < ratings_.row_offsets()[last]; ++at) {
      const auto left = static_cast<double>(residual(at, scratch));
      sum += left * left * (weights.empty() ? 1.0 : static_cast<double>(weights[at]));
    }
    return sum;
  });
}

RegressorStep ContextLearnerBase::step_of(std::size_t column, std::span<const double> ridges, std::span<const float> weights) const {
  RegressorStep step;
  step.offsets = columns_[column].offsets;
  step.ridges = ridges;
  step.options = row_options_;
  if (!weights.empty()) step.weight = [this, column, weights](std::size_t at) { return weights[columns_[column].places[at]]; };
  return step;
}

void ContextLearnerBase::solve_scales(std::size_t column, RegressorStep step, const FactorMatrix& users, const FactorMatrix& items,
                                      float* biases) {
  LevelTable& table = columns_[column];
  step.write = [&](std::size_t level, std::size_t begin, std::size_t end, float* regressors, std::size_t stride, float* values) {
    Scratch scratch(rank_);
    const std::span<const float> scales = table.scales.row(level);
    for (std::size_t at = begin; at < end; ++at, regressors += stride) {
      const std::uint32_t place = table.places[at];
      const std::span<const float> p = users.row(user_of_[place]);
      const std::span<const float> q = items.row(ratings_.items()[place]);
      combined_.scales_without(column, ratings_.situation(place), {regressors, rank_});
      float own = biases != nullptr ? biases[level] : 0;
      for (std::size_t k = 0; k < scales.size(); ++k) {
        regressors[k] *= p[k] * q[k];
        own += regressors[k] * (scales[k] - 1);
      }
      values[at - begin] = residual(place, scratch) + own;
    }
  };
  FactorMatrix solved = table.scales;
  const auto shift = [&](float by) {
    for (std::size_t level = 0; level < table.levels(); ++level) {
      for (float& x : solved.row(level)) x += by;
    }
  };
  shift(-1);
  blocks_.run(step, solved, biases);
  shift(1);
  table.scales = std::move(solved);
}

void ContextLearnerBase::reset_levels() {
  for (LevelTable& table : columns_) {
    const std::size_t rows = table.levels() + 1;
    table.vectors = FactorMatrix(rows, rank_);
    table.scales = FactorMatrix(rows, rank_);
    for (std::size_t row = 0; row < rows; ++row) std::ranges::fill(table.scales.row(row), 1.0F);
    table.biases.assign(rows, 0);
    std::ranges::fill(table.user_biases.values, 0.0F);
    std::ranges::fill(table.item_biases.values, 0.0F);
  }
}

void ContextLearnerBase::for_known_levels(
    const Model& from, const std::function<void(std::size_t, std::uint32_t, const ContextVectors&, std::uint32_t)>& visit) const {
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    const ContextColumn& own = situations_.columns[column];
    const auto context = std::ranges::find(from.contexts, own.name, &ContextVectors::name);
    if (context == from.contexts.end()) continue;
    for (std::uint32_t level = 0; level < own.levels.size(); ++level) {
      const std::uint32_t known = context->levels.find(own.levels.id(level));
      if (known != Vocabulary::kUnknown && columns_[column].counts[level] != 0) visit(column, level, *context, known);
    }
  }
}

void ContextLearnerBase::name_contexts(Model& model) const {
  model.contexts.resize(columns_.size());
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    model.contexts[column].name = situations_.columns[column].name;
    model.contexts[column].period = situations_.columns[column].period;
    model.contexts[column].levels = situations_.columns[column].levels;
  }
}

bool ContextLearnerBase::levels_finite() {
  return std::ranges::all_of(columns_, [this](const LevelTable& table) {
    return all_finite(table.vectors, workers_) && all_finite(table.scales, workers_) && all_finite(table.biases, workers_);
  });
}

}  // namespace lowrank
