// Items that training had no rating of, known by their features alone: 20 % of the items of ML-1M are held out whole.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lowrank/data/feature_table.h"
#include "lowrank/recommend/recommender.h"
#include "real_data.h"
#include "splits.h"
#include "train/train_ratings.h"

namespace lowrank::features_test {
namespace {

struct ColdSplit {
  Vocabulary users;
  Vocabulary items;
  Ratings train;
  std::vector<RealRating> test;     ///< of the cold items
  std::vector<std::uint32_t> cold;  ///< ascending
  Features user_features;
  Features item_features;
};

ColdSplit cold_split() {
  const std::filesystem::path folder = data_folder() / "ml-1m";
  std::vector<RealRating> ratings = read_real(folder / "ratings.uirt.tsv.xz");
  Vocabulary all;
  for (const RealRating& rating : ratings) all.add(rating.item);
  std::vector<std::uint32_t> order(all.size());
  std::iota(order.begin(), order.end(), 0U);
  RandomStream(20261126, Purpose::split).shuffle(std::span(order));
  std::vector<bool> is_cold(all.size());
  for (std::size_t n = 0; n < order.size() / 5; ++n) is_cold[order[n]] = true;
  ColdSplit split;
  RatingsBuilder builder;
  for (const RealRating& rating : ratings) {
    if (is_cold[all.find(rating.item)]) {
      split.test.push_back(rating);
    } else {
      builder.add(split.users.add(rating.user), split.items.add(rating.item), rating.value);
    }
  }
  const FeatureReadOptions of_users{.side = FeatureSide::users, .known = &split.users};
  const FeatureReadOptions of_items{.side = FeatureSide::items, .known = &split.items};
  split.user_features = learn_features(read_feature_table((folder / "users.dat").string(), of_users), split.users, of_users);
  split.item_features = learn_features(read_feature_table((folder / "movies.dat").string(), of_items), split.items, of_items);
  for (std::uint32_t item = 0; item < all.size(); ++item) {
    if (is_cold[item]) split.cold.push_back(split.items.find(all.id(item)));
  }
  std::ranges::sort(split.cold);
  split.train = builder.build(split.users.size(), split.items.size());
  return split;
}

Model learn(const ColdSplit& split, const Method& method, bool features) {
  TrainContext context;
  context.threads = 2;
  if (features) context.user_features = &split.user_features;
  if (features) context.item_features = &split.item_features;
  Model model = train_ratings(Ratings(split.train), method, {}, TrainingObserver::silent(), context).model;
  model.users.ids = split.users;
  model.items.ids = split.items;
  model.history = History(split.train);
  return model;
}

double rmse_of_cold(const ColdSplit& split, const Model& model) {
  double squares = 0;
  for (const RealRating& rating : split.test) {
    squares +=
        std::pow(static_cast<double>(rating.value) - predict(model, split.users.find(rating.user), split.items.find(rating.item)), 2);
  }
  return std::sqrt(squares / static_cast<double>(split.test.size()));
}

/// Recall among the cold items of lists of 20, over users with a test rating; `list` gives a user's.
template <class ListOf>
double recall_of_cold(const ColdSplit& split, const ListOf& list) {
  std::vector<std::vector<std::uint32_t>> relevant(split.users.size());
  for (const RealRating& rating : split.test) relevant[split.users.find(rating.user)].push_back(split.items.find(rating.item));
  double sum = 0;
  double users = 0;
  for (std::uint32_t user = 0; user < split.users.size(); ++user) {
    if (relevant[user].empty()) continue;
    std::ranges::sort(relevant[user]);
    double hits = 0;
    for (const std::uint32_t item : list(user)) hits += std::ranges::binary_search(relevant[user], item) ? 1 : 0;
    sum += hits / static_cast<double>(relevant[user].size());
    users += 1;
  }
  return sum / users;
}

class FeaturesAccuracy : public testing::Test {
 protected:
  void SetUp() override {
    if (data_folder().empty()) GTEST_SKIP() << "no data sets: LOWRANK_DATA is not set and ../shared/data is not there";
  }
};

TEST_F(FeaturesAccuracy, ColdItemsByAls) {
  const ColdSplit split = cold_split();
  const double biases = rmse_of_cold(split, learn(split, Baseline{}, false));
  const double without = rmse_of_cold(split, learn(split, Als{}, false));
  const double with = rmse_of_cold(split, learn(split, Als{}, true));
  RecordProperty("biases", std::to_string(biases));
  RecordProperty("als", std::to_string(without));
  RecordProperty("als_with_features", std::to_string(with));
  EXPECT_LT(with, biases - 0.02);
  EXPECT_LT(with, without - 0.02);
}

TEST_F(FeaturesAccuracy, ColdItemsByImplicit) {
  const ColdSplit split = cold_split();
  const Model model = learn(split, Implicit{}, true);
  const Recommender recommender(model);
  RecommendOptions options{.top = 20, .threads = 2};
  options.items = split.cold;
  std::vector<std::vector<std::uint32_t>> lists(split.users.size());
  std::vector<std::uint32_t> users(split.users.size());
  std::iota(users.begin(), users.end(), 0U);
  recommender.recommend(users, options, [&](std::size_t user, std::span<const Scored> items) {
    for (const Scored& item : items) lists[user].push_back(item.index);
  });
  const double recall = recall_of_cold(split, [&](std::uint32_t user) { return lists[user]; });
  // Training knows no popularity of cold items, so that its order is that of the ids: no better than chance.
  const double chance = 20.0 / static_cast<double>(split.cold.size());
  const std::vector<std::uint32_t> first(split.cold.begin(), split.cold.begin() + 20);
  const double popularity = recall_of_cold(split, [&](std::uint32_t) { return first; });
  RecordProperty("implicit", std::to_string(recall));
  RecordProperty("popularity", std::to_string(popularity));
  EXPECT_GT(recall, 2 * chance);
  EXPECT_GT(recall, 2 * popularity);
}

}  // namespace
}  // namespace lowrank::features_test
