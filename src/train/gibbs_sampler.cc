#include "train/gibbs_sampler.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "kernels/aligned_floats.h"
#include "kernels/dot.h"
#include "kernels/normals.h"
#include "kernels/row_draws.h"
#include "kernels/rows.h"
#include "lowrank/base/error.h"
#include "lowrank/model/uncertainty.h"

namespace lowrank {

namespace {

constexpr std::size_t kGrain = 256;
/// The least share of a row in the precision of ratings: draws may come out as small as floats go.
constexpr float kLeastShare = 1e-6F;

/// What numbers of the draws of a column of contexts begin with.
std::uint64_t first_of(std::size_t column) { return std::uint64_t{column} << 48U; }

/// The different ratings, ascending.
std::vector<float> steps_of(const Ratings& ratings, Workers& workers) {
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
                           const RatingContexts* contexts)
    : users(user_counts, form.rank, {GibbsStage::user_prior, GibbsStage::user_coefficients}),
      items(item_counts, form.rank, {GibbsStage::item_prior, GibbsStage::item_coefficients}),
      ratings_(ratings),
      by_item_(by_item),
      contexts_(contexts),
      units_(units),
      rank_(form.rank),
      user_partners_(partners_of(ratings.row_offsets(), ratings.items().data(), ratings.has_situations())),
      item_partners_(partners_of(by_item.offsets, by_item.users.data(), ratings.has_situations())) {
  for (const float value : ratings.value_table()) value_table_.push_back(units.to_training(value));
  if (form.implicit.users) {
    users.add({.row_offsets = user_partners_.offsets,
               .row_features = user_partners_.others,
               .feature_offsets = item_partners_.offsets,
               .feature_rows = item_partners_.others,
               .scales = user_partners_.scales});
  }
  if (form.implicit.items) {
    items.add({.row_offsets = item_partners_.offsets,
               .row_features = item_partners_.others,
               .feature_offsets = user_partners_.offsets,
               .feature_rows = user_partners_.others,
               .scales = item_partners_.scales});
  }
  if (user_features) users.add(*user_features);
  if (item_features) items.add(*item_features);
  for (std::size_t column = 0; contexts != nullptr && column < contexts->columns.size(); ++column) {
    const ByLevel& own = contexts->columns[column];
    const GibbsSide::Stages stages{GibbsStage::level_prior, GibbsStage::level_coefficients, first_of(column)};
    levels.emplace_back(own.counts, form.rank, stages, true, own.chain);
  }
  if (levels.size() > 1) {
    sums_ = FactorMatrix(contexts->size, form.rank);
    bias_sums_.resize(contexts->size);
  }
  if (form.user_noise) user_noise.assign(user_counts.size(), 1.0F);
  if (form.item_noise) item_noise.assign(item_counts.size(), 1.0F);
  pairs_ = static_cast<double>(ratings.size());
  if (form.pairs_once && !form.ordinal && !user_partners_.own_offsets.empty()) share_pairs();
  if (form.item_noise || form.ordinal || !pair_shares_.empty()) by_user_ = places_by_user(ratings, by_item);
  if (!form.user_noise && !form.item_noise && !form.ordinal) return;
  errors_.resize(ratings.size());
  if (!form.ordinal) return;
  steps_ = steps_of(ratings, workers);
  for (const float level : steps_) training_steps_.push_back(units.to_training(level));
  cutpoints.emplace(std::vector<double>(training_steps_.begin(), training_steps_.end()), workers.count());
  latent_.resize(ratings.size());
}

GibbsSampler::Partners GibbsSampler::partners_of(std::span<const std::size_t> offsets, const std::uint32_t* others, bool may_repeat) {
  Partners partners;
  // The ratings of a pair stand next to each other.
  const auto repeats = [&](std::size_t row) {
    return std::adjacent_find(others + offsets[row], others + offsets[row + 1]) != others + offsets[row + 1];
  };
  bool any = false;
  for (std::size_t row = 0; may_repeat && !any && row + 1 < offsets.size(); ++row) any = repeats(row);
  if (any) {
    partners.own_offsets.push_back(0);
    partners.own_others.reserve(offsets.back());
    for (std::size_t row = 0; row + 1 < offsets.size(); ++row) {
      std::unique_copy(others + offsets[row], others + offsets[row + 1], std::back_inserter(partners.own_others));
      partners.own_offsets.push_back(partners.own_others.size());
    }
    offsets = partners.own_offsets;
    others = partners.own_others.data();
  }
  partners.offsets = offsets;
  partners.others = others;
  for (std::size_t row = 0; row + 1 < offsets.size(); ++row) {
    const std::size_t count = offsets[row + 1] - offsets[row];
    partners.scales.push_back(count == 0 ? 0.0F : 1 / std::sqrt(static_cast<float>(count)));
  }
  return partners;
}

void GibbsSampler::share_pairs() {
  pair_shares_.resize(ratings_.size());
  pairs_ = 0;
  for (std::size_t user = 0; user < users.biases.size(); ++user) {
    const std::size_t last = ratings_.row_offsets()[user + 1];
    for (std::size_t first = ratings_.row_offsets()[user], next = first; first < last; first = next) {
      while (next < last && ratings_.items()[next] == ratings_.items()[first]) ++next;
      std::fill_n(pair_shares_.begin() + static_cast<std::ptrdiff_t>(first), next - first, 1 / static_cast<float>(next - first));
      ++pairs_;
    }
  }
}

void GibbsSampler::sweep(const GibbsPlace& place, Workers& workers) {
  if (cutpoints) {
    draw_latent(place, workers);
  } else {
    draw_noise(place, workers);
  }
  draw_side(place, true, workers);
  draw_side(place, false, workers);
  for (std::size_t column = 0; column < levels.size(); ++column) {
    if (column != 0) combine_levels(workers);
    draw_levels(place, column, workers);
  }
  start(workers);
}

void GibbsSampler::draw_side(const GibbsPlace& place, bool of_users, Workers& workers) {
  GibbsSide& drawn = of_users ? users : items;
  const std::vector<float>& own = of_users ? user_noise : item_noise;
  const std::vector<float>& theirs = of_users ? item_noise : user_noise;
  Cells cells{.offsets = of_users ? ratings_.row_offsets() : std::span<const std::size_t>(by_item_.offsets),
              .others = of_users ? ratings_.items().data() : by_item_.users.data(),
              .fixed = rows_of(of_users ? items : users)};
  if (!levels.empty()) {
    cells.added = of_users ? contexts_->of_ratings.data() : contexts_->by_item.data();
    cells.more = combined();
  }
  const auto weights = [&](std::size_t row, std::size_t begin, std::size_t end, float* to) {
    const float share = own.empty() ? 1.0F : own[row];
    for (std::size_t at = begin; at < end; ++at) to[at - begin] = theirs.empty() ? share : share * theirs[cells.others[at]];
    if (pair_shares_.empty()) return;
    for (std::size_t at = begin; at < end; ++at) to[at - begin] *= pair_shares_[of_users ? at : by_user_[at]];
  };
  const auto values = [&](std::size_t begin, std::size_t end, float* to) {
    for (std::size_t at = begin; at < end; ++at) to[at - begin] = of_users ? user_value(at) : item_value(at);
  };
  draw(place, of_users ? GibbsStage::user_rows : GibbsStage::item_rows, 0, cells, values, weights,
       !own.empty() || !theirs.empty() || !pair_shares_.empty(), drawn, workers);
}

// A rating of a level has the sum of its user's and its item's factors for what is known, and what its other levels add taken from it. A
// rating without a level tells nothing of the levels, whose mean it has.
void GibbsSampler::draw_levels(const GibbsPlace& place, std::size_t column, Workers& workers) {
  const ByLevel& own = contexts_->columns[column];
  GibbsSide& drawn = levels[column];
  const Cells cells{
      .offsets = own.offsets, .others = own.users.data(), .fixed = rows_of(users), .added = own.items.data(), .more = rows_of(items)};
  const auto weights = [&](std::size_t /*row*/, std::size_t begin, std::size_t end, float* to) {
    for (std::size_t at = begin; at < end; ++at) {
      to[at - begin] = (user_noise.empty() ? 1.0F : user_noise[own.users[at]]) * (item_noise.empty() ? 1.0F : item_noise[own.items[at]]) *
                       pair_share(own.places[at]);
    }
  };
  const auto values = [&](std::size_t begin, std::size_t end, float* to) {
    for (std::size_t at = begin; at < end; ++at) to[at - begin] = user_value(own.places[at]);
    if (levels.size() == 1) return;
    const std::size_t stride = users.factors.stride();
    AlignedFloats rest(stride);
    std::fill_n(rest.data(), stride, 0.0F);
    for (std::size_t at = begin; at < end; ++at) {
      const std::uint32_t context = contexts_->of_ratings[own.places[at]];
      const std::uint32_t row = own.row_of[context];
      const std::span<const float> all = sums_.row(context);
      for (std::size_t k = 0; k < rank_; ++k) rest.data()[k] = all[k] - drawn.factors.row(row)[k];
      float sum = bias_sums_[context] - drawn.biases[row];
      if (rank_ != 0) {
        sum += dot(rest.data(), users.factors.row(own.users[at]).data(), stride) +
               dot(rest.data(), items.factors.row(own.items[at]).data(), stride);
      }
      to[at - begin] -= sum;
    }
  };
  draw(place, GibbsStage::level_rows, first_of(column), cells, values, weights,
       !user_noise.empty() || !item_noise.empty() || !pair_shares_.empty(), drawn, workers);
  set_missing(own, drawn);
}

void GibbsSampler::set_missing(const ByLevel& column, GibbsSide& side) {
  std::vector<double> mean(side.rank() + 1);
  for (const std::uint32_t row : column.rows) {
    const double share = column.share(row);
    for (std::size_t k = 0; k < side.rank(); ++k) mean[k] += share * static_cast<double>(side.factors.row(row)[k]);
    mean.back() += share * static_cast<double>(side.biases[row]);
  }
  const std::size_t missing = column.levels();
  for (std::size_t k = 0; k < side.rank(); ++k) side.factors.row(missing)[k] = static_cast<float>(mean[k]);
  side.biases[missing] = static_cast<float>(mean.back());
}

void GibbsSampler::combine_levels(Workers& workers) {
  workers.for_ranges(bias_sums_.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t context = begin; context < end; ++context) {
      const std::span<float> sum = sums_.row(context);
      std::ranges::fill(sum, 0.0F);
      float bias = 0;
      for (std::size_t column = 0; column < levels.size(); ++column) {
        const std::uint32_t row = contexts_->columns[column].row_of[context];
        const std::span<const float> own = levels[column].factors.row(row);
        for (std::size_t k = 0; k < rank_; ++k) sum[k] += own[k];
        bias += levels[column].biases[row];
      }
      bias_sums_[context] = bias;
    }
  });
}

