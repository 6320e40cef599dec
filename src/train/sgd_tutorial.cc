#include "train/sgd_tutorial.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "base/random.h"

namespace lowrank {

SgdTutorial::SgdTutorial(const Ratings& ratings, const Sgd& options, double mean, const Model& frame, const Model* init)
    : options_(options),
      mean_(options.biases ? mean : 0.0),
      init_(init),
      rate_(options.learning_rate.value()),
      items_(ratings.items().begin(), ratings.items().end()),
      user_ratings_(frame.users.counts),
      item_ratings_(frame.items.counts),
      user_factors_(std::size_t{ratings.user_count()} * options.rank),
      item_factors_(std::size_t{ratings.item_count()} * options.rank),
      user_biases_(ratings.user_count()),
      item_biases_(ratings.item_count()) {
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) users_.insert(users_.end(), ratings.items_of(user).size(), user);
  for (std::size_t position = 0; position < ratings.size(); ++position) values_.push_back(static_cast<double>(ratings.value(position)));
  SgdTutorial::restore(nullptr);
}

TutorialState SgdTutorial::state() {
  return {.rank = options_.rank,
          .mean = mean_,
          .user_factors = user_factors_,
          .item_factors = item_factors_,
          .user_biases = user_biases_,
          .item_biases = item_biases_};
}

double SgdTutorial::predict(std::size_t user, std::size_t item) { return state().predict(user, item); }

std::optional<EpochFigures> SgdTutorial::run(std::size_t epoch) {
  std::vector<std::uint32_t> order(values_.size());
  std::iota(order.begin(), order.end(), 0U);
  RandomStream(options_.seed, Purpose::rating_order, epoch).shuffle(std::span(order));
  const TutorialStep step{.rate = rate_, .beta = options_.regularization, .biases = options_.biases};
  const TutorialEntries entries{.users = users_, .items = items_, .values = values_};
  const double squared = tutorial_pass(state(), entries, order, step);
  const double after = tutorial_error(state(), entries);
  // The model is float32: numbers beyond it count as divergence too.
  constexpr double kMost = std::numeric_limits<float>::max();
  const auto fits = [](const std::vector<double>& numbers) {
    return std::all_of(numbers.begin(), numbers.end(), [](double x) { return std::abs(x) < kMost; });
  };
  if (!std::isfinite(after) || !std::isfinite(squared) || !fits(user_factors_) || !fits(item_factors_) || !fits(user_biases_) ||
      !fits(item_biases_)) {
    return std::nullopt;
  }
  return EpochFigures{.train_rmse = std::sqrt(squared / static_cast<double>(values_.size())), .root_squared_error = after};
}

void SgdTutorial::store(Model& model) {
  model.centre.mean = mean_;
  for (std::size_t user = 0; user < user_biases_.size(); ++user) {
    const bool known = user_ratings_[user] != 0;
    model.users.biases[user] = static_cast<float>(user_biases_[user]);
    for (std::size_t k = 0; k < options_.rank; ++k) {
      model.users.factors.row(user)[k] = known ? static_cast<float>(user_factors_[user * options_.rank + k]) : 0.0F;
    }
  }
  for (std::size_t item = 0; item < item_biases_.size(); ++item) {
    const bool known = item_ratings_[item] != 0;
    model.items.biases[item] = static_cast<float>(item_biases_[item]);
    for (std::size_t k = 0; k < options_.rank; ++k) {
      model.items.factors.row(item)[k] = known ? static_cast<float>(item_factors_[item * options_.rank + k]) : 0.0F;
    }
  }
}

void SgdTutorial::restore(const Model* model) {
  const Model* from = model != nullptr ? model : init_;
  const double shift = from != nullptr && options_.biases ? from->centre.mean - mean_ : 0.0;
  const auto fill = [&](std::vector<double>& factors, double& bias, Purpose purpose, std::size_t row, std::span<const float> old_row,
                        float old_bias, double bias_shift, bool known) {
    RandomStream stream(options_.seed, purpose, 0, row);
    for (std::size_t k = 0; k < options_.rank; ++k) {
      factors[row * options_.rank + k] = known ? static_cast<double>(old_row[k]) : stream.normal() / options_.rank;
    }
    bias = known && options_.biases ? static_cast<double>(old_bias) + bias_shift : 0.0;
  };
  for (std::uint32_t user = 0; user < user_biases_.size(); ++user) {
    const bool known = from != nullptr && from->users.knows(user);
    fill(user_factors_, user_biases_[user], Purpose::user_factors, user, known ? from->users.factors.row(user) : std::span<const float>(),
         known ? from->users.biases[user] : 0.0F, shift, known);
  }
  for (std::uint32_t item = 0; item < item_biases_.size(); ++item) {
    const bool known = from != nullptr && from->items.knows(item);
    fill(item_factors_, item_biases_[item], Purpose::item_factors, item, known ? from->items.factors.row(item) : std::span<const float>(),
         known ? from->items.biases[item] : 0.0F, 0.0, known);
  }
}

std::optional<DivergenceReport> SgdTutorial::cut_step() {
  constexpr double kLeastRate = 1e-70;
  if (rate_ < kLeastRate) return std::nullopt;
  const double old = rate_;
  rate_ *= 0.1;
  return DivergenceReport{.old_learning_rate = old, .new_learning_rate = rate_};
}

void SgdTutorial::score(Trained& trained) {
  restore(&trained.model);
  const Model& model = trained.model;
  double clipped = 0;
  double loss = 0;
  for (std::size_t n = 0; n < values_.size(); ++n) {
    const double score = predict(users_[n], items_[n]);
    const double bounded =
        model.centre.clips ? std::clamp(score, static_cast<double>(model.centre.min_rating), static_cast<double>(model.centre.max_rating))
                           : score;
    clipped += std::pow(values_[n] - bounded, 2);
    double weight = std::pow(user_biases_[users_[n]], 2) + std::pow(item_biases_[items_[n]], 2);
    for (std::size_t k = 0; k < options_.rank; ++k) {
      weight += std::pow(user_factors_[std::size_t{users_[n]} * options_.rank + k], 2) +
                std::pow(item_factors_[std::size_t{items_[n]} * options_.rank + k], 2);
    }
    loss += 0.5 * std::pow(values_[n] - score, 2) + 0.5 * options_.regularization * weight;
  }
  trained.train_rmse = std::sqrt(clipped / static_cast<double>(values_.size()));
  trained.train_loss = loss;
}

}  // namespace lowrank
