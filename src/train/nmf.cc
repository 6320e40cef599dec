#include "lowrank/train/nmf.h"

#include <array>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/parallel.h"
#include "lowrank/base/error.h"
#include "train/methods.h"
#include "train/nmf_coordinate.h"
#include "train/nmf_multiplicative.h"
#include "train/training_error.h"

namespace lowrank {

namespace {

constexpr std::array<std::string_view, 2> kAbsent = {"missing", "zero"};
constexpr std::array<std::string_view, 2> kObjectives = {"frobenius", "kullback-leibler"};
constexpr std::array<std::string_view, 3> kSolvers = {"auto", "coordinate", "multiplicative"};
constexpr double kUnbounded = std::numeric_limits<double>::infinity();

/// An option's value for what suits the reading, and what that is over observed cells; the prior ratings are those with biases.
constexpr double kByReading = -1;
constexpr double kObservedRegularization = 0.04;
constexpr double kPriorRatings = 70;

constexpr std::array kOptions = {
    Option<Nmf>{"rank", &Nmf::rank, "number of parts K; 0 learns biases alone", 0, 4096},
    Option<Nmf>{"epochs", &Nmf::epochs, "the most rounds over users and items", 1, 1e9},
    Option<Nmf>{
        "absent", &Nmf::absent,
        "cells without a rating: missing, the loss runs over ratings alone; zero, they are zeros of a sparse matrix, and there are no "
        "biases",
        0, 1, false, kAbsent},
    Option<Nmf>{"objective", &Nmf::objective,
                "frobenius: half the squared error; kullback-leibler: the generalised divergence, which has no biases", 0, 1, false,
                kObjectives},
    Option<Nmf>{"solver", &Nmf::solver,
                "coordinate: coordinate descent (HALS), frobenius only; multiplicative: Lee and Seung's updates in double; auto: the first "
                "that serves the objective",
                0, 2, false, kSolvers},
    Option<Nmf>{"regularization", &Nmf::regularization,
                "weight of |row|^2, halved, times the row's ratings + prior_ratings (absent zero: times its cells), in scale-free units; "
                "-1: 0.04 over observed cells, 0 where absent cells are zeros",
                kByReading, kUnbounded},
    Option<Nmf>{"l1_regularization", &Nmf::l1_regularization, "the same of the sum of a row's factors: makes them sparse", 0, kUnbounded},
    Option<Nmf>{"prior_ratings", &Nmf::prior_ratings,
                "each row is regularised as if it had this many ratings more (absent missing); -1: 70 with biases, 0 without", kByReading,
                kUnbounded},
    Option<Nmf>{"biases", &Nmf::biases,
                "learn the mean and a bias for every user and item (absent missing with frobenius; the others never have any)"},
    Option<Nmf>{"tolerance", &Nmf::tolerance, "end when an epoch improves the loss by less than this share; 0: never", 0, 1},
    Option<Nmf>{"patience", &Nmf::patience, "with validation ratings: end after this many epochs without improvement", 1, 1e9},
    Option<Nmf>{"seed", &Nmf::seed, "of every random choice"},
};

bool over_zeros(const Nmf& options) { return options.absent == static_cast<std::uint8_t>(Absent::zero); }
bool by_divergence(const Nmf& options) { return options.objective == static_cast<std::uint8_t>(NmfObjective::kullback_leibler); }

void check(const Nmf& options) {
  if (by_divergence(options) && options.solver == static_cast<std::uint8_t>(NmfSolver::coordinate)) {
    throw OptionError("solver", "coordinate does not minimise kullback-leibler: take multiplicative or auto");
  }
  for (const auto& [name, value] :
       {std::pair("regularization", options.regularization), std::pair("prior_ratings", options.prior_ratings)}) {
    if (value >= 0 || value == kByReading) continue;
    throw OptionError(name, "must be at least 0, or -1 for what suits the other options, got " + nlohmann::json(value).dump());
  }
  if (over_zeros(options) && options.prior_ratings != kByReading) {
    throw OptionError("prior_ratings", "is not read with --absent zero");
  }
}

/// The options with nothing left open.
Nmf settle(Nmf options) {
  options.biases = options.biases && !over_zeros(options) && !by_divergence(options);
  if (options.regularization == kByReading) options.regularization = over_zeros(options) ? 0 : kObservedRegularization;
  if (options.prior_ratings == kByReading) options.prior_ratings = options.biases ? kPriorRatings : 0;
  return options;
}

void check(const RatingMoments& moments) {
  if (moments.least >= 0) return;
  const std::string least = nlohmann::json(moments.least).dump();
  throw DataError("method nmf needs ratings of at least 0, for its factors are not negative; the least rating here is " + least);
}

/// The row problem of the model, in the units of the ratings.
RowProblem row_problem(const NmfProblem& problem) {
  RowProblem row;
  row.non_negative = true;
  row.solves_bias = problem.biases;
  row.bias_damping = problem.users.bias_damping;
  row.divergence = problem.divergence;
  // Training divides ratings by the scale and factors by its root, hence squares by scale^2 and a divergence by scale.
  const double scale = problem.units.scale;
  const double l2 = problem.l2 * (problem.divergence ? 1 : scale);
  const double l1 = problem.l1 * (problem.divergence ? 1 : scale) * std::sqrt(scale);
  if (problem.zeros) {
    row.unobserved_weight = 1;
    row.unobserved_includes_seen = false;
    row.damping = l2 * problem.users.cells;
    row.l1_damping = l1 * problem.users.cells;
  } else {
    row.regularization = l2;
    row.l1_regularization = l1;
    row.regularization_exponent = 1;
    row.damping = l2 * problem.prior;
    row.l1_damping = l1 * problem.prior;
  }
  return row;
}

}  // namespace

std::span<const Option<Nmf>> Nmf::options() { return kOptions; }

template <>
Trained train_method(Ratings ratings, const Nmf& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  check(options);
  Workers workers(context.threads);
  const RatingMoments moments = moments_of(ratings, workers);
  check(moments);
  const NmfProblem problem(ratings, settle(options), moments, workers);
  frame.centre.has_biases = problem.biases;
  frame.row_problem = row_problem(problem);
  if (problem.zeros) {
    // What nobody rated is a row of zeros.
    frame.centre.rating_mean = 0;
    frame.centre.clips = false;
  } else {
    set_range(frame, moments, context);
  }
  const bool multiplicative = by_divergence(options) || options.solver == static_cast<std::uint8_t>(NmfSolver::multiplicative);
  std::unique_ptr<EpochLearner> learner;
  if (multiplicative) {
    learner = std::make_unique<NmfMultiplicative>(problem, context.init, workers);
  } else {
    learner = std::make_unique<NmfCoordinate>(problem, context.init, workers);
  }
  const Stopping stopping{options.epochs, options.patience, options.tolerance};
  Trained trained = run_epochs(*learner, std::move(frame), options.rank, ratings.size(), stopping, validation, observer);
  if (!problem.zeros) trained.train_rmse = training_rmse(trained.model, ratings, workers);
  return trained;
}

}  // namespace lowrank
