#include "lowrank/train/bayes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "base/parallel.h"
#include "train/alternating.h"
#include "train/bayes_contexts.h"
#include "train/bayes_learner.h"
#include "train/common_options.h"
#include "train/epoch_loop.h"
#include "train/gibbs_sampler.h"
#include "train/given_features.h"
#include "train/methods.h"
#include "train/row_spread.h"
#include "train/running_product.h"
#include "train/score_probes.h"
#include "train/side_mean.h"
#include "train/state_bytes.h"
#include "train/training_error.h"
#include "train/transpose.h"
#include "train/units.h"

namespace lowrank {

namespace {

constexpr auto kImplicitFeatures = std::to_array<Named<ImplicitFeatures>>({{"none", ImplicitFeatures::none},
                                                                           {"users", ImplicitFeatures::users},
                                                                           {"items", ImplicitFeatures::items},
                                                                           {"both", ImplicitFeatures::both}});

constexpr auto kLikelihoods = std::to_array<Named<Likelihood>>({{"gaussian", Likelihood::gaussian}, {"ordinal", Likelihood::ordinal}});
constexpr auto kTimes =
    std::to_array<Named<Period>>({{"none", Period::none}, {"day", Period::day}, {"week", Period::week}, {"month", Period::month}});
constexpr auto kNoises =
    std::to_array<Named<NoiseOf>>({{"all", NoiseOf::all}, {"users", NoiseOf::users}, {"items", NoiseOf::items}, {"both", NoiseOf::both}});

constexpr std::array kOptions = {
    // A model has twice the rank, and no model more than 4096.
    Option<Bayes>{"rank", &Bayes::rank, {0, 2048}}.tuned_by_factors(8, 64),
    Option<Bayes>{"samples", &Bayes::samples, {1, 1e9}},
    Option<Bayes>{"burn_in", &Bayes::burn_in, {0, 1e9}},
    Option<Bayes>{"implicit_features", choice<Bayes, &Bayes::implicit_features, kImplicitFeatures>()},
    Option<Bayes>{"likelihood", choice<Bayes, &Bayes::likelihood, kLikelihoods>()},
    Option<Bayes>{"noise", choice<Bayes, &Bayes::noise, kNoises>()}.only(with("likelihood", "gaussian")),
    Option<Bayes>{"time", choice<Bayes, &Bayes::time, kTimes>()},
    Option<Bayes>{"chain", choice<Bayes, &Bayes::chain, kContextChains>()},
    patience_option<Bayes>(),
    seed_option<Bayes>(),
};

/// Columns of the model for each column of a sample.
constexpr std::size_t kColumns = 2;
/// Standard deviation of the factors at the start, in units of the ratings'.
constexpr double kInitialScale = 0.1;

/// The noise that ordinal ratings are expected to have, as a share of their standard deviation: scores then lie about where ratings do.
constexpr double kOrdinalNoise = 0.75;

constexpr std::size_t kGrain = 256;

using ImplicitSides = GibbsSampler::ImplicitSides;

ImplicitSides sides_of(ImplicitFeatures features) {
  const bool both = features == ImplicitFeatures::both;
  return {.users = both || features == ImplicitFeatures::users, .items = both || features == ImplicitFeatures::items};
}

GibbsSampler::Form form_of(const Bayes& options) {
  const bool both = options.noise == NoiseOf::both;
  return {.rank = options.rank,
          .implicit = sides_of(options.implicit_features),
          .user_noise = both || options.noise == NoiseOf::users,
          .item_noise = both || options.noise == NoiseOf::items,
          .ordinal = options.likelihood == Likelihood::ordinal};
}

class BayesLearner final : public EpochLearner {
 public:
  BayesLearner(Ratings ratings, const Bayes& options, const Units& units, const Model& frame, const TrainContext& context, Workers& workers)
      : options_(options),
        units_(units),
        init_(context.init),
        workers_(workers),
        ratings_(std::move(ratings)),
        by_item_(transpose(ratings_, workers)),
        user_counts_(frame.users.counts),
        item_counts_(frame.items.counts),
        user_features_(given(context.user_features, user_counts_)),
        item_features_(given(context.item_features, item_counts_)),
        contexts_(contexts_of(ratings_, by_item_, options, context.situations)),
        sampler_(ratings_, by_item_, units, user_counts_, item_counts_, form_of(options), workers,
                 user_features_ ? std::optional(user_features_->block()) : std::nullopt,
                 item_features_ ? std::optional(item_features_->block()) : std::nullopt, contexts_ ? &*contexts_ : nullptr),
        users_(sampler_.users, kColumns * options.rank, !sampler_.user_noise.empty()),
        items_(sampler_.items, kColumns * options.rank, !sampler_.item_noise.empty()),
        product_(rows_of(sampler_.users), rows_of(sampler_.items), options.rank, kColumns * options.rank, level_weights(user_counts_),
                 level_weights(item_counts_)),
        user_spread_(options.rank, kColumns * options.rank),
        item_spread_(options.rank, kColumns * options.rank),
        probes_(ratings_, options.seed),
        cuts_(sampler_.cutpoints ? sampler_.cutpoints->cuts.size() : 0) {
    BayesLearner::restore(nullptr);
  }

