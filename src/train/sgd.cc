#include "lowrank/train/sgd.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "base/parallel.h"
#include "base/random.h"
#include "kernels/sgd.h"
#include "train/alternating.h"
#include "train/bias_damping.h"
#include "train/common_options.h"
#include "train/epoch_loop.h"
#include "train/methods.h"
#include "train/prior_trials.h"
#include "train/row_weights.h"
#include "train/sgd_grid.h"
#include "train/sgd_retrain.h"
#include "train/sgd_shuffle.h"
#include "train/sgd_tutorial.h"
#include "train/step_size.h"
#include "train/units.h"

namespace lowrank {

namespace {

constexpr auto kUpdateOrders =
    std::to_array<Named<UpdateOrder>>({{"equations", UpdateOrder::equations}, {"tutorial", UpdateOrder::tutorial}});
constexpr auto kSchedules = std::to_array<Named<Schedule>>({{"linear", Schedule::linear}, {"constant", Schedule::constant}});
constexpr auto kBiasRegularizations =
    std::to_array<Named<BiasRegularization>>({{"estimated", BiasRegularization::estimated}, {"rating", BiasRegularization::rating}});
constexpr auto kRetrains = std::to_array<Named<Retrain>>({{"none", Retrain::none}, {"users", Retrain::users}, {"both", Retrain::both}});

constexpr Setting kEquations = with("update_order", "equations");
/// Without factors and biases nothing is learned.
constexpr Need kLearns = {kHasFactors, kHasBiases};
/// Factors of one side at least are regularised, where any are.
constexpr Need kRegularizesSide = {without("user_regularization", "0"), without("item_regularization", "0")};

constexpr std::array kOptions = {
    rank_option<Sgd>().tuned_by_factors(8, 128),
    Option<Sgd>{"epochs", &Sgd::epochs, {1, 1e9}}.tuned_by_factors(10, 40),
    Option<Sgd>{"learning_rate", &Sgd::learning_rate, {.least_excluded = true}}
        .only(kLearns, Need{kHasFactors, with("bias_learning_rate", "auto")})
        .tuned_by_factors(0.02, 0.2),
    Option<Sgd>{"bias_learning_rate", &Sgd::bias_learning_rate, {.least_excluded = true}}.only(kEquations, kHasBiases),
    Option<Sgd>{"schedule", choice<Sgd, &Sgd::schedule, kSchedules>()}.only(kEquations, kLearns),
    Option<Sgd>{"regularization", &Sgd::regularization}.only(kLearns).tuned_by_factors(0.01, 0.16),
    Option<Sgd>{"user_regularization", &Sgd::user_regularization}.only(kEquations, kHasFactors, kRegularizes),
    Option<Sgd>{"item_regularization", &Sgd::item_regularization}.only(kEquations, kHasFactors, kRegularizes),
    Option<Sgd>{"prior_ratings", &Sgd::prior_ratings}
        .only(kEquations, kHasFactors, kRegularizes, kRegularizesSide)
        .tuned_by_factors(10, 700),
    Option<Sgd>{"bias_regularization", choice<Sgd, &Sgd::bias_regularization, kBiasRegularizations>()}.only(kEquations, kHasBiases,
                                                                                                            kRegularizes),
    Option<Sgd>{"initial_scale", &Sgd::initial_scale}.only(kEquations, kHasFactors),
    biases_option<Sgd>(),
    Option<Sgd>{"retrain", choice<Sgd, &Sgd::retrain, kRetrains>()}.only(kEquations, kLearns),
    Option<Sgd>{"update_order", choice<Sgd, &Sgd::update_order, kUpdateOrders>()},
    tolerance_option<Sgd>(),
    neighbours_option<Sgd>().tuned_over("0", "100"),
    neighbour_similarity_option<Sgd>(),
    neighbour_shrinkage_option<Sgd>(),
    neighbour_power_option<Sgd>(),
    neighbour_damping_option<Sgd>(),
    neighbour_weight_option<Sgd>(),
    patience_option<Sgd>(),
    seed_option<Sgd>().only(kLearns),
};

/// Weights of the loss's penalty, in training units: (factors (n + prior) |row|^2 + (bias_rating n + bias_damping) bias^2) / 2.
struct Regularization {
  double user_factors = 0;
  double item_factors = 0;
  double prior = 0;
  double bias_rating = 0;
  BiasDamping bias_damping;
};

Regularization regularization_of(const Sgd& options, const Ratings& ratings, const Units& units) {
  if (options.regularization == 0) return {};
  Regularization result{.user_factors = options.user_regularization.value_or(options.regularization),
                        .item_factors = options.item_regularization.value_or(options.regularization),
                        .prior = options.prior_ratings.value(),
                        .bias_rating = 0,
                        .bias_damping = {}};
  if (options.bias_regularization == BiasRegularization::rating) {
    result.bias_rating = options.regularization;
  } else if (options.biases) {
    result.bias_damping = estimate_bias_damping(ratings, units);
  }
  return result;
}

/// The same in rating units: factors are in units of the root of the scale, a bias in units of the scale.
LeastSquares fold_in_of(const Regularization& weights, const Units& units, bool biases) {
  const auto penalty = [&](double weight, double bias_damping) {
    const double factors = weight * units.scale;
    return RowPenalty{.l2 = factors, .l2_constant = factors * weights.prior, .bias = weights.bias_rating, .bias_constant = bias_damping};
  };
  return {.users = penalty(weights.user_factors, weights.bias_damping.user),
          .items = penalty(weights.item_factors, weights.bias_damping.item),
          .solves_bias = biases};
}

/// What suits opinions, where the options leave it open.
constexpr double kLearningRate = 0.06;
constexpr double kLongestRate = 0.2;
constexpr double kPriorRatings = 85;
/// Rank that is enough for a trial.
constexpr std::uint32_t kTrialRank = 16;
/// Visits per epoch below which the ratings are visited again, where the learning rate is left open.
constexpr std::size_t kLeastVisits = 500;

/// The options with nothing left open.
Sgd settle(Sgd options, const Ratings& ratings, const Model& frame, int threads) {
  const bool open_rate = !options.learning_rate;
  if (open_rate) options.learning_rate = kLearningRate;
  if (options.prior_ratings) return options;
  if (ratings.size() < kFewRatings) {
    options.prior_ratings = 0;
    if (open_rate) options.learning_rate = kLongestRate;
    return options;
  }
  options.prior_ratings = kPriorRatings;
  if (options.regularization == 0 || options.rank == 0) return options;
  const Trials trials(ratings, frame.users.counts, frame.items.counts);
  const auto train = [&](Ratings part, double prior, std::optional<double> rate) {
    // By the method's own steps: what is asked is what the data are like.
    Sgd trial;
    trial.rank = std::min(options.rank, kTrialRank);
    trial.regularization = options.regularization;
    trial.user_regularization = options.user_regularization;
    trial.item_regularization = options.item_regularization;
    trial.bias_regularization = options.bias_regularization;
    trial.biases = options.biases;
    trial.seed = options.seed;
    trial.prior_ratings = prior;
    trial.learning_rate = rate;
    return learn(std::move(part), trial, threads);
  };
  const auto by_prior = [&](Ratings part, double prior) { return train(std::move(part), prior, std::nullopt); };
  const double found = settle_prior(trials, kPriorRatings, by_prior);
  options.prior_ratings = found;
  if (found == kPriorRatings || !open_rate) return options;
  // What is there to be learned is learned sooner by longer steps.
  const auto mean_error = [&](std::optional<double> rate) {
    return mean_of(trials.errors([&](Ratings part) { return train(std::move(part), found, rate); }));
  };
  double least = mean_error(std::nullopt);
  for (const double rate : {2 * kLearningRate, kLongestRate}) {
    const double mean = mean_error(rate);
    if (!(mean < least)) break;
    least = mean;
    options.learning_rate = rate;
  }
  return options;
}

/// Scale-free training in blocks or, for small data, as one sequence.
class SgdLearner final : public EpochLearner {
 public:
  SgdLearner(Ratings ratings, const Sgd& options, const Units& units, const Regularization& weights, const Model& frame, const Model* init,
             std::size_t passes, Workers& workers)
      : options_(options),
        units_(units),
        weights_(weights),
        init_(init),
        workers_(workers),
        user_ratings_(frame.users.counts),
        item_ratings_(frame.items.counts),
        total_weight_(total_weight(ratings, workers)),
        user_biases_(ratings.user_count()),
        item_biases_(ratings.item_count()),
        user_decays_(ratings.user_count()),
        item_decays_(ratings.item_count()),
        user_bias_decays_(ratings.user_count()),
        item_bias_decays_(ratings.item_count()),
        rate_(options.learning_rate.value()),
        passes_(passes),
        runaway_(init != nullptr) {
    if (ratings.has_weights() || ratings.size() <= SgdShuffle::kMost) {
      if (ratings.has_weights()) {
        user_weights_ = row_weights(ratings.row_offsets(), ratings.weights());
        item_weights_.resize(ratings.item_count());
        for (std::size_t at = 0; at < ratings.size(); ++at)
          item_weights_[ratings.items()[at]] += static_cast<double>(ratings.weights()[at]);
      }
      shuffle_.emplace(ratings, units_);
      item_of_row_.resize(ratings.item_count());
      std::iota(item_of_row_.begin(), item_of_row_.end(), 0U);
    } else {
      grid_.emplace(std::move(ratings), item_ratings_, units_, options.rank, options.seed, workers);
      item_of_row_ = grid_->layout().item_of_row;
    }
    // Not earlier: the grid has released the ratings now.
    user_factors_ = FactorMatrix(user_biases_.size(), options.rank);
    item_factors_ = FactorMatrix(item_biases_.size(), options.rank);
    SgdLearner::restore(nullptr);
  }

