// Artists near each other by `implicit` are heard by the same people: the ten nearest of each of the three most played artists share far
// more listeners with it than other artists that as many people hear.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "lowrank/recommend/recommend.h"
#include "real_data.h"
#include "train/train_ratings.h"

namespace lowrank::neighbours_test {
namespace {

using Listeners = std::set<std::uint32_t>;

double shared(const Listeners& a, const Listeners& b) {
  std::vector<std::uint32_t> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return static_cast<double>(both.size());
}

class Neighbours : public testing::Test {
 protected:
  void SetUp() override {
    if (data_folder().empty()) GTEST_SKIP() << "no data sets: LOWRANK_DATA is not set and ../shared/data is not there";
    data_ = read_ratings((data_folder() / "hetrec-lastfm/user_artist.dat.gz").string());
    listeners_.resize(data_.items.size());
    std::vector<double> plays(data_.items.size());
    for (std::uint32_t user = 0; user < data_.ratings.user_count(); ++user) {
      const auto items = data_.ratings.items_of(user);
      for (std::size_t n = 0; n < items.size(); ++n) {
        listeners_[items[n]].insert(user);
        plays[items[n]] += static_cast<double>(data_.ratings.value(data_.ratings.row_offsets()[user] + n));
      }
    }
    most_played_.resize(plays.size());
    std::iota(most_played_.begin(), most_played_.end(), 0U);
    std::partial_sort(most_played_.begin(), most_played_.begin() + 3, most_played_.end(),
                      [&](auto a, auto b) { return plays[a] > plays[b]; });
    most_played_.resize(3);
  }

  /// Of each of the most played artists: the listeners that it shares with its ten nearest, over those that it shares on average with other
  /// artists of as many listeners, give or take a fifth.
  std::vector<double> ratios(const Implicit& options, std::uint32_t min_count) {
    TrainingObserver silent;
    const Model model = train_ratings(Ratings(data_.ratings), options, {}, silent).model;
    std::vector<double> ratios;
    similar_items(model, most_played_, {.top = 10, .min_count = min_count}, [&](std::size_t position, std::span<const Scored> nearest) {
      EXPECT_EQ(nearest.size(), 10U);
      const std::uint32_t query = most_played_[position];
      double found = 0;
      double expected = 0;
      for (const Scored& near : nearest) {
        EXPECT_GE(listeners_[near.index].size(), min_count);
        found += shared(listeners_[query], listeners_[near.index]);
        expected += shared_by_others(query, near.index, nearest);
      }
      ratios.push_back(found / expected);
    });
    return ratios;
  }

 private:
  [[nodiscard]] double shared_by_others(std::uint32_t query, std::uint32_t near, std::span<const Scored> nearest) const {
    const auto size = static_cast<double>(listeners_[near].size());
    double sum = 0;
    double count = 0;
    for (std::uint32_t other = 0; other < listeners_.size(); ++other) {
      if (other == query || std::abs(static_cast<double>(listeners_[other].size()) - size) > 0.2 * size) continue;
      if (std::any_of(nearest.begin(), nearest.end(), [&](const Scored& one) { return one.index == other; })) continue;
      sum += shared(listeners_[query], listeners_[other]);
      ++count;
    }
    return sum / std::max(count, 1.0);
  }

  Dataset data_;
  std::vector<Listeners> listeners_;
  std::vector<std::uint32_t> most_played_;
};

// The recipe of docs/methods/implicit.md for neighbours: likeness beyond popularity, among artists that enough people hear.
TEST_F(Neighbours, ShareThreeTimesTheListenersThatOthersShare) {
  Implicit options{.epochs = 10,
                   .unobserved_weight = 0.01,
                   .unobserved = Unobserved::missing,
                   .observed_item_exponent = 0.75,
                   .unobserved_item_exponent = 2,
                   .regularization = 0.08};
  for (options.seed = 1; options.seed <= 3; ++options.seed) {
    for (const double ratio : ratios(options, 10)) EXPECT_GT(ratio, 3) << "seed " << options.seed;
  }
}

// By default neighbours are as well known as what is asked about. The third artist is heard by a third of all people: artists as well known
// as its neighbours share so many of its listeners by chance that the ten nearest by the listeners themselves have but 2.5 times as many.
TEST_F(Neighbours, OfTheDefaultsShareMoreThanTwice) {
  const std::vector<double> found = ratios({}, 1);
  for (const double ratio : found) EXPECT_GT(ratio, 2);
  EXPECT_GT(std::accumulate(found.begin(), found.end(), 0.0) / static_cast<double>(found.size()), 2.7);
}

}  // namespace
}  // namespace lowrank::neighbours_test
