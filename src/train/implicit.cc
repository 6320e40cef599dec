#include "lowrank/train/implicit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "base/parallel.h"
#include "base/random.h"
#include "kernels/gram.h"
#include "kernels/gramian.h"
#include "kernels/half_step.h"
#include "lowrank/base/error.h"
#include "train/alternating.h"
#include "train/common_options.h"
#include "train/epoch_loop.h"
#include "train/feature_rows.h"
#include "train/implicit_weights.h"
#include "train/methods.h"
#include "train/neighbour_addition.h"
#include "train/transpose.h"
#include "train/units.h"

namespace lowrank {

namespace {

constexpr auto kUnobserved = std::to_array<Named<Unobserved>>({{"all", Unobserved::all}, {"missing", Unobserved::missing}});
constexpr auto kSolvers = std::to_array<Named<Solver>>({{"exact", Solver::exact}, {"cg", Solver::cg}, {"subspace", Solver::subspace}});

constexpr Setting kWeighsUnobserved = without("unobserved_weight", "0");
constexpr Setting kBySubspaces = with("solver", "subspace");

constexpr std::array kOptions = {
    rank_option<Implicit>().tuned_by_factors(32, 256),
    Option<Implicit>{"epochs", &Implicit::epochs, {1, 1e9}}.tuned_by_factors(3, 12),
    Option<Implicit>{"unobserved_weight", &Implicit::unobserved_weight}.tuned_by_factors(0.01, 1),
    Option<Implicit>{"unobserved", choice<Implicit, &Implicit::unobserved, kUnobserved>()}.only(kWeighsUnobserved),
    Option<Implicit>{"observed_weight", &Implicit::observed_weight},
    Option<Implicit>{"alpha", &Implicit::alpha},
    Option<Implicit>{"observed_item_exponent", &Implicit::observed_item_exponent, {-2, 2}}.tuned(-0.6, 0.1),
    Option<Implicit>{"unobserved_item_exponent", &Implicit::unobserved_item_exponent, {-2, 2}}.only(kWeighsUnobserved),
    Option<Implicit>{"unobserved_user_exponent", &Implicit::unobserved_user_exponent, {-2, 2}}.only(kWeighsUnobserved).tuned(0, 0.8),
    Option<Implicit>{"regularization", &Implicit::regularization}.tuned_by_factors(0.001, 0.4),
    Option<Implicit>{"regularization_exponent", &Implicit::regularization_exponent, {0, 2}}.only(kRegularizes).tuned(0.4, 1),
    initial_scale_option<Implicit>(),
    Option<Implicit>{"solver", choice<Implicit, &Implicit::solver, kSolvers>()}.only(kHasFactors),
    cg_steps_option<Implicit>(),
    Option<Implicit>{"block_size", &Implicit::block_size, {1, 4096}}.only(kBySubspaces, kHasFactors),
    Option<Implicit>{"sweeps", &Implicit::sweeps, {1, 1000}}.only(kBySubspaces, kHasFactors),
    Option<Implicit>{"neighbours", &Implicit::neighbours, {0, 100'000}},
    Option<Implicit>{"neighbour_weight", &Implicit::neighbour_weight}.only(without("neighbours", "0")),
    tolerance_option<Implicit>(),
    patience_option<Implicit>(),
    seed_option<Implicit>().only(kHasFactors),
};

/// One side of the matrix, as its half-step sees it.
struct Rows {
  FactorMatrix factors;
  std::vector<std::uint32_t> counts;
  std::vector<double> unobserved;  ///< of every row, its factor of the unobserved weight
  std::vector<double> ridges;
  std::optional<FeatureRows> features;  ///< what rows are expected at; ridges are then those of the distance from there
};

class ImplicitLearner final : public EpochLearner {
 public:
  ImplicitLearner(Ratings ratings, const Implicit& options, const Model& frame, const TrainContext& context, Workers& workers)
      : options_(options),
        init_(context.init),
        workers_(workers),
        ratings_(std::move(ratings)),
        by_item_(transpose(ratings_, workers)),
        observed_(options, frame.items.counts),
        half_steps_(options.rank, workers) {
    set_up(users_, frame.users.counts, *options.unobserved_user_exponent);
    set_up(items_, frame.items.counts, options.unobserved_item_exponent);
    users_.ridges = implicit_ridges(options_, users_.counts, users_.unobserved, items_.unobserved);
    items_.ridges = implicit_ridges(options_, items_.counts, items_.unobserved, users_.unobserved);
    for (const auto& [side, features] : {std::pair(&users_, context.user_features), std::pair(&items_, context.item_features)}) {
      if (features != nullptr) side->features.emplace(*features, side->counts, side->ridges, std::span<const double>(), options.rank);
    }
    bool dislikes = false;
    for (std::size_t position = 0; position < ratings_.size(); ++position) {
      const float rating = ratings_.value(position);
      if (rating > 0) weight_sum_ += observed_(ratings_.items()[position], rating, ratings_.weights(), position);
      dislikes = dislikes || rating < 0;
    }
    weighted_ = options.alpha != 0 || options.observed_weight != 1 || *options.observed_item_exponent != 0 || shared() || missing_alone() ||
                dislikes || ratings_.has_weights() || users_.features || items_.features;
    ImplicitLearner::restore(nullptr);
  }

  [[nodiscard]] const Ratings& ratings() const { return ratings_; }

  std::optional<EpochFigures> run(std::size_t /*epoch*/) override {
    HalfStep step;
    step.weighted = weighted_;
    step.valued = weighted_;
    step.options = {.method = static_cast<RowMethod>(options_.solver),
                    .cg_steps = options_.cg_steps,
                    .block = (std::size_t{options_.block_size} + 15) / 16 * 16,
                    .sweeps = options_.sweeps};

    step.offsets = ratings_.row_offsets();
    step.others = ratings_.items().data();
    set_cells(step, items_, users_, [this](std::size_t user, std::size_t position) {
      const std::uint32_t item = ratings_.items()[position];
      const float rating = ratings_.value(position);
      return Cell{observed_(item, rating, ratings_.weights(), position), rating > 0 ? 1.0 : 0.0,
                  users_.unobserved[user] * items_.unobserved[item]};
    });
    solve(step, items_, users_);

    step.offsets = by_item_.offsets;
    step.others = by_item_.users.data();
    set_cells(step, users_, items_, [this](std::size_t item, std::size_t position) {
      const float rating = by_item_.value(position);
      return Cell{observed_(item, rating, by_item_.weights, position), rating > 0 ? 1.0 : 0.0,
                  users_.unobserved[by_item_.users[position]] * items_.unobserved[item]};
    });
    const double rows = solve(step, users_, items_);
    // What the item rows minimised lacks the constants: the observed cells' targets, and the regularisation of the users.
    double loss = weight_sum_ + rows;
    loss += users_.features ? users_.features->distances(users_.factors, {}, users_.ridges, {}, workers_)
                            : weighted_squares(users_.factors, users_.ridges, workers_);
    for (const Rows* side : {&users_, &items_}) {
      if (side->features) loss += side->features->prior.penalty();
    }
    if (items_.features) items_.features->prior.fit(items_.factors, {}, workers_);
    if (!std::isfinite(loss)) return std::nullopt;
    return EpochFigures{.train_loss = loss};
  }

  bool finite() override { return all_finite(users_.factors, workers_) && all_finite(items_.factors, workers_); }

  /// In the basis that training started in, so that models that follow from one another are of one space.
  void store(Model& model) override {
    model.users.factors = users_.factors;
    model.items.factors = items_.factors;
    for (const auto& [rows, side] : {std::pair(&users_, &model.users), std::pair(&items_, &model.items)}) {
      if (rows->features) rows->features->store(Units{}, workers_, *side);
    }
    const std::size_t rank = options_.rank;
    AlignedFloats back(panels_size(rank, rank));
    for (std::size_t i = 0; i < rank; ++i) {
      for (std::size_t j = 0; j < rank; ++j) back[place_in_panels(rank, j, i)] = basis_.row(i)[j];
    }
    rotate_all(model.users.factors, back);
    rotate_all(model.items.factors, back);
    for (Side* side : {&model.users, &model.items}) {
      if (side->features) rotate_all(side->features->factors, back);
    }
  }

  void restore(const Model* model) override {
    const double deviation = options_.initial_scale / std::sqrt(static_cast<double>(std::max(options_.rank, 1U)));
    // An exact half-step does not ask where the users were.
    if (options_.solver != Solver::exact)
      start_rows(users_.factors, users_.counts, deviation, options_.seed, Purpose::user_factors, workers_);
    start_rows(items_.factors, items_.counts, deviation, options_.seed, Purpose::item_factors, workers_);
    basis_ = FactorMatrix(options_.rank, options_.rank);
    for (std::size_t k = 0; k < options_.rank; ++k) basis_.row(k)[k] = 1;
    const Model* from = model != nullptr ? model : init_;
    if (users_.features) users_.features->restore(Units{}, from != nullptr ? &from->users : nullptr);
    if (items_.features) items_.features->restore(Units{}, from != nullptr ? &from->items : nullptr);
    if (from == nullptr) return;
    continue_rows(users_.factors, users_.counts, from->users);
    continue_rows(items_.factors, items_.counts, from->items);
  }

 private:
  [[nodiscard]] bool missing_alone() const { return options_.unobserved == Unobserved::missing; }

  /// True when the unobserved weight differs from row to row.
  [[nodiscard]] bool shared() const { return options_.unobserved_item_exponent != 0 || *options_.unobserved_user_exponent != 0; }

  void set_up(Rows& side, const std::vector<std::uint32_t>& counts, double exponent) const {
    side.counts = counts;
    side.factors = FactorMatrix(counts.size(), options_.rank);
    side.unobserved = unobserved_factors(exponent, counts);
  }

  /// An observed cell: its weight, its target, and its factor of the unobserved weight.
  struct Cell {
    double weight;
    double target;
    double unobserved;
  };

  /// \param cell of a row and the position of a rating
  template <class CellOf>
  void set_cells(HalfStep& step, const Rows& fixed, const Rows& solved, const CellOf& cell_of) const {
    if (!weighted_) return;
    const double taken = missing_alone() ? *options_.unobserved_weight : 0.0;
    step.cells = [cell_of, taken](std::size_t row, std::size_t begin, std::size_t end, float* weights, float* values) {
      for (std::size_t position = begin; position < end; ++position) {
        const Cell cell = cell_of(row, position);
        weights[position - begin] = static_cast<float>(cell.weight - taken * cell.unobserved);
        values[position - begin] = static_cast<float>(cell.weight * cell.target);
      }
    };
    if (!solved.features) return;
    // What the row is expected at leaves less to its distance from there.
    step.cells = [cells = step.cells, others = step.others, features = &*solved.features, &factors = fixed.factors](
                     std::size_t row, std::size_t begin, std::size_t end, float* weights, float* values) {
      cells(row, begin, end, weights, values);
      for (std::size_t position = begin; position < end; ++position) {
        values[position - begin] -= weights[position - begin] * features->expected(row, factors, others[position]);
      }
    };
  }

  void rotate_all(FactorMatrix& table, const AlignedFloats& matrix) {
    rotate(table.data(), table.stride(), table.rows(), table.rank(), matrix, workers_);
  }

  /// Solves `solved` against `fixed`, in the basis in which the Gramian of the fixed rows, which all rows share, is diagonal. There both
  /// tables stay until they are stored, for scores and losses are the same in any basis.
  double solve(HalfStep& step, Rows& fixed, Rows& solved) {
    const std::size_t rank = options_.rank;
    if (rank == 0) return 0;
    step.fixed = {fixed.factors.data(), fixed.factors.stride()};
    const std::span<const double> shares = shared() ? std::span<const double>(fixed.unobserved) : std::span<const double>();
    const std::vector<double> gram = gramian(step.fixed, fixed.factors.rows(), rank, shares, workers_);
    double trace = 0;
    for (std::size_t k = 0; k < rank; ++k) trace += gram[k * rank + k];
    // Where nothing else holds a direction down, so much does: of a row's matrix less than float32 resolves.
    const double rows = static_cast<double>(std::max<std::size_t>(fixed.factors.rows(), 1));
    step.least_ridge = std::max(1e-10 * trace / (rows * static_cast<double>(rank)), 1e-30);
    step.ridges = solved.ridges;
    if (shared()) step.factors = solved.unobserved;

    diagonal_.reserve(fixed.factors.stride());
    std::fill_n(diagonal_.data(), fixed.factors.stride(), 1.0F);
    step.diagonal = diagonal_.data();
    if (*options_.unobserved_weight == 0) {
      std::fill_n(diagonal_.data(), rank, 0.0F);
      return run_around_means(step, fixed, solved);
    }
    const Eigenbasis basis = eigenbasis(gram, rank, workers_);
    for (std::size_t k = 0; k < rank; ++k) diagonal_[k] = static_cast<float>(*options_.unobserved_weight * basis.values[k]);
    rotate_all(fixed.factors, basis.vectors);
    rotate_all(basis_, basis.vectors);
    for (Rows* side : {&fixed, &solved}) {
      if (side->features) rotate_all(side->features->prior.vectors(), basis.vectors);
    }
    rotate(solved.factors.data(), solved.factors.stride(), half_steps_.continued_rows(step), rank, basis.vectors, workers_);
    return run_around_means(step, fixed, solved);
  }

  /// The half-step; where rows are expected somewhere, of their distances from there. \return what the rows minimised
  double run_around_means(const HalfStep& step, const Rows& fixed, Rows& solved) {
    if (!solved.features) return half_steps_.run(step, solved.factors.data(), nullptr).objective;
    FeatureRows& features = *solved.features;
    features.take_means(workers_);
    const FactorMatrix means = features.means;
    features.shrink_means(diagonal_.data(), step.ridges, step.factors, step.least_ridge, workers_);
    features.subtract(solved.factors, {}, workers_);
    const double objective = half_steps_.run(step, solved.factors.data(), nullptr).objective + at_means(step, means, features, fixed);
    features.add(solved.factors, {}, workers_);
    if (&solved == &users_) features.prior.fit(solved.factors, {}, workers_);
    return objective;
  }

  /// What the rows minimise at the means that they are solved around. \param means  before they were shrunk
  double at_means(const HalfStep& step, const FactorMatrix& means, const FeatureRows& features, const Rows& fixed) {
    return workers_.sum_rows(means.rows(), [&](std::size_t begin, std::size_t end, int) {
      std::vector<float> weights;
      std::vector<float> values;
      double sum = 0;
      for (std::size_t row = begin; row < end; ++row) {
        const std::size_t first = step.offsets[row];
        const std::size_t last = step.offsets[row + 1];
        if (first == last) continue;
        weights.resize(std::max(weights.size(), last - first));
        values.resize(weights.size());
        step.cells(row, first, last, weights.data(), values.data());
        for (std::size_t at = first; at < last; ++at) {
          const auto product = static_cast<double>(features.expected(row, fixed.factors, step.others[at]));
          // The values lack weight * product already.
          sum -= (static_cast<double>(weights[at - first]) * product + 2 * static_cast<double>(values[at - first])) * product;
        }
        const double factor = step.factors.empty() ? 1.0 : step.factors[row];
        const double ridge = std::max(step.ridges[row], step.least_ridge * factor);
        for (std::size_t k = 0; k < means.rank(); ++k) {
          const auto x = static_cast<double>(features.means.row(row)[k]);
          sum += factor * static_cast<double>(diagonal_[k]) * x * x + ridge * std::pow(x - static_cast<double>(means.row(row)[k]), 2);
        }
      }
      return sum;
    });
  }

  Implicit options_;
  const Model* init_;
  Workers& workers_;
  Ratings ratings_;
  ByItem by_item_;
  ObservedWeights observed_;
  HalfSteps half_steps_;
  Rows users_;
  Rows items_;
  FactorMatrix basis_;  ///< row k is direction k of the start, in the basis that the factors are in
  AlignedFloats diagonal_;
  double weight_sum_ = 0;
  bool weighted_ = false;
};

}  // namespace

template <>
MethodTraits<Implicit> traits_of() {
  return {.options = kOptions,
          .counts = [](const Implicit&, float rating) { return rating != 0; },
          .uncounted = "other than 0, which is the same as none",
          .ignores_values = [](const Implicit& options) { return options.alpha == 0; },
          .weighs = always<Implicit>,
          .features = true,
          .history =
              [](const Implicit& options) {
                return options.neighbours != 0 || options.alpha == 0 ? HistoryValues::if_disliked : HistoryValues::dropped;
              }};
}

template <>
Trained train_method(Ratings ratings, const Implicit& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  Workers workers(context.threads);
  const Implicit settled = settle_implicit(options, ratings, frame);
  const std::size_t count = ratings.size();
  frame.centre.has_biases = false;
  frame.centre.clips = false;
  const WeightedLeastSquares fold_in = implicit_fold_in(settled, frame);
  ImplicitLearner learner(std::move(ratings), settled, frame, context, workers);
  const Stopping stopping{options.epochs, options.patience, options.tolerance};
  Trained trained = run_epochs(learner, std::move(frame), fold_in, options.rank, count, stopping, validation, observer);
  add_neighbours(trained, learner.ratings(), {options.neighbours, options.neighbour_weight}, validation, workers);
  return trained;
}

}  // namespace lowrank