  std::optional<EpochFigures> run(std::size_t epoch) override {
    sampler_.sweep({options_.seed, epoch}, workers_);
    if (!std::isfinite(sampler_.squared_errors())) return std::nullopt;
    if (epoch > options_.burn_in) add_sample();
    return EpochFigures{.train_rmse = std::sqrt(sampler_.squared_errors() / static_cast<double>(ratings_.size())) * units_.scale};
  }

  bool finite() override { return all_finite(sampler_.users.factors, workers_) && all_finite(sampler_.items.factors, workers_); }

  void store(Model& model) override {
    if (product_.samples() == 0) {
      model.centre.mean = units_.mean;
      write(sampler_.users.factors, sampler_.users.biases, 1, options_.rank, model.users);
      write(sampler_.items.factors, sampler_.items.biases, 1, options_.rank, model.items);
      if (sampler_.cutpoints) model.centre.ordinal = scale_of(sampler_.cutpoints->cuts, 0);
      return;
    }
    const double share = 1 / static_cast<double>(product_.samples());
    model.centre.mean = units_.mean + level_ * share * units_.scale;
    write(product_.users().front(), users_.biases().front(), share, kColumns * options_.rank, model.users);
    write(product_.items().front(), items_.biases().front(), share, kColumns * options_.rank, model.items);
    const ImplicitSides implicit = sides_of(options_.implicit_features);
    if (user_features_) write_features(*user_features_, product_.users(), users_, implicit.users, model.users);
    store_priors(model);
    store_uncertainty(model);
    if (contexts_) store_levels(model);
    if (item_features_) write_features(*item_features_, product_.items(), items_, implicit.items, model.items);
  }

  void restore(const Model* /*model*/) override {
    start_rows(sampler_.users.factors, user_counts_, kInitialScale, options_.seed, Purpose::user_factors, workers_);
    start_rows(sampler_.items.factors, item_counts_, kInitialScale, options_.seed, Purpose::item_factors, workers_);
    if (contexts_) {
      centred_levels_ = FactorMatrix(levels(), options_.rank);
      level_biases_.assign(levels(), 0);
    }
    if (init_ != nullptr) {
      take(init_->users, init_->centre.mean - units_.mean, sampler_.users);
      take(init_->items, 0, sampler_.items);
    }
    sampler_.start(workers_);
  }

  /// All of the state, which no model holds.
  [[nodiscard]] std::vector<std::byte> save_state() override {
    StateWriter writer;
    visit_state(writer);
    return std::move(writer).take();
  }
  void load_state(std::span<const std::byte> state) override {
    StateReader reader(state);
    visit_state(reader);
    reader.finish();
    sampler_.start(workers_);
  }

