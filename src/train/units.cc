#include "train/units.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "base/text.h"
#include "lowrank/base/error.h"
#include "train/row_weights.h"

namespace lowrank {

namespace {

constexpr std::size_t kGrain = 1U << 20U;

/// The smallest and greatest of some values, and their sum.
struct Extent {
  double sum = 0;
  float least = std::numeric_limits<float>::infinity();
  float most = -std::numeric_limits<float>::infinity();

  Extent& operator+=(const Extent& other) {
    sum += other.sum;
    least = std::min(least, other.least);
    most = std::max(most, other.most);
    return *this;
  }
};

/// The values of the users [first, last).
std::span<const float> values_of(const Ratings& ratings, std::size_t first, std::size_t last) {
  const std::span<const std::size_t> offsets = ratings.row_offsets();
  return ratings.values().subspan(offsets[first], offsets[last] - offsets[first]);
}

Extent extent_of(std::span<const float> values) {
  Extent extent;
  for (const float value : values) extent += {static_cast<double>(value), value, value};
  return extent;
}

double squared_deviations(std::span<const float> values, double mean) {
  double sum = 0;
  for (const float value : values) sum += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
  return sum;
}

std::array<std::size_t, 256> count_codes(std::span<const std::uint8_t> codes, Workers& workers) {
  return workers.sum_ranges(codes.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    std::array<std::size_t, 256> counts{};
    for (const std::uint8_t code : codes.subspan(begin, end - begin)) ++counts[code];
    return counts;
  });
}

/// The same with weights. The mean is not known before all are seen, hence twice.
Extent weighted_extent(const Ratings& ratings, Workers& workers) {
  return workers.sum_ranges(ratings.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    Extent extent;
    for (std::size_t at = begin; at < end; ++at) {
      const float value = ratings.value(at);
      extent += {static_cast<double>(ratings.weights()[at]) * static_cast<double>(value), value, value};
    }
    return extent;
  });
}

double weighted_deviations(const Ratings& ratings, double mean, Workers& workers) {
  return workers.sum_ranges(ratings.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    double sum = 0;
    for (std::size_t at = begin; at < end; ++at) {
      const double deviation = static_cast<double>(ratings.value(at)) - mean;
      sum += static_cast<double>(ratings.weights()[at]) * deviation * deviation;
    }
    return sum;
  });
}

}  // namespace

RatingMoments moments_of(const Ratings& ratings, Workers& workers) {
  const double n = total_weight(ratings, workers);
  Extent extent;
  double deviations = 0;
  if (ratings.has_weights()) {
    extent = weighted_extent(ratings, workers);
    deviations = weighted_deviations(ratings, extent.sum / n, workers);
  } else if (ratings.coded()) {
    const std::array<std::size_t, 256> counts = count_codes(ratings.codes(), workers);
    const std::span<const float> table = ratings.value_table();
    for (std::size_t code = 0; code < table.size(); ++code) {
      const float value = table[code];
      if (counts[code] != 0) extent += {static_cast<double>(counts[code]) * static_cast<double>(value), value, value};
    }
    for (std::size_t code = 0; code < table.size(); ++code) {
      deviations += static_cast<double>(counts[code]) * squared_deviations(table.subspan(code, 1), extent.sum / n);
    }
  } else {
    extent = workers.sum_rows(ratings.user_count(),
                              [&](std::size_t first, std::size_t last, int) { return extent_of(values_of(ratings, first, last)); });
    deviations = workers.sum_rows(ratings.user_count(), [&](std::size_t first, std::size_t last, int) {
      return squared_deviations(values_of(ratings, first, last), extent.sum / n);
    });
  }
  const double mean = extent.sum / n;
  const double variance = deviations / n;
  return {.mean = mean,
          .standard_deviation = std::sqrt(variance),
          .root_mean_square = std::sqrt(variance + mean * mean),
          .weight = n,
          .least = extent.least,
          .most = extent.most};
}

void set_range(Model& frame, const RatingMoments& moments, const TrainContext& context) {
  // Without clipping a range is kept all the same.
  if (context.min_rating && !context.max_rating && *context.min_rating > moments.most) {
    throw OptionError("min_rating", shortest_text(*context.min_rating) + " is above the highest rating, " + shortest_text(moments.most) +
                                        "; give " + mention("max_rating") + " as well");
  }
  if (context.max_rating && !context.min_rating && *context.max_rating < moments.least) {
    throw OptionError("max_rating", shortest_text(*context.max_rating) + " is below the lowest rating, " + shortest_text(moments.least) +
                                        "; give " + mention("min_rating") + " as well");
  }
  frame.centre.rating_mean = moments.mean;
  frame.centre.min_rating = context.min_rating.value_or(moments.least);
  frame.centre.max_rating = context.max_rating.value_or(moments.most);
  frame.centre.clips = context.clips;
}

float to_bias(double bias) {
  constexpr auto kMost = static_cast<double>(std::numeric_limits<float>::max());
  return static_cast<float>(std::clamp(bias, -kMost, kMost));
}

double bias_from_model(const Units& units, const Side& side, std::size_t row, double shift) {
  return (static_cast<double>(side.biases[row]) + shift) / units.scale;
}

Units training_units(const RatingMoments& moments, bool biases) {
  const double scale = biases ? moments.standard_deviation : moments.root_mean_square;
  // Equal ratings leave rounding noise instead of a spread.
  const bool none = !(scale > 1e-12 * moments.root_mean_square);
  return {.mean = biases ? moments.mean : 0.0, .scale = none ? 1.0 : scale};
}

}  // namespace lowrank
