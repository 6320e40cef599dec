#include "train/als_weights.h"

#include "train/prior_trials.h"

namespace lowrank {

namespace {

/// The prior that suits opinions, where the options leave it open.
constexpr double kPriorRatings = 150;
/// Rank that is enough for a trial.
constexpr std::uint32_t kTrialRank = 64;

/// The options with nothing left open.
Als settle_als(Als options, const Ratings& ratings, const Model& frame, int threads) {
  if (options.prior_ratings) return options;
  options.prior_ratings = ratings.size() < kFewRatings ? 0 : kPriorRatings;
  if (ratings.size() < kFewRatings || options.regularization == 0 || options.rank == 0 ||
      options.regularization_scaling == RegularizationScaling::constant)
    return options;
  options.prior_ratings = settle_prior(options, kPriorRatings, kTrialRank, ratings, frame, threads);
  return options;
}

AlsWeights als_weights(const Als& options, const Ratings& ratings, const Units& units) {
  AlsWeights weights;
  weights.factors = options.regularization;
  weights.per_rating = options.regularization_scaling == RegularizationScaling::count;
  weights.prior = weights.per_rating ? options.prior_ratings.value() : 0;
  // Of a unit of the ratings' variance: less than float32 resolves.
  weights.least = 1e-9;
  weights.bias_as_factors = options.bias_regularization == BiasRegularization::factors;
  if (options.biases && !weights.bias_as_factors && options.regularization != 0) weights.bias = estimate_bias_damping(ratings, units);
  return weights;
}

LeastSquares als_fold_in(const Als& options, const AlsWeights& weights, const Units& units, const TrainContext& context) {
  const auto penalty = [&](double bias_damping, bool features) {
    const double factors = weights.factors * units.scale;
    const double bias = weights.bias_as_factors ? weights.factors : weights.bias_per_rating(features);
    if (!weights.per_rating) return RowPenalty{.l2_constant = factors, .bias_constant = weights.bias_as_factors ? bias : bias_damping};
    return RowPenalty{.l2 = factors,
                      .l2_constant = factors * weights.prior,
                      .bias = bias,
                      .bias_constant = weights.bias_as_factors ? bias * weights.prior : bias_damping};
  };
  return {.users = penalty(weights.bias.user, context.user_features != nullptr),
          .items = penalty(weights.bias.item, context.item_features != nullptr),
          .solves_bias = options.biases,
          .non_negative = options.non_negative};
}

}  // namespace

AlsStart begin_als(const Als& options, const Ratings& ratings, Model& frame, const TrainContext& context, Workers& workers) {
  const RatingMoments moments = moments_of(ratings, workers);
  AlsStart start;
  start.units = training_units(moments, options.biases);
  start.weights = als_weights(settle_als(options, ratings, frame, context.threads), ratings, start.units);
  start.fold_in = als_fold_in(options, start.weights, start.units, context);
  frame.centre.has_biases = options.biases;
  set_range(frame, moments, context);
  return start;
}

}  // namespace lowrank