  [[nodiscard]] const Ratings& ratings() const { return ratings_; }

 private:
  /// The ordinal scale, with the mean of the cutpoints, which are relative to the mean of the ratings. \param spread  variance of scores
  [[nodiscard]] OrdinalScale scale_of(const std::vector<double>& cuts, double spread) const {
    OrdinalScale scale{.levels = sampler_.steps(), .cutpoints = {}, .deviation = units_.scale * std::sqrt(1 + spread)};
    for (const double cut : cuts) scale.cutpoints.push_back(units_.mean + cut * units_.scale);
    return scale;
  }

  /// Factors in the units of the model.
  void copy_scaled(std::span<const float> from, std::span<float> to) const {
    const auto scale = static_cast<float>(std::sqrt(units_.scale));
    std::ranges::transform(from, to.begin(), [scale](float x) { return x * scale; });
  }

  /// Writes how far ratings lie from the scores.
  void store_uncertainty(Model& model) {
    const auto samples = static_cast<double>(product_.samples());
    const double noise = std::clamp(noise_ / samples * units_.scale * units_.scale, 1e-30, 1e30);
    model.uncertainty = Uncertainty{.noise = noise,
                                    .scale = 1,
                                    .users = users_.variances(units_, product_.users().front(), workers_),
                                    .items = items_.variances(units_, product_.items().front(), workers_),
                                    .quantiles = {}};
    const double spread = probes_.spread() * units_.scale * units_.scale;
    const double own = probes_.spread_of(model, workers_);
    // One sample has no spread.
    if (own > 0) model.uncertainty->scale = spread / own;
    if (!sampler_.cutpoints) return;
    std::vector<double> cuts = cuts_;
    for (double& cut : cuts) cut /= samples;
    model.centre.ordinal = scale_of(cuts, probes_.spread());
  }

  /// The levels of all columns of contexts.
  [[nodiscard]] std::size_t levels() const {
    std::size_t sum = 0;
    for (const ByLevel& column : contexts_->columns) sum += column.levels();
    return sum;
  }

  /// The tables of a side whose mean product is followed: its own, and the levels, which are multiplied with the other side's rows.
  [[nodiscard]] std::vector<std::size_t> rows_of(const GibbsSide& side) const {
    std::vector<std::size_t> rows = SideMean::rows_of(side);
    if (contexts_) rows.push_back(levels());
    return rows;
  }

  /// How many rows of a side a level counts for in the choice of the columns: its share of the ratings.
  [[nodiscard]] std::vector<double> level_weights(std::span<const std::uint32_t> counts) const {
    std::vector<double> weights;
    if (!contexts_) return weights;
    const auto rated = static_cast<double>(std::ranges::count_if(counts, [](std::uint32_t count) { return count != 0; }));
    for (const ByLevel& column : contexts_->columns) {
      for (const std::uint32_t row : column.rows) {
        weights.push_back(rated * static_cast<double>(column.counts[row]) / static_cast<double>(ratings_.size()));
      }
    }
    return weights;
  }

  /// Writes what the levels add. Their table among those of the items is multiplied with the factors of users, and the other way round.
  void store_levels(Model& model) {
    const std::size_t columns = kColumns * options_.rank;
    const double share = 1 / static_cast<double>(product_.samples());
    model.contexts.clear();
    std::size_t at = 0;
    for (const ByLevel& own : contexts_->columns) {
      ContextVectors& to = model.contexts.emplace_back();
      to.name = own.column.name;
      to.period = own.column.period;
      to.levels = own.column.levels;
      to.user_factors = FactorMatrix(own.levels(), columns);
      to.item_factors = FactorMatrix(own.levels(), columns);
      for (std::size_t level = 0; level < own.levels(); ++level, ++at) {
        copy_scaled(product_.items().back().row(at).first(columns), to.user_factors.row(level));
        copy_scaled(product_.users().back().row(at).first(columns), to.item_factors.row(level));
        to.biases.push_back(to_bias(level_biases_[at] * share * units_.scale));
        to.counts.push_back(own.counts[own.rows[level]]);
      }
    }
  }

