#include "lowrank/data/generate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "data/option_check.h"
#include "lowrank/base/error.h"
#include "lowrank/data/vocabulary.h"

namespace lowrank {

namespace {

constexpr double kLargest = 1e30;

/// The `major` keys of the random streams of a user or item. Part of the meaning of a seed: never renumber them.
enum Stream : std::uint64_t { kPopularity, kFactors, kRatingCount, kItems, kNoise, kTest };

void check_options(const GenerateOptions& options) {
  const auto check_size = [](const char* name, double size) {
    check_option(size >= 1 && size <= Vocabulary::kMaxSize, name, "from 1 to 2^32 - 2", size);
  };
  const auto check_magnitude = [](const char* name, double value) {
    check_option(std::abs(value) <= kLargest, name, "from -1e30 to 1e30", value);
  };
  const auto check_sd = [](const char* name, double sd) { check_option(sd >= 0 && sd <= kLargest, name, "from 0 to 1e30", sd); };
  const auto check_shape = [](const char* name, double value) { check_option(value >= 0 && value <= 100, name, "from 0 to 100", value); };

  check_size("users", options.users);
  check_size("items", options.items);
  const std::uint64_t cells = std::uint64_t{options.users} * options.items;
  if (options.ratings < 1 || options.ratings > cells) {
    throw OptionError("ratings", "must be from 1 to users * items = " + std::to_string(cells) + ", got " + std::to_string(options.ratings));
  }
  check_sd("signal", options.signal);
  check_sd("noise", options.noise);
  check_sd("user_bias", options.user_bias);
  check_sd("item_bias", options.item_bias);
  check_magnitude("mean", options.mean);
  check_magnitude("min_rating", options.min_rating);
  check_magnitude("max_rating", options.max_rating);
  check_option(options.max_rating >= options.min_rating, "max_rating", "at least min_rating", options.max_rating);
  check_sd("step", options.step);
  check_shape("zipf", options.zipf);
  check_shape("user_sigma", options.user_sigma);
  check_option(options.test_fraction >= 0 && options.test_fraction < 1, "test_fraction", "at least 0 and below 1", options.test_fraction);
}

/// Numbers of ratings that sum to options.ratings, each at most `items`, proportional to log-normal draws as far as these bounds allow.
std::vector<std::uint32_t> draw_rating_counts(const GenerateOptions& options) {
  constexpr double kLeastWeight = 1e-200;
  const std::size_t users = options.users;
  const double most = options.items;
  const double least = options.ratings >= users ? 1 : 0;
  const auto total = static_cast<double>(options.ratings);

  std::vector<double> weights(users);
  for (std::size_t user = 0; user < users; ++user) {
    RandomStream random(options.seed, Purpose::generate_users, kRatingCount, user);
    weights[user] = options.user_sigma * random.normal();
  }
  const double largest = *std::max_element(weights.begin(), weights.end());
  for (double& weight : weights) weight = std::max(std::exp(weight - largest), kLeastWeight);

  // The sum of clamp(scale * weight) grows with the scale, so bisect the logarithm of the scale to the precision of double.
  double low = std::log(total / static_cast<double>(users));
  double high = std::log(most) - std::log(kLeastWeight);
  for (int halving = 0; halving < 64; ++halving) {
    const double scale = std::exp((low + high) / 2);
    double sum = 0;
    for (const double weight : weights) sum += std::clamp(scale * weight, least, most);
    (sum < total ? low : high) = (low + high) / 2;
  }

  const double scale = std::exp(high);
  std::vector<std::uint32_t> counts(users);
  std::uint64_t sum = 0;
  double carry = 0.5;
  for (std::size_t user = 0; user < users; ++user) {
    const double target = std::clamp(scale * weights[user], least, most);
    const double whole = std::floor(target);
    counts[user] = static_cast<std::uint32_t>(whole);
    carry += target - whole;
    if (carry >= 1) {
      carry -= 1;
      ++counts[user];
    }
    sum += counts[user];
  }
  // Correct the small error of the sum that rounding left.
  for (std::size_t user = 0; sum != options.ratings; user = (user + 1) % users) {
    if (sum < options.ratings && counts[user] < options.items) {
      ++counts[user];
      ++sum;
    } else if (sum > options.ratings && counts[user] > static_cast<std::uint32_t>(least)) {
      --counts[user];
      --sum;
    }
  }
  return counts;
}

/// Draws the distinct items of a user one after the other. The probability of an item is its share of the weights not drawn yet.
class ItemSampler {
 public:
  explicit ItemSampler(const GenerateOptions& options)
      : seed_(options.seed), log_weights_(options.items), taken_by_(options.items, kNobody) {
    std::vector<std::uint32_t> order(options.items);
    std::iota(order.begin(), order.end(), 0U);
    RandomStream(seed_, Purpose::generate_items, kPopularity).shuffle(std::span(order));
    const double offset = 1 + std::floor(options.items / 100.0);
    for (std::size_t place = 0; place < order.size(); ++place) {
      log_weights_[order[place]] = -options.zipf * std::log((static_cast<double>(place) + offset) / offset);
    }
    fill_cells();
  }

