#include "lowrank/train/neighbours.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/parallel.h"
#include "train/common_options.h"
#include "train/epoch_loop.h"
#include "train/methods.h"
#include "train/residual_neighbours.h"
#include "train/training_error.h"
#include "train/transpose.h"
#include "train/units.h"

namespace lowrank {

namespace {

constexpr auto kSimilarities =
    std::to_array<Named<NeighbourSimilarity>>({{"discounted", NeighbourSimilarity::discounted},
                                               {"cosine", NeighbourSimilarity::cosine},
                                               {"asymmetric-cosine", NeighbourSimilarity::asymmetric_cosine},
                                               {"inverse-user-frequency", NeighbourSimilarity::inverse_user_frequency},
                                               {"rp3beta", NeighbourSimilarity::rp3beta},
                                               {"pearson", NeighbourSimilarity::pearson}});
constexpr auto kSides = std::to_array<Named<NeighbourSide>>({{"items", NeighbourSide::items}, {"users", NeighbourSide::users}});

constexpr Setting kLists = without("similarity", "pearson");
constexpr Setting kRates = with("similarity", "pearson");

constexpr std::array kOptions = {
    Option<ItemNeighbours>{"neighbours", &ItemNeighbours::neighbours, {1, 100'000}},
    Option<ItemNeighbours>{"similarity", choice<ItemNeighbours, &ItemNeighbours::similarity, kSimilarities>()},
    Option<ItemNeighbours>{"item_exponent", &ItemNeighbours::item_exponent, {0, 2}}.only(kLists),
    Option<ItemNeighbours>{"target_exponent", &ItemNeighbours::target_exponent, {0, 2}}.only(kLists),
    Option<ItemNeighbours>{"user_exponent", &ItemNeighbours::user_exponent, {0, 2}}.only(kLists),
    Option<ItemNeighbours>{"shrinkage", &ItemNeighbours::shrinkage},
    Option<ItemNeighbours>{"side", choice<ItemNeighbours, &ItemNeighbours::side, kSides>()}.only(kRates),
    Option<ItemNeighbours>{"power", &ItemNeighbours::power, {.least_excluded = true}}.only(kRates),
    Option<ItemNeighbours>{"damping", &ItemNeighbours::damping, {0, 1e20}}.only(kRates),
    holdout_seed_option<ItemNeighbours>(),
};

/// Exponents of the numbers of users of both items, and of the numbers of items of users.
struct Exponents {
  double item;
  double target;
  double user;
};

Exponents exponents_of(const ItemNeighbours& options) {
  // In the order of the names.
  constexpr std::array<Exponents, 5> kNamed = {{{.75, .35, .5}, {.5, .5, 0}, {.8, .2, 0}, {.5, .5, .5}, {1, .6, 1}}};
  const Exponents& named = kNamed[static_cast<std::size_t>(options.similarity)];
  return {options.item_exponent.value_or(named.item), options.target_exponent.value_or(named.target),
          options.user_exponent.value_or(named.user)};
}

/// count^-exponent of every row; 0 for a row without any.
std::vector<float> powers(std::span<const std::uint32_t> counts, double exponent) {
  std::vector<float> result(counts.size());
  std::ranges::transform(counts, result.begin(), [exponent](std::uint32_t count) {
    return count == 0 ? 0.0F : static_cast<float>(std::pow(static_cast<double>(count), -exponent));
  });
  return result;
}

/// The items that one item speaks for, while they are found.
struct Row {
  std::vector<std::uint32_t> items;
  std::vector<float> weights;
};

/// Weights of one item after another.
class RowMaker {
 public:
  RowMaker(const Ratings& ratings, const ByItem& by_item, const ItemNeighbours& options, std::span<const std::uint32_t> item_counts,
           std::span<const std::uint32_t> user_counts)
      : ratings_(ratings), by_item_(by_item), options_(options) {
    const Exponents exponents = exponents_of(options);
    item_powers_ = powers(item_counts, exponents.item);
    target_powers_ = powers(item_counts, exponents.target);
    user_powers_ = powers(user_counts, exponents.user);
  }

  /// What a thread needs to make rows.
  struct Scratch {
    std::vector<float> sums;
    std::vector<std::uint32_t> common;  ///< users in common
    std::vector<std::uint32_t> items;   ///< with a user in common
    std::vector<std::pair<float, std::uint32_t>> best;
  };

  void make(std::uint32_t from, Scratch& scratch, Row& row) const {
    gather(from, scratch);
    const auto shrinkage = static_cast<float>(options_.shrinkage.value_or(0));
    scratch.best.clear();
    for (const std::uint32_t item : scratch.items) {
      const auto common = static_cast<float>(scratch.common[item]);
      const float weight = item_powers_[from] * target_powers_[item] * scratch.sums[item] * (common / (common + shrinkage));
      scratch.sums[item] = 0;
      scratch.common[item] = 0;
      if (item != from) scratch.best.emplace_back(weight, item);
    }
    const std::size_t kept = std::min<std::size_t>(options_.neighbours, scratch.best.size());
    const auto middle = scratch.best.begin() + static_cast<std::ptrdiff_t>(kept);
    const auto heavier = [](const auto& a, const auto& b) { return a.first > b.first || (a.first == b.first && a.second < b.second); };
    std::nth_element(scratch.best.begin(), middle, scratch.best.end(), heavier);
    std::sort(scratch.best.begin(), middle, [](const auto& a, const auto& b) { return a.second < b.second; });
    for (auto each = scratch.best.begin(); each != middle; ++each) {
      row.weights.push_back(each->first);
      row.items.push_back(each->second);
    }
  }

 private:
  /// Adds up the users that `from` has in common with every item.
  void gather(std::uint32_t from, Scratch& scratch) const {
    scratch.sums.resize(ratings_.item_count());
    scratch.common.resize(ratings_.item_count());
    scratch.items.clear();
    for (std::size_t at = by_item_.offsets[from]; at < by_item_.offsets[from + 1]; ++at) {
      const std::uint32_t user = by_item_.users[at];
      const float power = user_powers_[user];
      for (const std::uint32_t item : ratings_.items_of(user)) {
        if (scratch.common[item]++ == 0) scratch.items.push_back(item);
        scratch.sums[item] += power;
      }
    }
  }

  const Ratings& ratings_;
  const ByItem& by_item_;
  const ItemNeighbours& options_;
  std::vector<float> item_powers_;
  std::vector<float> target_powers_;
  std::vector<float> user_powers_;
};

Neighbours find_neighbours(const Ratings& ratings, const ItemNeighbours& options, const Model& frame, Workers& workers) {
  const ByItem by_item = transpose(ratings, workers);
  const RowMaker maker(ratings, by_item, options, frame.items.counts, frame.users.counts);
  // Few rows per piece: a popular item costs a thousand times a rare one.
  constexpr std::size_t kRows = 16;
  const std::size_t items = ratings.item_count();
  std::vector<Row> rows(items);
  std::vector<RowMaker::Scratch> scratch(static_cast<std::size_t>(workers.count()));
  workers.for_ranges(items, kRows, [&](std::size_t begin, std::size_t end, int slot) {
    for (std::size_t item = begin; item < end; ++item)
      maker.make(static_cast<std::uint32_t>(item), scratch[static_cast<std::size_t>(slot)], rows[item]);
  });
  std::vector<std::uint64_t> offsets{0};
  std::vector<std::uint32_t> all_items;
  std::vector<float> weights;
  for (Row& row : rows) {
    all_items.insert(all_items.end(), row.items.begin(), row.items.end());
    weights.insert(weights.end(), row.weights.begin(), row.weights.end());
    offsets.push_back(all_items.size());
    row = {};
  }
  return Neighbours(std::move(offsets), std::move(all_items), std::move(weights));
}

/// All is known before the first epoch.
class NeighbourLearner final : public EpochLearner {
 public:
  /// \param baseline  mean and biases, or nothing
  NeighbourLearner(Neighbours neighbours, std::optional<Model> baseline)
      : neighbours_(std::move(neighbours)), baseline_(std::move(baseline)) {}
  std::optional<EpochFigures> run(std::size_t /*epoch*/) override { return EpochFigures{}; }
  bool finite() override { return true; }
  void store(Model& model) override {
    model.neighbours = neighbours_;
    if (!baseline_) return;
    model.centre.mean = baseline_->centre.mean;
    model.users.biases = baseline_->users.biases;
    model.items.biases = baseline_->items.biases;
  }
  void restore(const Model* /*model*/) override {}

 private:
  Neighbours neighbours_;
  std::optional<Model> baseline_;
};

bool rates(const ItemNeighbours& options) { return options.similarity == NeighbourSimilarity::pearson; }

/// Mean and biases, and neighbours by how alike they are rated or rate.
Trained train_on_ratings(const Ratings& ratings, const ItemNeighbours& options, Model frame, const Validation& validation,
                         TrainingObserver& observer, const TrainContext& context) {
  Workers workers(context.threads);
  set_range(frame, moments_of(ratings, workers), context);
  frame.history = History(ratings, HistoryValues::kept, context.threads);
  Model baseline = baseline_of(ratings, frame, context.threads);
  constexpr double kShrinkage = 100;
  const ResidualNeighbourOptions found_by{.neighbours = options.neighbours,
                                          .shrinkage = options.shrinkage.value_or(kShrinkage),
                                          .power = options.power,
                                          .rule = {.form = NeighbourForm::mean, .side = options.side, .damping = options.damping}};
  Neighbours neighbours = pearson_neighbours(ratings, baseline, found_by, workers);
  const FoldIn fold_in = baseline.fold_in;
  NeighbourLearner learner(std::move(neighbours), std::move(baseline));
  Trained trained =
      run_epochs(learner, std::move(frame), fold_in, 0, ratings.size(), Stopping{.epochs = 1, .patience = 1}, validation, observer);
  trained.train_rmse = training_rmse(trained.model, ratings, workers);
  return trained;
}

}  // namespace

template <>
MethodTraits<ItemNeighbours> traits_of() {
  return {.options = kOptions,
          .rating_bytes = 26,  // two views, with residuals
          .warm_starts = false,
          .counts = [](const ItemNeighbours& options, float rating) { return rates(options) || rating > 0; },
          .uncounted = kNonePositive,
          .ignores_values = [](const ItemNeighbours& options) { return !rates(options); },
          .history = [](const ItemNeighbours& options) { return rates(options) ? HistoryValues::kept : HistoryValues::if_disliked; }};
}

template <>
Trained train_method(Ratings ratings, const ItemNeighbours& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  if (rates(options)) return train_on_ratings(ratings, options, std::move(frame), validation, observer, context);
  Workers workers(context.threads);
  const std::size_t count = ratings.size();
  // Scores come from the history, in validation too.
  frame.history = History(ratings, HistoryValues::dropped, context.threads);
  frame.centre.has_biases = false;
  frame.centre.rating_mean = 0;
  frame.centre.clips = false;
  NeighbourLearner learner(find_neighbours(ratings, options, frame, workers), std::nullopt);
  return run_epochs(learner, std::move(frame), NoFoldIn{}, 0, count, Stopping{.epochs = 1, .patience = 1}, validation, observer);
}

}  // namespace lowrank
