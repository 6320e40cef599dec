#include "train/sgd_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <vector>

#include "base/random.h"

namespace lowrank::sgd_order_test {
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
    SgdOrder scheduler;
    return scheduler.arrange({by_user, users, items, codes, {}, mask});
  }
  [[nodiscard]] std::size_t item(std::size_t n) const { return items[n] & mask; }
  [[nodiscard]] int code(std::size_t n) const { return packed ? items[n] >> kSgdPackedBits : codes[n]; }

  bool packed;
  std::uint16_t mask = 0;
  std::multiset<Triple> ratings;
  std::vector<SgdOrder::User> by_user;
  std::vector<std::uint16_t> users;
  std::vector<std::uint16_t> items;
  std::vector<std::uint8_t> codes;
};

/// Every rating once, groups of one user's different items, and for every rating a share of regularisation that has begun by its chunk.
void expect_sound(RandomBlock& block) {
  const SgdPlan plan = block.arrange();
  std::multiset<Triple> arranged;
  for (std::size_t n = 0; n < block.users.size(); ++n) arranged.insert({block.users[n], block.item(n), block.code(n)});
  EXPECT_EQ(arranged, block.ratings);

  ASSERT_FALSE(plan.chunks.empty());
  const std::size_t chunk_count = plan.chunks.size() - 1;
  EXPECT_EQ(chunk_count == 0, block.users.empty());
  EXPECT_EQ(plan.chunks.front().begin + plan.chunks.front().user_runs + plan.chunks.front().item_runs, 0U);
  EXPECT_EQ(plan.chunks.back().begin, block.users.size());
  EXPECT_EQ(plan.chunks.back().user_runs, plan.user_runs.size());
  EXPECT_EQ(plan.chunks.back().item_runs, plan.item_runs.size());
  for (std::size_t number = 0; number < chunk_count; ++number) {
    const SgdChunk& chunk = plan.chunks[number];
    const std::size_t end = plan.chunks[number + 1].begin;
    ASSERT_GT(end, chunk.begin);
    ASSERT_LE(end - chunk.begin, kSgdChunk);
    std::size_t n = chunk.begin;
    const auto expect_group = [&](std::size_t size) {
      std::set<std::size_t> items;
      for (std::size_t k = n; k < n + size; ++k) {
        items.insert(block.item(k));
        ASSERT_EQ(block.users[k], block.users[n]) << "at " << k;
      }
      ASSERT_EQ(items.size(), size) << "at " << n;
      n += size;
    };
    for (std::size_t group = 0; group < chunk.fours; ++group) expect_group(4);
    for (std::size_t group = 0; group < chunk.threes; ++group) expect_group(3);
    for (std::size_t group = 0; group < chunk.twos; ++group) expect_group(2);
    ASSERT_LE(n, end);
  }

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
    for (std::size_t n = plan.chunks[chunk].begin; n < plan.chunks[chunk + 1].begin; ++n) ++user_counts[block.users[n]];
    for (const auto& [user, count] : user_counts) ASSERT_GE(user_shares[user], count);
  }
}

TEST(SgdOrder, HoldsEveryRatingOnceInSoundGroups) {
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

TEST(SgdOrder, GroupsAreAsLargeAsMayBe) {
  RandomBlock block(2000, 300, 16, true, 1);
  std::size_t expected = 0;
  for (const SgdOrder::User& user : block.by_user) expected += user.count / kSgdGroup;
  std::size_t fours = 0;
  for (const SgdChunk& chunk : block.arrange().chunks) fours += chunk.fours;
  EXPECT_EQ(fours, expected);
}

/// An item that just came would have to be waited for.
TEST(SgdOrder, KeepsItemsApart) {
  RandomBlock block(2000, 300, 40, true, 2);
  const SgdPlan plan = block.arrange();
  std::map<std::size_t, std::size_t> last;
  std::size_t close = 0;
  for (std::size_t n = 0; n < block.users.size(); ++n) {
    const auto found = last.find(block.item(n));
    if (found != last.end() && n - found->second < kSgdGroup) ++close;
    last[block.item(n)] = n;
  }
  EXPECT_LT(close, block.users.size() / 100);
  EXPECT_GT(plan.chunks.size(), 100U);
}

TEST(SgdOrder, KeepsValuesWithTheirRatings) {
  std::vector<SgdOrder::User> by_user;
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
  SgdOrder scheduler;
  scheduler.arrange({by_user, users, items, {}, values, 15});
  for (std::size_t n = 0; n < users.size(); ++n) EXPECT_EQ(values[n], static_cast<float>(100 * users[n] + items[n]));
}

}  // namespace
}  // namespace lowrank::sgd_order_test
