#include "lowrank/train/als.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/parallel.h"
#include "base/random.h"
#include "kernels/half_step.h"
#include "lowrank/base/error.h"
#include "train/als_weights.h"
#include "train/alternating.h"
#include "train/common_options.h"
#include "train/epoch_loop.h"
#include "train/feature_rows.h"
#include "train/methods.h"
#include "train/row_weights.h"
#include "train/training_error.h"
#include "train/transpose.h"
#include "train/units.h"

namespace lowrank {

namespace {

constexpr auto kScalings =
    std::to_array<Named<RegularizationScaling>>({{"count", RegularizationScaling::count}, {"constant", RegularizationScaling::constant}});
constexpr auto kBiasRegularizations =
    std::to_array<Named<BiasRegularization>>({{"estimated", BiasRegularization::estimated}, {"factors", BiasRegularization::factors}});
constexpr auto kSolvers = std::to_array<Named<Solver>>({{"exact", Solver::exact}, {"cg", Solver::cg}});

constexpr Setting kByCount = with("regularization_scaling", "count");
constexpr Setting kAnySign = with("non_negative", "false");
/// The weight of a row's factors is read for the factors, and for a bias that is regularised as they are.
constexpr Need kWeighsRows = {kHasFactors, with("bias_regularization", "factors")};

constexpr std::array kOptions = {
    rank_option<Als>().tuned_by_factors(16, 256),
    Option<Als>{"epochs", &Als::epochs, {1, 1e9}}.tuned_by_factors(4, 12),
    Option<Als>{"regularization", &Als::regularization}.tuned_by_factors(0.01, 0.16),
    Option<Als>{"regularization_scaling", choice<Als, &Als::regularization_scaling, kScalings>()}.only(kRegularizes, kWeighsRows),
    Option<Als>{"prior_ratings", &Als::prior_ratings}.only(kByCount, kRegularizes, kWeighsRows).tuned_by_factors(20, 1000),
    Option<Als>{"bias_regularization", choice<Als, &Als::bias_regularization, kBiasRegularizations>()}.only(kHasBiases, kRegularizes),
    biases_option<Als>(),
    Option<Als>{"non_negative", &Als::non_negative}.only(kHasFactors),
    Option<Als>{"solver", choice<Als, &Als::solver, kSolvers>()}.only(kHasFactors, kAnySign),
    cg_steps_option<Als>().only(kAnySign),
    initial_scale_option<Als>(),
    tolerance_option<Als>(),
    neighbours_option<Als>(),
    neighbour_similarity_option<Als>(),
    neighbour_shrinkage_option<Als>(),
    neighbour_power_option<Als>(),
    neighbour_damping_option<Als>(),
    neighbour_weight_option<Als>(),
    patience_option<Als>(),
    seed_option<Als>().only(kHasFactors),
};

struct Rows {
  FactorMatrix factors;
  std::vector<float> biases;
  std::vector<std::uint32_t> counts;
  std::vector<double> weights;          ///< of |row|^2
  std::vector<double> bias_weights;     ///< of bias^2
  std::optional<FeatureRows> features;  ///< what rows are expected at; weights are then those of the distance from there
};

class AlsLearner final : public EpochLearner {
 public:
  AlsLearner(Ratings ratings, const Als& options, const Units& units, const AlsWeights& weights, const Model& frame,
             const TrainContext& context, Workers& workers)
      : options_(options),
        units_(units),
        weights_(weights),
        init_(context.init),
        workers_(workers),
        ratings_(std::move(ratings)),
        by_item_(transpose(ratings_, workers)),
        half_steps_(options.rank, workers),
        total_weight_(total_weight(ratings_, workers)) {
    set_up(users_, frame.users.counts, row_weights(ratings_.row_offsets(), ratings_.weights()), weights.bias.user, context.user_features);
    set_up(items_, frame.items.counts, row_weights(by_item_.offsets, by_item_.weights), weights.bias.item, context.item_features);
    diagonal_ = AlignedFloats(users_.factors.stride());
    std::fill_n(diagonal_.data() + options.rank, diagonal_.size() - options.rank, 1.0F);
    AlsLearner::restore(nullptr);
  }

