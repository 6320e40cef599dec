#include "train/correction.h"

#include <array>
#include <cmath>
#include <utility>

#include "model/neighbour_sums.h"

namespace lowrank {

namespace {

Neighbours with_scale(const Neighbours& neighbours, double scale) {
  NeighbourRule rule = neighbours.rule();
  rule.scale = scale;
  return Neighbours({neighbours.offsets().begin(), neighbours.offsets().end()}, {neighbours.items().begin(), neighbours.items().end()},
                    {neighbours.weights().begin(), neighbours.weights().end()}, rule);
}

/// What suits each similarity, in the order of CorrectionSimilarity.
struct Shape {
  double power;
  double damping;
};
constexpr std::array<Shape, 3> kShapes = {{{2, .1}, {9, .3}, {3, 3}}};

/// Root of the mean squared error of the predictions for every rating of the model's history. The same for any number of threads.
double history_rmse(const Model& model, Workers& workers) {
  struct Errors {
    double squared = 0;
    double count = 0;
  };
  const std::optional<Neighbours> by_item = neighbours_by_item(model, model.record.ratings);
  std::vector<Errors> of_users(model.history.user_count());
  workers.for_ranges(of_users.size(), 64, [&](std::size_t begin, std::size_t end, int) {
    std::vector<std::uint32_t> users;
    std::vector<double> scores;
    for (std::size_t user = begin; user < end; ++user) {
      const std::vector<std::uint32_t> items = model.history.items_of(static_cast<std::uint32_t>(user));
      const std::vector<float> values = model.history.values_of(static_cast<std::uint32_t>(user));
      users.assign(items.size(), static_cast<std::uint32_t>(user));
      scores.resize(items.size());
      score_pairs(model, by_item ? &*by_item : nullptr, users, items, scores);
      for (std::size_t n = 0; n < items.size(); ++n) {
        const double error = static_cast<double>(values[n]) - model.centre.clip(scores[n]);
        of_users[user].squared += error * error;
      }
      of_users[user].count = static_cast<double>(items.size());
    }
  });
  Errors total;
  for (const Errors& errors : of_users) {
    total.squared += errors.squared;
    total.count += errors.count;
  }
  return std::sqrt(total.squared / total.count);
}

}  // namespace

NeighbourCorrection::NeighbourCorrection(const Ratings& ratings, const Settings& settings, const Model& frame, int threads)
    : settings_(settings), history_(ratings, HistoryValues::kept, threads), threads_(threads) {
  const Shape& shape = kShapes[static_cast<std::size_t>(settings.similarity)];
  found_by_ = {.neighbours = settings.neighbours,
               .shrinkage = settings.shrinkage,
               .power = settings.power.value_or(shape.power),
               .rule = {.form = NeighbourForm::mean,
                        .side = NeighbourSide::items,
                        .damping = settings.damping.value_or(shape.damping),
                        .scale = settings.weight.value_or(1)}};
  if (settings.similarity != CorrectionSimilarity::pearson) return;
  Workers workers(threads);
  neighbours_ = pearson_neighbours(ratings, baseline_of(ratings, frame, threads), found_by_, workers);
}

void NeighbourCorrection::apply(Trained& trained, const Validation& validation) {
  Model& model = trained.model;
  Workers workers(threads_);
  if (!neighbours_) {
    neighbours_ = factor_neighbours(model.items.factors, settings_.similarity == CorrectionSimilarity::distance, found_by_, workers);
  }
  model.history = std::move(history_);
  double best_scale = found_by_.rule.scale;
  if (!settings_.weight && validation) {
    std::optional<double> best;
    constexpr int kSteps = 6;
    constexpr double kStep = 0.25;
    for (int step = 0; step <= kSteps; ++step) {
      model.neighbours = with_scale(*neighbours_, kStep * step);
      const double value = validation.measure(model);
      if (best && !(validation.higher_is_better ? value > *best : value < *best)) continue;
      best = value;
      best_scale = kStep * step;
    }
  }
  model.neighbours.reset();
  if (best_scale != 0) {
    model.neighbours = with_scale(*neighbours_, best_scale);
    trained.train_rmse = history_rmse(model, workers);
  }
}

}  // namespace lowrank