  /// The items of `user`, ascending.
  std::span<const std::uint32_t> draw(std::uint32_t user, std::uint32_t count) {
    drawn_.clear();
    RandomStream random(seed_, Purpose::generate_ratings, kItems, user);
    // Reject repeated draws, until that costs more than a pass over all items.
    std::uint64_t tries = count < items() ? 2 * std::uint64_t{count} + items() : 0;
    while (drawn_.size() < count && tries-- > 0) {
      __extension__ using Wide = unsigned __int128;
      const Wide product = static_cast<Wide>(random.bits()) * items();
      const auto place = static_cast<std::uint32_t>(product >> 64U);
      const Cell cell = cells_[place];
      const std::uint32_t item =
          static_cast<std::uint32_t>(static_cast<std::uint64_t>(product) >> 32U) < cell.threshold ? place : cell.alias;
      if (taken_by_[item] == user) continue;
      taken_by_[item] = user;
      drawn_.push_back(item);
    }
    if (drawn_.size() < count) draw_rest(user, count - drawn_.size(), random);
    std::sort(drawn_.begin(), drawn_.end());
    return drawn_;
  }

 private:
  static constexpr std::uint32_t kNobody = Vocabulary::kUnknown;

  /// A cell of the alias method (Walker 1977, in the linear-time construction of Vose 1991): a uniformly drawn cell yields its own item if
  /// the second draw is below the threshold (of 2^32), and another item above it.
  struct Cell {
    std::uint32_t threshold;
    std::uint32_t alias;
  };
  struct Key {
    double key;
    std::uint32_t item;
    bool operator<(const Key& other) const { return key != other.key ? key < other.key : item < other.item; }
  };

  [[nodiscard]] std::uint32_t items() const { return static_cast<std::uint32_t>(log_weights_.size()); }

  void fill_cells() {
    double sum = 0;
    for (const double log_weight : log_weights_) sum += std::exp(log_weight);
    std::vector<double> shares(items());
    std::vector<std::uint32_t> small;
    std::vector<std::uint32_t> large;
    for (std::uint32_t item = 0; item < items(); ++item) {
      shares[item] = std::exp(log_weights_[item]) / sum * items();
      (shares[item] < 1 ? small : large).push_back(item);
    }
    cells_.resize(items());
    while (!small.empty() && !large.empty()) {
      const std::uint32_t low = small.back();
      const std::uint32_t high = large.back();
      small.pop_back();
      cells_[low] = {static_cast<std::uint32_t>(shares[low] * 0x1p32), high};
      shares[high] -= 1 - shares[low];
      if (shares[high] < 1) {
        large.pop_back();
        small.push_back(high);
      }
    }
    for (const std::vector<std::uint32_t>* whole : {&small, &large}) {
      for (const std::uint32_t item : *whole) cells_[item] = {0, item};
    }
  }

  /// Draws the rest from the remaining items: those with the smallest exponential variates divided by their weights are a draw without
  /// replacement (Efraimidis and Spirakis 2006). Computed in logarithms, so that even tiny weights work.
  void draw_rest(std::uint32_t user, std::size_t count, RandomStream& random) {
    keys_.clear();
    for (std::uint32_t item = 0; item < items(); ++item) {
      if (taken_by_[item] == user) continue;
      keys_.push_back({std::log(-std::log(1 - random.uniform())) - log_weights_[item], item});
    }
    const auto end = keys_.begin() + static_cast<std::ptrdiff_t>(count);
    if (end != keys_.end()) std::nth_element(keys_.begin(), end, keys_.end());
    std::for_each(keys_.begin(), end, [&](const Key& key) { drawn_.push_back(key.item); });
  }

  std::uint64_t seed_;
  std::vector<double> log_weights_;
  std::vector<Cell> cells_;
  std::vector<std::uint32_t> taken_by_;
  std::vector<std::uint32_t> drawn_;
  std::vector<Key> keys_;
};

/// Picks exactly `picks` of `total` elements that come one by one; every choice is equally likely.
class SelectionSampler {
 public:
  SelectionSampler(std::uint64_t total, std::uint64_t picks) : left_(total), picks_(picks) {}
  bool next(RandomStream& random) {
    const bool picked = picks_ > 0 && random.below(left_) < picks_;
    --left_;
    picks_ -= picked ? 1 : 0;
    return picked;
  }

