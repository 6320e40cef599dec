#include "train/prior_trials.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "train/train_ratings.h"

namespace lowrank {

namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

/// Rows by falling number of ratings, equal ones by index.
std::vector<std::uint32_t> most_active_first(std::span<const std::uint32_t> counts) {
  static constexpr std::uint32_t kMost = 1U << 20U;
  const auto bucket = [](std::uint32_t count) { return kMost - std::min(count, kMost); };
  std::vector<std::uint32_t> begins(kMost + 2);
  for (const std::uint32_t count : counts) ++begins[bucket(count) + 1];
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::vector<std::uint32_t> order(counts.size());
  for (std::uint32_t row = 0; row < counts.size(); ++row) order[static_cast<std::size_t>(begins[bucket(counts[row])]++)] = row;
  return order;
}

/// The numbers 0, 1, 2 ... for the first `share` of `order`, in the order of the rows; kNone for the others.
std::vector<std::uint32_t> number_first(std::span<const std::uint32_t> order, double share, std::uint32_t& count) {
  const auto first = static_cast<std::size_t>(std::ceil(share * static_cast<double>(order.size())));
  std::vector<std::uint32_t> numbers(order.size(), kNone);
  for (const std::uint32_t row : order.first(first)) numbers[row] = 0;
  count = 0;
  for (std::uint32_t& number : numbers) {
    if (number != kNone) number = count++;
  }
  return numbers;
}

std::size_t ratings_among(const Ratings& ratings, std::span<const std::uint32_t> users, std::span<const std::uint32_t> item_numbers) {
  std::size_t count = 0;
  for (const std::uint32_t user : users) {
    for (const std::uint32_t item : ratings.items_of(user)) count += item_numbers[item] != kNone ? 1U : 0U;
  }
  return count;
}

/// The share of users, and of items, whose common ratings are about `wanted`.
double share_of(const Ratings& ratings, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::size_t wanted) {
  if (ratings.size() <= wanted) return 1;
  const auto count = [&](double share) {
    std::uint32_t chosen = 0;
    const std::vector<std::uint32_t> numbers = number_first(items, share, chosen);
    return ratings_among(ratings, users.first(static_cast<std::size_t>(std::ceil(share * static_cast<double>(users.size())))), numbers);
  };
  double least = 0;
  double most = 1.0 / 1024;
  while (most < 1 && count(most) < wanted) {
    least = most;
    most *= 2;
  }
  constexpr int kHalvings = 5;
  for (int n = 0; n < kHalvings; ++n) {
    const double middle = (least + most) / 2;
    (count(middle) < wanted ? least : most) = middle;
  }
  return std::min(most, 1.0);
}

}  // namespace

Trials::Trials(const Ratings& ratings, std::span<const std::uint32_t> user_counts, std::span<const std::uint32_t> item_counts)
    : weighted_(ratings.has_weights()) {
  const std::vector<std::uint32_t> users = most_active_first(user_counts);
  const std::vector<std::uint32_t> items = most_active_first(item_counts);
  const double share = share_of(ratings, users, items, kBlock);
  const std::vector<std::uint32_t> user_numbers = number_first(users, share, users_);
  const std::vector<std::uint32_t> item_numbers = number_first(items, share, items_);
  std::uint32_t pairs = 0;
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    if (user_numbers[user] == kNone) continue;
    for (std::size_t position = ratings.row_offsets()[user]; position < ratings.row_offsets()[user + 1]; ++position) {
      const std::uint32_t item = item_numbers[ratings.items()[position]];
      if (item == kNone) continue;
      const float weight = weighted_ ? ratings.weights()[position] : 1.0F;
      // The ratings of a pair in several contexts are one cell.
      const bool repeats = position != ratings.row_offsets()[user] && ratings.items()[position] == ratings.items()[position - 1];
      if (!repeats) ++pairs;
      cells_.push_back({.user = user_numbers[user], .item = item, .value = ratings.value(position), .weight = weight, .part = pairs - 1});
    }
  }
  // A part has a tenth of the pairs.
  const std::size_t parts = (std::size_t{kHeldOut} * kFraction + pairs - 1) / std::max<std::size_t>(pairs, 1);
  parts_ = static_cast<std::uint32_t>(std::clamp<std::size_t>(parts, 1, kFraction));
  std::vector<std::uint32_t> order(pairs);
  std::iota(order.begin(), order.end(), 0U);
  RandomStream stream(0, Purpose::holdout);
  stream.shuffle(std::span(order));
  std::vector<std::uint32_t> part_of(pairs);
  for (std::size_t place = 0; place < order.size(); ++place) part_of[order[place]] = static_cast<std::uint32_t>(place) % kFraction;
  for (Cell& cell : cells_) cell.part = part_of[cell.part];
}

std::vector<double> Trials::errors(const Train& train) const {
  std::vector<double> errors;
  for (std::uint32_t part = 0; part < parts_; ++part) {
    RatingsBuilder builder;
    for (const Cell& cell : cells_) {
      if (cell.part == part) continue;
      if (weighted_) {
        builder.add_weighted(cell.user, cell.item, cell.value, cell.weight);
      } else {
        builder.add(cell.user, cell.item, cell.value);
      }
    }
    if (builder.size() == 0) continue;
    Model model;
    bool trained = true;
    try {
      model = train(builder.build(users_, items_, Duplicates::mean));
    } catch (const TrainingError&) {
      trained = false;
    }
    for (const Cell& cell : cells_) {
      if (cell.part != part) continue;
      const auto weight = static_cast<double>(cell.weight);
      errors.push_back(trained ? weight * std::pow(static_cast<double>(cell.value) - predict(model, cell.user, cell.item), 2)
                               : std::numeric_limits<double>::infinity());
    }
  }
  return errors;
}

Model learn(Ratings ratings, const Method& method, int threads) {
  const TrainContext context{.threads = threads, .init = nullptr, .min_rating = {}, .max_rating = {}};
  return train_ratings(std::move(ratings), method, {}, TrainingObserver::silent(), context).model;
}

double mean_of(std::span<const double> errors) {
  return std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(std::max<std::size_t>(errors.size(), 1));
}

bool clearly_lower(std::span<const double> errors, std::span<const double> usual) {
  const auto n = static_cast<double>(errors.size());
  const double gain = mean_of(usual) - mean_of(errors);
  if (n < 2 || !(gain > 0)) return false;
  double squares = 0;
  for (std::size_t at = 0; at < errors.size(); ++at) squares += std::pow(usual[at] - errors[at] - gain, 2);
  return gain > std::sqrt(squares / (n * (n - 1)));
}

double settle_prior(const Trials& trials, double usual, const std::function<Model(Ratings, double prior)>& train) {
  const auto errors = [&](double prior) { return trials.errors([&](Ratings ratings) { return train(std::move(ratings), prior); }); };
  constexpr double kLess = 10;
  const std::vector<double> less = errors(kLess);
  if (!clearly_lower(less, errors(usual))) return usual;
  double best = kLess;
  double least = mean_of(less);
  for (const double prior : {30.0, 1.0, 0.0}) {
    const double mean = mean_of(errors(prior));
    if (!(mean < least)) continue;
    least = mean;
    best = prior;
  }
  return best;
}

}  // namespace lowrank
