#include "train/correction.h"

#include <array>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "model/neighbour_sums.h"
#include "train/neighbour_weight.h"

namespace lowrank {

namespace {

/// What suits each similarity, in the order of CorrectionSimilarity.
struct Shape {
  double power;
  double damping;
};
constexpr std::array<Shape, 3> kShapes = {{{2, .1}, {9, .3}, {3, 3}}};

/// Root of the mean squared error of the predictions for every rating of the model's history. The same for any number of threads.
/// \param weights  of the ratings, in the order of the history; empty for ones
double history_rmse(const Model& model, std::span<const float> weights, Workers& workers) {
  struct Errors {
    double squared = 0;
    double weight = 0;
  };
  std::vector<std::size_t> starts{0};
  for (std::uint32_t user = 0; user < model.history.user_count(); ++user) starts.push_back(starts.back() + model.users.counts[user]);
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
        const double error = static_cast<double>(values[n]) - model.centre.rating(scores[n]);
        const double weight = weights.empty() ? 1 : static_cast<double>(weights[starts[user] + n]);
        of_users[user].squared += weight * error * error;
        of_users[user].weight += weight;
      }
    }
  });
  Errors total;
  for (const Errors& errors : of_users) {
    total.squared += errors.squared;
    total.weight += errors.weight;
  }
  return std::sqrt(total.squared / total.weight);
}

}  // namespace

std::shared_ptr<const Neighbours> NeighbourCache::get(const ResidualNeighbourOptions& options, const std::function<Neighbours()>& find) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const Neighbours>& known = known_[{options.neighbours, options.shrinkage, options.power, options.rule.damping}];
  if (!known) known = std::make_shared<const Neighbours>(find());
  return known;
}

ResidualNeighbourOptions NeighbourCorrection::found_by(const Settings& settings) {
  const Shape& shape = kShapes[static_cast<std::size_t>(settings.similarity)];
  return {.neighbours = settings.neighbours,
          .shrinkage = settings.shrinkage,
          .power = settings.power.value_or(shape.power),
          .rule = {.form = NeighbourForm::mean,
                   .side = NeighbourSide::items,
                   .damping = settings.damping.value_or(shape.damping),
                   .scale = settings.weight.value_or(1)}};
}

NeighbourCorrection::NeighbourCorrection(const Ratings& ratings, const Settings& settings, const Model& frame, const TrainContext& context)
    : settings_(settings),
      found_by_(found_by(settings)),
      history_(ratings, HistoryValues::kept, context.threads),
      weights_(ratings.weights().begin(), ratings.weights().end()),
      threads_(context.threads),
      measures_(context.measures_corrected) {
  if (settings.similarity != CorrectionSimilarity::pearson) return;
  const auto find = [&] {
    Workers workers(threads_);
    return pearson_neighbours(ratings, baseline_of(ratings, frame, threads_), found_by_, workers);
  };
  neighbours_ = context.found != nullptr ? context.found->get(found_by_, find) : std::make_shared<const Neighbours>(find());
}

void NeighbourCorrection::apply(Trained& trained, const Validation& validation) {
  Model& model = trained.model;
  Workers workers(threads_);
  if (!neighbours_) {
    neighbours_ = std::make_shared<const Neighbours>(
        factor_neighbours(model.items.factors, settings_.similarity == CorrectionSimilarity::distance, found_by_, workers));
  }
  model.history = std::move(history_);
  constexpr std::array kTried = {0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5};
  weigh_neighbours(trained, settings_.weight, 1, kTried, validation, [&](double weight) {
    NeighbourRule rule = neighbours_->rule();
    rule.scale = weight;
    return Neighbours(*neighbours_, rule);
  });
  if (model.neighbours && measures_) trained.train_rmse = history_rmse(model, weights_, workers);
}

}  // namespace lowrank
