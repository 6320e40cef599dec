#include "train/score_probes.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>

#include "base/random.h"
#include "lowrank/model/uncertainty.h"

namespace lowrank {

ScoreProbes::ScoreProbes(const Ratings& ratings, std::uint64_t seed) {
  constexpr std::size_t kPairs = 2048;
  RandomStream stream(seed, Purpose::gibbs, std::numeric_limits<std::uint64_t>::max());
  const std::span<const std::size_t> offsets = ratings.row_offsets();
  for (std::size_t n = 0; n < kPairs; ++n) {
    const auto user = std::ranges::upper_bound(offsets, stream.below(ratings.size())) - offsets.begin() - 1;
    users_.push_back(static_cast<std::uint32_t>(user));
    items_.push_back(ratings.items()[stream.below(ratings.size())]);
  }
  means_.resize(kPairs);
  squares_.resize(kPairs);
}

void ScoreProbes::add(const GibbsSampler& sampler) {
  ++samples_;
  for (std::size_t n = 0; n < users_.size(); ++n) {
    const double score = sampler.score(users_[n], items_[n]);
    const double before = score - means_[n];
    means_[n] += before / static_cast<double>(samples_);
    squares_[n] += before * (score - means_[n]);
  }
}

double ScoreProbes::spread() const {
  return std::accumulate(squares_.begin(), squares_.end(), 0.0) / static_cast<double>(squares_.size() * samples_);
}

double ScoreProbes::spread_of(const Model& model, Workers& workers) const {
  std::vector<double> variances(users_.size());
  predict_variances(model, users_, items_, variances, workers.count());
  double sum = 0;
  for (std::size_t n = 0; n < users_.size(); ++n) {
    const auto share = [](const RowVariances& side, std::uint32_t row) {
      return side.noise.empty() ? 1.0 : static_cast<double>(side.noise[row]);
    };
    const Uncertainty& uncertainty = *model.uncertainty;
    sum += variances[n] - uncertainty.noise * share(uncertainty.users, users_[n]) * share(uncertainty.items, items_[n]);
  }
  return sum / static_cast<double>(users_.size());
}

}  // namespace lowrank