// Where a rating is of two fixed rows, the drawn row has the sum of their factors for what is known, and what the two make of each other is
// taken from the rating.
template <class Values, class Weights>
void GibbsSampler::draw(const GibbsPlace& place, GibbsStage stage, std::uint64_t first, const Cells& cells, const Values& values,
                        const Weights& weights, bool weighted, GibbsSide& drawn, Workers& workers) const {
  for (const GibbsSide::Part& part : drawn.parts()) {
    const FactorMatrix& means = drawn.means_of(part, workers);
    RowDraws draws;
    draws.offsets = cells.offsets.subspan(part.first, part.last - part.first + 1);
    draws.others = cells.others;
    draws.fixed = cells.fixed.factors;
    if (cells.added != nullptr) {
      draws.added = cells.more.factors;
      draws.added_rows = cells.added;
    }
    draws.weighted = weighted;
    draws.cells = [&](std::size_t row, std::size_t begin, std::size_t end, float* to_weights, float* to_values) {
      values(begin, end, to_values);
      for (std::size_t at = begin; at < end; ++at) to_values[at - begin] -= cells.fixed.biases[cells.others[at]];
      if (cells.added != nullptr) {
        std::vector<float> products(end - begin);
        if (rank_ != 0) dot_pairs(draws.fixed, cells.others + begin, draws.added, cells.added + begin, end - begin, products.data());
        for (std::size_t at = begin; at < end; ++at) {
          to_values[at - begin] -= cells.more.biases[cells.added[at]] + products[at - begin];
        }
      }
      if (weighted) weights(part.first + row, begin, end, to_weights);
    };
    std::vector<double> precision = drawn.precision;
    for (double& number : precision) number *= part.neighbours;
    draws.precision = precision;
    draws.means = {means.data(), means.stride()};
    draws.noise = noise;
    draws.normals = [&](std::size_t row, std::span<float> normals) {
      RandomStream stream = place.stream(stage, first + part.first + row);
      draw_normals(stream, normals);
    };
    draw_rows(draws, rank_, workers, drawn.factors.data() + part.first * drawn.factors.stride(), drawn.biases.data() + part.first);
  }
  drawn.draw_prior(place, workers);
}

