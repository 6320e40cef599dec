#include "lowrank/train/asymmetric.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/parallel.h"
#include "base/random.h"
#include "kernels/aligned_floats.h"
#include "kernels/dot.h"
#include "kernels/history_rows.h"
#include "train/alternating.h"
#include "train/bias_damping.h"
#include "train/common_options.h"
#include "train/epoch_loop.h"
#include "train/methods.h"
#include "train/prior_trials.h"
#include "train/step_size.h"
#include "train/training_error.h"
#include "train/units.h"

namespace lowrank {

namespace {

/// Without factors and biases nothing is learned.
constexpr Need kLearns = {kHasFactors, kHasBiases};

constexpr std::array kOptions = {
    rank_option<Asymmetric>().tuned_by_factors(8, 128),
    Option<Asymmetric>{"epochs", &Asymmetric::epochs, {1, 1e9}}.tuned_by_factors(10, 40),
    Option<Asymmetric>{"user_factors", &Asymmetric::user_factors}.only(kHasFactors),
    Option<Asymmetric>{"learning_rate", &Asymmetric::learning_rate, {.least_excluded = true}}.only(kLearns).tuned_by_factors(0.02, 0.2),
    Option<Asymmetric>{"history_rate", &Asymmetric::history_rate, {.least_excluded = true}}.only(kHasFactors).tuned_by_factors(0.1, 1),
    Option<Asymmetric>{"regularization", &Asymmetric::regularization}.only(kLearns).tuned_by_factors(0.01, 0.16),
    Option<Asymmetric>{"prior_ratings", &Asymmetric::prior_ratings}.only(kHasFactors, kRegularizes).tuned_by_factors(10, 700),
    initial_scale_option<Asymmetric>(),
    biases_option<Asymmetric>(),
    tolerance_option<Asymmetric>(),
    patience_option<Asymmetric>(),
    seed_option<Asymmetric>(),
};

/// What suits opinions, where the options leave it open.
constexpr double kPriorRatings = 85;
/// Rank that is enough for a trial.
constexpr std::uint32_t kTrialRank = 16;
/// x = n^-kExponent sum of w.
constexpr double kExponent = 0.5;

/// The options with nothing left open.
Asymmetric settle(Asymmetric options, const Ratings& ratings, const Model& frame, int threads) {
  if (!options.history_rate) options.history_rate = options.user_factors ? 0.05 : 0.3;
  if (options.prior_ratings) return options;
  options.prior_ratings = ratings.size() < kFewRatings ? 0 : kPriorRatings;
  if (ratings.size() < kFewRatings || options.regularization == 0 || options.rank == 0) return options;
  options.prior_ratings = settle_prior(options, kPriorRatings, kTrialRank, ratings, frame, threads);
  return options;
}

/// The fold-in in rating units: factors are in units of the root of the scale, a bias in units of the scale.
HistorySum fold_in_of(const Asymmetric& options, const BiasDamping& damping, const Units& units) {
  const double factors = options.regularization * units.scale;
  const auto penalty = [&](double bias_damping) {
    return RowPenalty{.l2 = factors, .l2_constant = factors * options.prior_ratings.value(), .bias = 0, .bias_constant = bias_damping};
  };
  return {.users = penalty(damping.user),
          .items = penalty(damping.item),
          .exponent = kExponent,
          .solves_bias = options.biases,
          .solves_factors = options.user_factors};
}

/// Learns user by user. The users of a batch learn side by side from the items as they were; then every item learns from the users of the
/// batch in their order. What a user adds to the history factors of their items is the same for all of them, so it is added once per user.
class AsymmetricLearner final : public EpochLearner {
 public:
  AsymmetricLearner(Ratings ratings, const Asymmetric& options, const Units& units, const BiasDamping& damping, const Model& frame,
                    const Model* init, Workers& workers)
      : options_(options),
        units_(units),
        damping_(damping),
        init_(init),
        workers_(workers),
        ratings_(std::move(ratings)),
        user_counts_(frame.users.counts),
        item_counts_(frame.items.counts),
        users_(options.user_factors ? user_counts_.size() : 0, options.rank),
        items_(item_counts_.size(), options.rank),
        history_(item_counts_.size(), options.rank),
        user_biases_(user_counts_.size()),
        item_biases_(item_counts_.size()),
        keeps_(item_counts_.size()),
        history_keeps_(item_counts_.size()),
        bias_keeps_(item_counts_.size()),
        slots_(static_cast<std::size_t>(workers.count())),
        rate_(options.learning_rate),
        runaway_(init != nullptr) {
    for (const float value : ratings_.value_table()) value_table_.push_back(units.to_training(value));
    const std::uint32_t most = *std::ranges::max_element(item_counts_);
    const double share = static_cast<double>(most) / static_cast<double>(std::max<std::size_t>(user_counts_.size(), 1));
    batch_size_ = static_cast<std::size_t>(std::clamp(kMostVisits / share, kLeastBatch, kMostBatch));
    factors_ = FactorMatrix(batch_size_, options.rank);
    moves_ = FactorMatrix(batch_size_, options.rank);
    cut_items();
    AsymmetricLearner::restore(nullptr);
  }

