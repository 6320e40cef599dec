#include "lowrank/model/uncertainty.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/normal.h"
#include "base/parallel.h"
#include "lowrank/base/error.h"
#include "lowrank/model/model.h"

namespace lowrank {

namespace {

const Uncertainty& uncertainty_of(const Model& model) {
  if (model.uncertainty) return *model.uncertainty;
  throw DataError("the model has no uncertainty: train it by a method that averages samples, such as bayes");
}

/// The rows of one side as variances see them.
struct VarianceRows {
  const Side& side;
  const RowVariances& variances;

  struct Row {
    const float* factors;
    const float* spread;
    double bias;
    double noise;
  };
  [[nodiscard]] Row row(std::uint32_t number, const float* nothing) const {
    const bool knows = side.knows(number);
    // Of a row that is one of the side's and unknown, nothing was learned: it is like any unknown row.
    const std::size_t at = knows ? number : variances.biases.size() - 1;
    return {.factors = knows ? side.factors.row(number).data() : nothing,
            .spread = variances.factors.row(at).data(),
            .bias = static_cast<double>(variances.biases[at]),
            .noise = variances.noise.empty() ? 1.0 : static_cast<double>(variances.noise[at])};
  }
};

/// By how many standard deviations an interval of `level` reaches to either side.
double reach(const Uncertainty& uncertainty, double level) {
  const double normal = normal_quantile((1 + level) / 2);
  const std::vector<float>& quantiles = uncertainty.quantiles;
  if (quantiles.empty()) return normal;
  // Quantile k of 1 ... 99 stands at the share k / 100, 0 at none; beyond the last as the normal distribution goes on.
  const double place = level * 100;
  const auto last = static_cast<double>(quantiles.size());
  if (place >= last) return static_cast<double>(quantiles.back()) * normal / normal_quantile((1 + last / 100) / 2);
  const auto below = static_cast<std::size_t>(place);
  const double low = below == 0 ? 0.0 : static_cast<double>(quantiles[below - 1]);
  return low + (place - static_cast<double>(below)) * (static_cast<double>(quantiles[below]) - low);
}

}  // namespace

double OrdinalScale::rating(double score) const noexcept {
  // Summation by parts: the lowest level, and each step where the rating is above its cutpoint.
  auto mean = static_cast<double>(levels.front());
  for (std::size_t step = 0; step < cutpoints.size(); ++step) {
    mean +=
        (static_cast<double>(levels[step + 1]) - static_cast<double>(levels[step])) * normal_below((score - cutpoints[step]) / deviation);
  }
  return mean;
}

void OrdinalScale::probabilities(double score, double variance, std::span<double> probabilities) const noexcept {
  const double own = std::sqrt(variance);
  double before = 0;
  for (std::size_t step = 0; step < cutpoints.size(); ++step) {
    const double below = normal_below((cutpoints[step] - score) / own);
    probabilities[step] = std::max(below - before, 0.0);
    before = below;
  }
  probabilities[cutpoints.size()] = std::max(1 - before, 0.0);
}

void predict_variances(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                       std::span<double> variances, int threads) {
  const Uncertainty& uncertainty = uncertainty_of(model);
  constexpr std::size_t kGrain = std::size_t{1} << 13U;
  const std::size_t rank = model.rank();
  const std::vector<float> nothing(rank);
  const VarianceRows user_rows{model.users, uncertainty.users};
  const VarianceRows item_rows{model.items, uncertainty.items};
  Workers(threads).for_ranges(users.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t n = begin; n < end; ++n) {
      const VarianceRows::Row u = user_rows.row(users[n], nothing.data());
      const VarianceRows::Row i = item_rows.row(items[n], nothing.data());
      double sum = u.bias + i.bias;
      for (std::size_t k = 0; k < rank; ++k) {
        const auto p = static_cast<double>(u.factors[k]);
        const auto q = static_cast<double>(i.factors[k]);
        const auto of_user = static_cast<double>(u.spread[k]);
        const auto of_item = static_cast<double>(i.spread[k]);
        sum += p * p * of_item + q * q * of_user + of_user * of_item;
      }
      variances[n] = uncertainty.noise * u.noise * i.noise + uncertainty.scale * sum;
    }
  });
}

RatingInterval rating_interval(const Model& model, double score, double variance, double level) {
  const Uncertainty& uncertainty = uncertainty_of(model);
  if (!(level > 0 && level < 1)) throw OptionError("interval", "must be above 0 and below 1");
  if (model.centre.ordinal) {
    // The probability that either end leaves out is at most half of the rest.
    const OrdinalScale& scale = *model.centre.ordinal;
    const double own = std::sqrt(variance);
    const double rest = 1 - normal_below(reach(uncertainty, level));
    std::size_t low = 0;
    while (low < scale.cutpoints.size() && normal_below((scale.cutpoints[low] - score) / own) <= rest) ++low;
    std::size_t high = scale.cutpoints.size();
    while (high > low && normal_below((score - scale.cutpoints[high - 1]) / own) <= rest) --high;
    return {static_cast<double>(scale.levels[low]), static_cast<double>(scale.levels[high])};
  }
  const double width = reach(uncertainty, level) * std::sqrt(variance);
  return {model.centre.rating(score - width), model.centre.rating(score + width)};
}

double rating_variance(const Model& model, double score, double variance) {
  if (!model.centre.ordinal) return variance;
  const OrdinalScale& scale = *model.centre.ordinal;
  std::array<double, OrdinalScale::kMostLevels> shares{};
  const std::span<double> probabilities = std::span(shares).first(scale.levels.size());
  scale.probabilities(score, variance, probabilities);
  double mean = 0;
  for (std::size_t level = 0; level < probabilities.size(); ++level) {
    mean += probabilities[level] * static_cast<double>(scale.levels[level]);
  }
  double sum = 0;
  for (std::size_t level = 0; level < probabilities.size(); ++level) {
    const double difference = static_cast<double>(scale.levels[level]) - mean;
    sum += probabilities[level] * difference * difference;
  }
  return sum;
}

}  // namespace lowrank
