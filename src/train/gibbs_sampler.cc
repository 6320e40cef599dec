#include "train/gibbs_sampler.h"

#include <algorithm>
#include <cmath>

#include "kernels/row_draws.h"
#include "kernels/rows.h"
#include "lowrank/base/error.h"
#include "lowrank/model/uncertainty.h"

namespace lowrank {

namespace {

constexpr std::size_t kGrain = 256;
/// The least share of a row in the precision of ratings: draws may come out as small as floats go.
constexpr float kLeastShare = 1e-6F;

/// n^(-1/2) for every row of n ratings.
std::vector<float> scales_of(std::span<const std::uint32_t> counts) {
  std::vector<float> scales;
  for (const std::uint32_t count : counts) scales.push_back(count == 0 ? 0.0F : 1 / std::sqrt(static_cast<float>(count)));
  return scales;
}

/// The different ratings, ascending.
std::vector<float> levels_of(const Ratings& ratings, Workers& workers) {
  struct Levels {
    std::vector<float> all;
    void add(float value) {
      const auto place = std::ranges::lower_bound(all, value);
      if ((place == all.end() || *place != value) && all.size() <= OrdinalScale::kMostLevels) all.insert(place, value);
    }
    Levels& operator+=(const Levels& other) {
      for (const float value : other.all) add(value);
      return *this;
    }
  };
  constexpr std::size_t kLevelGrain = std::size_t{1} << 16U;
  std::vector<float> levels = workers
                                  .sum_ranges(ratings.size(), kLevelGrain,
                                              [&](std::size_t begin, std::size_t end, int) {
                                                Levels part;
                                                for (std::size_t at = begin; at < end; ++at) part.add(ratings.value(at));
                                                return part;
                                              })
                                  .all;
  if (levels.size() > OrdinalScale::kMostLevels)
    throw DataError("an ordinal likelihood takes 32 different ratings at most, and there are more: leave it gaussian, or round them");
  if (levels.size() < 2) throw DataError("an ordinal likelihood needs at least 2 different ratings, and all are alike");
  return levels;
}

}  // namespace

GibbsSampler::GibbsSampler(const Ratings& ratings, const ByItem& by_item, const Units& units, std::span<const std::uint32_t> user_counts,
                           std::span<const std::uint32_t> item_counts, const Form& form, Workers& workers,
                           const std::optional<FeatureBlock>& user_features, const std::optional<FeatureBlock>& item_features,
                           const ByPeriod* by_period)
    : users(user_counts, form.rank, {GibbsStage::user_prior, GibbsStage::user_coefficients}),
      items(item_counts, form.rank, {GibbsStage::item_prior, GibbsStage::item_coefficients}),
      ratings_(ratings),
      by_item_(by_item),
      by_period_(by_period),
      units_(units),
      rank_(form.rank),
      user_scales_(scales_of(user_counts)),
      item_scales_(scales_of(item_counts)) {
  for (const float value : ratings.value_table()) value_table_.push_back(units.to_training(value));
  if (form.implicit.users) {
    users.add({.row_offsets = ratings.row_offsets(),
               .row_features = ratings.items().data(),
               .feature_offsets = by_item.offsets,
               .feature_rows = by_item.users.data(),
               .scales = user_scales_});
  }
  if (form.implicit.items) {
    items.add({.row_offsets = by_item.offsets,
               .row_features = by_item.users.data(),
               .feature_offsets = ratings.row_offsets(),
               .feature_rows = ratings.items().data(),
               .scales = item_scales_});
  }
  if (user_features) users.add(*user_features);
  if (item_features) items.add(*item_features);
  if (by_period != nullptr) {
    periods.emplace(by_period->counts, form.rank, GibbsSide::Stages{GibbsStage::period_prior, GibbsStage::period_coefficients}, true);
  }
  if (form.user_noise) user_noise.assign(user_counts.size(), 1.0F);
  if (form.item_noise) item_noise.assign(item_counts.size(), 1.0F);
  if (!form.user_noise && !form.item_noise && !form.ordinal) return;
  errors_.resize(ratings.size());
  if (form.item_noise || form.ordinal) by_user_ = places_by_user(ratings, by_item);
  if (!form.ordinal) return;
  levels_ = levels_of(ratings, workers);
  for (const float level : levels_) training_levels_.push_back(units.to_training(level));
  cutpoints.emplace(std::vector<double>(training_levels_.begin(), training_levels_.end()), workers.count());
  latent_.resize(ratings.size());
}

void GibbsSampler::sweep(const GibbsPlace& place, Workers& workers) {
  if (cutpoints) {
    draw_latent(place, workers);
  } else {
    draw_noise(place, workers);
  }
  draw_side(place, true, workers);
  draw_side(place, false, workers);
  if (periods) draw_periods(place, workers);
  start(workers);
}

void GibbsSampler::draw_side(const GibbsPlace& place, bool of_users, Workers& workers) {
  GibbsSide& drawn = of_users ? users : items;
  const std::vector<float>& own = of_users ? user_noise : item_noise;
  const std::vector<float>& theirs = of_users ? item_noise : user_noise;
  Cells cells{.offsets = of_users ? ratings_.row_offsets() : std::span<const std::size_t>(by_item_.offsets),
              .others = of_users ? ratings_.items().data() : by_item_.users.data(),
              .fixed = of_users ? &items : &users};
  if (periods) {
    cells.added = of_users ? by_period_->of_ratings.data() : by_period_->by_item.data();
    cells.added_side = &*periods;
  }
  const auto weights = [&](std::size_t row, std::size_t begin, std::size_t end, float* to) {
    const float share = own.empty() ? 1.0F : own[row];
    for (std::size_t at = begin; at < end; ++at) to[at - begin] = theirs.empty() ? share : share * theirs[cells.others[at]];
  };
  const bool weighted = !own.empty() || !theirs.empty();
  if (of_users) {
    draw(
        place, GibbsStage::user_rows, cells, [this](std::size_t at) { return user_value(at); }, weights, weighted, drawn, workers);
  } else {
    draw(
        place, GibbsStage::item_rows, cells, [this](std::size_t at) { return item_value(at); }, weights, weighted, drawn, workers);
  }
}

// A rating of a period has the sum of its user's and its item's factors for what is known.
void GibbsSampler::draw_periods(const GibbsPlace& place, Workers& workers) {
  const Cells cells{.offsets = by_period_->offsets,
                    .others = by_period_->users.data(),
                    .fixed = &users,
                    .added = by_period_->items.data(),
                    .added_side = &items};
  const auto weights = [&](std::size_t /*row*/, std::size_t begin, std::size_t end, float* to) {
    for (std::size_t at = begin; at < end; ++at) {
      to[at - begin] =
          (user_noise.empty() ? 1.0F : user_noise[by_period_->users[at]]) * (item_noise.empty() ? 1.0F : item_noise[by_period_->items[at]]);
    }
  };
  draw(
      place, GibbsStage::period_rows, cells, [this](std::size_t at) { return user_value(by_period_->places[at]); }, weights,
      !user_noise.empty() || !item_noise.empty(), *periods, workers);
}

// Where a rating is of two fixed rows, the drawn row has the sum of their factors for what is known, and what the two make of each other is
// taken from the rating.
template <class Value, class Weights>
void GibbsSampler::draw(const GibbsPlace& place, GibbsStage stage, const Cells& cells, const Value& value, const Weights& weights,
                        bool weighted, GibbsSide& drawn, Workers& workers) const {
  const FactorMatrix& means = drawn.row_means(workers);
  const auto table_of = [](const GibbsSide& side) { return RowTable{side.factors.data(), side.factors.stride()}; };
  RowDraws draws;
  draws.offsets = cells.offsets;
  draws.others = cells.others;
  draws.fixed = table_of(*cells.fixed);
  if (cells.added_side != nullptr) {
    draws.added = table_of(*cells.added_side);
    draws.added_rows = cells.added;
  }
  draws.weighted = weighted;
  draws.cells = [&](std::size_t row, std::size_t begin, std::size_t end, float* to_weights, float* to_values) {
    for (std::size_t at = begin; at < end; ++at) to_values[at - begin] = value(at) - cells.fixed->biases[cells.others[at]];
    if (cells.added_side != nullptr) {
      std::vector<float> products(end - begin);
      if (rank_ != 0) dot_pairs(draws.fixed, cells.others + begin, draws.added, cells.added + begin, end - begin, products.data());
      for (std::size_t at = begin; at < end; ++at) {
        to_values[at - begin] -= cells.added_side->biases[cells.added[at]] + products[at - begin];
      }
    }
    if (weighted) weights(row, begin, end, to_weights);
  };
  draws.precision = drawn.precision;
  draws.means = {means.data(), means.stride()};
  draws.noise = noise;
  draws.normals = [&](std::size_t row, std::span<double> normals) {
    RandomStream stream = place.stream(stage, row);
    for (double& normal : normals) normal = stream.normal();
  };
  draw_rows(draws, rank_, workers, drawn.factors.data(), drawn.biases.data());
  drawn.draw_prior(place, workers);
}

void GibbsSampler::draw_noise(const GibbsPlace& place, Workers& workers) {
  RandomStream stream = place.stream(GibbsStage::noise, 0);
  const bool shared = user_noise.empty() && item_noise.empty();
  noise = draw_gamma(stream, (static_cast<double>(ratings_.size()) + 1) / 2) / ((1 + (shared ? squares_ : weighted_squares_)) / 2);
  if (!user_noise.empty()) {
    draw_noise_of(
        place, GibbsStage::user_noise, ratings_.row_offsets(), ratings_.items().data(), item_noise,
        [this](std::size_t at) { return errors_[at]; }, user_noise, workers);
  }
  if (!item_noise.empty()) {
    draw_noise_of(
        place, GibbsStage::item_noise, by_item_.offsets, by_item_.users.data(), user_noise,
        [this](std::size_t at) { return errors_[by_user_[at]]; }, item_noise, workers);
  }
}

// Given the rest, a row's share is Gamma(shape + n / 2, shape + sum over its n ratings of the other precisions times the squared error /
// 2).
template <class ErrorAt>
void GibbsSampler::draw_noise_of(const GibbsPlace& place, GibbsStage stage, std::span<const std::size_t> offsets,
                                 const std::uint32_t* others, const std::vector<float>& theirs, const ErrorAt& error_at,
                                 std::vector<float>& drawn, Workers& workers) const {
  workers.for_ranges(drawn.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      double sum = 0;
      for (std::size_t at = offsets[row]; at < offsets[row + 1]; ++at) {
        const auto error = static_cast<double>(error_at(at));
        sum += (theirs.empty() ? 1.0 : static_cast<double>(theirs[others[at]])) * error * error;
      }
      RandomStream stream = place.stream(stage, row);
      const double shape = kNoiseShape + static_cast<double>(offsets[row + 1] - offsets[row]) / 2;
      drawn[row] = std::max(static_cast<float>(draw_gamma(stream, shape) / (kNoiseShape + noise * sum / 2)), kLeastShare);
    }
  });
}