  /// Takes the levels of the present sample: what those of a column are on the average over the ratings goes into the rows' biases and the
  /// mean. \param[in,out] of_users, of_items  the factors that rows of users (of items) are multiplied with on the average
  void add_levels(std::vector<double>& of_users, std::vector<double>& of_items) {
    const std::size_t rank = options_.rank;
    std::vector<double> of_levels(rank);
    for (std::size_t k = 0; k < rank; ++k) of_levels[k] = of_users[k] + of_items[k];
    std::size_t at = 0;
    for (std::size_t number = 0; number < contexts_->columns.size(); ++number) {
      const ByLevel& column = contexts_->columns[number];
      const GibbsSide& side = sampler_.levels[number];
      // The mean over the ratings, which the row of a missing level has.
      const std::span<const float> mean = side.factors.row(column.levels());
      std::vector<double> average(mean.begin(), mean.end());
      average.push_back(static_cast<double>(side.biases[column.levels()]));
      level_ += average[rank];
      for (std::size_t k = 0; k < rank; ++k) level_ += average[k] * of_levels[k];
      for (const std::uint32_t row : column.rows) {
        // A level without a rating adds nothing.
        if (column.counts[row] == 0) {
          ++at;
          continue;
        }
        double bias = static_cast<double>(side.biases[row]) - average[rank];
        for (std::size_t k = 0; k < rank; ++k) {
          const double own = static_cast<double>(side.factors.row(row)[k]) - average[k];
          centred_levels_.row(at)[k] = static_cast<float>(own);
          bias += own * of_levels[k];
        }
        level_biases_[at++] += bias;
      }
      for (std::size_t k = 0; k < rank; ++k) {
        of_users[k] += average[k];
        of_items[k] += average[k];
      }
    }
  }

  /// Writes how new rows are solved.
  void store_priors(Model& model) const {
    const ImplicitSides implicit = sides_of(options_.implicit_features);
    const double noise = noise_ / static_cast<double>(product_.samples());
    model.fold_in = PosteriorMean{std::clamp(noise * units_.scale * units_.scale, 1e-30, 1e30)};
    const auto prior = [&](const RowSpread& spread, bool has_history, bool has_features, const std::vector<FactorMatrix>& tables,
                           const SideMean& mean) {
      RowPrior row{.precision = spread.precision(units_)};
      if (!has_history) return row;
      // The first block after the rows.
      row.history = FactorMatrix(tables[1].rows(), kColumns * options_.rank + 1);
      for (std::size_t at = 0; at < row.history.rows(); ++at) mean.write_row(tables, 1, at, units_, 1, row.history.row(at));
      row.average.resize(row.history.rank());
      mean.write_row(tables, mean.tables() - 1, 0, units_, has_features ? 1 : SideMean::kUnknownShare, row.average);
      return row;
    };
    model.users.prior = prior(user_spread_, implicit.users, user_features_.has_value(), product_.users(), users_);
    model.items.prior = prior(item_spread_, implicit.items, item_features_.has_value(), product_.items(), items_);
  }

  /// \param columns  those of `table` that are the rows' factors
  template <class Biases>
  void write(const FactorMatrix& table, const Biases& biases, double share, std::size_t columns, Side& side) {
    workers_.for_ranges(table.rows(), kGrain, [&](std::size_t begin, std::size_t end, int) {
      std::vector<float> row(kColumns * options_.rank);
      for (std::size_t at = begin; at < end; ++at) {
        std::copy_n(table.row(at).data(), columns, row.begin());
        row_to_model<float>(units_, row, static_cast<float>(static_cast<double>(biases[at]) * share), side, at);
      }
    });
  }

