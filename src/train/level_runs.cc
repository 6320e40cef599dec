#include "train/level_runs.h"

#include <limits>

namespace lowrank {

LevelRuns runs_of(const LevelTable& table, const Ratings& ratings, std::span<const std::uint32_t> users) {
  constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  const std::size_t most = table.places.size() / 2;
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
    if (2 * runs.starts.size() + runs.items.size() > most) return {};
  }
  runs.starts.push_back(static_cast<std::uint32_t>(table.places.size()));
  return runs;
}

}  // namespace lowrank