void GibbsSampler::draw_latent(const GibbsPlace& place, Workers& workers) {
  RandomStream stream = place.stream(GibbsStage::cutpoints, 0);
  cutpoints->draw(stream);
  workers.for_ranges(users.biases.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t user = begin; user < end; ++user) {
      RandomStream own = place.stream(GibbsStage::latent, user);
      for (std::size_t at = ratings_.row_offsets()[user]; at < ratings_.row_offsets()[user + 1]; ++at) {
        latent_[at] = static_cast<float>(cutpoints->latent(level_of(at), static_cast<double>(errors_[at]), own.uniform()));
      }
    }
  });
}

std::size_t GibbsSampler::level_of(std::size_t at) const {
  const float value = value_table_.empty() ? units_.to_training(ratings_.value(at)) : value_table_[ratings_.codes()[at]];
  return static_cast<std::size_t>(std::ranges::lower_bound(training_levels_, value) - training_levels_.begin());
}

double GibbsSampler::score(std::uint32_t user, std::uint32_t item) const {
  double sum = static_cast<double>(users.biases[user]) + static_cast<double>(items.biases[item]);
  for (std::size_t k = 0; k < rank_; ++k) {
    sum += static_cast<double>(users.factors.row(user)[k]) * static_cast<double>(items.factors.row(item)[k]);
  }
  return sum;
}

