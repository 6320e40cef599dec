#include "lowrank/train/neighbours.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/parallel.h"
#include "train/common_options.h"
#include "train/epoch_loop.h"
#include "train/item_products.h"
#include "train/list_neighbours.h"
#include "train/methods.h"
#include "train/neighbour_learner.h"
#include "train/residual_neighbours.h"
#include "train/training_error.h"
#include "train/units.h"

namespace lowrank {

namespace {

using enum NeighbourSimilarity;

constexpr auto kSimilarities = std::to_array<Named<NeighbourSimilarity>>({{"auto", automatic},
                                                                          {"discounted", discounted},
                                                                          {"cosine", cosine},
                                                                          {"asymmetric-cosine", asymmetric_cosine},
                                                                          {"inverse-user-frequency", inverse_user_frequency},
                                                                          {"rp3beta", rp3beta},
                                                                          {"tf-idf", tf_idf},
                                                                          {"bm25", bm25},
                                                                          {"pearson", pearson}});

constexpr auto kSides = std::to_array<Named<NeighbourSide>>({{"items", NeighbourSide::items}, {"users", NeighbourSide::users}});

constexpr Setting kLists = without("similarity", "pearson");
constexpr Setting kRates = with("similarity", "pearson");
constexpr Setting kIsBm25 = with("similarity", "bm25");
constexpr Setting kIsNotBm25 = without("similarity", "bm25");
constexpr Setting kIsNotTfIdf = without("similarity", "tf-idf");

constexpr std::array kOptions = {
    Option<ItemNeighbours>{"neighbours", &ItemNeighbours::neighbours, {1, 100'000}}.tuned_by_factors(20, 500),
    Option<ItemNeighbours>{"similarity", choice<ItemNeighbours, &ItemNeighbours::similarity, kSimilarities>()}.tuned_over(
        "discounted", "cosine", "asymmetric-cosine", "inverse-user-frequency", "rp3beta", "tf-idf", "bm25"),
    Option<ItemNeighbours>{"item_exponent", &ItemNeighbours::item_exponent, {0, 2}}.only(kLists, kIsNotBm25).tuned(0, 1),
    Option<ItemNeighbours>{"target_exponent", &ItemNeighbours::target_exponent, {0, 2}}.only(kLists, kIsNotBm25).tuned(0, 1),
    Option<ItemNeighbours>{"user_exponent", &ItemNeighbours::user_exponent, {0, 2}}.only(kLists, kIsNotBm25, kIsNotTfIdf).tuned(0, 1),
    Option<ItemNeighbours>{"bm25_k1", &ItemNeighbours::bm25_k1}.only(kIsBm25),
    Option<ItemNeighbours>{"bm25_b", &ItemNeighbours::bm25_b, {0, 1}}.only(kIsBm25, without("bm25_k1", "0")),
    Option<ItemNeighbours>{"shrinkage", &ItemNeighbours::shrinkage}.tuned(0, 200),
    Option<ItemNeighbours>{"side", choice<ItemNeighbours, &ItemNeighbours::side, kSides>()}.only(kRates),
    Option<ItemNeighbours>{"power", &ItemNeighbours::power, {.least_excluded = true}}.only(kRates).tuned_by_factors(0.7, 5),
    Option<ItemNeighbours>{"damping", &ItemNeighbours::damping, {0, 1e20}}.only(kRates).tuned_by_factors(0.005, 0.5),
    holdout_seed_option<ItemNeighbours>(),
};

bool weighs_values(const ItemNeighbours& options) { return options.similarity == tf_idf || options.similarity == bm25; }

/// Items that a user has on the average, and their share of all, from which on active users are to be trusted less than `discounted` does;
/// chosen on training parts (docs/methods/neighbours.md).
constexpr double kManyItems = 16;
constexpr double kLargeShare = 1.0 / 30;

/// The options with a similarity. \param user_counts, item_counts  numbers of ratings
ItemNeighbours settle(ItemNeighbours options, std::span<const std::uint32_t> user_counts, std::span<const std::uint32_t> item_counts) {
  if (options.similarity != automatic) return options;
  const auto known = [](std::span<const std::uint32_t> counts) {
    return static_cast<double>(counts.size() - static_cast<std::size_t>(std::ranges::count(counts, 0U)));
  };
  const double mean = std::accumulate(user_counts.begin(), user_counts.end(), 0.0) / known(user_counts);
  options.similarity = mean >= kManyItems && mean >= kLargeShare * known(item_counts) ? rp3beta : discounted;
  return options;
}

/// Exponents of the sizes of both items, and of the numbers of items of users.
struct Exponents {
  double item;
  double target;
  double user;
};

Exponents exponents_of(const ItemNeighbours& options) {
  // In the order of the names.
  constexpr std::array<Exponents, 7> kNamed = {
      {{.75, .35, .5}, {.5, .5, 0}, {.8, .2, 0}, {.5, .5, .5}, {1, .6, 1}, {.5, .5, 0}, {0, 0, 0}}};
  const Exponents& named = kNamed[static_cast<std::size_t>(options.similarity)];
  return {options.item_exponent.value_or(named.item), options.target_exponent.value_or(named.target),
          options.user_exponent.value_or(named.user)};
}

/// size^-exponent of every row; 0 for a row without any.
template <class Size>
std::vector<float> powers(std::span<const Size> sizes, double exponent) {
  std::vector<float> result(sizes.size());
  std::ranges::transform(sizes, result.begin(), [exponent](Size size) {
    return size == 0 ? 0.0F : static_cast<float>(std::pow(static_cast<double>(size), -exponent));
  });
  return result;
}

/// The square of ln(items / (1 + items of the user)) of every user.
std::vector<float> squared_frequencies(std::span<const std::uint32_t> user_counts, double items) {
  std::vector<float> result(user_counts.size());
  std::ranges::transform(user_counts, result.begin(), [items](std::uint32_t count) {
    const double frequency = std::log(items / (1.0 + count));
    return static_cast<float>(frequency * frequency);
  });
  return result;
}

/// The ratings as terms of documents, which are the items: \p term (rating, item) of each.
template <class Term>
std::vector<float> terms(const Ratings& ratings, const Term& term) {
  std::vector<float> result(ratings.size());
  for (std::size_t at = 0; at < ratings.size(); ++at)
    result[at] = static_cast<float>(term(static_cast<double>(ratings.value(at)), ratings.items()[at]));
  return result;
}

/// \param items  those that have a rating
std::vector<float> bm25_terms(const Ratings& ratings, const ItemNeighbours& options, double items) {
  std::vector<double> lengths(ratings.item_count());
  for (std::size_t at = 0; at < ratings.size(); ++at) lengths[ratings.items()[at]] += static_cast<double>(ratings.value(at));
  const double mean = std::accumulate(lengths.begin(), lengths.end(), 0.0) / items;
  return terms(ratings, [&](double rating, std::uint32_t item) {
    const double length = 1 - options.bm25_b + options.bm25_b * lengths[item] / mean;
    return rating * (options.bm25_k1 + 1) / (options.bm25_k1 * length + rating);
  });
}

/// The sum of weight * value^2 over the users of every item.
std::vector<double> lengths_of(const Ratings& ratings, std::span<const float> values, std::span<const float> weights) {
  std::vector<double> result(ratings.item_count());
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
      const auto value = static_cast<double>(values[at]);
      result[ratings.items()[at]] += static_cast<double>(weights[user]) * value * value;
    }
  }
  return result;
}

/// Mean, biases and neighbours, all of which are known before the first epoch.
class ResidualLearner final : public EpochLearner {
 public:
  ResidualLearner(Neighbours neighbours, Model baseline) : neighbours_(std::move(neighbours)), baseline_(std::move(baseline)) {}
  std::optional<EpochFigures> run(std::size_t /*epoch*/) override { return EpochFigures{}; }
  bool finite() override { return true; }
  void store(Model& model) override {
    model.neighbours = neighbours_;
    model.centre.mean = baseline_.centre.mean;
    model.users.biases = baseline_.users.biases;
    model.items.biases = baseline_.items.biases;
  }
  void restore(const Model* /*model*/) override {}

