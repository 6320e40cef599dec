#include "train/implicit_weights.h"

#include <numeric>

#include "model/count_weight.h"

namespace lowrank {

Implicit settle_implicit(Implicit options, const Ratings& ratings, const Model& frame) {
  // Chosen on parts of the training data of three data sets, from dense to sparse: see docs/methods/implicit.md.
  constexpr double kShare = 3;
  constexpr double kDensityExponent = 2.0 / 3;
  constexpr double kObservedItem = -0.25;
  constexpr double kUnobservedUser = 0.4;
  const bool open = !options.unobserved_weight;
  if (!options.observed_item_exponent) options.observed_item_exponent = open ? kObservedItem : 0;
  if (!options.unobserved_user_exponent) options.unobserved_user_exponent = open ? kUnobservedUser : 0;
  if (!open) return options;
  const auto n = static_cast<double>(ratings.size());
  double sum = 0;
  double weights = n;
  if (ratings.has_weights()) {
    weights = 0;
    for (std::size_t position = 0; position < ratings.size(); ++position) {
      const auto weight = static_cast<double>(ratings.weights()[position]);
      weights += weight;
      sum += weight * std::abs(static_cast<double>(ratings.value(position)));
    }
  } else {
    for (std::size_t position = 0; position < ratings.size(); ++position) sum += std::abs(static_cast<double>(ratings.value(position)));
  }
  const double mean_weight = (options.observed_weight * weights + options.alpha * sum) / n;
  const double cells = static_cast<double>(frame.users.known()) * static_cast<double>(frame.items.known());
  options.unobserved_weight = kShare * std::pow(n / cells, kDensityExponent) * mean_weight;
  return options;
}

WeightedLeastSquares implicit_fold_in(const Implicit& options, const Model& frame) {
  const auto power = [](double exponent, const Side& side, CountWeight::Mean mean) {
    return CountWeight(exponent, side.counts, mean).power();
  };
  return {.users = {.l2 = options.regularization},
          .items = {.l2 = options.regularization},
          .observed_weight = options.observed_weight,
          .alpha = options.alpha,
          .unobserved_weight = *options.unobserved_weight,
          .unobserved_includes_seen = options.unobserved == Unobserved::all,
          .size_exponent = options.regularization_exponent,
          .observed_item = power(*options.observed_item_exponent, frame.items, CountWeight::Mean::over_ratings),
          .unobserved_item = power(options.unobserved_item_exponent, frame.items, CountWeight::Mean::over_rows),
          .unobserved_user = power(*options.unobserved_user_exponent, frame.users, CountWeight::Mean::over_rows)};
}

std::vector<double> unobserved_factors(double exponent, std::span<const std::uint32_t> counts) {
  return CountWeight(exponent, counts, CountWeight::Mean::over_rows).of(counts);
}

std::vector<double> implicit_ridges(const Implicit& options, std::span<const std::uint32_t> counts, std::span<const double> own,
                                    std::span<const double> other) {
  const double others = *options.unobserved_weight * std::accumulate(other.begin(), other.end(), 0.0);
  std::vector<double> ridges;
  ridges.reserve(counts.size());
  for (std::size_t row = 0; row < counts.size(); ++row) {
    const double count = static_cast<double>(counts[row]) + own[row] * others;
    ridges.push_back(options.regularization * std::pow(count, options.regularization_exponent));
  }
  return ridges;
}

ObservedWeights::ObservedWeights(const Implicit& options, std::span<const std::uint32_t> item_counts)
    : observed_weight_(options.observed_weight),
      alpha_(options.alpha),
      items_(CountWeight(*options.observed_item_exponent, item_counts, CountWeight::Mean::over_ratings).of(item_counts)) {}

}  // namespace lowrank
