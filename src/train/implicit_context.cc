#include "lowrank/train/implicit_context.h"

#include <array>
#include <utility>

#include "base/parallel.h"
#include "train/common_options.h"
#include "train/implicit_context_learner.h"
#include "train/implicit_weights.h"
#include "train/methods.h"
#include "train/same_options.h"

namespace lowrank {

namespace {

constexpr auto kForms =
    std::to_array<Named<ContextForm>>({{"pairwise", ContextForm::pairwise}, {"cp", ContextForm::cp}, {"both", ContextForm::both}});
constexpr auto kSolvers = std::to_array<Named<Solver>>({{"exact", Solver::exact}, {"cg", Solver::cg}});

constexpr Setting kWeighsUnobserved = without("unobserved_weight", "0");

using Owner = ImplicitContext;
constexpr std::array kOptions = {
    rank_option<Owner>().tuned_by_factors(32, 256),
    Option<Owner>{"epochs", &Owner::epochs, {1, 1e9}}.tuned_by_factors(3, 12),
    Option<Owner>{"form", choice<Owner, &Owner::form, kForms>()}.only(kHasFactors).tuned_over("pairwise", "cp", "both"),
    Option<Owner>{"unobserved_weight", &Owner::unobserved_weight}.tuned_by_factors(0.01, 1),
    Option<Owner>{"observed_weight", &Owner::observed_weight},
    Option<Owner>{"alpha", &Owner::alpha},
    Option<Owner>{"observed_item_exponent", &Owner::observed_item_exponent, {-2, 2}}.tuned(-0.6, 0.1),
    Option<Owner>{"unobserved_item_exponent", &Owner::unobserved_item_exponent, {-2, 2}}.only(kWeighsUnobserved),
    Option<Owner>{"unobserved_user_exponent", &Owner::unobserved_user_exponent, {-2, 2}}.only(kWeighsUnobserved).tuned(0, 0.8),
    Option<Owner>{"regularization", &Owner::regularization}.tuned_by_factors(0.001, 0.4),
    Option<Owner>{"regularization_exponent", &Owner::regularization_exponent, {0, 2}},
    Option<Owner>{"context_regularization", &Owner::context_regularization}
        .only(kHasFactors, with("form", "pairwise", "both"))
        .tuned_by_factors(0.003, 0.3),
    Option<Owner>{"scale_regularization", &Owner::scale_regularization}
        .only(kHasFactors, with("form", "cp", "both"))
        .tuned_by_factors(0.003, 0.3),
    Option<Owner>{"initial_scale", &Owner::initial_scale, {.least_excluded = true}}.only(kHasFactors),
    Option<Owner>{"solver", choice<Owner, &Owner::solver, kSolvers>()}.only(kHasFactors),
    cg_steps_option<Owner>(),
    tolerance_option<Owner>(),
    patience_option<Owner>(),
    seed_option<Owner>().only(kHasFactors),
};

}  // namespace

template <>
MethodTraits<ImplicitContext> traits_of() {
  return {
      .options = kOptions,
      .counts = [](const ImplicitContext&, float rating) { return rating != 0; },
      .uncounted = "other than 0, which is the same as none",
      .ignores_values = [](const ImplicitContext& options) { return options.alpha == 0; },
      .weighs = always<ImplicitContext>,
      .contexts = true,
      .history = [](const ImplicitContext& options) { return options.alpha == 0 ? HistoryValues::if_disliked : HistoryValues::dropped; },
      .extra_bytes = implicit_context_bytes};
}

template <>
Trained train_method(Ratings ratings, const ImplicitContext& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  const auto implicit = same_options<Implicit>(options);
  if (context.situations == nullptr) {
    observer.on_warning("the ratings have no contexts, so that the model is that of method implicit");
    return train_method(std::move(ratings), implicit, std::move(frame), validation, observer, context);
  }
  Workers workers(context.threads);
  const Implicit settled = settle_implicit(implicit, ratings, frame);
  const std::size_t count = ratings.size();
  frame.centre.has_biases = false;
  frame.centre.clips = false;
  const WeightedLeastSquares fold_in = implicit_fold_in(settled, frame);
  ImplicitContextLearner learner(std::move(ratings), options, settled, frame, context, workers);
  const Stopping stopping{options.epochs, options.patience, options.tolerance};
  return run_epochs(learner, std::move(frame), fold_in, options.rank, count, stopping, validation, observer);
}

}  // namespace lowrank