 private:
  Neighbours neighbours_;
  Model baseline_;
};

bool rates(const ItemNeighbours& options) { return options.similarity == pearson; }

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
  ResidualLearner learner(std::move(neighbours), std::move(baseline));
  Trained trained =
      run_epochs(learner, std::move(frame), fold_in, 0, ratings.size(), Stopping{.epochs = 1, .patience = 1}, validation, observer);
  trained.train_rmse = training_rmse(trained.model, ratings, workers);
  return trained;
}

}  // namespace

Neighbours list_neighbours(const Ratings& ratings, const ItemNeighbours& given, std::span<const std::uint32_t> user_counts,
                           std::span<const std::uint32_t> item_counts, Workers& workers) {
  const ItemNeighbours options = settle(given, user_counts, item_counts);
  const Exponents exponents = exponents_of(options);
  const double shrinkage = options.shrinkage.value_or(0);
  ItemProducts products{.ratings = ratings,
                        .kind = shrinkage > 0 ? PairSums::counted : PairSums::products,
                        .shrinkage = static_cast<float>(shrinkage),
                        .kept = options.neighbours};
  std::vector<float> values;
  std::vector<float> users;
  std::vector<float> from;
  std::vector<float> to;
  const auto known = static_cast<double>(item_counts.size() - static_cast<std::size_t>(std::ranges::count(item_counts, 0U)));
  if (weighs_values(options)) users = squared_frequencies(user_counts, known);
  if (options.similarity == bm25) {
    values = bm25_terms(ratings, options, known);
  } else if (options.similarity == tf_idf) {
    values = terms(ratings, [](double rating, std::uint32_t /*item*/) { return std::sqrt(rating); });
    const std::vector<double> lengths = lengths_of(ratings, values, users);
    from = powers<double>(lengths, exponents.item);
    to = powers<double>(lengths, exponents.target);
  } else {
    if (exponents.user != 0) users = powers<std::uint32_t>(user_counts, exponents.user);
    from = powers<std::uint32_t>(item_counts, exponents.item);
    to = powers<std::uint32_t>(item_counts, exponents.target);
  }
  products.values = values;
  products.user_weights = users;
  products.row_scales = from;
  products.column_scales = to;
  return best_products(products, workers);
}

template <>
MethodTraits<ItemNeighbours> traits_of() {
  return {.options = kOptions,
          .rating_bytes = 26,  // two views, with residuals
          .warm_starts = false,
          .weights_alone = true,
          .counts = [](const ItemNeighbours& options, float rating) { return rates(options) || rating > 0; },
          .uncounted = kNonePositive,
          .ignores_values = [](const ItemNeighbours& options) { return !rates(options) && !weighs_values(options); },
          .rating_setting = "similarity pearson",
          .history = [](const ItemNeighbours& options) { return rates(options) ? HistoryValues::kept : HistoryValues::if_disliked; }};
}

template <>
Trained train_method(Ratings ratings, const ItemNeighbours& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  if (rates(options)) return train_on_ratings(ratings, options, std::move(frame), validation, observer, context);
  Workers workers(context.threads);
  const auto find = [&](const Model& counts) {
    return list_neighbours(ratings, options, counts.users.counts, counts.items.counts, workers);
  };
  return train_neighbours(ratings, find, std::move(frame), validation, observer, context);
}

}  // namespace lowrank
