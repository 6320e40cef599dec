#include "recommend/top_list.h"

#include <gtest/gtest.h>

#include <span>

#include "base/random.h"

namespace lowrank::top_list_test {
namespace {

TEST(TopList, KeepsWhatSortingWouldKeep) {
  RandomStream random(1, Purpose::split);
  TopList top;
  std::vector<Scored> list{{7, 7}};
  for (std::size_t size = 0; size < 40; ++size) {
    for (const std::size_t capacity : {0U, 1U, 2U, 7U, 39U, 40U, 100U}) {
      std::vector<Scored> all;
      // Few distinct scores: most comparisons are ties.
      for (std::uint32_t i = 0; i < size; ++i) all.push_back({i, static_cast<float>(random.below(5))});
      random.shuffle(std::span(all));
      top.reset(capacity);
      for (const Scored& candidate : all) {
        if (top.admits(candidate)) top.add(candidate);
      }
      top.take(list);
      std::stable_sort(all.begin(), all.end(), [](const Scored& a, const Scored& b) { return a.index < b.index; });
      std::stable_sort(all.begin(), all.end(), [](const Scored& a, const Scored& b) { return a.score > b.score; });
      all.resize(std::min(all.size(), capacity));
      EXPECT_EQ(list, all) << size << " " << capacity;
    }
  }
}

}  // namespace
}  // namespace lowrank::top_list_test
