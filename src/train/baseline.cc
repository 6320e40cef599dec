#include "lowrank/train/baseline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "kernels/row_plan.h"
#include "lowrank/base/error.h"
#include "train/bias_damping.h"
#include "train/common_options.h"
#include "train/epoch_loop.h"
#include "train/methods.h"
#include "train/row_weights.h"
#include "train/training_error.h"
#include "train/transpose.h"
#include "train/units.h"

namespace lowrank {

namespace {

constexpr std::array kOptions = {
    Option<Baseline>{"epochs", &Baseline::epochs, {1, 1e9}},
    Option<Baseline>{"user_damping", &Baseline::user_damping}.tuned_by_factors(0.5, 50),
    Option<Baseline>{"item_damping", &Baseline::item_damping}.tuned_by_factors(0.5, 50),
    tolerance_option<Baseline>(),
    patience_option<Baseline>(),
    holdout_seed_option<Baseline>(),
};

BiasDamping damping_of(const Baseline& options, const Ratings& ratings, const RatingMoments& moments) {
  BiasDamping estimated;
  if (!options.user_damping || !options.item_damping) {
    estimated = estimate_bias_damping(ratings, training_units(moments, true));
  }
  return {.user = options.user_damping.value_or(estimated.user), .item = options.item_damping.value_or(estimated.item)};
}

/// What a row's ratings add up to.
struct Sums {
  double left = 0;     ///< of what the other side's biases leave
  double squares = 0;  ///< of the same
};

/// One side of the biases, and how its ratings are visited.
struct Rows {
  std::span<const std::size_t> offsets;
  RowPlan plan;
  double damping;
  std::vector<double> biases;
  std::span<const float> weights;  ///< of the ratings; empty for ones
  std::vector<double> totals;      ///< the weights of every row's ratings, added up
};

class BaselineLearner final : public EpochLearner {
 public:
  BaselineLearner(const Ratings& ratings, double mean, const BiasDamping& damping, const Model* init, Workers& workers)
      : ratings_(ratings),
        by_item_(transpose(ratings, workers)),
        mean_(mean),
        init_(init),
        workers_(workers),
        total_weight_(total_weight(ratings, workers)),
        users_{ratings.row_offsets(), RowPlan(ratings.row_offsets()),
               damping.user,          std::vector<double>(ratings.user_count()),
               ratings.weights(),     row_weights(ratings.row_offsets(), ratings.weights())},
        items_{by_item_.offsets, RowPlan(by_item_.offsets),
               damping.item,     std::vector<double>(ratings.item_count()),
               by_item_.weights, row_weights(by_item_.offsets, by_item_.weights)} {
    BaselineLearner::restore(nullptr);
  }

  std::optional<EpochFigures> run(std::size_t /*epoch*/) override {
    solve(items_, [this](std::size_t position) {
      return static_cast<double>(by_item_.value(position)) - mean_ - users_.biases[by_item_.users[position]];
    });
    const double squared = solve(users_, [this](std::size_t position) {
      return static_cast<double>(ratings_.value(position)) - mean_ - items_.biases[ratings_.items()[position]];
    });
    return EpochFigures{.train_rmse = std::sqrt(squared / total_weight_), .train_loss = loss(squared)};
  }

  bool finite() override { return true; }

  void store(Model& model) override {
    model.centre.mean = mean_;
    std::ranges::transform(users_.biases, model.users.biases.begin(), to_bias);
    std::ranges::transform(items_.biases, model.items.biases.begin(), to_bias);
  }

  void restore(const Model* model) override {
    const Model* from = model != nullptr ? model : init_;
    // The biases of a model without them, or of one whose scores are no ratings, say nothing.
    if (from != nullptr && !(from->centre.has_biases && from->centre.predicts_ratings)) from = nullptr;
    for (std::uint32_t user = 0; user < users_.biases.size(); ++user) {
      const bool known = from != nullptr && from->users.knows(user);
      users_.biases[user] = known ? static_cast<double>(from->users.biases[user]) + from->centre.mean - mean_ : 0.0;
    }
    for (std::uint32_t item = 0; item < items_.biases.size(); ++item) {
      items_.biases[item] = from != nullptr && from->items.knows(item) ? static_cast<double>(from->items.biases[item]) : 0.0;
    }
  }

 private:
  /// Gives every row of a side its best bias. \param left what the other side leaves of the rating at a position
  /// \return the sum of squared errors over all ratings afterwards
  template <class Left>
  double solve(Rows& side, const Left& left) {
    if (side.weights.empty()) return solve(side, left, [](std::size_t) { return 1.0; });
    return solve(side, left, [&side](std::size_t position) { return static_cast<double>(side.weights[position]); });
  }

  template <class Left, class Weight>
  double solve(Rows& side, const Left& left, const Weight& weight) {
    const auto sum = [&](std::size_t begin, std::size_t end) {
      Sums sums;
      for (std::size_t position = begin; position < end; ++position) {
        const double rest = left(position);
        sums.left += weight(position) * rest;
        sums.squares += weight(position) * rest * rest;
      }
      return sums;
    };
    std::vector<double> squared(side.biases.size());
    const auto finish = [&](std::size_t row, const Sums& sums) {
      const double n = side.totals[row];
      if (n == 0) return;
      const double bias = sums.left / (n + side.damping);
      side.biases[row] = bias;
      squared[row] = std::max(0.0, sums.squares - 2 * bias * sums.left + n * bias * bias);
    };
    std::vector<Sums> pieces(side.plan.most_pieces());
    side.plan.run(
        workers_,
        [&](std::uint32_t begin, std::uint32_t end, int) {
          for (std::size_t row = begin; row < end; ++row) finish(row, sum(side.offsets[row], side.offsets[row + 1]));
        },
        [&](const RowPlan::Piece& piece, int) { pieces[piece.number] = sum(piece.begin, piece.end); },
        [&](std::uint32_t row, std::size_t count) {
          Sums sums;
          for (std::size_t piece = 0; piece < count; ++piece) {
            sums.left += pieces[piece].left;
            sums.squares += pieces[piece].squares;
          }
          finish(row, sums);
        });
    double total = 0;
    for (const double row : squared) total += row;
    return total;
  }

  [[nodiscard]] double loss(double squared) const {
    double weight = 0;
    for (const Rows* side : {&users_, &items_}) {
      double squares = 0;
      for (const double bias : side->biases) squares += bias * bias;
      weight += side->damping * squares;
    }
    return 0.5 * (squared + weight);
  }

  const Ratings& ratings_;
  ByItem by_item_;
  double mean_;
  const Model* init_;
  Workers& workers_;
  double total_weight_;
  Rows users_;
  Rows items_;
};

}  // namespace

template <>
MethodTraits<Baseline> traits_of() {
  return {.options = kOptions, .weighs = always<Baseline>};
}

template <>
Trained train_method(Ratings ratings, const Baseline& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  Workers workers(context.threads);
  const RatingMoments moments = moments_of(ratings, workers);
  const BiasDamping damping = damping_of(options, ratings, moments);
  set_range(frame, moments, context);
  const LeastSquares fold_in{.users = {.bias_constant = damping.user}, .items = {.bias_constant = damping.item}};
  BaselineLearner learner(ratings, moments.mean, damping, context.init, workers);
  const Stopping stopping{options.epochs, options.patience, options.tolerance};
  Trained trained = run_epochs(learner, std::move(frame), fold_in, 0, ratings.size(), stopping, validation, observer);
  trained.train_rmse = training_rmse(trained.model, ratings, workers);
  return trained;
}

}  // namespace lowrank
