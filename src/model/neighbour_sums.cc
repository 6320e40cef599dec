#include "model/neighbour_sums.h"

namespace lowrank {

void SparseSums::clear() {
  for (const std::uint32_t row : rows_) sums_[row] = marks_[row] = 0;
  rows_.clear();
}

void gather_neighbours(const Model& model, std::uint32_t user, SparseSums& sums) {
  gather_neighbours(model, model.history.liked_items_of(user), sums);
}

void gather_neighbours(const Model& model, std::span<const std::uint32_t> items, SparseSums& sums) {
  sums.clear();
  for (const std::uint32_t from : items) {
    const std::span<const std::uint32_t> row = model.neighbours->items_of(from);
    const std::span<const float> weights = model.neighbours->weights_of(from);
    for (std::size_t n = 0; n < row.size(); ++n) sums.add(row[n], weights[n]);
  }
}

float neighbour_sum(const Model& model, std::uint32_t user, std::uint32_t item) {
  float sum = 0;
  for (const std::uint32_t from : model.history.liked_items_of(user)) sum += model.neighbours->weight(from, item);
  return sum;
}

}  // namespace lowrank
