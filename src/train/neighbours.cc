#include "lowrank/train/neighbours.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/parallel.h"
#include "train/common_options.h"
#include "train/epoch_loop.h"
#include "train/methods.h"
#include "train/transpose.h"

namespace lowrank {

namespace {

constexpr auto kSimilarities =
    std::to_array<Named<NeighbourSimilarity>>({{"discounted", NeighbourSimilarity::discounted},
                                               {"cosine", NeighbourSimilarity::cosine},
                                               {"asymmetric-cosine", NeighbourSimilarity::asymmetric_cosine},
                                               {"inverse-user-frequency", NeighbourSimilarity::inverse_user_frequency},
                                               {"rp3beta", NeighbourSimilarity::rp3beta}});

constexpr std::array kOptions = {
    Option<ItemNeighbours>{"neighbours", &ItemNeighbours::neighbours, {1, 100'000}},
    Option<ItemNeighbours>{"similarity", choice<ItemNeighbours, &ItemNeighbours::similarity, kSimilarities>()},
    Option<ItemNeighbours>{"item_exponent", &ItemNeighbours::item_exponent, {0, 2}},
    Option<ItemNeighbours>{"target_exponent", &ItemNeighbours::target_exponent, {0, 2}},
    Option<ItemNeighbours>{"user_exponent", &ItemNeighbours::user_exponent, {0, 2}},
    Option<ItemNeighbours>{"shrinkage", &ItemNeighbours::shrinkage},
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
    const auto shrinkage = static_cast<float>(options_.shrinkage);
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
  explicit NeighbourLearner(Neighbours neighbours) : neighbours_(std::move(neighbours)) {}
  std::optional<EpochFigures> run(std::size_t /*epoch*/) override { return EpochFigures{}; }
  bool finite() override { return true; }
  void store(Model& model) override { model.neighbours = neighbours_; }
  void restore(const Model* /*model*/) override {}

 private:
  Neighbours neighbours_;
};

}  // namespace

template <>
MethodTraits<ItemNeighbours> traits_of() {
  return {.options = kOptions,
          .warm_starts = false,
          .counts = is_positive<ItemNeighbours>,
          .uncounted = kNonePositive,
          .ignores_values = always<ItemNeighbours>,
          .history = [](const ItemNeighbours&) { return HistoryValues::if_disliked; }};
}

template <>
Trained train_method(Ratings ratings, const ItemNeighbours& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  Workers workers(context.threads);
  const std::size_t count = ratings.size();
  // Scores come from the history, in validation too.
  frame.history = History(ratings, HistoryValues::dropped, context.threads);
  frame.centre.has_biases = false;
  frame.centre.rating_mean = 0;
  frame.centre.clips = false;
  NeighbourLearner learner(find_neighbours(ratings, options, frame, workers));
  return run_epochs(learner, std::move(frame), NoFoldIn{}, 0, count, Stopping{.epochs = 1, .patience = 1}, validation, observer);
}

}  // namespace lowrank
