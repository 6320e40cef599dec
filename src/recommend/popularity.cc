#include "recommend/popularity.h"

#include <algorithm>

namespace lowrank {

std::vector<std::uint32_t> known_items(const Model& model) {
  std::vector<std::uint32_t> items;
  for (std::uint32_t item = 0; item < model.items.counts.size(); ++item) {
    if (model.items.knows(item)) items.push_back(item);
  }
  return items;
}

PopularityOrder::PopularityOrder(const Model& model, std::span<const std::uint32_t> ascending) {
  std::vector<std::uint32_t> items(ascending.begin(), ascending.end());
  // By the whole numbers: as floats, numbers above 2^24 would tie.
  std::stable_sort(items.begin(), items.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return model.items.counts[a] > model.items.counts[b]; });
  order_.reserve(items.size());
  for (const std::uint32_t item : items) order_.push_back({item, static_cast<float>(model.items.counts[item])});
}

void PopularityOrder::first(std::size_t top, std::span<const std::uint32_t> excluded, std::vector<Scored>& list) const {
  list.clear();
  for (const Scored& item : order_) {
    if (list.size() == top) return;
    if (!std::binary_search(excluded.begin(), excluded.end(), item.index)) list.push_back(item);
  }
}

std::vector<Scored> popular_items(const Model& model, std::size_t top, std::span<const std::uint32_t> excluded) {
  std::vector<Scored> list;
  PopularityOrder(model, known_items(model)).first(top, excluded, list);
  return list;
}

}  // namespace lowrank