void GibbsSampler::draw_noise(const GibbsPlace& place, Workers& workers) {
  RandomStream stream = place.stream(GibbsStage::noise, 0);
  const bool shared = user_noise.empty() && item_noise.empty() && pair_shares_.empty();
  noise = draw_gamma(stream, (pairs_ + 1) / 2) / ((1 + (shared ? squares_ : weighted_squares_)) / 2);
  if (!user_noise.empty()) {
    draw_noise_of(
        place, GibbsStage::user_noise, ratings_.row_offsets(), ratings_.items().data(), item_noise, [](std::size_t at) { return at; },
        user_noise, workers);
  }
  if (!item_noise.empty()) {
    draw_noise_of(
        place, GibbsStage::item_noise, by_item_.offsets, by_item_.users.data(), user_noise,
        [this](std::size_t at) { return std::size_t{by_user_[at]}; }, item_noise, workers);
  }
}

// Given the rest, a row's share is Gamma(shape + n / 2, shape + sum over its n ratings of the other precisions times the squared error /
// 2), and a rating counts by its share of the pair.
template <class PlaceAt>
void GibbsSampler::draw_noise_of(const GibbsPlace& place, GibbsStage stage, std::span<const std::size_t> offsets,
                                 const std::uint32_t* others, const std::vector<float>& theirs, const PlaceAt& place_at,
                                 std::vector<float>& drawn, Workers& workers) const {
  workers.for_ranges(drawn.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      double sum = 0;
      double count = 0;
      for (std::size_t at = offsets[row]; at < offsets[row + 1]; ++at) {
        const std::size_t own = place_at(at);
        const auto error = static_cast<double>(errors_[own]);
        const auto share = static_cast<double>(pair_share(own));
        sum += share * (theirs.empty() ? 1.0 : static_cast<double>(theirs[others[at]])) * error * error;
        count += share;
      }
      RandomStream stream = place.stream(stage, row);
      const double shape = kNoiseShape + count / 2;
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
        latent_[at] = static_cast<float>(cutpoints->latent(step_of(at), static_cast<double>(errors_[at]), own.uniform()));
      }
    }
  });
}