  std::optional<EpochFigures> run(std::size_t epoch) override {
    const SgdStep step = step_of(epoch);
    fill_decays(step);
    double squared = 0;
    for (std::size_t pass = 1; pass <= passes_; ++pass) {
      const std::size_t number = first_pass_ + (epoch - 1) * passes_ + pass;
      squared =
          grid_ ? grid_->pass(tables(), step, options_.seed, number, workers_) : shuffle_->pass(tables(), step, options_.seed, number);
    }
    const double rmse = std::sqrt(squared / total_weight_);
    if (runaway_.exceeded(rmse, epoch)) return std::nullopt;
    return EpochFigures{.train_rmse = rmse * units_.scale};
  }

  bool finite() override {
    return all_finite(user_factors_, workers_) && all_finite(item_factors_, workers_) && all_finite(user_biases_, workers_) &&
           all_finite(item_biases_, workers_);
  }

  void store(Model& model) override {
    model.centre.mean = options_.biases ? units_.mean : 0.0;
    for_rows(user_factors_.rows(), [&](std::size_t user) { store_row(user_factors_, user_biases_, user, model.users, user); });
    for_rows(item_factors_.rows(), [&](std::size_t row) { store_row(item_factors_, item_biases_, row, model.items, item_of_row_[row]); });
  }

