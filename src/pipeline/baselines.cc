#include "lowrank/pipeline/baselines.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "lowrank/base/error.h"

namespace lowrank {

Model baseline_model(const Ratings& ratings, Baseline kind) {
  if (ratings.empty()) throw DataError("there are no ratings to take a mean of");
  Model model;
  model.user_factors = FactorMatrix(ratings.user_count(), 0);
  model.item_factors = FactorMatrix(ratings.item_count(), 0);
  model.user_biases.assign(ratings.user_count(), 0.0F);
  model.item_biases.assign(ratings.item_count(), 0.0F);
  model.user_ratings.assign(ratings.user_count(), 0);
  model.item_ratings.assign(ratings.item_count(), 0);
  model.min_rating = model.max_rating = ratings.value(0);

  double sum = 0;
  std::vector<double> item_sums(ratings.item_count(), 0.0);
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
      const float value = ratings.value(at);
      const std::uint32_t item = ratings.items()[at];
      sum += static_cast<double>(value);
      item_sums[item] += static_cast<double>(value);
      ++model.user_ratings[user];
      ++model.item_ratings[item];
      model.min_rating = std::min(model.min_rating, value);
      model.max_rating = std::max(model.max_rating, value);
    }
  }
  model.mean = model.rating_mean = sum / static_cast<double>(ratings.size());
  if (kind == Baseline::item_mean) {
    for (std::uint32_t item = 0; item < ratings.item_count(); ++item) {
      if (model.item_ratings[item] == 0) continue;
      model.item_biases[item] = static_cast<float>(item_sums[item] / model.item_ratings[item] - model.mean);
    }
  }
  return model;
}

}  // namespace lowrank
