#include <algorithm>
#include <cmath>
#include <vector>

#include "base/normal.h"
#include "kernels/row_draws.h"
#include "recommend/fold_in_solver.h"

namespace lowrank {

namespace {

constexpr std::size_t kRows = 16;
/// Times that the place of an ordinal rating within its level is taken from the row solved last.
constexpr int kOrdinalSteps = 12;

/// The mean of a normal draw around `score` that lies within the level of `value`, or the nearest level.
double latent_mean(const OrdinalScale& scale, double deviation, double score, double value) {
  const auto above = std::ranges::lower_bound(scale.levels, value, {}, [](float level) { return static_cast<double>(level); });
  auto level = static_cast<std::size_t>(above - scale.levels.begin());
  if (level == scale.levels.size() ||
      (level > 0 && value - static_cast<double>(scale.levels[level - 1]) < static_cast<double>(scale.levels[level]) - value)) {
    --level;
  }
  constexpr double kFar = 30;
  const double low = level == 0 ? -kFar : std::clamp((scale.cutpoints[level - 1] - score) / deviation, -kFar, kFar);
  const double high = level == scale.cutpoints.size() ? kFar : std::clamp((scale.cutpoints[level] - score) / deviation, -kFar, kFar);
  const double inside = low > 0 ? normal_below(-low) - normal_below(-high) : normal_below(high) - normal_below(low);
  const double mean = inside > 0 ? (normal_density(low) - normal_density(high)) / inside : (low + high) / 2;
  return score + deviation * std::clamp(mean, low, high);
}

}  // namespace

void FoldInSolver::solve_posterior(const FoldInRows& rows, std::span<const FeatureRow> features, Workers& workers, FactorMatrix& factors,
                                   std::span<float> biases) const {
  const FactorMatrix& table = fixed_.factors;
  const FactorMatrix& history = solved_.prior->history;
  const std::size_t rank = table.rank();
  const std::vector<float> nothing(rank + 1);
  workers.for_ranges(rows.size(), kRows, [&](std::size_t begin, std::size_t end, int) {
    RowDrawer drawer(rank);
    FactorMatrix x(1, rank);
    FactorMatrix expected(1, rank);
    std::vector<float> means(rank + 1);
    std::vector<float> values;
    for (std::size_t row = begin; row < end; ++row) {
      const std::size_t first = rows.offsets[row];
      const std::size_t count = rows.offsets[row + 1] - first;
      std::ranges::fill(means, 0.0F);
      if (solved_.features) {
        const FeatureRow own = features.empty() ? FeatureRow{} : features[row];
        means.back() = solved_.features->expect(own.columns, own.values, expected.row(0));
        std::ranges::copy(expected.row(0), means.begin());
      }
      if (history.rows() != 0 && count != 0) {
        const std::vector<float>& average = solved_.prior->average;
        for (std::size_t k = 0; k < average.size(); ++k) means[k] -= average[k];
        const float share = 1 / std::sqrt(static_cast<float>(count));
        for (std::size_t at = first; at < first + count; ++at) {
          for (std::size_t k = 0; k <= rank; ++k) means[k] += share * history.row(rows.others[at])[k];
        }
      }
      values.resize(count);
      std::copy_n(means.begin(), rank, x.row(0).begin());
      biases[row] = means.back();
      const int steps = ordinal_ == nullptr ? 1 : kOrdinalSteps;
      for (int step = 0; step < steps; ++step) {
        for (std::size_t at = 0; at < count; ++at) {
          const std::uint32_t other = rows.others[first + at];
          const double around = mean_ + static_cast<double>(fixed_.biases[other]);
          auto value = static_cast<double>(rows.values[first + at]);
          if (ordinal_ != nullptr) {
            double score = around + static_cast<double>(biases[row]);
            for (std::size_t k = 0; k < rank; ++k) score += static_cast<double>(table.row(other)[k]) * static_cast<double>(x.row(0)[k]);
            value = latent_mean(*ordinal_, std::sqrt(terms_.noise), score, value);
          }
          values[at] = static_cast<float>(value - around);
        }
        drawer.begin();
        drawer.add({.fixed = {table.data(), table.stride()}, .others = {rows.others.data() + first, count}, .values = values.data()});
        drawer.finish({.precision = precision_, .means = means.data(), .noise = 1}, nothing.data(), x.data(), &biases[row]);
      }
      std::ranges::copy(x.row(0), factors.row(row).begin());
    }
  });
}

void FoldInSolver::variances(const FoldInRows& rows, Workers& workers, FactorMatrix& factors, std::span<float> biases) const {
  const FactorMatrix& table = fixed_.factors;
  const std::size_t rank = table.rank();
  workers.for_ranges(rows.size(), kRows, [&](std::size_t begin, std::size_t end, int) {
    RowDrawer drawer(rank);
    std::vector<float> variances(rank + 1);
    for (std::size_t row = begin; row < end; ++row) {
      const std::size_t first = rows.offsets[row];
      const std::vector<float> values(rows.offsets[row + 1] - first);
      drawer.begin();
      drawer.add({.fixed = {table.data(), table.stride()}, .others = {rows.others.data() + first, values.size()}, .values = values.data()});
      // The precisions are divided by that of the ratings.
      drawer.variances({.precision = precision_, .means = nullptr, .noise = 1 / terms_.noise}, variances);
      std::copy_n(variances.begin(), rank, factors.row(row).begin());
      biases[row] = variances[rank];
    }
  });
}

}  // namespace lowrank