void GibbsSampler::add_periods(std::size_t user, std::size_t first, std::size_t count, float* products) const {
  const std::uint32_t* const own = by_period_->of_ratings.data() + first;
  const RowTable table{periods->factors.data(), periods->factors.stride()};
  std::vector<float> more(2 * count);
  if (rank_ != 0) {
    dot_pairs(table, own, {items.factors.data(), items.factors.stride()}, ratings_.items().data() + first, count, more.data());
    gather_dots(table, own, count, table.stride, users.factors.row(user).data(), more.data() + count);
  }
  for (std::size_t n = 0; n < count; ++n) products[n] += periods->biases[own[n]] + more[n] + more[count + n];
}

void GibbsSampler::start(Workers& workers) {
  const FactorMatrix& table = items.factors;
  if (cutpoints) cutpoints->clear();
  struct Squares {
    double plain = 0;
    double weighted = 0;
    Squares& operator+=(const Squares& other) {
      plain += other.plain;
      weighted += other.weighted;
      return *this;
    }
  };
  const Squares squares = workers.sum_rows(users.biases.size(), [&](std::size_t begin, std::size_t end, int slot) {
    std::vector<float> products;
    Squares sum;
    for (std::size_t user = begin; user < end; ++user) {
      const std::size_t first = ratings_.row_offsets()[user];
      const std::uint32_t* others = ratings_.items().data() + first;
      const std::size_t count = ratings_.row_offsets()[user + 1] - first;
      products.assign(count, 0.0F);
      if (rank_ != 0) {
        gather_dots({table.data(), table.stride()}, others, count, table.stride(), users.factors.row(user).data(), products.data());
      }
      if (periods) add_periods(user, first, count, products.data());
      double own = 0;
      for (std::size_t n = 0; n < count; ++n) {
        const float score = users.biases[user] + items.biases[others[n]] + products[n];
        if (cutpoints) {
          errors_[first + n] = score;
          cutpoints->add(slot, level_of(first + n), static_cast<double>(score));
          continue;
        }
        const float error = user_value(first + n) - users.biases[user] - items.biases[others[n]] - products[n];
        if (!errors_.empty()) errors_[first + n] = error;
        const double square = static_cast<double>(error) * static_cast<double>(error);
        sum.plain += square;
        own += item_noise.empty() ? square : square * static_cast<double>(item_noise[others[n]]);
      }
      sum.weighted += user_noise.empty() ? own : own * static_cast<double>(user_noise[user]);
    }
    return sum;
  });
  squares_ = squares.plain;
  weighted_squares_ = squares.weighted;
  if (!cutpoints) return;
  cutpoints->gather();
  squares_ = cutpoints->squared_errors(training_levels_);
}

}  // namespace lowrank