  void restore(const Model* model) override {
    const Model* from = model != nullptr ? model : init_;
    for_rows(user_factors_.rows(), [&](std::size_t user) {
      const bool known = from != nullptr && from->users.knows(static_cast<std::uint32_t>(user));
      start_row(user_factors_, user, Purpose::user_factors, known ? &from->users : nullptr, user);
      user_biases_[user] = known ? start_bias(from->users, user, from->centre.mean - units_.mean) : 0.0F;
    });
    for_rows(item_factors_.rows(), [&](std::size_t row) {
      const std::uint32_t item = item_of_row_[row];
      const bool known = from != nullptr && from->items.knows(item);
      start_row(item_factors_, row, Purpose::item_factors, known ? &from->items : nullptr, item);
      item_biases_[row] = known ? start_bias(from->items, item, 0) : 0.0F;
    });
  }

  /// Starts once more, with the items of `from` and no users. The visiting orders are other ones than before. \param from  must outlive the
  /// learner
  void start_again(const Model& from) {
    init_ = &from;
    runaway_.start_again();
    first_pass_ = std::size_t{options_.epochs} * passes_;
    restore(nullptr);
  }

  [[nodiscard]] bool has_step() const override { return true; }

  std::optional<DivergenceReport> cut_step() override { return rate_.cut(); }

