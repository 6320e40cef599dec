// Artists near each other by `implicit` are heard by the same people: the ten nearest of each of the three most played artists share far
// more listeners with it than other artists that as many people hear.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "lowrank/recommend/recommend.h"
#include "lowrank/train/train.h"
#include "real_data.h"

namespace lowrank {
namespace {

using Listeners = std::set<std::uint32_t>;

std::size_t shared(const Listeners& a, const Listeners& b) {
  std::vector<std::uint32_t> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both.size();
}

TEST(Neighbours, ShareListeners) {
  if (data_folder().empty()) GTEST_SKIP() << "no data sets: LOWRANK_DATA is not set and ../shared/data is not there";
  Dataset data = read_ratings((data_folder() / "hetrec-lastfm/user_artist.dat.gz").string());
  std::vector<Listeners> listeners(data.items.size());
  std::vector<double> plays(data.items.size());
  for (std::uint32_t user = 0; user < data.ratings.user_count(); ++user) {
    const auto items = data.ratings.items_of(user);
    for (std::size_t n = 0; n < items.size(); ++n) {
      listeners[items[n]].insert(user);
      plays[items[n]] += static_cast<double>(data.ratings.value(data.ratings.row_offsets()[user] + n));
    }
  }
  std::vector<std::uint32_t> queries(plays.size());
  std::iota(queries.begin(), queries.end(), 0U);
  std::partial_sort(queries.begin(), queries.begin() + 3, queries.end(), [&](auto a, auto b) { return plays[a] > plays[b]; });
  queries.resize(3);

  TrainingObserver silent;
  const Model model = train(std::move(data.ratings), Implicit{}, {}, silent).model;
  double ratios = 0;
  similar_items(model, queries, {}, [&](std::size_t position, std::span<const Scored> nearest) {
    ASSERT_EQ(nearest.size(), 10U);
    const std::uint32_t query = queries[position];
    double found = 0;
    double expected = 0;
    for (const Scored& near : nearest) {
      found += static_cast<double>(shared(listeners[query], listeners[near.index]));
      // What another artist with as many listeners, give or take a fifth, shares on average.
      const auto size = static_cast<double>(listeners[near.index].size());
      double sum = 0;
      double count = 0;
      for (std::uint32_t other = 0; other < listeners.size(); ++other) {
        if (other == query || std::abs(static_cast<double>(listeners[other].size()) - size) > 0.2 * size) continue;
        if (std::any_of(nearest.begin(), nearest.end(), [&](const Scored& one) { return one.index == other; })) continue;
        sum += static_cast<double>(shared(listeners[query], listeners[other]));
        ++count;
      }
      expected += sum / std::max(count, 1.0);
    }
    ratios += found / expected;
    // Of an artist whom a third of all people hear, nobody can share more than three times what is expected.
    EXPECT_GT(found, 2 * expected) << "of artist " << data.items.id(query);
  });
  RecordProperty("mean_ratio", std::to_string(ratios / 3));
  EXPECT_GT(ratios / 3, 2.7);
}

}  // namespace
}  // namespace lowrank
