#include "train/sgd_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <vector>

#include "base/random.h"

namespace lowrank {
namespace {

using Triple = std::tuple<std::size_t, std::size_t, int>;

/// A random block: every user rates different items, popular ones more often.
struct RandomBlock {
  RandomBlock(std::size_t user_count, std::size_t item_count, std::size_t longest, bool packs, std::uint64_t seed) : packed(packs) {
    RandomStream random(seed, Purpose::rating_order);
    std::vector<std::uint16_t> all(item_count);
    for (std::size_t user = 0; user < user_count; ++user) {
      std::iota(all.begin(), all.end(), std::uint16_t{0});
      random.shuffle(std::span(all));
      const std::size_t count = 1 + random.below(std::min(longest, item_count));
      by_user.push_back({static_cast<std::uint16_t>(user), static_cast<std::uint32_t>(count)});
      for (std::size_t n = 0; n < count; ++n) {
        const auto code = static_cast<std::uint8_t>(random.below(10));
        ratings.insert({user, all[n], code});
        items.push_back(packed ? static_cast<std::uint16_t>(all[n] | code << kSgdPackedBits) : all[n]);
        if (!packed) codes.push_back(code);
      }
    }
    users.resize(items.size());
    std::size_t bits = packed ? kSgdPackedMask : 1;
    while (bits < item_count) bits = 2 * bits + 1;
    mask = static_cast<std::uint16_t>(bits);
  }

  SgdPlan arrange() {
    SgdScheduler scheduler;
    return scheduler.arrange({by_user, users, items, codes, {}, mask});
  }
  [[nodiscard]] std::size_t item(std::size_t n) const { return items[n] & mask; }
  [[nodiscard]] int code(std::size_t n) const { return packed ? items[n] >> kSgdPackedBits : codes[n]; }

  bool packed;
  std::uint16_t mask = 0;
  std::multiset<Triple> ratings;
  std::vector<SgdScheduler::User> by_user;
  std::vector<std::uint16_t> users;
  std::vector<std::uint16_t> items;
  std::vector<std::uint8_t> codes;
};

/// Every rating once, groups without a repeat, and for every rating a share of regularisation that has begun by its chunk.
void expect_sound(RandomBlock& block) {
  const SgdPlan plan = block.arrange();
  std::multiset<Triple> arranged;
  for (std::size_t n = 0; n < block.users.size(); ++n) arranged.insert({block.users[n], block.item(n), block.code(n)});
  EXPECT_EQ(arranged, block.ratings);

  ASSERT_EQ(plan.grouped % kSgdGroup, 0U);
  for (std::size_t n = 0; n < plan.grouped; n += kSgdGroup) {
    std::set<std::size_t> users;
    std::set<std::size_t> items;
    for (std::size_t k = n; k < n + kSgdGroup; ++k) users.insert(block.users[k]), items.insert(block.item(k));
    ASSERT_EQ(users.size(), kSgdGroup) << "at " << n;
    ASSERT_EQ(items.size(), kSgdGroup) << "at " << n;
  }

  const std::size_t chunk_count = (plan.grouped + kSgdChunk - 1) / kSgdChunk;
  ASSERT_EQ(plan.chunks.size(), chunk_count + 2);
  EXPECT_EQ(plan.chunks.front().user_runs + plan.chunks.front().item_runs, 0U);
  EXPECT_EQ(plan.chunks.back().user_runs, plan.user_runs.size());
  EXPECT_EQ(plan.chunks.back().item_runs, plan.item_runs.size());
  std::map<std::size_t, std::size_t> user_shares;
  std::map<std::size_t, std::size_t> item_shares;
  for (const SgdRun& run : plan.user_runs) user_shares[run.row] += run.more + 1U;
  for (const SgdRun& run : plan.item_runs) item_shares[run.row] += run.more + 1U;
  std::map<std::size_t, std::size_t> user_counts;
  std::map<std::size_t, std::size_t> item_counts;
  for (const auto& [user, item, code] : block.ratings) ++user_counts[user], ++item_counts[item];
  EXPECT_EQ(user_shares, user_counts);
  EXPECT_EQ(item_shares, item_counts);

  // Shares are neither put off nor taken long before: when a chunk ends, what has begun covers what was learned, by less than a run.
  user_shares.clear();
  user_counts.clear();
  for (std::size_t chunk = 0; chunk < chunk_count; ++chunk) {
    for (std::size_t n = plan.chunks[chunk].user_runs; n < plan.chunks[chunk + 1].user_runs; ++n) {
      user_shares[plan.user_runs[n].row] += plan.user_runs[n].more + 1U;
      EXPECT_LT(plan.user_runs[n].more, 32U);
    }
    for (std::size_t n = chunk * kSgdChunk; n < std::min(plan.grouped, (chunk + 1) * kSgdChunk); ++n) ++user_counts[block.users[n]];
    for (const auto& [user, count] : user_counts) ASSERT_GE(user_shares[user], count);
  }
}

TEST(SgdSchedule, HoldsEveryRatingOnceInSoundGroups) {
  std::uint64_t seed = 0;
  for (const std::size_t users : {0U, 1U, 3U, 4U, 15U, 16U, 17U, 300U}) {
    for (const std::size_t items : {1U, 3U, 4U, 9U, 200U}) {
      for (const std::size_t longest : {1U, 8U, 200U}) {
        for (const bool packed : {true, false}) {
          SCOPED_TRACE(testing::Message() << users << " users, " << items << " items, at most " << longest << (packed ? " packed" : ""));
          RandomBlock block(users, items, longest, packed, ++seed);
          expect_sound(block);
        }
      }
    }
  }
}

TEST(SgdSchedule, LeavesHardlyAnythingAlone) {
  RandomBlock block(2000, 300, 16, true, 1);
  const SgdPlan plan = block.arrange();
  EXPECT_GT(plan.grouped, block.users.size() * 99 / 100);
}

TEST(SgdSchedule, KeepsValuesWithTheirRatings) {
  std::vector<SgdScheduler::User> by_user;
  std::vector<std::uint16_t> users(400);
  std::vector<std::uint16_t> items;
  std::vector<float> values;
  for (std::uint16_t user = 0; user < 40; ++user) {
    by_user.push_back({user, 10});
    for (std::uint16_t item = 0; item < 10; ++item) {
      items.push_back(item);
      values.push_back(static_cast<float>(100 * user + item));
    }
  }
  SgdScheduler scheduler;
  scheduler.arrange({by_user, users, items, {}, values, 15});
  for (std::size_t n = 0; n < users.size(); ++n) EXPECT_EQ(values[n], static_cast<float>(100 * users[n] + items[n]));
}

}  // namespace
}  // namespace lowrank