  /// Gives `trained` its model's RMSE over the training ratings, clipped, and the loss that the steps minimise.
  void score(Trained& trained) {
    restore(&trained.model);
    const Model& model = trained.model;
    constexpr float kAny = std::numeric_limits<float>::max();
    const float least = model.centre.clips ? units_.to_training(model.centre.min_rating) : -kAny;
    const float most = model.centre.clips ? units_.to_training(model.centre.max_rating) : kAny;
    const SgdErrors errors = grid_ ? grid_->errors(tables(), least, most, workers_) : shuffle_->errors(tables(), least, most);
    trained.train_rmse = std::sqrt(errors.clipped_squared / total_weight_) * units_.scale;
    const double user_penalty = sum_rows(user_factors_.rows(), [&](std::size_t user) {
      return penalty(user_factors_.row(user), user_biases_[user], ratings_of_user(user), weights_.user_factors, weights_.bias_damping.user);
    });
    const double item_penalty = sum_rows(item_factors_.rows(), [&](std::size_t row) {
      return penalty(item_factors_.row(row), item_biases_[row], ratings_of_item(item_of_row_[row]), weights_.item_factors,
                     weights_.bias_damping.item);
    });
    trained.train_loss = 0.5 * (errors.squared + user_penalty + item_penalty) * units_.scale * units_.scale;
  }

 private:
  /// The number of a user's ratings, or the sum of their weights.
  [[nodiscard]] double ratings_of_user(std::size_t user) const { return user_weights_.empty() ? user_ratings_[user] : user_weights_[user]; }
  [[nodiscard]] double ratings_of_item(std::size_t item) const { return item_weights_.empty() ? item_ratings_[item] : item_weights_[item]; }

  /// The part of a row and its bias in twice the loss; 0 for a row without ratings.
  [[nodiscard]] double penalty(std::span<const float> row, float bias, double ratings, double weight, double bias_damping) const {
    if (ratings == 0) return 0;
    double squared = 0;
    for (const float x : row) squared += static_cast<double>(x) * static_cast<double>(x);
    return weight * (ratings + weights_.prior) * squared +
           (weights_.bias_rating * ratings + bias_damping) * static_cast<double>(bias) * static_cast<double>(bias);
  }

  /// Sets the decays: what regularisation takes off rows and biases per rating. Each of a row's n ratings carries 1/n of the row's weight.
  void fill_decays(const SgdStep& step) {
    const auto fill = [&](std::size_t row, double ratings, double weight, double bias_damping, std::vector<float>& decays,
                          std::vector<float>& bias_decays) {
      const double n = ratings == 0 ? 1 : ratings;
      decays[row] = static_cast<float>(static_cast<double>(step.rate) * weight * (1 + weights_.prior / n));
      bias_decays[row] = static_cast<float>(static_cast<double>(step.bias_rate) * (weights_.bias_rating + bias_damping / n));
    };
    for_rows(user_decays_.size(), [&](std::size_t user) {
      fill(user, ratings_of_user(user), weights_.user_factors, weights_.bias_damping.user, user_decays_, user_bias_decays_);
    });
    for_rows(item_decays_.size(), [&](std::size_t row) {
      fill(row, ratings_of_item(item_of_row_[row]), weights_.item_factors, weights_.bias_damping.item, item_decays_, item_bias_decays_);
    });
  }