  std::optional<EpochFigures> run(std::size_t epoch) override {
    const double rate = rate_.value() * static_cast<double>(options_.epochs - (epoch - 1)) / options_.epochs;
    fill_keeps(rate);
    std::vector<std::uint32_t> users;
    for (std::uint32_t user = 0; user < user_counts_.size(); ++user) {
      if (user_counts_[user] != 0) users.push_back(user);
    }
    RandomStream(options_.seed, Purpose::rating_order, epoch).shuffle(std::span(users));
    double squares = 0;
    for (std::size_t begin = 0; begin < users.size(); begin += batch_size_) {
      squares += learn_batch(std::span(users).subspan(begin, std::min(batch_size_, users.size() - begin)), epoch, rate);
    }
    const double rmse = std::sqrt(squares / static_cast<double>(ratings_.size()));
    if (runaway_.exceeded(rmse, epoch)) return std::nullopt;
    return EpochFigures{.train_rmse = rmse * units_.scale};
  }

  bool finite() override {
    return all_finite(users_, workers_) && all_finite(items_, workers_) && all_finite(history_, workers_) &&
           all_finite(user_biases_, workers_) && all_finite(item_biases_, workers_);
  }

  void store(Model& model) override {
    model.centre.mean = options_.biases ? units_.mean : 0.0;
    if (model.history_factors.rows() == 0) model.history_factors = FactorMatrix(items_.rows(), options_.rank);
    const auto scale = static_cast<float>(std::sqrt(units_.scale));
    workers_.for_ranges(items_.rows(), kGrain, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t item = begin; item < end; ++item) {
        row_to_model<float>(units_, items_.row(item), item_biases_[item], model.items, item);
        std::ranges::transform(history_.row(item), model.history_factors.row(item).begin(), [scale](float w) { return w * scale; });
      }
    });
    workers_.for_ranges(user_counts_.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
      AlignedFloats row(items_.stride());
      for (std::size_t user = begin; user < end; ++user) {
        factors_of(user, row.data());
        row_to_model<float>(units_, {row.data(), options_.rank}, solved_bias(user, row.data()), model.users, user);
      }
    });
  }

  void restore(const Model* model) override {
    const double deviation = options_.initial_scale / std::sqrt(static_cast<double>(std::max(options_.rank, 1U)));
    // The padding too: after divergence it is not zero.
    for (FactorMatrix* table : {&users_, &items_, &history_}) std::fill_n(table->data(), table->rows() * table->stride(), 0.0F);
    if (options_.user_factors) start_rows(users_, user_counts_, deviation, options_.seed, Purpose::user_factors, workers_);
    start_rows(items_, item_counts_, deviation, options_.seed, Purpose::item_factors, workers_);
    std::ranges::fill(user_biases_, 0.0F);
    std::ranges::fill(item_biases_, 0.0F);
    const Model* from = model != nullptr ? model : init_;
    if (from != nullptr) take(*from);
  }

  [[nodiscard]] bool has_step() const override { return true; }

  std::optional<DivergenceReport> cut_step() override { return rate_.cut(); }

  /// The loss of the rows of `model`, which store() wrote, in rating units.
  double loss(const Model& model) {
    restore(&model);
    const double penalty = options_.regularization;
    const double prior = options_.prior_ratings.value();
    const double users = sum_rows(user_counts_.size(), [&](std::size_t user) {
      if (user_counts_[user] == 0) return 0.0;
      AlignedFloats row(items_.stride());
      factors_of(user, row.data());
      double sum = damping_.user * square(user_biases_[user]);
      if (options_.user_factors) sum += penalty * (user_counts_[user] + prior) * squares(users_.row(user));
      for_ratings(user, [&](std::uint32_t item, float value) {
        sum += square(value - item_biases_[item] - user_biases_[user] - dot(row.data(), items_.row(item).data(), items_.stride()));
      });
      return sum;
    });
    const double items = sum_rows(item_counts_.size(), [&](std::size_t item) {
      if (item_counts_[item] == 0) return 0.0;
      return damping_.item * square(item_biases_[item]) +
             penalty * (item_counts_[item] + prior) * (squares(items_.row(item)) + squares(history_.row(item)));
    });
    return (users + items) / 2 * units_.scale * units_.scale;
  }

  [[nodiscard]] const Ratings& ratings() const { return ratings_; }

 private:
  static constexpr std::size_t kGrain = 256;
  /// Steps that an item may take in one batch on average: they are all from the same old values.
  static constexpr double kMostVisits = 16;
  static constexpr double kLeastBatch = 8;
  static constexpr double kMostBatch = 64;
  /// Ratings of a user between which their own factors are regularised.
  static constexpr std::size_t kRun = 32;

  /// Scratch memory of a thread.
  struct Slot {
    std::vector<std::uint32_t> order;
    std::vector<float> values;
  };

  static double square(float x) { return static_cast<double>(x) * static_cast<double>(x); }
  static double squares(std::span<const float> row) {
    return std::accumulate(row.begin(), row.end(), 0.0, [](double sum, float x) { return sum + square(x); });
  }

  template <class Part>
  double sum_rows(std::size_t rows, const Part& part) {
    return workers_.sum_rows(rows, [&](std::size_t begin, std::size_t end, int) {
      double sum = 0;
      for (std::size_t row = begin; row < end; ++row) sum += part(row);
      return sum;
    });
  }

  [[nodiscard]] float value(std::size_t position) const {
    return value_table_.empty() ? units_.to_training(ratings_.value(position)) : value_table_[ratings_.codes()[position]];
  }

  template <class Visit>
  void for_ratings(std::size_t user, const Visit& visit) const {
    for (std::size_t at = ratings_.row_offsets()[user]; at < ratings_.row_offsets()[user + 1]; ++at) visit(ratings_.items()[at], value(at));
  }

  /// The sum of a user's history factors.
  void sum_of(std::size_t user, float* row) const {
    const std::span<const std::uint32_t> items = ratings_.items_of(static_cast<std::uint32_t>(user));
    std::fill_n(row, items_.stride(), 0.0F);
    if (items.empty()) return;
    add_rows(history_.data(), history_.stride(), items.data(), items.size(), row);
    const auto share = static_cast<float>(std::pow(static_cast<double>(items.size()), -kExponent));
    for (std::size_t k = 0; k < items_.stride(); ++k) row[k] *= share;
  }

  /// x of a user; zeros for one without ratings.
  void factors_of(std::size_t user, float* row) const {
    sum_of(user, row);
    if (!options_.user_factors || user_counts_[user] == 0) return;
    for (std::size_t k = 0; k < options_.rank; ++k) row[k] += users_.row(user)[k];
  }

  /// The bias that the loss gives a user of factors `row`: the one of fold-in.
  [[nodiscard]] float solved_bias(std::size_t user, const float* row) const {
    if (!options_.biases || user_counts_[user] == 0) return 0;
    double sum = 0;
    for_ratings(user, [&](std::uint32_t item, float value) {
      sum += static_cast<double>(value - item_biases_[item] - dot(row, items_.row(item).data(), items_.stride()));
    });
    return static_cast<float>(sum / (user_counts_[user] + damping_.user));
  }

  /// The stripes of items, of about equal numbers of ratings, which threads learn side by side. An item's sums do not depend on the cut.
  void cut_items() {
    const auto stripes = static_cast<std::size_t>(workers_.count() == 1 ? 1 : 2 * workers_.count());
    stripe_begin_.assign(1, 0);
    std::size_t seen = 0;
    for (std::uint32_t item = 0; item < item_counts_.size(); ++item) {
      if (seen >= ratings_.size() * stripe_begin_.size() / stripes && stripe_begin_.size() < stripes) stripe_begin_.push_back(item);
      seen += item_counts_[item];
    }
    stripe_begin_.push_back(static_cast<std::uint32_t>(item_counts_.size()));
  }

  [[nodiscard]] double history_rate(double rate) const { return rate * options_.history_rate.value(); }

  void fill_keeps(double rate) {
    const double prior = options_.prior_ratings.value();
    for (std::size_t item = 0; item < item_counts_.size(); ++item) {
      const double n = std::max(item_counts_[item], 1U);
      const double decay = options_.regularization * (1 + prior / n);
      keeps_[item] = static_cast<float>(std::max(0.0, 1 - rate * decay));
      history_keeps_[item] = static_cast<float>(std::max(0.0, 1 - history_rate(rate) * decay));
      bias_keeps_[item] = static_cast<float>(std::max(0.0, 1 - rate * damping_.item / n));
    }
  }

  double learn_batch(std::span<const std::uint32_t> users, std::size_t epoch, double rate) {
    std::vector<std::size_t> first(users.size() + 1);
    for (std::size_t n = 0; n < users.size(); ++n) first[n + 1] = first[n] + user_counts_[users[n]];
    errors_.resize(std::max(errors_.size(), first.back()));
    std::vector<double> squares(users.size());
    workers_.for_each(users.size(), [&](std::size_t n, int slot) {
      squares[n] = learn_user(users[n], n, epoch, rate, errors_.data() + first[n], slots_[static_cast<std::size_t>(slot)]);
    });
    const HistorySteps steps{static_cast<float>(rate), options_.biases ? static_cast<float>(rate) : 0.0F, 1};
    workers_.for_each(stripe_begin_.size() - 1, [&](std::size_t stripe, int) {
      for (std::size_t n = 0; n < users.size(); ++n) {
        const std::span<const std::uint32_t> items = ratings_.items_of(users[n]);
        const auto begin = std::ranges::lower_bound(items, stripe_begin_[stripe]);
        const auto end = std::lower_bound(begin, items.end(), stripe_begin_[stripe + 1]);
        learn_history({.items = std::to_address(begin),
                       .errors = errors_.data() + first[n] + (begin - items.begin()),
                       .count = static_cast<std::size_t>(end - begin),
                       .item_factors = items_.data(),
                       .history_factors = history_.data(),
                       .item_biases = item_biases_.data(),
                       .item_keeps = keeps_.data(),
                       .history_keeps = history_keeps_.data(),
                       .bias_keeps = bias_keeps_.data(),
                       .stride = items_.stride()},
                      steps, factors_.row(n).data(), moves_.row(n).data());
      }
    });
    return std::accumulate(squares.begin(), squares.end(), 0.0);
  }

  /// Learns user number `n` of a batch, and leaves what the items learn from: the factors of before, the step of a history factor, errors.
  double learn_user(std::uint32_t user, std::size_t n, std::size_t epoch, double rate, float* errors, Slot& slot) {
    const std::span<const std::uint32_t> items = ratings_.items_of(user);
    const std::size_t begin = ratings_.row_offsets()[user];
    slot.order.resize(items.size());
    slot.values.resize(items.size());
    std::iota(slot.order.begin(), slot.order.end(), 0U);
    RandomStream(options_.seed, Purpose::rating_order, epoch, std::uint64_t{user} + 1).shuffle(std::span(slot.order));
    for (std::size_t at = 0; at < items.size(); ++at) slot.values[at] = value(begin + at);
    const auto count = static_cast<double>(items.size());
    const double own_rate = options_.user_factors ? rate : 0;
    const double both = own_rate + history_rate(rate);
    const HistorySteps steps{static_cast<float>(both), options_.biases ? static_cast<float>(rate) : 0.0F,
                             static_cast<float>(std::max(0.0, 1 - rate * damping_.user / count))};
    float* before = factors_.row(n).data();
    float* sum = moves_.row(n).data();
    AlignedFloats x(items_.stride());
    AlignedFloats start(items_.stride());
    sum_of(user, sum);
    std::fill_n(before, items_.stride(), 0.0F);
    const std::size_t rank = options_.rank;
    for (std::size_t k = 0; k < rank; ++k) before[k] = sum[k] + (options_.user_factors ? users_.row(user)[k] : 0.0F);
    std::copy_n(before, rank, x.data());
    std::fill_n(sum, items_.stride(), 0.0F);
    const auto own_share = static_cast<float>(own_rate / both);
    const double decay = own_rate * options_.regularization * (1 + options_.prior_ratings.value() / count);
    double squared = 0;
    for (std::size_t run = 0; run < items.size(); run += kRun) {
      const std::size_t size = std::min(kRun, items.size() - run);
      if (options_.user_factors) {
        // The implicit step, which shrinks at any step size.
        const auto keep = static_cast<float>(1 / (1 + static_cast<double>(size) * decay));
        for (std::size_t k = 0; k < rank; ++k) {
          float& p = users_.row(user)[k];
          x[k] -= (1 - keep) * p;
          p *= keep;
        }
      }
      std::copy_n(x.data(), rank, start.data());
      squared += visit_history({.order = slot.order.data() + run,
                                .count = size,
                                .items = items.data(),
                                .values = slot.values.data(),
                                .item_factors = items_.data(),
                                .item_biases = item_biases_.data(),
                                .stride = items_.stride()},
                               steps, x.data(), user_biases_[user], errors);
      for (std::size_t k = 0; k < rank; ++k) {
        const float moved = x[k] - start[k];
        if (options_.user_factors) users_.row(user)[k] += own_share * moved;
        sum[k] += (1 - own_share) * moved;
      }
    }
    // The sum has moved; each of its items moves by n^(exponent - 1) of that, so that the sum of them does.
    const auto share = static_cast<float>(std::pow(count, kExponent - 1));
    for (std::size_t k = 0; k < rank; ++k) sum[k] *= share;
    return squared;
  }

  /// The rows that `from` knows; where it has no sums, its users are their own factors.
  void take(const Model& from) {
    const bool sums = from.history_factors.rows() != 0;
    const auto scale = static_cast<float>(1 / std::sqrt(units_.scale));
    for (std::uint32_t item = 0; item < item_counts_.size(); ++item) {
      if (!from.items.knows(item) || item_counts_[item] == 0) continue;
      factors_from_model(units_, from.items, item, items_.row(item));
      if (options_.biases) item_biases_[item] = static_cast<float>(bias_from_model(units_, from.items, item, 0));
      if (sums) std::ranges::transform(from.history_factors.row(item), history_.row(item).begin(), [scale](float w) { return w * scale; });
    }
    workers_.for_ranges(user_counts_.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
      AlignedFloats sum(items_.stride());
      for (std::size_t user = begin; user < end; ++user) {
        if (!from.users.knows(static_cast<std::uint32_t>(user)) || user_counts_[user] == 0) continue;
        if (options_.biases)
          user_biases_[user] = static_cast<float>(bias_from_model(units_, from.users, user, from.centre.mean - units_.mean));
        if (!options_.user_factors) continue;
        factors_from_model(units_, from.users, user, users_.row(user));
        sum_of(user, sum.data());
        for (std::size_t k = 0; k < options_.rank; ++k) users_.row(user)[k] -= sum[k];
      }
    });
  }

  Asymmetric options_;
  Units units_;
  BiasDamping damping_;
  const Model* init_;
  Workers& workers_;
  Ratings ratings_;
  std::vector<float> value_table_;  ///< values of the codes, in training units
  std::vector<std::uint32_t> user_counts_;
  std::vector<std::uint32_t> item_counts_;
  FactorMatrix users_;    ///< p; no rows without user factors
  FactorMatrix items_;    ///< q
  FactorMatrix history_;  ///< w
  std::vector<float> user_biases_;
  std::vector<float> item_biases_;
  std::vector<float> keeps_;
  std::vector<float> history_keeps_;
  std::vector<float> bias_keeps_;
  std::size_t batch_size_ = 1;
  std::vector<std::uint32_t> stripe_begin_;  ///< first item of each stripe, and one past the last
  FactorMatrix factors_;                     ///< x of the users of a batch, as their items see them
  FactorMatrix moves_;                       ///< steps of the history factors of their items
  std::vector<float> errors_;                ///< of the ratings of a batch
  std::vector<Slot> slots_;
  StepSize rate_;
  RunawayLimit runaway_;
};

}  // namespace