std::size_t GibbsSampler::step_of(std::size_t at) const {
  const float value = value_table_.empty() ? units_.to_training(ratings_.value(at)) : value_table_[ratings_.codes()[at]];
  return static_cast<std::size_t>(std::ranges::lower_bound(training_steps_, value) - training_steps_.begin());
}

double GibbsSampler::score(std::uint32_t user, std::uint32_t item) const {
  double sum = static_cast<double>(users.biases[user]) + static_cast<double>(items.biases[item]);
  for (std::size_t k = 0; k < rank_; ++k) {
    sum += static_cast<double>(users.factors.row(user)[k]) * static_cast<double>(items.factors.row(item)[k]);
  }
  return sum;
}

void GibbsSampler::add_contexts(std::size_t user, std::size_t first, std::size_t count, float* products) const {
  const std::uint32_t* const own = contexts_->of_ratings.data() + first;
  const auto [table, biases] = combined();
  std::vector<float> more(2 * count);
  if (rank_ != 0) {
    dot_pairs(table, own, {items.factors.data(), items.factors.stride()}, ratings_.items().data() + first, count, more.data());
    gather_dots(table, own, count, table.stride, users.factors.row(user).data(), more.data() + count);
  }
  for (std::size_t n = 0; n < count; ++n) products[n] += biases[own[n]] + more[n] + more[count + n];
}

void GibbsSampler::start(Workers& workers) {
  combine_levels(workers);
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
      if (!levels.empty()) add_contexts(user, first, count, products.data());
      double own = 0;
      for (std::size_t n = 0; n < count; ++n) {
        const float score = users.biases[user] + items.biases[others[n]] + products[n];
        if (cutpoints) {
          errors_[first + n] = score;
          cutpoints->add(slot, step_of(first + n), static_cast<double>(score));
          continue;
        }
        const float error = user_value(first + n) - users.biases[user] - items.biases[others[n]] - products[n];
        if (!errors_.empty()) errors_[first + n] = error;
        const double square = static_cast<double>(error) * static_cast<double>(error);
        sum.plain += square;
        const double shared = square * static_cast<double>(pair_share(first + n));
        own += item_noise.empty() ? shared : shared * static_cast<double>(item_noise[others[n]]);
      }
      sum.weighted += user_noise.empty() ? own : own * static_cast<double>(user_noise[user]);
    }
    return sum;
  });
  squares_ = squares.plain;
  weighted_squares_ = squares.weighted;
  if (!cutpoints) return;
  cutpoints->gather();
  squares_ = cutpoints->squared_errors(training_steps_);
}

}  // namespace lowrank