  SgdTables tables() {
    return {.user_factors = user_factors_.data(),
            .item_factors = item_factors_.data(),
            .user_biases = user_biases_.data(),
            .item_biases = item_biases_.data(),
            .user_decays = user_decays_.data(),
            .item_decays = item_decays_.data(),
            .user_bias_decays = user_bias_decays_.data(),
            .item_bias_decays = item_bias_decays_.data(),
            .stride = user_factors_.stride()};
  }

  [[nodiscard]] SgdStep step_of(std::size_t epoch) const {
    double rate = rate_.value();
    if (options_.schedule == Schedule::linear) {
      rate *= static_cast<double>(options_.epochs - (epoch - 1)) / options_.epochs;
    }
    // A cut of the step is one of both.
    const double bias_rate = options_.bias_learning_rate ? rate * (*options_.bias_learning_rate / options_.learning_rate.value()) : rate;
    return {static_cast<float>(rate), options_.biases ? static_cast<float>(bias_rate) : 0.0F};
  }

  void for_rows(std::size_t rows, const std::function<void(std::size_t)>& body) {
    workers_.for_ranges(rows, 1024, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t row = begin; row < end; ++row) body(row);
    });
  }

  template <class Part>
  double sum_rows(std::size_t rows, const Part& part) {
    return workers_.sum_rows(rows, [&](std::size_t begin, std::size_t end, int) {
      double sum = 0;
      for (std::size_t row = begin; row < end; ++row) sum += part(row);
      return sum;
    });
  }

  /// Makes row `row` of a table row `index` of a model's side; zero where that has no rating.
  void store_row(const FactorMatrix& table, const std::vector<float>& biases, std::size_t row, Side& side, std::size_t index) const {
    row_to_model<float>(units_, table.row(row), biases[row], side, index);
    if (side.counts[index] == 0) std::ranges::fill(side.factors.row(index), 0.0F);
  }

  /// Sets row `row` of `table` to row `index` of a model's side, or, without one, to the random start of that user or item. Clears the
  /// padding too: after divergence it is not zero.
  void start_row(FactorMatrix& table, std::size_t row, Purpose purpose, const Side* from, std::size_t index) const {
    const std::span<float> factors = table.row(row);
    std::fill(factors.data(), factors.data() + table.stride(), 0.0F);
    if (from != nullptr) {
      factors_from_model(units_, *from, index, factors);
      return;
    }
    RandomStream stream(options_.seed, purpose, 0, index);
    const double deviation = options_.initial_scale / std::sqrt(static_cast<double>(std::max(options_.rank, 1U)));
    for (float& x : factors) x = static_cast<float>(deviation * stream.normal());
  }

  [[nodiscard]] float start_bias(const Side& from, std::size_t row, double shift) const {
    return options_.biases ? static_cast<float>(bias_from_model(units_, from, row, shift)) : 0.0F;
  }

  Sgd options_;
  Units units_;
  Regularization weights_;
  const Model* init_;
  Workers& workers_;
  std::vector<std::uint32_t> user_ratings_;
  std::vector<std::uint32_t> item_ratings_;
  std::vector<double> user_weights_;  ///< of every user's ratings; empty for ones
  std::vector<double> item_weights_;
  double total_weight_;
  FactorMatrix user_factors_;
  FactorMatrix item_factors_;  ///< rows by the grid's layout
  std::vector<float> user_biases_;
  std::vector<float> item_biases_;
  std::vector<float> user_decays_;
  std::vector<float> item_decays_;
  std::vector<float> user_bias_decays_;
  std::vector<float> item_bias_decays_;
  std::vector<std::uint32_t> item_of_row_;
  std::optional<SgdGrid> grid_;
  std::optional<SgdShuffle> shuffle_;
  StepSize rate_;
  std::size_t passes_;  ///< per epoch
  std::size_t first_pass_ = 0;
  RunawayLimit runaway_;
};

