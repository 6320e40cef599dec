#include "train/nmf_learner.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "train/prior_trials.h"
#include "train/row_weights.h"

namespace lowrank {

namespace {

constexpr std::size_t kRowGrain = 256;
/// Weight of bias^2 with few ratings.
constexpr double kFewRatingsDamping = 0.1;

std::vector<float> scaled_table(std::span<const float> table, const Units& units) {
  std::vector<float> scaled(table.size());
  std::transform(table.begin(), table.end(), scaled.begin(), [&](float value) { return units.to_training(value); });
  return scaled;
}

double known_rows(std::span<const std::size_t> offsets) {
  double known = 0;
  for (std::size_t row = 0; row + 1 < offsets.size(); ++row) known += offsets[row + 1] > offsets[row] ? 1 : 0;
  return known;
}

}  // namespace

NmfProblem::NmfProblem(const Ratings& all, const Nmf& options, const RatingMoments& moments, Workers& workers)
    : zeros(options.absent == Absent::zero),
      divergence(options.objective == NmfObjective::kullback_leibler),
      biases(options.biases),
      l1(options.l1_regularization),
      l2(options.regularization.value()),
      prior(options.prior_ratings.value()),
      rank(options.rank),
      seed(options.seed),
      total_weight(moments.weight),
      units(training_units(moments, biases)),
      squares(0),
      level(0),
      by_item(transpose(all, workers)),
      users{.offsets = all.row_offsets(),
            .others = all.items().data(),
            .codes = all.codes(),
            .values = all.values(),
            .weights = all.weights(),
            .totals = row_weights(all.row_offsets(), all.weights()),
            .table = scaled_table(all.value_table(), units),
            .units = units,
            .plan = RowPlan(all.row_offsets()),
            .start = Purpose::user_factors,
            .bias_damping = 0},
      items{.offsets = by_item.offsets,
            .others = by_item.users.data(),
            .codes = by_item.codes,
            .values = by_item.values,
            .weights = by_item.weights,
            .totals = row_weights(by_item.offsets, by_item.weights),
            .table = users.table,
            .units = units,
            .plan = RowPlan(by_item.offsets),
            .start = Purpose::item_factors,
            .bias_damping = 0} {
  users.cells = known_rows(items.offsets);
  items.cells = known_rows(users.offsets);
  if (biases) {
    const BiasDamping damping = estimate_bias_damping(all, units);
    users.bias_damping = damping.user;
    items.bias_damping = damping.item;
    // Few ratings do not tell the spread of the biases, without which nothing is below the mean.
    if (all.size() < kFewRatings) users.bias_damping = items.bias_damping = kFewRatingsDamping;
  }
  squares = total_weight * std::pow(moments.root_mean_square / units.scale, 2);
  // Products then have the mean of what they are to reproduce: of ratings, of cells, or of what is above the mean.
  const double mean = biases ? 1 : moments.mean / units.scale * (zeros ? total_weight / (users.cells * items.cells) : 1);
  level = std::sqrt(mean / static_cast<double>(std::max<std::size_t>(rank, 1)));
}

NmfLearner::NmfLearner(const NmfProblem& problem, const Model* init, double least, Workers& workers)
    : problem_(problem),
      workers_(workers),
      init_(init),
      least_(least),
      user_biases_(problem.users.rows()),
      item_biases_(problem.items.rows()) {}

void NmfLearner::store(Model& model) {
  model.centre.mean = problem_.biases ? problem_.units.mean : 0.0;
  const auto store_side = [&](const NmfSide& side, Side& to) {
    workers_.for_ranges(side.rows(), kRowGrain, [&](std::size_t begin, std::size_t end, int) {
      std::vector<double> row(problem_.rank);
      for (std::size_t index = begin; index < end; ++index) {
        take_row(side, index, row);
        row_to_model<double>(problem_.units, row, static_cast<double>(biases(side)[index]), to, index);
      }
    });
  };
  store_side(problem_.users, model.users);
  store_side(problem_.items, model.items);
}

void NmfLearner::restore(const Model* model) {
  finite_ = true;
  const Model* from = model != nullptr ? model : init_;
  start_side(problem_.users, from != nullptr ? &from->users : nullptr, from != nullptr ? from->centre.mean - problem_.units.mean : 0.0);
  start_side(problem_.items, from != nullptr ? &from->items : nullptr, 0);
}

void NmfLearner::start_side(const NmfSide& side, const Side* from, double shift) {
  workers_.for_ranges(side.rows(), kRowGrain, [&](std::size_t begin, std::size_t end, int) {
    std::vector<double> row(problem_.rank);
    for (std::size_t index = begin; index < end; ++index) {
      double bias = 0;
      if (side.count(index) == 0) {
        std::fill(row.begin(), row.end(), 0.0);
      } else if (from != nullptr && from->knows(static_cast<std::uint32_t>(index))) {
        factors_from_model<double>(problem_.units, *from, index, row);
        for (double& x : row) x = std::max(x, least_ * problem_.level);
        bias = bias_from_model(problem_.units, *from, index, shift);
      } else if (problem_.start) {
        const FactorMatrix& start = &side == &problem_.users ? problem_.start->users : problem_.start->items;
        std::ranges::copy(start.row(index), row.begin());
        for (double& x : row) x = std::max(x, least_ * problem_.level);
      } else {
        RandomStream stream(problem_.seed, side.start, 0, index);
        for (double& x : row) x = problem_.level * std::abs(stream.normal());
      }
      put_row(side, index, row);
      biases(side)[index] = problem_.biases ? static_cast<float>(bias) : 0.0F;
    }
  });
}

EpochFigures NmfLearner::figures(double loss, double squared) {
  const double total = loss + penalty(problem_.users) + penalty(problem_.items);
  finite_ = std::isfinite(total);
  const double scale = problem_.units.scale;
  EpochFigures figures;
  figures.train_loss = total * (problem_.divergence ? scale : scale * scale);
  if (!problem_.zeros) figures.train_rmse = std::sqrt(squared / problem_.total_weight) * scale;
  return figures;
}

double NmfLearner::sum_rows(const NmfSide& side, const std::function<double(std::size_t row)>& part) const {
  return workers_.sum_rows(side.rows(), [&](std::size_t begin, std::size_t end, int) {
    double sum = 0;
    for (std::size_t row = begin; row < end; ++row) sum += part(row);
    return sum;
  });
}

double NmfLearner::penalty(const NmfSide& side) const {
  double total = 0;
  if (problem_.biases) {
    total += sum_rows(side, [&](std::size_t row) { return 0.5 * side.bias_damping * std::pow(static_cast<double>(biases(side)[row]), 2); });
  }
  if (problem_.l1 == 0 && problem_.l2 == 0) return total;
  return total + sum_rows(side, [&](std::size_t row) {
           std::vector<double> factors(problem_.rank);
           take_row(side, row, factors);
           double sum = 0;
           double squared = 0;
           for (const double x : factors) {
             sum += x;
             squared += x * x;
           }
           return side.count(row) == 0 ? 0.0 : problem_.weight(side, row) * (problem_.l1 * sum + 0.5 * problem_.l2 * squared);
         });
}

}  // namespace lowrank