  std::optional<EpochFigures> run(std::size_t /*epoch*/) override {
    solve(
        ratings_.row_offsets(), ratings_.items().data(), [this](std::size_t at) { return ratings_.value(at); }, ratings_.weights(), items_,
        users_);
    const HalfStepSums items = solve(
        by_item_.offsets, by_item_.users.data(), [this](std::size_t at) { return by_item_.value(at); }, by_item_.weights, users_, items_);
    // What the item rows minimised lacks the squares of the targets, and holds their regularisation.
    const double rows = items.value_squares + items.objective;
    const double errors = rows - regularization(items_);
    double loss = rows + regularization(users_);
    for (Rows* side : {&users_, &items_}) {
      if (side->features) loss += side->features->prior.penalty();
    }
    if (items_.features) items_.features->prior.fit(items_.factors, items_.biases, workers_);
    const double rmse = std::sqrt(std::max(errors, 0.0) / total_weight_) * units_.scale;
    if (!std::isfinite(rmse) || !std::isfinite(loss)) return std::nullopt;
    return EpochFigures{.train_rmse = rmse, .train_loss = loss * units_.scale * units_.scale};
  }

  bool finite() override { return all_finite(users_.factors, workers_) && all_finite(items_.factors, workers_); }

  void store(Model& model) override {
    model.centre.mean = options_.biases ? units_.mean : 0.0;
    for (const auto& [rows, side] : {std::pair(&users_, &model.users), std::pair(&items_, &model.items)}) {
      for (std::size_t row = 0; row < rows->counts.size(); ++row) {
        row_to_model<float>(units_, rows->factors.row(row), rows->biases[row], *side, row);
      }
      if (rows->features) rows->features->store(units_, workers_, *side);
    }
  }

  void restore(const Model* model) override {
    const double deviation = options_.initial_scale / std::sqrt(static_cast<double>(std::max(options_.rank, 1U)));
    start_rows(users_.factors, users_.counts, deviation, options_.seed, Purpose::user_factors, workers_);
    start_rows(items_.factors, items_.counts, deviation, options_.seed, Purpose::item_factors, workers_);
    users_.biases.assign(users_.counts.size(), 0);
    items_.biases.assign(items_.counts.size(), 0);
    const Model* from = model != nullptr ? model : init_;
    for (const auto& [rows, side] :
         {std::pair(&users_, from != nullptr ? &from->users : nullptr), std::pair(&items_, from != nullptr ? &from->items : nullptr)}) {
      if (rows->features) rows->features->restore(units_, side);
    }
    if (from != nullptr) {
      load(from->users, from->centre.mean - units_.mean, users_);
      load(from->items, 0, items_);
    }
    if (!options_.non_negative) return;
    for (FactorMatrix* table : {&users_.factors, &items_.factors}) {
      for (std::size_t row = 0; row < table->rows(); ++row) {
        for (float& x : table->row(row)) x = std::abs(x);
      }
    }
  }

  [[nodiscard]] const Ratings& ratings() const { return ratings_; }

 private:
  /// \param totals  the weights of every row's ratings, added up
  void set_up(Rows& side, const std::vector<std::uint32_t>& counts, const std::vector<double>& totals, double bias_damping,
              const Features* features) const {
    side.counts = counts;
    side.factors = FactorMatrix(counts.size(), options_.rank);
    for (const double total : totals) {
      side.weights.push_back(weights_.row(total));
      const double damping = bias_damping + weights_.bias_per_rating(features != nullptr) * total;
      side.bias_weights.push_back(weights_.bias_as_factors ? weights_.row(total) : std::max(damping, weights_.least));
    }
    if (features == nullptr) return;
    const std::span<const double> bias_weights = options_.biases ? std::span<const double>(side.bias_weights) : std::span<const double>();
    side.features.emplace(*features, counts, side.weights, bias_weights, options_.rank);
  }