/// Whether retraining is to be kept: without validation always.
bool improves(const Model& again, const Model& before, const Validation& validation) {
  if (!validation) return true;
  const double value = validation.measure(again);
  return validation.better(value, validation.measure(before));
}

}  // namespace

template <>
MethodTraits<Sgd> traits_of() {
  // Retraining holds the model of before; the users are solved from the ratings as they came.
  return {.options = kOptions,
          .rating_bytes = 2,
          .weight_bytes = 40,
          .weighs = [](const Sgd& options) { return options.update_order != UpdateOrder::tutorial; },
          .unweighed = "update_order=tutorial",
          .extra_tables = [](const Sgd& options) { return options.retrain == Retrain::none ? std::size_t{0} : std::size_t{2}; },
          .extra_rating_bytes = [](const Sgd& options) { return options.retrain == Retrain::users ? std::size_t{8} : std::size_t{0}; }};
}

template <>
Trained train_method(Ratings ratings, const Sgd& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  const bool tutorial = options.update_order == UpdateOrder::tutorial;
  Workers workers(context.threads);
  const RatingMoments moments = moments_of(ratings, workers);
  const std::size_t count = ratings.size();
  const Stopping stopping{options.epochs, options.patience, options.tolerance};
  frame.centre.has_biases = options.biases;
  set_range(frame, moments, context);
  if (tutorial) {
    const LeastSquares fold_in = fold_in_of({.user_factors = options.regularization,
                                             .item_factors = options.regularization,
                                             .prior = 0,
                                             .bias_rating = options.regularization,
                                             .bias_damping = {}},
                                            Units{}, options.biases);
    Sgd settled = options;
    settled.learning_rate = options.learning_rate.value_or(kLearningRate);
    SgdTutorial learner(ratings, settled, moments.mean, frame, context.init);
    Trained trained = run_epochs(learner, std::move(frame), fold_in, options.rank, count, stopping, validation, observer);
    learner.score(trained);
    return trained;
  }
  const Units units = training_units(moments, options.biases);
  // Few ratings move the rows little in one pass.
  const std::size_t passes = options.learning_rate ? 1 : std::max<std::size_t>(1, kLeastVisits / count);
  const Sgd settled = settle(options, ratings, frame, context.threads);
  const Regularization weights = regularization_of(settled, ratings, units);
  const LeastSquares fold_in = fold_in_of(weights, units, options.biases);
  const Model kept_frame = options.retrain == Retrain::both ? frame : Model{};
  const Ratings kept_ratings = options.retrain == Retrain::users ? ratings : Ratings{};
  SgdLearner learner(std::move(ratings), settled, units, weights, frame, context.init, passes, workers);
  Trained trained = run_epochs(learner, std::move(frame), fold_in, options.rank, count, stopping, validation, observer);
  if (options.retrain == Retrain::users) {
    Model again = trained.model;
    solve_users(kept_ratings, fold_in, again, workers);
    if (improves(again, trained.model, validation)) trained.model = std::move(again);
  }
  Model start;
  if (options.retrain == Retrain::both && trained.stopped != Stopped::observer) {
    start = trained.model;
    std::ranges::fill(start.users.counts, 0U);
    learner.start_again(start);
    Trained again = run_epochs(learner, kept_frame, fold_in, options.rank, count, stopping, validation, observer);
    if (improves(again.model, trained.model, validation)) trained = std::move(again);
  }
  learner.score(trained);
  return trained;
}

}  // namespace lowrank
