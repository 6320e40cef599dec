#include "lowrank/model/model.h"

#include <algorithm>

#include "kernels/dot.h"

namespace lowrank {

double score(const Model& model, std::uint32_t user, std::uint32_t item) {
  const bool knows_user = model.knows_user(user);
  const bool knows_item = model.knows_item(item);
  if (!knows_user && !knows_item) return model.rating_mean;
  if (!model.has_biases && !(knows_user && knows_item)) return model.rating_mean;
  double sum = model.mean;
  if (knows_user) sum += static_cast<double>(model.user_biases[user]);
  if (knows_item) sum += static_cast<double>(model.item_biases[item]);
  if (knows_user && knows_item && model.rank() != 0) {
    const std::size_t stride = model.user_factors.stride();
    sum += static_cast<double>(dot(model.user_factors.data() + user * stride, model.item_factors.data() + item * stride, stride));
  }
  return sum;
}

double predict(const Model& model, std::uint32_t user, std::uint32_t item) {
  const double value = score(model, user, item);
  if (!model.clips) return value;
  return std::min(std::max(value, static_cast<double>(model.min_rating)), static_cast<double>(model.max_rating));
}

}  // namespace lowrank