  /// The vectors of the features, and of the rows that nothing else is known of.
  /// \param implicit  whether there are features that are ratings, of which such rows are expected to have the average
  void write_features(const GivenFeatures& own, const std::vector<FactorMatrix>& tables, const SideMean& mean, bool implicit, Side& side) {
    const std::size_t columns = kColumns * options_.rank;
    if (!side.features) side.features = own.frame(columns);
    FeatureVectors& vectors = *side.features;
    std::vector<float> row(columns + 1);
    for (std::size_t column = 0; column < vectors.factors.rows(); ++column) {
      mean.write_row(tables, mean.tables() - 2, column, units_, 1, row);
      std::copy_n(row.begin(), columns, vectors.factors.row(column).begin());
      vectors.biases[column] = row.back();
    }
    if (implicit) {
      mean.write_row(tables, mean.tables() - 1, 0, units_, 1 - SideMean::kUnknownShare, row);
      vectors.mean_bias = row.back();
      row.pop_back();
      vectors.mean = std::move(row);
    }
    for (std::uint32_t at = 0; at < side.counts.size(); ++at) {
      if (side.rated(at) || !side.knows(at)) continue;
      side.biases[at] = vectors.expect(own.features->columns_of(at), own.features->values_of(at), side.factors.row(at));
    }
  }

  /// The rows that `from` knows. Of more factors than a sample has the first are taken: a model's are ordered by what they explain.
  void take(const Side& from, double shift, GibbsSide& side) const {
    const auto scale = static_cast<float>(1 / std::sqrt(units_.scale));
    for (std::uint32_t row = 0; row < side.counts().size(); ++row) {
      if (!from.knows(row) || side.counts()[row] == 0) continue;
      const std::span<float> own = side.factors.row(row);
      for (std::size_t k = 0; k < std::min(own.size(), from.factors.rank()); ++k) own[k] = from.factors.row(row)[k] * scale;
      side.biases[row] = static_cast<float>(bias_from_model(units_, from, row, shift));
    }
  }

  template <class Visit>
  void visit_state(Visit& visit) {
    sampler_.visit_state(visit);
    users_.visit_state(visit);
    items_.visit_state(visit);
    product_.visit_state(visit);
    user_spread_.visit_state(visit);
    item_spread_.visit_state(visit);
    probes_.visit_state(visit);
    visit(noise_);
    visit(cuts_);
    visit(level_biases_);
    visit(level_);
  }

  void add_sample() {
    const std::size_t rank = options_.rank;
    const std::vector<double>& user = users_.centre(sampler_.users);
    const std::vector<double>& item = items_.centre(sampler_.items);
    level_ += user[rank] + item[rank];
    for (std::size_t k = 0; k < rank; ++k) level_ += user[k] * item[k];
    // A row is multiplied with the other side's, on the average with their centre.
    std::vector<double> of_users(item.begin(), item.end() - 1);
    std::vector<double> of_items(user.begin(), user.end() - 1);
    if (contexts_) add_levels(of_users, of_items);
    std::vector<const FactorMatrix*> users = users_.add(sampler_.users, of_users, sampler_.user_noise, workers_);
    std::vector<const FactorMatrix*> items = items_.add(sampler_.items, of_items, sampler_.item_noise, workers_);
    if (contexts_) {
      users.push_back(&centred_levels_);
      items.push_back(&centred_levels_);
    }
    const std::size_t before = product_.samples();
    const RunningProduct::Changes changes = product_.add(users, items, workers_);
    users_.add_spread(changes.users, product_.users().front(), before, workers_);
    items_.add_spread(changes.items, product_.items().front(), before, workers_);
    probes_.add(sampler_);
    user_spread_.add(changes.users, sampler_.users, of_users, before);
    item_spread_.add(changes.items, sampler_.items, of_items, before);
    noise_ += 1 / sampler_.noise;
    if (!sampler_.cutpoints) return;
    for (std::size_t step = 0; step < cuts_.size(); ++step) cuts_[step] += sampler_.cutpoints->cuts[step];
  }

