// Pairs with several ratings in the Gibbs sampler.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "lowrank/data/situations.h"
#include "train/by_level.h"
#include "train/gibbs_sampler.h"
#include "train/transpose.h"

namespace lowrank::gibbs_pairs_test {
namespace {

// As long as contexts make no difference, three equal ratings of each pair leave as much open as one.
TEST(GibbsSampler, CountsAPairOnceInHoweverManyContexts) {
  Workers workers(2);
  const auto rows_after_a_sweep = [&](std::size_t contexts_of_pair, bool pairs_once) {
    Situations situations;
    ContextColumn& column = situations.columns.emplace_back();
    column.name = "daytime";
    for (const char* level : {"a", "b", "c"}) column.levels.add(level);
    RatingsBuilder builder;
    std::vector<std::uint32_t> user_counts(12);
    std::vector<std::uint32_t> item_counts(9);
    for (std::uint32_t user = 0; user < 12; ++user) {
      for (std::uint32_t item = user % 3; item < 9; item += 2) {
        for (std::uint16_t level = 0; level < contexts_of_pair; ++level) {
          builder.add_in_situation(user, item, static_cast<float>((user * item) % 5), situations.number(std::span(&level, 1)));
          ++user_counts[user];
          ++item_counts[item];
        }
      }
    }
    const Ratings ratings = builder.build(12, 9);
    const ByItem by_item = transpose(ratings, workers);
    const RatingContexts contexts = by_level(ratings, by_item, situations, {});
    const GibbsSampler::Form form{.rank = 3, .user_noise = true, .item_noise = true, .pairs_once = pairs_once};
    GibbsSampler sampler(ratings, by_item, Units{.mean = 2, .scale = 1.5}, user_counts, item_counts, form, workers, {}, {}, &contexts);
    for (std::uint32_t item = 0; item < 9; ++item) sampler.items.factors.row(item)[item % 3] = 0.5F;
    sampler.start(workers);
    sampler.sweep({3, 1}, workers);
    std::vector<float> all(sampler.users.biases);
    for (const GibbsSide* side : {&sampler.users, &sampler.items}) {
      for (std::size_t row = 0; row < side->factors.rows(); ++row) {
        all.insert(all.end(), side->factors.row(row).begin(), side->factors.row(row).end());
      }
    }
    all.insert(all.end(), sampler.user_noise.begin(), sampler.user_noise.end());
    all.insert(all.end(), sampler.item_noise.begin(), sampler.item_noise.end());
    all.push_back(static_cast<float>(sampler.noise));
    return all;
  };
  const std::vector<float> one = rows_after_a_sweep(1, true);
  const std::vector<float> three = rows_after_a_sweep(3, true);
  const std::vector<float> apart = rows_after_a_sweep(3, false);
  double farthest = 0;
  for (std::size_t n = 0; n < one.size(); ++n) {
    EXPECT_NEAR(three[n], one[n], 1e-3F * (1 + std::abs(one[n]))) << n;
    farthest = std::max(farthest, static_cast<double>(std::abs(apart[n] - one[n])));
  }
  EXPECT_GT(farthest, 0.1);
}

}  // namespace
}  // namespace lowrank::gibbs_pairs_test