  /// One half-step: the rows and biases of `solved` against those of `fixed`. Rows that are expected somewhere are solved as their distance
  /// from there, against what their expectation leaves of the ratings. \param weights  of the ratings; empty for ones
  template <class Value>
  HalfStepSums solve(std::span<const std::size_t> offsets, const std::uint32_t* others, const Value& value, std::span<const float> weights,
                     const Rows& fixed, Rows& solved) {
    HalfStep step;
    step.offsets = offsets;
    step.others = others;
    step.fixed = {fixed.factors.data(), fixed.factors.stride()};
    step.diagonal = diagonal_.data();
    step.ridges = solved.weights;
    step.valued = true;
    const FeatureRows* features = solved.features ? &*solved.features : nullptr;
    const auto target = [this, &value, &fixed, others, features](std::size_t row, std::size_t at) {
      const float left = units_.to_training(value(at)) - fixed.biases[others[at]];
      return features == nullptr ? left : left - features->expected(row, fixed.factors, others[at]);
    };
    step.cells = [target](std::size_t row, std::size_t begin, std::size_t end, float* /*weights*/, float* values) {
      for (std::size_t at = begin; at < end; ++at) values[at - begin] = target(row, at);
    };
    if (!weights.empty()) {
      step.weighted = true;
      step.squares = true;
      step.cells = [target, weights](std::size_t row, std::size_t begin, std::size_t end, float* own_weights, float* values) {
        for (std::size_t at = begin; at < end; ++at) {
          own_weights[at - begin] = weights[at];
          values[at - begin] = weights[at] * target(row, at);
        }
      };
    }
    if (options_.biases) step.bias_dampings = solved.bias_weights;
    step.options = {.method = static_cast<RowMethod>(options_.solver), .cg_steps = options_.cg_steps};
    step.non_negative = options_.non_negative;
    if (solved.features) solved.features->take_means(workers_);
    if (solved.features) solved.features->subtract(solved.factors, solved.biases, workers_);
    const HalfStepSums sums = half_steps_.run(step, solved.factors.data(), options_.biases ? solved.biases.data() : nullptr);
    if (solved.features) solved.features->add(solved.factors, solved.biases, workers_);
    // The items' are fitted once the loss has been summed.
    if (solved.features && &solved == &users_) solved.features->prior.fit(solved.factors, solved.biases, workers_);
    return sums;
  }

  double regularization(const Rows& side) {
    if (side.features) return side.features->distances(side.factors, side.biases, side.weights, side.bias_weights, workers_);
    double sum = weighted_squares(side.factors, side.weights, workers_);
    for (std::size_t row = 0; row < side.biases.size(); ++row) {
      sum += side.bias_weights[row] * static_cast<double>(side.biases[row]) * static_cast<double>(side.biases[row]);
    }
    return sum;
  }

  void load(const Side& from, double shift, Rows& side) const {
    for (std::uint32_t row = 0; row < side.counts.size(); ++row) {
      if (!from.knows(row) || side.counts[row] == 0) continue;
      factors_from_model(units_, from, row, side.factors.row(row));
      if (options_.biases) side.biases[row] = static_cast<float>(bias_from_model(units_, from, row, shift));
    }
  }

  Als options_;
  Units units_;
  AlsWeights weights_;
  const Model* init_;
  Workers& workers_;
  Ratings ratings_;
  ByItem by_item_;
  HalfSteps half_steps_;
  double total_weight_;
  Rows users_;
  Rows items_;
  AlignedFloats diagonal_;
};

}  // namespace

template <>
MethodTraits<Als> traits_of() {
  return {.options = kOptions, .weighs = always<Als>, .features = true};
}

template <>
Trained train_method(Ratings ratings, const Als& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  if (options.non_negative && (context.user_features != nullptr || context.item_features != nullptr)) {
    throw OptionError("non_negative", "cannot be given together with features, whose vectors have any sign");
  }
  Workers workers(context.threads);
  const std::size_t count = ratings.size();
  const AlsStart start = begin_als(options, ratings, frame, context, workers);
  AlsLearner learner(std::move(ratings), options, start.units, start.weights, frame, context, workers);
  const Stopping stopping{options.epochs, options.patience, options.tolerance};
  Trained trained = run_epochs(learner, std::move(frame), start.fold_in, options.rank, count, stopping, validation, observer);
  trained.train_rmse = training_rmse(trained.model, learner.ratings(), workers);
  return trained;
}

}  // namespace lowrank
