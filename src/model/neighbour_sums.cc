#include "model/neighbour_sums.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/dot.h"
#include "model/neighbours_code.h"

namespace lowrank {

namespace {

float within_floats(double value) {
  constexpr auto kMost = static_cast<double>(std::numeric_limits<float>::max());
  return static_cast<float>(std::clamp(value, -kMost, kMost));
}

/// A row of users as the terms of a mean see it.
struct UserRow {
  const float* factors;  ///< the items' stride of them
  double base;           ///< mean and bias
};

UserRow row_of(const Model& model, std::uint32_t user) {
  const bool known = model.users.knows(user);
  return {.factors = model.users.factors.data() + user * model.users.factors.stride(),
          .base = model.centre.mean + (known ? static_cast<double>(model.users.biases[user]) : 0)};
}

/// How far a rating is from its score without neighbours.
float residual(const Model& model, const UserRow& user, std::uint32_t item, float rating) {
  const std::size_t stride = model.items.factors.stride();
  double score = user.base;
  if (model.items.knows(item)) {
    const float* const factors = model.items.factors.data() + item * stride;
    score += static_cast<double>(model.items.biases[item]) +
             static_cast<double>(finite_dot(dot(user.factors, factors, stride), user.factors, factors, stride));
  }
  return within_floats(static_cast<double>(rating) - score);
}

float mean_of(const NeighbourRule& rule, double sum, double weights) {
  const double divisor = rule.damping + weights;
  return divisor > 0 ? within_floats(rule.scale * (sum / divisor)) : 0.0F;
}

double product(float a, float b) { return static_cast<double>(a) * static_cast<double>(b); }

}  // namespace

HistoryTerms history_terms(const Model& model, std::uint32_t user) {
  if (!model.neighbours->is_mean()) return {.items = model.history.liked_items_of(user), .values = {}};
  HistoryTerms terms{.items = model.history.items_of(user), .values = model.history.values_of(user)};
  // A model without the values has nothing to compare scores with.
  if (terms.values.size() != terms.items.size()) return {};
  const UserRow row = row_of(model, user);
  for (std::size_t n = 0; n < terms.items.size(); ++n) terms.values[n] = residual(model, row, terms.items[n], terms.values[n]);
  return terms;
}

HistoryTerms history_terms(const Model& model, std::span<const float> factors, float bias, std::span<const std::uint32_t> items,
                           std::span<const float> ratings) {
  HistoryTerms terms;
  if (!model.neighbours->is_mean()) {
    for (std::size_t n = 0; n < items.size(); ++n) {
      if (ratings[n] > 0) terms.items.push_back(items[n]);
    }
    return terms;
  }
  FactorMatrix own(1, model.rank());
  std::ranges::copy(factors, own.row(0).begin());
  const UserRow row{.factors = own.data(), .base = model.centre.mean + static_cast<double>(bias)};
  terms.items.assign(items.begin(), items.end());
  for (std::size_t n = 0; n < items.size(); ++n) terms.values.push_back(residual(model, row, items[n], ratings[n]));
  return terms;
}

void SparseSums::clear() {
  for (const std::uint32_t row : rows_) sums_[row] = marks_[row] = 0;
  if (!means_.empty()) {
    for (const std::uint32_t row : rows_) means_[row] = {};
  }
  rows_.clear();
}

void SparseSums::add(std::uint32_t row, float weight, float value) {
  if (means_.empty()) means_.resize(sums_.size());
  mark(row);
  means_[row].first += product(weight, value);
  means_[row].second += static_cast<double>(std::abs(weight));
}

void SparseSums::finish(const NeighbourRule& rule) {
  for (const std::uint32_t row : rows_) sums_[row] = mean_of(rule, means_[row].first, means_[row].second);
}

void gather_neighbours(const Model& model, std::uint32_t user, SparseSums& sums) {
  if (!model.neighbours->of_users()) {
    gather_neighbours(model, history_terms(model, user), sums);
    return;
  }
  sums.clear();
  const std::span<const std::uint32_t> others = model.neighbours->items_of(user);
  for (std::size_t other = 0; other < others.size(); ++other) {
    const HistoryTerms terms = history_terms(model, others[other]);
    for (std::size_t n = 0; n < terms.items.size(); ++n)
      sums.add(terms.items[n], model.neighbours->weights_of(user)[other], terms.values[n]);
  }
  sums.finish(model.neighbours->rule());
}

void gather_neighbours(const Model& model, const HistoryTerms& terms, SparseSums& sums) {
  const bool is_mean = model.neighbours->is_mean();
  sums.clear();
  if (model.neighbours->of_users()) return;
  for (std::size_t from = 0; from < terms.items.size(); ++from) {
    const std::span<const std::uint32_t> row = model.neighbours->items_of(terms.items[from]);
    const std::span<const float> weights = model.neighbours->weights_of(terms.items[from]);
    if (is_mean) {
      for (std::size_t n = 0; n < row.size(); ++n) sums.add(row[n], weights[n], terms.values[from]);
    } else {
      for (std::size_t n = 0; n < row.size(); ++n) sums.add(row[n], weights[n]);
    }
  }
  if (is_mean) sums.finish(model.neighbours->rule());
}

float neighbour_sum(const Model& model, std::uint32_t user, std::uint32_t item) {
  if (!model.neighbours->is_mean()) {
    float sum = 0;
    for (const std::uint32_t from : model.history.liked_items_of(user)) sum += model.neighbours->weight(from, item);
    return sum;
  }
  double sum = 0;
  double weights = 0;
  if (model.neighbours->of_users()) {
    const std::span<const std::uint32_t> others = model.neighbours->items_of(user);
    for (std::size_t n = 0; n < others.size(); ++n) {
      const std::vector<std::uint32_t> items = model.history.items_of(others[n]);
      const auto found = std::ranges::lower_bound(items, item);
      const std::vector<float> ratings = model.history.values_of(others[n]);
      if (found == items.end() || *found != item || ratings.empty()) continue;
      const float weight = model.neighbours->weights_of(user)[n];
      const float rating = ratings[static_cast<std::size_t>(found - items.begin())];
      sum += product(weight, residual(model, row_of(model, others[n]), item, rating));
      weights += static_cast<double>(std::abs(weight));
    }
    return mean_of(model.neighbours->rule(), sum, weights);
  }
  const std::vector<std::uint32_t> items = model.history.items_of(user);
  const std::vector<float> ratings = model.history.values_of(user);
  const UserRow row = row_of(model, user);
  for (std::size_t n = 0; n < ratings.size(); ++n) {
    const float weight = model.neighbours->weight(items[n], item);
    if (weight == 0) continue;
    sum += product(weight, residual(model, row, items[n], ratings[n]));
    weights += static_cast<double>(std::abs(weight));
  }
  return mean_of(model.neighbours->rule(), sum, weights);
}

void PairSums::take_terms(std::uint32_t user) {
  values_.resize(model_.items.counts.size());
  marks_.resize(values_.size());
  for (const std::uint32_t item : terms_.items) marks_[item] = 0;
  terms_ = history_terms(model_, user);
  for (std::size_t n = 0; n < terms_.items.size(); ++n) {
    marks_[terms_.items[n]] = 1;
    values_[terms_.items[n]] = terms_.values[n];
  }
}

float PairSums::of(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::size_t at) {
  if (!model_.neighbours || !model_.users.knows(users[at]) || !model_.items.knows(items[at])) return 0;
  if (at >= end_) {
    end_ = at + 1;
    while (end_ < users.size() && users[end_] == users[at]) ++end_;
    // From so many pairs on, everything that is added to the user's scores costs less than each pair by itself.
    const std::size_t many = model_.neighbours->of_users() ? 2 : 4;
    gathered_ = by_item_ == nullptr && end_ - at >= many;
    if (gathered_) {
      if (!sums_) sums_.emplace(model_.items.counts.size());
      gather_neighbours(model_, users[at], *sums_);
    }
    if (by_item_ != nullptr) take_terms(users[at]);
  }
  if (gathered_) return sums_->of(items[at]);
  if (by_item_ == nullptr) return neighbour_sum(model_, users[at], items[at]);
  double sum = 0;
  double weights = 0;
  const std::span<const std::uint32_t> others = by_item_->items_of(items[at]);
  const std::span<const float> own = by_item_->weights_of(items[at]);
  // Without a branch: whether the user has an item is anybody's guess.
  if (rated_.size() < others.size()) rated_.resize(others.size());
  std::size_t count = 0;
  for (std::size_t n = 0; n < others.size(); ++n) {
    rated_[count] = static_cast<std::uint32_t>(n);
    count += marks_[others[n]];
  }
  for (const std::uint32_t n : std::span(rated_).first(count)) {
    sum += product(own[n], values_[others[n]]);
    weights += static_cast<double>(std::abs(own[n]));
  }
  return mean_of(by_item_->rule(), sum, weights);
}

std::optional<Neighbours> neighbours_by_item(const Model& model, std::size_t pairs) {
  // Fewer pairs are scored before the weights are put in order.
  constexpr std::size_t kWeightsPerPair = 64;
  if (!model.neighbours || !model.neighbours->is_mean() || model.neighbours->of_users()) return std::nullopt;
  if (pairs < model.neighbours->size() / kWeightsPerPair) return std::nullopt;
  return transposed(*model.neighbours);
}

}  // namespace lowrank
