#include "train/sgd_shuffle.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "base/random.h"
#include "kernels/dot.h"

namespace lowrank {

SgdShuffle::SgdShuffle(const Ratings& ratings, const Units& units)
    : items_(ratings.items().begin(), ratings.items().end()),
      weights_(ratings.weights().begin(), ratings.weights().end()),
      order_(ratings.size()),
      shuffled_users_(ratings.size()),
      shuffled_items_(ratings.size()),
      shuffled_values_(ratings.size()),
      shuffled_weights_(weights_.size()) {
  users_.reserve(ratings.size());
  values_.reserve(ratings.size());
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) users_.insert(users_.end(), ratings.items_of(user).size(), user);
  for (std::size_t position = 0; position < ratings.size(); ++position) values_.push_back(units.to_training(ratings.value(position)));
}

double SgdShuffle::pass(const SgdTables& tables, const SgdStep& step, std::uint64_t seed, std::size_t epoch) {
  std::iota(order_.begin(), order_.end(), 0U);
  RandomStream(seed, Purpose::rating_order, epoch).shuffle(std::span(order_));
  for (std::size_t place = 0; place < order_.size(); ++place) {
    shuffled_users_[place] = users_[order_[place]];
    shuffled_items_[place] = items_[order_[place]];
    shuffled_values_[place] = values_[order_[place]];
  }
  for (std::size_t place = 0; place < shuffled_weights_.size(); ++place) shuffled_weights_[place] = weights_[order_[place]];
  return sgd_sequence({shuffled_users_.data(), shuffled_items_.data(), shuffled_values_.data(), order_.size(),
                       weights_.empty() ? nullptr : shuffled_weights_.data()},
                      tables, step);
}

SgdErrors SgdShuffle::errors(const SgdTables& tables, float least, float most) const {
  SgdErrors sums;
  for (std::size_t n = 0; n < users_.size(); ++n) {
    const float* p = tables.user_factors + users_[n] * tables.stride;
    const float* q = tables.item_factors + items_[n] * tables.stride;
    const float score = tables.user_biases[users_[n]] + tables.item_biases[items_[n]] + dot(p, q, tables.stride);
    const auto error = static_cast<double>(values_[n] - score);
    const auto clipped = static_cast<double>(values_[n] - std::clamp(score, least, most));
    const double weight = weights_.empty() ? 1.0 : static_cast<double>(weights_[n]);
    sums.squared += weight * error * error;
    sums.clipped_squared += weight * clipped * clipped;
  }
  return sums;
}

}  // namespace lowrank