 private:
  std::uint64_t left_;
  std::uint64_t picks_;
};

/// Marks test ratings. One rating of every user is spared as long as the others are enough.
class TestMarker {
 public:
  TestMarker(const GenerateOptions& options, std::span<const std::uint32_t> counts)
      : random_(options.seed, Purpose::generate_ratings, kTest), kept_(0, 0), others_(0, 0) {
    const auto rows =
        static_cast<std::uint64_t>(std::count_if(counts.begin(), counts.end(), [](std::uint32_t count) { return count > 0; }));
    const auto picks =
        std::min(options.ratings, static_cast<std::uint64_t>(std::llround(options.test_fraction * static_cast<double>(options.ratings))));
    const std::uint64_t from_others = std::min(picks, options.ratings - rows);
    kept_ = SelectionSampler(rows, picks - from_others);
    others_ = SelectionSampler(options.ratings - rows, from_others);
  }

  void start_user(std::uint32_t count) { keep_ = random_.below(count); }
  bool next(std::size_t place) { return (place == keep_ ? kept_ : others_).next(random_); }

 private:
  RandomStream random_;
  SelectionSampler kept_;
  SelectionSampler others_;
  std::uint64_t keep_ = 0;
};

/// The planted model: ratings without noise, clipping and rounding.
class PlantedModel {
 public:
  explicit PlantedModel(const GenerateOptions& options)
      : options_(options),
        // The dot product of two independent normal rows of standard deviation s has variance rank * s^4, which must be signal^2.
        factor_sd_(options.rank == 0 ? 0 : std::sqrt(options.signal / std::sqrt(options.rank))),
        item_rows_(std::size_t{options.items} * options.rank),
        item_biases_(options.items),
        user_row_(options.rank) {
    for (std::uint32_t item = 0; item < options.items; ++item) {
      item_biases_[item] = draw_row(Purpose::generate_items, item, options.item_bias, row_of(item));
    }
  }

  void start_user(std::uint32_t user) { user_bias_ = draw_row(Purpose::generate_users, user, options_.user_bias, user_row_); }

  [[nodiscard]] double score(std::uint32_t item) {
    const std::span<const float> row = row_of(item);
    double sum = options_.mean + user_bias_ + item_biases_[item];
    for (std::size_t k = 0; k < row.size(); ++k) sum += static_cast<double>(user_row_[k]) * static_cast<double>(row[k]);
    return sum;
  }

 private:
  std::span<float> row_of(std::uint32_t item) { return std::span(item_rows_).subspan(item * user_row_.size(), user_row_.size()); }

  /// Fills `row` and returns the bias.
  [[nodiscard]] double draw_row(Purpose purpose, std::uint32_t index, double bias_sd, std::span<float> row) const {
    RandomStream random(options_.seed, purpose, kFactors, index);
    const double bias = bias_sd * random.normal();
    for (float& value : row) value = static_cast<float>(factor_sd_ * random.normal());
    return bias;
  }

  GenerateOptions options_;
  double factor_sd_;
  std::vector<float> item_rows_;
  std::vector<double> item_biases_;
  std::vector<float> user_row_;
  double user_bias_ = 0;
};

/// Clips a rating to its range and rounds it to its scale.
class Scale {
 public:
  explicit Scale(const GenerateOptions& options) : least_(options.min_rating), most_(options.max_rating), step_(options.step) {
    // The small excess makes 3 steps of .1 fit into .3.
    if (step_ > 0) top_ = std::floor((most_ - least_) / step_ * (1 + 1e-12));
  }
  [[nodiscard]] float value(double score) const {
    const double clipped = std::clamp(score, least_, most_);
    if (step_ == 0) return static_cast<float>(clipped);
    return static_cast<float>(std::clamp(least_ + step_ * std::min(std::round((clipped - least_) / step_), top_), least_, most_));
  }

 private:
  double least_;
  double most_;
  double step_;
  double top_ = 0;
};

}  // namespace

void generate(const GenerateOptions& options, const std::function<void(const GeneratedRating&)>& consume) {
  check_options(options);
  const std::vector<std::uint32_t> counts = draw_rating_counts(options);
  ItemSampler sampler(options);
  PlantedModel model(options);
  TestMarker marker(options, counts);
  const Scale scale(options);
  for (std::uint32_t user = 0; user < options.users; ++user) {
    if (counts[user] == 0) continue;
    model.start_user(user);
    marker.start_user(counts[user]);
    RandomStream noise(options.seed, Purpose::generate_ratings, kNoise, user);
    const std::span<const std::uint32_t> items = sampler.draw(user, counts[user]);
    for (std::size_t place = 0; place < items.size(); ++place) {
      const float value = scale.value(model.score(items[place]) + options.noise * noise.normal());
      consume({user, items[place], value, marker.next(place)});
    }
  }
}

}  // namespace lowrank