template <>
MethodTraits<Asymmetric> traits_of() {
  // The history factors, the model's and the learner's: a table more on the side of the items.
  return {.options = kOptions, .rating_bytes = 1, .extra_tables = [](const Asymmetric& /*options*/) { return std::size_t{2}; }};
}

template <>
Trained train_method(Ratings ratings, const Asymmetric& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  Workers workers(context.threads);
  const RatingMoments moments = moments_of(ratings, workers);
  const std::size_t count = ratings.size();
  frame.centre.has_biases = options.biases;
  set_range(frame, moments, context);
  const Units units = training_units(moments, options.biases);
  const Asymmetric settled = settle(options, ratings, frame, context.threads);
  BiasDamping damping;
  if (options.biases && options.regularization != 0) damping = estimate_bias_damping(ratings, units);
  const HistorySum fold_in = fold_in_of(settled, damping, units);
  AsymmetricLearner learner(std::move(ratings), settled, units, damping, frame, context.init, workers);
  const Stopping stopping{options.epochs, options.patience, options.tolerance};
  Trained trained = run_epochs(learner, std::move(frame), fold_in, options.rank, count, stopping, validation, observer);
  trained.train_rmse = training_rmse(trained.model, learner.ratings(), workers);
  trained.train_loss = learner.loss(trained.model);
  return trained;
}

}  // namespace lowrank
