#include "lowrank/train/context_als.h"

#include <array>
#include <utility>

#include "base/parallel.h"
#include "lowrank/base/error.h"
#include "train/common_options.h"
#include "train/context_learner.h"
#include "train/methods.h"
#include "train/same_options.h"
#include "train/training_error.h"

namespace lowrank {

namespace {

constexpr auto kForms = std::to_array<Named<ContextForm>>(
    {{"pairwise", ContextForm::pairwise}, {"cp", ContextForm::cp}, {"both", ContextForm::both}, {"biases", ContextForm::biases}});
constexpr auto kContextBiases = std::to_array<Named<ContextBiases>>(
    {{"none", ContextBiases::none}, {"items", ContextBiases::items}, {"users", ContextBiases::users}, {"both", ContextBiases::both}});
constexpr auto kScalings =
    std::to_array<Named<RegularizationScaling>>({{"count", RegularizationScaling::count}, {"constant", RegularizationScaling::constant}});
constexpr auto kBiasRegularizations =
    std::to_array<Named<BiasRegularization>>({{"estimated", BiasRegularization::estimated}, {"factors", BiasRegularization::factors}});
constexpr auto kSolvers = std::to_array<Named<Solver>>({{"exact", Solver::exact}, {"cg", Solver::cg}});

constexpr Setting kByCount = with("regularization_scaling", "count");
/// The weight of a row's factors is read for the factors, and for a bias that is regularised as they are.
constexpr Need kWeighsRows = {kHasFactors, with("bias_regularization", "factors")};
/// Levels are weighed by their numbers of ratings too.
constexpr Need kWeighsAnything = {kRegularizes, without("form", "biases")};

constexpr std::array kOptions = {
    rank_option<ContextAls>().tuned_by_factors(16, 256),
    Option<ContextAls>{"epochs", &ContextAls::epochs, {1, 1e9}}.tuned_by_factors(4, 12),
    Option<ContextAls>{"form", choice<ContextAls, &ContextAls::form, kForms>()}
        .only(kHasFactors)
        .tuned_over("pairwise", "cp", "both", "biases"),
    Option<ContextAls>{"context_biases", choice<ContextAls, &ContextAls::context_biases, kContextBiases>()}.only(kHasBiases),
    Option<ContextAls>{"regularization", &ContextAls::regularization}.tuned_by_factors(0.01, 0.16),
    Option<ContextAls>{"regularization_scaling", choice<ContextAls, &ContextAls::regularization_scaling, kScalings>()}.only(kWeighsAnything,
                                                                                                                            kWeighsRows),
    Option<ContextAls>{"prior_ratings", &ContextAls::prior_ratings}.only(kByCount, kWeighsAnything, kWeighsRows).tuned_by_factors(20, 1000),
    Option<ContextAls>{"context_regularization", &ContextAls::context_regularization}
        .only(kHasFactors, with("form", "pairwise", "both"))
        .tuned_by_factors(0.03, 3),
    Option<ContextAls>{"scale_regularization", &ContextAls::scale_regularization}
        .only(kHasFactors, with("form", "cp", "both"))
        .tuned_by_factors(0.03, 3),
    Option<ContextAls>{"bias_regularization", choice<ContextAls, &ContextAls::bias_regularization, kBiasRegularizations>()}.only(
        kHasBiases, kRegularizes),
    biases_option<ContextAls>("learn the mean and a bias for every user, item and level of a context"),
    Option<ContextAls>{"solver", choice<ContextAls, &ContextAls::solver, kSolvers>()}.only(kHasFactors),
    cg_steps_option<ContextAls>(),
    Option<ContextAls>{"starts", &ContextAls::starts, {1, 1000}}.only(kHasFactors, with("form", "cp", "both")),
    initial_scale_option<ContextAls>(),
    tolerance_option<ContextAls>(),
    patience_option<ContextAls>(),
    seed_option<ContextAls>().only(kHasFactors),
};

}  // namespace

template <>
MethodTraits<ContextAls> traits_of() {
  return {.options = kOptions, .weighs = always<ContextAls>, .contexts = true, .extra_bytes = context_learner_bytes};
}

template <>
Trained train_method(Ratings ratings, const ContextAls& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  const auto als = same_options<Als>(options);
  if (context.situations == nullptr) {
    observer.on_warning("the ratings have no contexts, so that the model is that of method als");
    return train_method(std::move(ratings), als, std::move(frame), validation, observer, context);
  }
  Workers workers(context.threads);
  const std::size_t count = ratings.size();
  const AlsStart start = begin_als(als, ratings, frame, context, workers);
  ContextLearner learner(std::move(ratings), options, start.units, start.weights, frame, context, workers);
  const bool scales = options.rank != 0 && (options.form == ContextForm::cp || options.form == ContextForm::both);
  if (options.starts > 1 && scales && context.init == nullptr) learner.find_start(options.starts);
  const Stopping stopping{options.epochs, options.patience, options.tolerance};
  Trained trained = run_epochs(learner, std::move(frame), start.fold_in, options.rank, count, stopping, validation, observer);
  trained.train_rmse = training_rmse(trained.model, learner.ratings(), workers, context.situations);
  return trained;
}

}  // namespace lowrank
