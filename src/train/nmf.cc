#include "lowrank/train/nmf.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "base/parallel.h"
#include "base/text.h"
#include "lowrank/base/error.h"
#include "train/common_options.h"
#include "train/methods.h"
#include "train/nmf_coordinate.h"
#include "train/nmf_multiplicative.h"
#include "train/nndsvd.h"
#include "train/prior_trials.h"
#include "train/training_error.h"

namespace lowrank {

namespace {

constexpr auto kAbsent = std::to_array<Named<Absent>>({{"missing", Absent::missing}, {"zero", Absent::zero}});
constexpr auto kObjectives =
    std::to_array<Named<NmfObjective>>({{"frobenius", NmfObjective::frobenius}, {"kullback-leibler", NmfObjective::kullback_leibler}});
constexpr auto kSolvers = std::to_array<Named<NmfSolver>>(
    {{"auto", NmfSolver::automatic}, {"coordinate", NmfSolver::coordinate}, {"multiplicative", NmfSolver::multiplicative}});

constexpr auto kInitializations =
    std::to_array<Named<NmfInitialization>>({{"random", NmfInitialization::random}, {"nndsvd", NmfInitialization::nndsvd}});

/// Over observed cells, where the options leave it open.
constexpr double kObservedRegularization = 0.04;
constexpr double kFewRatingsRegularization = 0.01;
/// The same, with biases.
constexpr double kPriorRatings = 70;
/// Rank that is enough for a trial.
constexpr std::uint32_t kTrialRank = 16;

constexpr Setting kObserved = with("absent", "missing");
constexpr Need kPenalizes = {kRegularizes, without("l1_regularization", "0")};

constexpr std::array kOptions = {
    rank_option<Nmf>().tuned_by_factors(8, 128),
    Option<Nmf>{"epochs", &Nmf::epochs, {1, 1e9}}.tuned_by_factors(20, 100),
    Option<Nmf>{"absent", choice<Nmf, &Nmf::absent, kAbsent>()},
    Option<Nmf>{"objective", choice<Nmf, &Nmf::objective, kObjectives>()},
    Option<Nmf>{"solver", choice<Nmf, &Nmf::solver, kSolvers>()}.only(kHasFactors),
    Option<Nmf>{"regularization", &Nmf::regularization}.only(kHasFactors).tuned_by_factors(0.01, 0.16),
    Option<Nmf>{"l1_regularization", &Nmf::l1_regularization}.only(kHasFactors),
    Option<Nmf>{"prior_ratings", &Nmf::prior_ratings}.only(kObserved, kHasFactors, kPenalizes).tuned_by_factors(10, 500),
    biases_option<Nmf>("learn the mean and a bias for every user and item (absent missing with frobenius; there are none otherwise)"),
    Option<Nmf>{"initialization", choice<Nmf, &Nmf::initialization, kInitializations>()}.only(kHasFactors),
    tolerance_option<Nmf>(),
    neighbours_option<Nmf>().only(with("absent", "missing")),
    neighbour_similarity_option<Nmf>().only(with("absent", "missing")),
    neighbour_shrinkage_option<Nmf>().only(with("absent", "missing")),
    neighbour_power_option<Nmf>().only(with("absent", "missing")),
    neighbour_damping_option<Nmf>().only(with("absent", "missing")),
    neighbour_weight_option<Nmf>().only(with("absent", "missing")),
    patience_option<Nmf>(),
    seed_option<Nmf>().only(kHasFactors, without("initialization", "nndsvd")),
};

bool over_zeros(const Nmf& options) { return options.absent == Absent::zero; }
bool by_divergence(const Nmf& options) { return options.objective == NmfObjective::kullback_leibler; }

void check(const Nmf& options) {
  if (by_divergence(options) && options.solver == NmfSolver::coordinate) {
    throw OptionError("solver", "coordinate does not minimise kullback-leibler: take multiplicative or auto");
  }
  if (!over_zeros(options) && options.initialization == NmfInitialization::nndsvd) {
    throw OptionError("initialization", "nndsvd needs " + mention("absent") + " zero: it decomposes the whole matrix");
  }
}

/// The options with nothing left open.
Nmf settle(Nmf options, const Ratings& ratings, const Model& frame, int threads) {
  options.biases = options.biases && !over_zeros(options) && !by_divergence(options);
  const bool few = ratings.size() < kFewRatings;
  if (!options.regularization) {
    options.regularization = over_zeros(options) ? 0 : few ? kFewRatingsRegularization : kObservedRegularization;
  }
  if (options.prior_ratings) return options;
  options.prior_ratings = options.biases && !few ? kPriorRatings : 0;
  if (few) return options;
  if (!options.biases || options.rank == 0 || (options.regularization == 0 && options.l1_regularization == 0)) return options;
  options.prior_ratings = settle_prior(options, kPriorRatings, kTrialRank, ratings, frame, threads);
  return options;
}

void check(const RatingMoments& moments) {
  if (moments.least >= 0) return;
  throw DataError("method nmf needs ratings of at least 0, for its factors are not negative; the least rating here is " +
                  shortest_text(moments.least));
}

/// How the model solves new rows, in the units of the ratings.
FoldIn fold_in_of(const NmfProblem& problem) {
  // Training divides ratings by the scale and factors by its root, hence squares by scale^2 and a divergence by scale.
  const double scale = problem.units.scale;
  const double l2 = problem.l2 * (problem.divergence ? 1 : scale);
  const double l1 = problem.l1 * (problem.divergence ? 1 : scale) * std::sqrt(scale);
  const auto penalty = [&](const NmfSide& side) {
    if (problem.zeros) return RowPenalty{.l2_constant = l2 * side.cells, .l1_constant = l1 * side.cells};
    return RowPenalty{
        .l2 = l2, .l2_constant = l2 * problem.prior, .l1 = l1, .l1_constant = l1 * problem.prior, .bias_constant = side.bias_damping};
  };
  const RowPenalty users = penalty(problem.users);
  const RowPenalty items = penalty(problem.items);
  if (problem.divergence) return Divergence{.users = users, .items = items, .absent_weight = problem.zeros ? 1.0 : 0.0};
  if (!problem.zeros) return LeastSquares{.users = users, .items = items, .solves_bias = problem.biases, .non_negative = true};
  return WeightedLeastSquares{.users = users,
                              .items = items,
                              .unobserved_weight = 1,
                              .unobserved_includes_seen = false,
                              .binary_target = false,
                              .non_negative = true};
}

}  // namespace

template <>
MethodTraits<Nmf> traits_of() {
  // With absent zero a rating of 0 is an absent cell, and all parts of nothing but zeros are zero.
  return {.options = kOptions,
          .counts = [](const Nmf& options, float rating) { return !over_zeros(options) || rating != 0; },
          .weighs = [](const Nmf& options) { return !over_zeros(options); },
          .unweighed = "absent=zero",
          .extra_tables = [](const Nmf& options) { return over_zeros(options) ? std::size_t{4} : std::size_t{1}; }};
}

template <>
Trained train_method(Ratings ratings, const Nmf& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  check(options);
  Workers workers(context.threads);
  const RatingMoments moments = moments_of(ratings, workers);
  check(moments);
  NmfProblem problem(ratings, settle(options, ratings, frame, context.threads), moments, workers);
  frame.centre.has_biases = problem.biases;
  if (problem.zeros) {
    // What nobody rated is a row of zeros.
    frame.centre.rating_mean = 0;
    frame.centre.clips = false;
  } else {
    set_range(frame, moments, context);
  }
  if (options.initialization == NmfInitialization::nndsvd) problem.start = nndsvd(problem, workers);
  const bool multiplicative = by_divergence(options) || options.solver == NmfSolver::multiplicative;
  std::unique_ptr<EpochLearner> learner;
  if (multiplicative) {
    learner = std::make_unique<NmfMultiplicative>(problem, context.init, workers);
  } else {
    learner = std::make_unique<NmfCoordinate>(problem, context.init, workers);
  }
  const Stopping stopping{options.epochs, options.patience, options.tolerance};
  Trained trained =
      run_epochs(*learner, std::move(frame), fold_in_of(problem), options.rank, ratings.size(), stopping, validation, observer);
  if (!problem.zeros) trained.train_rmse = training_rmse(trained.model, ratings, workers);
  return trained;
}

}  // namespace lowrank