  Bayes options_;
  Units units_;
  const Model* init_;
  Workers& workers_;
  Ratings ratings_;
  ByItem by_item_;
  std::vector<std::uint32_t> user_counts_;
  std::vector<std::uint32_t> item_counts_;
  std::optional<GivenFeatures> user_features_;
  std::optional<GivenFeatures> item_features_;
  std::optional<RatingContexts> contexts_;
  GibbsSampler sampler_;
  SideMean users_;
  SideMean items_;
  RunningProduct product_;
  RowSpread user_spread_;
  RowSpread item_spread_;
  double noise_ = 0;  ///< sum over the samples of the variance of a rating
  ScoreProbes probes_;
  std::vector<double> cuts_;          ///< sums over the samples
  FactorMatrix centred_levels_;       ///< of all columns of contexts in the present sample, less their means
  std::vector<double> level_biases_;  ///< sums over the samples
  double level_ = 0;                  ///< sum over the samples of what is added to the mean of the ratings
};

/// Tables of rank numbers that training holds besides a sample's rows and a model of one rank: rows around their means (1), centred (1),
/// the running mean (3), its variances (4), and the second rank of the models and their variances (6); with implicit features coefficients
/// (1), their draws (1), their running mean (3) and the history of the models (4), of either side.
std::size_t extra_tables(const Bayes& options) {
  constexpr std::size_t kOfRows = 15;
  constexpr std::size_t kOfCoefficients = 9;
  const ImplicitSides implicit = sides_of(options.implicit_features);
  if (implicit.users && implicit.items) return kOfRows + kOfCoefficients;
  return implicit.users || implicit.items ? kOfRows + (kOfCoefficients + 1) / 2 : kOfRows;
}

std::unique_ptr<BayesLearner> learner_of(Ratings ratings, const Bayes& options, Model& frame, const TrainContext& context,
                                         Workers& workers) {
  const RatingMoments moments = moments_of(ratings, workers);
  Units units = training_units(moments, true);
  // The unit of an ordinal model is the noise.
  if (options.likelihood == Likelihood::ordinal) units.scale *= kOrdinalNoise;
  frame.centre.has_biases = true;
  set_range(frame, moments, context);
  return std::make_unique<BayesLearner>(std::move(ratings), options, units, frame, context, workers);
}

}  // namespace

std::unique_ptr<EpochLearner> bayes_learner(Ratings ratings, const Bayes& options, Model& frame, const TrainContext& context,
                                            Workers& workers) {
  return learner_of(std::move(ratings), options, frame, context, workers);
}

template <>
MethodTraits<Bayes> traits_of() {
  return {.options = kOptions,
          .any_start_rank = true,
          .uncertainty = true,
          .features = true,
          .contexts = true,
          .times = [](const Bayes& options) { return options.time != Period::none; },
          .extra_tables = extra_tables,
          .extra_rating_bytes =
              [](const Bayes& options) {
                // Errors or scores, their places by item, and ordinal ratings' latent values.
                const GibbsSampler::Form form = form_of(options);
                // Timestamps, periods and the ratings by them.
                const std::size_t timed = options.time == Period::none ? 0 : 32;
                if (form.ordinal) return 12 + timed;
                return timed + (form.item_noise ? 8U : form.user_noise ? 4U : 0U);
              },
          .extra_bytes = [](const Bayes& /*options*/,
                            const TrainingShape& shape) { return shape.contexts == 0 ? 0 : shape.ratings * (24 + 12 * shape.contexts); }};
}

template <>
Trained train_method(Ratings ratings, const Bayes& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  Workers workers(context.threads);
  const std::size_t count = ratings.size();
  const std::unique_ptr<BayesLearner> learner = learner_of(std::move(ratings), options, frame, context, workers);
  const Stopping stopping{.epochs = options.burn_in + options.samples, .patience = options.patience, .warm_up = options.burn_in};
  Trained trained = run_epochs(*learner, std::move(frame), NoFoldIn{}, kColumns * options.rank, count, stopping, validation, observer);
  trained.train_rmse = training_rmse(trained.model, learner->ratings(), workers, context.situations);
  return trained;
}

}  // namespace lowrank
