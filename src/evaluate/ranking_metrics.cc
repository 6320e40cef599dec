#include "lowrank/evaluate/ranking_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include "evaluate/list_properties.h"
#include "lowrank/base/error.h"
#include "lowrank/recommend/recommend.h"

namespace lowrank {

namespace {

struct NamedFigure {
  std::string_view name;
  double RankingScores::*figure;
};

constexpr std::array kFigures{
    NamedFigure{"recall", &RankingScores::recall},     NamedFigure{"precision", &RankingScores::precision},
    NamedFigure{"ndcg", &RankingScores::ndcg},         NamedFigure{"map", &RankingScores::map},
    NamedFigure{"mrr", &RankingScores::mrr},           NamedFigure{"hit_rate", &RankingScores::hit_rate},
    NamedFigure{"coverage", &RankingScores::coverage},
};

struct NamedProperty {
  std::string_view name;
  double BeyondAccuracy::*figure;
};

constexpr std::array kProperties{
    NamedProperty{"novelty", &BeyondAccuracy::novelty},
    NamedProperty{"diversity", &BeyondAccuracy::diversity},
    NamedProperty{"popularity", &BeyondAccuracy::popularity},
    NamedProperty{"test_popularity", &BeyondAccuracy::test_popularity},
    NamedProperty{"gini", &BeyondAccuracy::gini},
};

template <class Table>
constexpr auto names_of(const Table& table) {
  std::array<std::string_view, std::tuple_size_v<Table>> names{};
  std::transform(table.begin(), table.end(), names.begin(), [](const auto& entry) { return entry.name; });
  return names;
}

constexpr auto kNames = names_of(kFigures);
constexpr auto kPropertyNames = names_of(kProperties);

std::uint32_t user_of(std::uint64_t pair) { return static_cast<std::uint32_t>(pair >> 32U); }
std::uint32_t item_of(std::uint64_t pair) { return static_cast<std::uint32_t>(pair); }

/// The distinct relevant pairs as sortable numbers. \param relevant  (position) -> whether the pair there is relevant
template <class Relevant>
std::vector<std::uint64_t> distinct(const Pairs& pairs, const Relevant& relevant) {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(pairs.size());
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    if (relevant(n)) numbers.push_back(std::uint64_t{pairs.users[n]} << 32U | pairs.items[n]);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

std::vector<std::uint64_t> relevant_pairs(const Pairs& pairs, std::optional<float> relevant_from) {
  if (!relevant_from) return distinct(pairs, [](std::size_t) { return true; });
  if (pairs.values.size() != pairs.size()) throw DataError("relevance by rating needs pairs with ratings");
  return distinct(pairs, [&](std::size_t n) { return pairs.values[n] >= *relevant_from; });
}

/// The discounts of places in a list; entry n is that of place n + 1.
class Discounts {
 public:
  explicit Discounts(std::size_t places) : of_place_(places), of_first_(places + 1, 0.0) {
    for (std::size_t n = 0; n < places; ++n) {
      of_place_[n] = 1 / std::log2(static_cast<double>(n) + 2);
      of_first_[n + 1] = of_first_[n] + of_place_[n];
    }
  }
  [[nodiscard]] double of(std::size_t n) const { return of_place_[n]; }
  /// The sum of the first `count` discounts.
  [[nodiscard]] double of_first(std::size_t count) const { return of_first_[count]; }

 private:
  std::vector<double> of_place_;
  std::vector<double> of_first_;
};

/// The means over users: all figures of kFigures but coverage.
constexpr std::span<const NamedFigure> kMeans(kFigures.data(), kFigures.size() - 1);
/// All properties of lists but gini.
constexpr std::span<const NamedProperty> kMeanProperties(kProperties.data(), kProperties.size() - 1);

/// The figures of the list of one user, as a list of length `top`. \param hits  positions of relevant items in the list, ascending
RankingScores figures_of_list(std::span<const std::size_t> hits, std::size_t relevant, const Discounts& discounts, std::size_t top) {
  const std::size_t most = std::min(top, relevant);
  double gain = 0;
  double precisions = 0;
  std::size_t count = 0;
  for (; count < hits.size() && hits[count] < top; ++count) {
    gain += discounts.of(hits[count]);
    precisions += static_cast<double>(count + 1) / static_cast<double>(hits[count] + 1);
  }
  return {.top = top,
          .users = 1,
          .recall = static_cast<double>(count) / static_cast<double>(relevant),
          .precision = static_cast<double>(count) / static_cast<double>(top),
          .ndcg = gain / discounts.of_first(most),
          .map = precisions / static_cast<double>(most),
          .mrr = count == 0 ? 0 : 1 / static_cast<double>(hits.front() + 1),
          .hit_rate = count == 0 ? 0.0 : 1.0};
}

/// Turns sums into means. \param places  best place of each item in any list, counted from 0
void finish(RankingScores& sums, std::span<const std::size_t> places, std::size_t known_items) {
  const auto users = static_cast<double>(sums.users);
  for (const NamedFigure& mean : kMeans) sums.*mean.figure /= users;
  const auto listed = std::count_if(places.begin(), places.end(), [&](std::size_t place) { return place < sums.top; });
  sums.coverage = known_items == 0 ? 0 : static_cast<double>(listed) / static_cast<double>(known_items);
}

/// Figures of these users, all 0.
UserFigures no_figures(const std::vector<std::uint32_t>& users, std::span<const std::size_t> tops, bool beyond_accuracy) {
  UserFigures figures{.users = users, .weights = std::vector<double>(users.size(), 1.0), .figures = {}};
  for (const std::size_t top : tops) {
    const auto add = [&](std::string_view name) {
      figures.figures.push_back({.name = std::string(name) + "@" + std::to_string(top),
                                 .higher_is_better = true,
                                 .sums = std::vector<double>(users.size(), 0.0)});
    };
    for (const NamedFigure& mean : kMeans) add(mean.name);
    if (!beyond_accuracy) continue;
    for (const NamedProperty& mean : kMeanProperties) add(mean.name);
  }
  return figures;
}

}  // namespace

std::span<const std::string_view> ranking_metric_names() { return kNames; }

double ranking_metric(const RankingScores& scores, std::string_view name) {
  for (const NamedFigure& figure : kFigures) {
    if (figure.name == name) return scores.*figure.figure;
  }
  throw OptionError("metric", "unknown ranking metric \"" + std::string(name) + "\"");
}

std::span<const std::string_view> beyond_accuracy_names() { return kPropertyNames; }

double& beyond_accuracy(BeyondAccuracy& figures, std::string_view name) {
  for (const NamedProperty& property : kProperties) {
    if (property.name == name) return figures.*property.figure;
  }
  throw OptionError("metric", "unknown property of lists \"" + std::string(name) + "\"");
}

double beyond_accuracy(const BeyondAccuracy& figures, std::string_view name) {
  BeyondAccuracy copy = figures;
  return beyond_accuracy(copy, name);
}

RankingTest::RankingTest(const Pairs& test, const History& seen, std::optional<float> relevant_from)
    : RankingTest(relevant_pairs(test, relevant_from), seen, false) {}

RankingTest RankingTest::of_held_out(const Pairs& held_out, const History& seen) {
  return {relevant_pairs(held_out, std::nullopt), seen, true};
}

RankingTest::RankingTest(std::vector<std::uint64_t> pairs, const History& seen, bool held_out) : seen_(&seen), held_out_(held_out) {
  std::vector<std::uint32_t> rated;
  for (std::size_t begin = 0; begin < pairs.size();) {
    const std::uint32_t user = user_of(pairs[begin]);
    rated.clear();
    if (!held_out) seen.append_items_of(user, rated);
    std::size_t end = begin;
    for (; end < pairs.size() && user_of(pairs[end]) == user; ++end) {
      if (!std::binary_search(rated.begin(), rated.end(), item_of(pairs[end]))) items_.push_back(item_of(pairs[end]));
    }
    begin = end;
    if (items_.size() == offsets_.back()) continue;
    users_.push_back(user);
    offsets_.push_back(items_.size());
  }
}

void RankingTest::exclude(std::size_t position, std::vector<std::uint32_t>& items) const {
  if (!held_out_) {
    seen_->append_items_of(users_[position], items);
    return;
  }
  const std::vector<std::uint32_t> seen = seen_->items_of(users_[position]);
  const std::span<const std::uint32_t> relevant = relevant_of(position);
  std::set_difference(seen.begin(), seen.end(), relevant.begin(), relevant.end(), std::back_inserter(items));
}

std::vector<RankingScores> RankingTest::score(const Model& model, std::span<const std::size_t> tops, const RankingOptions& options) const {
  if (tops.empty()) return {};
  if (std::find(tops.begin(), tops.end(), 0U) != tops.end()) throw OptionError("top", "must be at least 1, got 0");
  if (users_.empty()) throw DataError("no test user has a relevant item (an item that the user did not rate in training)");
  const std::size_t deepest = *std::max_element(tops.begin(), tops.end());
  std::size_t most_relevant = 0;
  for (std::size_t n = 0; n < users_.size(); ++n) most_relevant = std::max(most_relevant, relevant_of(n).size());
  const Discounts discounts(std::min(deepest, std::max(most_relevant, model.items.counts.size())));

  std::vector<RankingScores> sums;
  for (const std::size_t top : tops) sums.push_back({.top = top});
  std::optional<ListProperties> properties;
  if (options.beyond_accuracy) properties.emplace(model, tops);
  UserFigures* const by_user = options.by_user;
  if (by_user != nullptr) *by_user = no_figures(users_, tops, options.beyond_accuracy);
  std::vector<std::size_t> places(model.items.counts.size(), std::numeric_limits<std::size_t>::max());
  std::vector<std::size_t> hits;
  const auto add = [&](std::size_t position, std::span<const Scored> list) {
    const std::span<const std::uint32_t> relevant = relevant_of(position);
    hits.clear();
    for (std::size_t n = 0; n < list.size(); ++n) {
      places[list[n].index] = std::min(places[list[n].index], n);
      if (std::binary_search(relevant.begin(), relevant.end(), list[n].index)) hits.push_back(n);
    }
    const auto beyond = properties ? properties->add(list, relevant) : std::span<const BeyondAccuracy>();
    std::size_t figure = 0;
    const auto keep = [&](double value) {
      if (by_user != nullptr) by_user->figures[figure++].sums[position] = value;
    };
    for (std::size_t top = 0; top < sums.size(); ++top) {
      const RankingScores own = figures_of_list(hits, relevant.size(), discounts, tops[top]);
      ++sums[top].users;
      for (const NamedFigure& mean : kMeans) {
        sums[top].*mean.figure += own.*mean.figure;
        keep(own.*mean.figure);
      }
      if (beyond.empty()) continue;
      for (const NamedProperty& mean : kMeanProperties) keep(beyond[top].*mean.figure);
    }
  };
  RecommendOptions lists{.top = deepest, .include_seen = true, .threads = options.threads};
  lists.excluded_for = [&](std::size_t position, std::vector<std::uint32_t>& items) { exclude(position, items); };
  recommend(model, users_, lists, add);
  for (std::size_t top = 0; top < sums.size(); ++top) {
    finish(sums[top], places, model.items.known());
    if (properties) sums[top].beyond = properties->all(top);
  }
  return sums;
}

}  // namespace lowrank
