#include "pipeline/warnings.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/text.h"

namespace lowrank {

namespace {

/// The greatest value of ratings is over this many times their median: no scale of opinions is so long.
constexpr float kLongTail = 100;
/// Ratings that a sample has at least, if there are so many.
constexpr std::size_t kSample = 20000;
/// Users that a sample of users has at least, if there are so many.
constexpr std::size_t kLeastUsers = 100;
/// With fewer ratings, factors may well have nothing to explain.
constexpr std::size_t kLeastRatings = 1000;
constexpr double kLeastExplained = 0.01;

/// The median of an evenly spread sample.
float median_of(const Ratings& ratings) {
  std::vector<float> sample;
  const std::size_t step = std::max<std::size_t>(1, ratings.size() / kSample);
  for (std::size_t position = 0; position < ratings.size(); position += step) sample.push_back(ratings.value(position));
  const auto middle = sample.begin() + static_cast<std::ptrdiff_t>(sample.size() / 2);
  std::nth_element(sample.begin(), middle, sample.end());
  return *middle;
}

/// Whether all values are counts of something.
bool are_whole(std::span<const float> values) {
  return std::ranges::all_of(values, [](float value) { return value >= 0 && value == std::floor(value); });
}

}  // namespace

std::optional<std::string> warning_of_counts(const Ratings& ratings, const std::string& method) {
  if (ratings.empty()) return {};
  const std::span<const float> values = ratings.coded() ? ratings.value_table() : ratings.values();
  if (!are_whole(values)) return {};
  const float greatest = *std::ranges::max_element(values);
  const float median = median_of(ratings);
  if (greatest <= kLongTail * std::max(median, 1.0F)) return {};
  return "the ratings look like counts, with a median of " + shortest_text(median) + " and up to " + shortest_text(greatest) + ": method " +
         method +
         " predicts them as they are, and a few great ones outweigh all others; take a method of interactions, such as implicit, "
         "or the logarithms of the counts";
}

std::optional<std::string> warning_of_shared_pairs(const Pairs& pairs, const History& training, const std::string& name) {
  std::vector<std::size_t> order(pairs.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {}, [&](std::size_t n) { return pairs.users[n]; });
  std::size_t shared = 0;
  std::vector<std::uint32_t> rated;
  for (std::size_t n = 0; n < order.size(); ++n) {
    const std::uint32_t user = pairs.users[order[n]];
    if (n == 0 || pairs.users[order[n - 1]] != user) {
      rated.clear();
      training.append_items_of(user, rated);
    }
    shared += std::ranges::binary_search(rated, pairs.items[order[n]]) ? 1U : 0U;
  }
  if (shared == 0) return {};
  return std::to_string(shared) + " of the " + std::to_string(pairs.size()) + " pairs of the " + name +
         " set are also in the training data: errors on them are too good, and lists leave them out";
}

std::optional<std::string> warning_of_unknown_levels(const Pairs& pairs, const Situations& training, const std::string& name) {
  const std::vector<UnknownLevels> unknown = unknown_levels(pairs.situations, pairs.situation, [&training](const std::string& column) {
    const auto found = std::ranges::find(training.columns, column, &ContextColumn::name);
    return found == training.columns.end() ? nullptr : &found->levels;
  });
  if (unknown.empty()) return {};
  return description(unknown, pairs.size(), "ratings of the " + name + " set");
}

std::optional<std::string> warning_of_idle_factors(const Trained& trained, const History& training) {
  const Model& model = trained.model;
  if (model.rank() == 0 || !model.centre.has_biases || !model.centre.predicts_ratings || !trained.train_rmse) return {};
  if (model.record.ratings < kLeastRatings) return {};
  // Of some users all ratings: a history is read user by user.
  const std::size_t users = training.user_count();
  const std::size_t step = std::max<std::size_t>(1, std::min(model.record.ratings / kSample, users / kLeastUsers));
  double sum = 0;
  double squares = 0;
  double count = 0;
  std::vector<std::uint32_t> rated;
  for (std::size_t user = 0; user < users; user += step) {
    rated.clear();
    training.append_items_of(static_cast<std::uint32_t>(user), rated);
    for (const std::uint32_t item : rated) {
      double product = 0;
      for (std::size_t k = 0; k < model.rank(); ++k) {
        product += static_cast<double>(model.users.factors.row(user)[k]) * static_cast<double>(model.items.factors.row(item)[k]);
      }
      sum += product;
      squares += product * product;
      count += 1;
    }
  }
  if (count == 0) return {};
  const double own = squares / count - sum / count * (sum / count);
  const double explained = own / (own + *trained.train_rmse * *trained.train_rmse);
  // A model that reproduces its ratings by biases alone leaves nothing to explain.
  if (!(explained < kLeastExplained) || *trained.train_rmse == 0) return {};
  return "the factors explain less than 1 % of what the biases leave: the model is hardly more than method baseline; less regularization "
         "may "
         "help, or the ratings hold no more";
}

}  // namespace lowrank
