#include "pipeline/rating_filter.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "base/random.h"

namespace lowrank {

namespace {

// All in units of the variance of the ratings; docs/streams.md says on which streams they were found.
constexpr double kUserBias = 0.2;      // variance of a user's bias before the first rating
constexpr double kItemBias = 0.25;     // of an item's bias
constexpr double kUserFactor = 0.02;   // of a user's factor
constexpr double kItemFactor = 1;      // of an item's factor
constexpr double kItemSpread = 0.25;   // standard deviation of the factors that a new item starts with
constexpr double kDrift = 0.004;       // what a user's bias gains in variance at each event
constexpr double kNoiseEvents = 50;    // events that the first noise counts for
constexpr double kUserEvents = 40;     // events that the first noise of a user counts for
constexpr double kEffectEvents = 450;  // events at which an effect is as uncertain as before
constexpr double kOtherRow = 0.5;      // share of the other row's uncertainty that counts as noise where rows are solved again
constexpr double kGrowth = 1.1;        // of the events until rows are solved again
constexpr double kFirst = 1000;        // events before rows are solved again for the first time
constexpr double kLeastVariance = 1e-6;

double mean_square(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

/// Solves equations x = right, a positive definite system of `size` numbers whose lower triangle is given and destroyed, and writes the
/// inverse. False for a matrix that is not positive definite.
bool solve_and_invert(std::span<double> equations, std::span<double> right, std::span<double> inverse, std::size_t size) {
  double* const l = equations.data();
  for (std::size_t j = 0; j < size; ++j) {
    double pivot = l[j * size + j];
    for (std::size_t k = 0; k < j; ++k) pivot -= l[j * size + k] * l[j * size + k];
    if (!(pivot > 0)) return false;
    const double root = std::sqrt(pivot);
    l[j * size + j] = root;
    for (std::size_t i = j + 1; i < size; ++i) {
      double sum = l[i * size + j];
      for (std::size_t k = 0; k < j; ++k) sum -= l[i * size + k] * l[j * size + k];
      l[i * size + j] = sum / root;
    }
  }
  // The inverse of the triangle takes its place, from the last row of each column down.
  for (std::size_t j = 0; j < size; ++j) {
    l[j * size + j] = 1 / l[j * size + j];
    for (std::size_t i = j + 1; i < size; ++i) {
      double sum = 0;
      for (std::size_t k = j; k < i; ++k) sum -= l[i * size + k] * l[k * size + j];
      l[i * size + j] = sum / l[i * size + i];
    }
  }
  for (std::size_t a = 0; a < size; ++a) {
    for (std::size_t c = 0; c <= a; ++c) {
      double sum = 0;
      for (std::size_t k = a; k < size; ++k) sum += l[k * size + a] * l[k * size + c];
      inverse[a * size + c] = inverse[c * size + a] = sum;
    }
  }
  for (std::size_t a = 0; a < size; ++a) {
    double sum = 0;
    for (std::size_t c = 0; c < size; ++c) sum += inverse[a * size + c] * right[c];
    l[a] = sum;
  }
  std::copy_n(l, size, right.begin());
  return true;
}

}  // namespace

RatingFilter::RatingFilter(std::size_t rank, std::uint64_t seed) : size_(rank + 1), full_(rank <= kMostFull), seed_(seed) {
  remembers_ = full_;
  next_ = kFirst;
  noise_count_ = noise_sum_ = kNoiseEvents;
  users_.variance.assign(size_, kUserFactor);
  items_.variance.assign(size_, kItemFactor);
  users_.variance[0] = kUserBias;
  items_.variance[0] = kItemBias;
  for (std::size_t n = 0; n < kEffects; ++n) effect_covariance_[n * kEffects + n] = 1 / kEffectEvents;
  gain_user_.resize(size_);
  gain_item_.resize(size_);
  equations_.resize(size_ * size_);
  inverse_.resize(size_ * size_);
  right_.resize(size_);
}

RatingFilter::RatingFilter(const Model& model) : RatingFilter(model.rank(), 1) {
  remembers_ = cold_ = false;
  start_from(model);
}

void RatingFilter::start_from(const Model& model) {
  biased_ = model.centre.has_biases;
  clips_ = model.centre.clips;
  mean_ = model.centre.mean;
  expected_ = model.centre.rating_mean;
  lowest_ = model.centre.min_rating;
  highest_ = model.centre.max_rating;
  events_ = static_cast<double>(model.record.ratings);
  // The unit is the deviation of the ratings: that of the model's own scores, and the noise that its training left.
  double left = 0;
  for (const Metric& metric : model.record.metrics) {
    if (metric.name == "train_rmse") left = metric.value * metric.value;
  }
  double sum = 0;
  double square = 0;
  std::size_t count = 0;
  std::vector<std::uint32_t> items;
  for (std::uint32_t user = 0; user < model.history.user_count(); ++user) {
    items.clear();
    model.history.append_items_of(user, items);
    for (const std::uint32_t item : items) {
      const double distance = score(model, user, item) - model.centre.rating_mean;
      sum += distance;
      square += distance * distance;
      ++count;
    }
  }
  const double spread = count == 0 ? 0 : square / static_cast<double>(count) - std::pow(sum / static_cast<double>(count), 2);
  if (left == 0) left = spread;
  unit_ = std::sqrt(spread + left);
  if (!(unit_ > 0)) unit_ = 1;
  squares_ = unit_ * unit_ * events_;
  noise_ = std::max(left / (unit_ * unit_), 1e-4);
  noise_sum_ = noise_ * kNoiseEvents;

  const auto take = [this](Rows& rows, const Side& side) {
    const double bias_unit = 1 / unit_;
    const double factor_unit = 1 / std::sqrt(unit_);
    double biases = 0;
    double factors = 0;
    double known = 0;
    for (std::uint32_t row = 0; row < side.size(); ++row) {
      open(rows, row, false);
      double* const mean = rows.mean.data() + row * size_;
      mean[0] = static_cast<double>(side.biases[row]) * bias_unit;
      for (std::size_t n = 1; n < size_; ++n) mean[n] = static_cast<double>(side.factors.row(row)[n - 1]) * factor_unit;
      if (!side.rated(row)) continue;
      rows.counts[row] = side.counts[row];
      ++known;
      biases += mean[0] * mean[0];
      factors += mean_square({mean + 1, size_ - 1});
    }
    if (known == 0) known = 1;
    rows.variance.assign(size_, std::max(factors / known, kLeastVariance));
    rows.variance[0] = std::max(biases / known, kLeastVariance);
  };
  take(users_, model.users);
  take(items_, model.items);
  // Precisions first, of both sides at once; their inverses are the covariances.
  const std::size_t width = covariance_size();
  const auto start = [&](Rows& rows) {
    for (std::size_t row = 0; row < rows.counts.size(); ++row) {
      double* const s = rows.covariance.data() + row * width;
      std::fill_n(s, width, 0.0);
      for (std::size_t n = 0; n < size_; ++n) s[full_ ? n * size_ + n : n] = 1 / rows.variance[n];
    }
  };
  start(users_);
  start(items_);
  const auto add = [&](double* s, const double* other) {
    const double weight = 1 / noise_;
    for (std::size_t a = 0; a < size_; ++a) {
      const double left_side = weight * (a == 0 ? 1 : other[a]);
      if (!full_) {
        s[a] += left_side * (a == 0 ? 1 : other[a]);
      } else {
        for (std::size_t c = 0; c < size_; ++c) s[a * size_ + c] += left_side * (c == 0 ? 1 : other[c]);
      }
    }
  };
  for (std::uint32_t user = 0; user < model.history.user_count(); ++user) {
    items.clear();
    model.history.append_items_of(user, items);
    for (const std::uint32_t item : items) {
      add(users_.covariance.data() + user * width, items_.mean.data() + item * size_);
      add(items_.covariance.data() + item * width, users_.mean.data() + user * size_);
    }
  }
  for (Rows* rows : {&users_, &items_}) {
    if (!full_) {
      for (double& value : rows->covariance) value = 1 / value;
      continue;
    }
    for (std::size_t row = 0; row < rows->counts.size(); ++row) {
      double* const s = rows->covariance.data() + row * width;
      std::copy_n(s, width, equations_.begin());
      if (solve_and_invert(equations_, right_, inverse_, size_)) std::copy_n(inverse_.begin(), width, s);
    }
  }
}

void RatingFilter::open(Rows& rows, std::uint32_t row, bool random) {
  if (row < rows.counts.size()) return;
  const std::size_t width = covariance_size();
  const bool users = &rows == &users_;
  for (std::size_t next = rows.counts.size(); next <= row; ++next) {
    rows.counts.push_back(0);
    if (remembers_) rows.history.emplace_back();
    rows.mean.resize(rows.mean.size() + size_, 0.0);
    rows.covariance.resize(rows.covariance.size() + width, 0.0);
    double* const s = rows.covariance.data() + next * width;
    for (std::size_t n = 0; n < size_; ++n) s[full_ ? n * size_ + n : n] = rows.variance[n];
    if (users) {
      user_squares_.push_back(kUserEvents);
      user_counts_.push_back(kUserEvents);
    }
    if (!random) continue;
    RandomStream draws(seed_, Purpose::item_factors, 0, next);
    for (std::size_t n = 1; n < size_; ++n) rows.mean[next * size_ + n] = kItemSpread * draws.normal();
  }
}

double RatingFilter::base(std::uint32_t user, std::uint32_t item) const {
  const bool knows_user = user < users_.counts.size();
  const bool knows_item = item < items_.counts.size();
  const double* const x = knows_user ? users_.mean.data() + user * size_ : nullptr;
  const double* const y = knows_item ? items_.mean.data() + item * size_ : nullptr;
  double sum = (knows_user ? x[0] : 0.0) + (knows_item ? y[0] : 0.0);
  if (!knows_user || !knows_item) return sum;
  for (std::size_t n = 1; n < size_; ++n) sum += x[n] * y[n];
  return sum;
}

RatingFilter::Effects RatingFilter::effects_of(std::uint32_t user, std::uint32_t item, double score) const {
  const double of_user = user < users_.counts.size() ? users_.counts[user] : 0;
  const double of_item = item < items_.counts.size() ? items_.counts[item] : 0;
  return {1, of_user == 0 ? 1.0 : 0.0, of_item == 0 ? 1.0 : 0.0, std::log1p(of_user) / 5, std::log1p(of_item) / 5, score};
}

double RatingFilter::predict(std::uint32_t user, std::uint32_t item) const {
  if (events_ == 0) return 0;
  const double score = base(user, item);
  double rating = mean_ + unit_ * score;
  if (biased_) {
    const Effects effects = effects_of(user, item, score);
    for (std::size_t n = 0; n < kEffects; ++n) rating += unit_ * weights_[n] * effects[n];
  } else if (user >= users_.counts.size() || item >= items_.counts.size()) {
    rating = expected_;
  }
  return clips_ ? std::min(std::max(rating, lowest_), highest_) : rating;
}

void RatingFilter::count(double rating) {
  lowest_ = events_ == 0 ? rating : std::min(lowest_, rating);
  highest_ = events_ == 0 ? rating : std::max(highest_, rating);
  ++events_;
  const double distance = rating - expected_;
  expected_ += distance / events_;
  squares_ += distance * (rating - expected_);
  if (biased_) mean_ += distance / events_;
  if (squares_ > 0) unit_ = std::sqrt(squares_ / events_);
}

void RatingFilter::learn_effects(const Effects& effects, double error) {
  Effects gain = {};
  double variance = noise_;
  for (std::size_t a = 0; a < kEffects; ++a) {
    for (std::size_t c = 0; c < kEffects; ++c) gain[a] += effect_covariance_[a * kEffects + c] * effects[c];
    variance += gain[a] * effects[a];
  }
  for (std::size_t a = 0; a < kEffects; ++a) {
    weights_[a] += gain[a] * error / variance;
    for (std::size_t c = 0; c < kEffects; ++c) effect_covariance_[a * kEffects + c] -= gain[a] * gain[c] / variance;
  }
}

// A rating is a product of two normal rows: the variance of the product is that of each row along the other's mean, and the trace.
void RatingFilter::learn_full(double* x, double* y, double* s, double* t, double error, double noise) {
  const std::size_t size = size_;
  double* const g = gain_user_.data();
  double* const h = gain_item_.data();
  double trace = 0;
  for (std::size_t a = 0; a < size; ++a) {
    double of_user = s[a * size];
    double of_item = t[a * size];
    for (std::size_t c = 1; c < size; ++c) {
      of_user += s[a * size + c] * y[c];
      of_item += t[a * size + c] * x[c];
      if (a > 0) trace += s[a * size + c] * t[a * size + c];
    }
    g[a] = of_user;
    h[a] = of_item;
  }
  double variance = noise + trace + g[0] + h[0];
  for (std::size_t c = 1; c < size; ++c) variance += g[c] * y[c] + h[c] * x[c];
  last_error_ = error * error / variance;
  const double step = error / variance;
  const double share = 1 / variance;
  for (std::size_t a = 0; a < size; ++a) {
    x[a] += g[a] * step;
    y[a] += h[a] * step;
    const double of_user = g[a] * share;
    const double of_item = h[a] * share;
    for (std::size_t c = 0; c < size; ++c) {
      s[a * size + c] -= of_user * g[c];
      t[a * size + c] -= of_item * h[c];
    }
  }
}

void RatingFilter::learn_diagonal(double* x, double* y, double* s, double* t, double error, double noise) {
  double* const g = gain_user_.data();
  double* const h = gain_item_.data();
  double variance = noise + s[0] + t[0];
  g[0] = s[0];
  h[0] = t[0];
  for (std::size_t a = 1; a < size_; ++a) {
    g[a] = s[a] * y[a];
    h[a] = t[a] * x[a];
    variance += g[a] * y[a] + h[a] * x[a] + s[a] * t[a];
  }
  last_error_ = error * error / variance;
  const double step = error / variance;
  const double share = 1 / variance;
  for (std::size_t a = 0; a < size_; ++a) {
    x[a] += g[a] * step;
    y[a] += h[a] * step;
    s[a] -= g[a] * g[a] * share;
    t[a] -= h[a] * h[a] * share;
  }
}

void RatingFilter::learn(std::uint32_t user, std::uint32_t item, double rating) {
  if (events_ == 0) {
    mean_ = expected_ = rating;
  }
  const Effects before = effects_of(user, item, base(user, item));
  open(users_, user, false);
  open(items_, item, cold_);
  const double score = base(user, item);
  double predicted = mean_ + unit_ * score;
  if (biased_) {
    for (std::size_t n = 0; n < kEffects; ++n) predicted += unit_ * weights_[n] * before[n];
  }
  // Without a unit yet, an error has no size.
  const double error = squares_ > 0 ? (rating - predicted) / unit_ : 0;
  const std::size_t width = covariance_size();
  double* const s = users_.covariance.data() + user * width;
  double* const t = items_.covariance.data() + item * width;
  if (biased_) s[0] += kDrift;
  const double scale = user_squares_[user] / user_counts_[user];
  double* const x = users_.mean.data() + user * size_;
  double* const y = items_.mean.data() + item * size_;
  if (full_) {
    learn_full(x, y, s, t, error, noise_ * scale);
  } else {
    learn_diagonal(x, y, s, t, error, noise_ * scale);
  }
  if (biased_) learn_effects(before, error);
  user_squares_[user] += scale * last_error_;
  ++user_counts_[user];
  noise_sum_ += noise_ * last_error_;
  ++noise_count_;
  noise_ = noise_sum_ / noise_count_;
  ++users_.counts[user];
  ++items_.counts[item];
  count(rating);
  if (!remembers_) return;
  users_.history[user].push_back({item, rating});
  items_.history[item].push_back({user, rating});
  if (events_ < next_) return;
  next_ = std::max(events_ + 1, std::floor(events_ * kGrowth));
  solve_again(users_, items_, true);
  solve_again(items_, users_, false);
}

void RatingFilter::solve_again(Rows& own, const Rows& others, bool users) {
  for (std::uint32_t row = 0; row < own.counts.size(); ++row) {
    if (own.counts[row] > 0) solve_row(own, row, others, users);
  }
}

// The mean and covariance of a row given those of the other side, and in the noise a share of what the other rows' uncertainty adds:
// without it the covariances of variational Bayes are too small for rows with few ratings.
void RatingFilter::solve_row(Rows& own, std::uint32_t row, const Rows& others, bool users) {
  const std::size_t size = size_;
  double* const x = own.mean.data() + row * size;
  std::ranges::fill(equations_, 0.0);
  std::ranges::fill(right_, 0.0);
  for (std::size_t a = 0; a < size; ++a) equations_[a * size + a] = 1 / own.variance[a];
  for (const Past& past : own.history[row]) {
    const double* const y = others.mean.data() + past.other * size;
    const double* const t = others.covariance.data() + past.other * size * size;
    const double left = (past.value - mean_) / unit_ - y[0];
    double along = t[0];
    for (std::size_t a = 1; a < size; ++a) {
      double sum = 2 * t[a];
      for (std::size_t c = 1; c < size; ++c) sum += t[a * size + c] * x[c];
      along += sum * x[a];
    }
    const double weight = 1 / (noise_of(users ? row : past.other) + kOtherRow * along);
    equations_[0] += weight;
    right_[0] += weight * left;
    for (std::size_t a = 1; a < size; ++a) {
      equations_[a * size] += weight * y[a];
      for (std::size_t c = 1; c <= a; ++c) equations_[a * size + c] += weight * (y[a] * y[c] + t[a * size + c]);
      right_[a] += weight * (left * y[a] - t[a]);
    }
  }
  if (!solve_and_invert(equations_, right_, inverse_, size)) return;
  for (std::size_t a = 0; a < size; ++a) x[a] = right_[a];
  double* const s = own.covariance.data() + row * size * size;
  for (std::size_t n = 0; n < size * size; ++n) s[n] = inverse_[n];
}

}  // namespace lowrank
