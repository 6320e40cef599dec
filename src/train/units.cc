#include "train/units.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace lowrank {

namespace {

constexpr std::size_t kGrain = 1U << 16U;

/// Sum of term(value) over all ratings: by value where there are few, in pieces of a fixed size otherwise.
template <class Term>
double sum_over(const Ratings& ratings, const std::vector<std::size_t>& value_counts, Workers& workers, const Term& term) {
  double total = 0;
  if (ratings.coded()) {
    for (std::size_t code = 0; code < value_counts.size(); ++code) {
      total += static_cast<double>(value_counts[code]) * term(static_cast<double>(ratings.value_table()[code]));
    }
    return total;
  }
  const std::span<const float> values = ratings.values();
  std::vector<double> partial((values.size() + kGrain - 1) / kGrain);
  workers.for_ranges(values.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    double sum = 0;
    for (std::size_t position = begin; position < end; ++position) sum += term(static_cast<double>(values[position]));
    partial[begin / kGrain] = sum;
  });
  for (const double sum : partial) total += sum;
  return total;
}

std::vector<std::size_t> count_values(const Ratings& ratings, Workers& workers) {
  const std::span<const std::uint8_t> codes = ratings.codes();
  std::vector<std::array<std::size_t, 256>> counts(static_cast<std::size_t>(workers.count()));
  workers.for_ranges(codes.size(), kGrain, [&](std::size_t begin, std::size_t end, int slot) {
    std::array<std::uint32_t, 256> local{};
    for (std::size_t position = begin; position < end; ++position) ++local[codes[position]];
    for (std::size_t code = 0; code < 256; ++code) counts[static_cast<std::size_t>(slot)][code] += local[code];
  });
  std::vector<std::size_t> total(ratings.value_table().size());
  for (const auto& of_slot : counts) {
    for (std::size_t code = 0; code < total.size(); ++code) total[code] += of_slot[code];
  }
  return total;
}

}  // namespace

RatingMoments moments_of(const Ratings& ratings, Workers& workers) {
  RatingMoments moments;
  std::vector<std::size_t> counts;
  if (ratings.coded()) {
    counts = count_values(ratings, workers);
    for (std::size_t code = 0; code < counts.size(); ++code) {
      if (counts[code] != 0) moments.most = ratings.value_table()[code];
    }
    for (std::size_t code = counts.size(); code-- > 0;) {
      if (counts[code] != 0) moments.least = ratings.value_table()[code];
    }
  } else {
    const auto [least, most] = std::minmax_element(ratings.values().begin(), ratings.values().end());
    moments.least = *least;
    moments.most = *most;
  }
  const auto n = static_cast<double>(ratings.size());
  const double mean = sum_over(ratings, counts, workers, [](double value) { return value; }) / n;
  const double variance = sum_over(ratings, counts, workers, [mean](double value) { return (value - mean) * (value - mean); }) / n;
  moments.mean = mean;
  moments.standard_deviation = std::sqrt(variance);
  moments.root_mean_square = std::sqrt(variance + mean * mean);
  return moments;
}

void set_range(Model& frame, const RatingMoments& moments, const TrainContext& context) {
  frame.rating_mean = moments.mean;
  frame.min_rating = context.min_rating.value_or(moments.least);
  frame.max_rating = context.max_rating.value_or(moments.most);
  frame.clips = context.clips;
}

float to_bias(double bias) {
  constexpr auto kMost = static_cast<double>(std::numeric_limits<float>::max());
  return static_cast<float>(std::clamp(bias, -kMost, kMost));
}

Units training_units(const RatingMoments& moments, bool biases) {
  const double scale = biases ? moments.standard_deviation : moments.root_mean_square;
  // Equal ratings leave rounding noise instead of a spread.
  const bool none = !(scale > 1e-12 * moments.root_mean_square);
  return {.mean = biases ? moments.mean : 0.0, .scale = none ? 1.0 : scale};
}

}  // namespace lowrank
