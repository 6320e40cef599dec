#include "evaluate/list_properties.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace lowrank {

namespace {

constexpr std::size_t kKnownPairs = std::size_t{1} << 20U;

std::size_t common_of(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  std::size_t count = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    // Without branches that depend on the data: the order of users is as good as random.
    const std::uint32_t left = a[i];
    const std::uint32_t right = b[j];
    count += left == right ? 1U : 0U;
    i += left <= right ? 1U : 0U;
    j += right <= left ? 1U : 0U;
  }
  return count;
}

/// The Gini coefficient: 0 if all are equal, near 1 if one has all.
double gini_of(std::vector<std::uint32_t> exposure) {
  std::sort(exposure.begin(), exposure.end());
  const auto size = static_cast<double>(exposure.size());
  double sum = 0;
  double weighted = 0;
  for (std::size_t n = 0; n < exposure.size(); ++n) {
    sum += exposure[n];
    weighted += (2 * static_cast<double>(n + 1) - size - 1) * exposure[n];
  }
  return sum == 0 ? 0 : weighted / (size * sum);
}

}  // namespace

CommonUsers::CommonUsers(const History& history, std::uint32_t items) : offsets_(items + std::size_t{1}, 0), known_(kKnownPairs) {
  std::vector<std::uint32_t> row;
  const auto visit = [&](const auto& take) {
    for (std::uint32_t user = 0; user < history.user_count(); ++user) {
      row.clear();
      history.append_items_of(user, row);
      for (const std::uint32_t item : row) take(user, item);
    }
  };
  visit([&](std::uint32_t, std::uint32_t item) { ++offsets_[item + 1]; });
  for (std::size_t item = 0; item < items; ++item) offsets_[item + 1] += offsets_[item];
  users_.resize(offsets_.back());
  std::vector<std::size_t> next(offsets_.begin(), offsets_.end() - 1);
  visit([&](std::uint32_t user, std::uint32_t item) { users_[next[item]++] = user; });
}

double CommonUsers::dissimilarity(std::uint32_t a, std::uint32_t b) {
  const std::uint64_t pair = std::uint64_t{std::min(a, b)} << 32U | std::max(a, b);
  Known& known = known_[mix64(pair) % kKnownPairs];
  if (known.pair == pair) return known.value;
  const std::span<const std::uint32_t> of_a = users_of(a);
  const std::span<const std::uint32_t> of_b = users_of(b);
  const double most = std::sqrt(static_cast<double>(of_a.size()) * static_cast<double>(of_b.size()));
  known = {pair, most == 0 ? 1 : 1 - static_cast<double>(common_of(of_a, of_b)) / most};
  return known.value;
}

ListProperties::ListProperties(const Model& model, std::span<const std::size_t> tops)
    : model_(&model),
      tops_(tops.begin(), tops.end()),
      known_users_(model.users.known()),
      common_(model.history, model.items.size()),
      own_(tops.size()),
      sums_(tops.size()),
      exposure_(tops.size(), std::vector<std::uint32_t>(model.items.size(), 0)) {}

std::span<const BeyondAccuracy> ListProperties::add(std::span<const Scored> list, std::span<const std::uint32_t> relevant) {
  double chosen = 0;
  for (const std::uint32_t item : relevant) chosen += item < model_->items.size() ? model_->items.counts[item] : 0;
  for (std::size_t top = 0; top < tops_.size(); ++top) {
    own_[top] = {.test_popularity = chosen / static_cast<double>(relevant.size())};
  }
  double surprise = 0;
  double popularity = 0;
  double distance = 0;
  for (std::size_t n = 0; n < list.size(); ++n) {
    const std::uint32_t item = list[n].index;
    const double count = model_->items.counts[item];
    // An item known by its features alone surprises as one that a single user has.
    surprise -= std::log2(std::max(count, 1.0) / known_users_);
    popularity += count;
    for (std::size_t before = 0; before < n; ++before) distance += common_.dissimilarity(list[before].index, item);
    const double length = static_cast<double>(n) + 1;
    for (std::size_t top = 0; top < tops_.size(); ++top) {
      if (n >= tops_[top]) continue;
      ++exposure_[top][item];
      own_[top].novelty = surprise / length;
      own_[top].popularity = popularity / length;
      if (n > 0) own_[top].diversity = distance / (length * (length - 1) / 2);
    }
  }
  ++users_;
  for (std::size_t top = 0; top < tops_.size(); ++top) {
    for (const std::string_view name : beyond_accuracy_names()) beyond_accuracy(sums_[top], name) += beyond_accuracy(own_[top], name);
  }
  return own_;
}

BeyondAccuracy ListProperties::all(std::size_t top) const {
  BeyondAccuracy all = sums_[top];
  for (const std::string_view name : beyond_accuracy_names()) beyond_accuracy(all, name) /= static_cast<double>(users_);
  std::vector<std::uint32_t> known;
  for (std::uint32_t item = 0; item < model_->items.size(); ++item) {
    if (model_->items.knows(item)) known.push_back(exposure_[top][item]);
  }
  all.gini = gini_of(std::move(known));
  return all;
}

}  // namespace lowrank
