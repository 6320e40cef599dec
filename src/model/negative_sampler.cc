#include "model/negative_sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lowrank {

NegativeSampler::NegativeSampler(std::span<const std::uint32_t> items, std::span<const std::uint32_t> counts, double exponent) {
  std::ranges::copy_if(items, std::back_inserter(items_), [&](std::uint32_t item) { return counts[item] != 0; });
  if (exponent == 0 || items_.empty()) return;
  shares_.reserve(items_.size());
  for (const std::uint32_t item : items_) shares_.push_back(std::pow(static_cast<double>(counts[item]), exponent));
  const double mean = std::accumulate(shares_.begin(), shares_.end(), 0.0) / static_cast<double>(items_.size());
  aliases_ = items_;
  // Places with less than the mean are filled up by those with more.
  std::vector<std::uint32_t> low;
  std::vector<std::uint32_t> high;
  for (std::uint32_t place = 0; place < items_.size(); ++place) {
    shares_[place] /= mean;
    (shares_[place] < 1 ? low : high).push_back(place);
  }
  while (!low.empty() && !high.empty()) {
    const std::uint32_t giver = high.back();
    aliases_[low.back()] = items_[giver];
    shares_[giver] -= 1 - shares_[low.back()];
    low.pop_back();
    if (shares_[giver] >= 1) continue;
    low.push_back(giver);
    high.pop_back();
  }
}

std::uint32_t NegativeSampler::draw(RandomStream& random, std::span<const std::uint32_t> taken) const {
  if (items_.empty()) return kNone;
  std::size_t place = 0;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    place = random.below(items_.size());
    const bool own = shares_.empty() || random.uniform() < shares_[place];
    const std::uint32_t item = own ? items_[place] : aliases_[place];
    if (!std::ranges::binary_search(taken, item)) return item;
  }
  for (std::size_t n = 0; n < items_.size(); ++n) {
    const std::uint32_t item = items_[(place + n) % items_.size()];
    if (!std::ranges::binary_search(taken, item)) return item;
  }
  return kNone;
}

}  // namespace lowrank
