#include "train/level_runs.h"

#include <algorithm>
#include <limits>

#include "kernels/gramian.h"
#include "kernels/solve.h"

namespace lowrank {

LevelRuns runs_of(const LevelTable& table, const Ratings& ratings, std::span<const std::uint32_t> users) {
  constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  LevelRuns runs;
  std::vector<double> weights(ratings.item_count());
  runs.offsets.push_back(0);
  runs.item_offsets.push_back(0);
  for (std::size_t level = 0; level < table.levels(); ++level) {
    std::uint32_t user = kNone;
    const std::size_t first = runs.items.size();
    for (std::size_t at = table.offsets[level]; at < table.offsets[level + 1]; ++at) {
      const std::uint32_t place = table.places[at];
      if (users[place] != user) runs.starts.push_back(static_cast<std::uint32_t>(at));
      user = users[place];
      double& weight = weights[ratings.items()[place]];
      if (weight == 0) runs.items.push_back(ratings.items()[place]);
      weight += ratings.has_weights() ? static_cast<double>(ratings.weights()[place]) : 1.0;
    }
    for (std::size_t at = first; at < runs.items.size(); ++at) {
      runs.item_weights.push_back(weights[runs.items[at]]);
      weights[runs.items[at]] = 0;
    }
    runs.offsets.push_back(runs.starts.size());
    runs.item_offsets.push_back(runs.items.size());
  }
  if (2 * runs.starts.size() + runs.items.size() > table.places.size() / 2) return {};
  runs.starts.push_back(static_cast<std::uint32_t>(table.places.size()));
  return runs;
}

void NormalSums::add_squares(const RowTable& table, std::size_t count, std::span<const double> weights, Workers& workers) {
  const std::vector<double> sums = gramian(table, count, rank_, weights, workers);
  for (std::size_t n = 0; n < squares_.size(); ++n) squares_[n] += sums[n];
}

void NormalSums::add_rest(std::span<const double> sums) {
  for (std::size_t k = 0; k < rank_; ++k) {
    rows_[k] += sums[k];
    pulls_[k] += sums[rank_ + k];
  }
  weight_ += sums[2 * rank_];
  pull_ += sums[2 * rank_ + 1];
}

void NormalSums::solve(double ridge, double damping, std::span<float> x, float* bias) const {
  const std::size_t unknowns = rank_ + (bias != nullptr ? 1 : 0);
  std::vector<double> matrix(unknowns * unknowns);
  std::vector<double> solution(pulls_);
  for (std::size_t k = 0; k < rank_; ++k) {
    std::copy_n(squares_.begin() + static_cast<std::ptrdiff_t>(k * rank_), rank_,
                matrix.begin() + static_cast<std::ptrdiff_t>(k * unknowns));
    matrix[k * unknowns + k] += ridge;
  }
  if (bias != nullptr) {
    // Only the lower triangle is read.
    std::ranges::copy(rows_, matrix.begin() + static_cast<std::ptrdiff_t>(rank_ * unknowns));
    matrix.back() = weight_ + damping;
    solution.push_back(pull_);
  }
  // Ridges are above 0: only numbers beyond floats fail, which the learner finds.
  if (!solve_positive_definite(matrix.data(), solution.data(), unknowns))
    std::ranges::fill(solution, std::numeric_limits<double>::quiet_NaN());
  std::ranges::transform(std::span(solution).first(rank_), x.begin(), [](double number) { return static_cast<float>(number); });
  if (bias != nullptr) *bias = static_cast<float>(solution.back());
}

}  // namespace lowrank
