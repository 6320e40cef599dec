// What the alternating methods reach on real data with their default options. The figures are bounds: see docs/methods/als.md and
// docs/methods/implicit.md for what was measured.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lowrank/recommend/fold_in.h"
#include "lowrank/recommend/recommend.h"
#include "real_data.h"
#include "splits.h"
#include "train/train_ratings.h"

namespace lowrank::als_accuracy_test {
namespace {

class AlternatingAccuracy : public testing::Test {
 protected:
  void SetUp() override {
    if (data_folder().empty()) GTEST_SKIP() << "no data sets: LOWRANK_DATA is not set and ../shared/data is not there";
  }
};

struct Ids {
  Vocabulary users;
  Vocabulary items;
};

Model trained(const std::vector<RealRating>& ratings, const Method& method, Ids& ids) {
  RatingsBuilder builder;
  for (const RealRating& rating : ratings) builder.add(ids.users.add(rating.user), ids.items.add(rating.item), rating.value);
  TrainingObserver observer;
  Model model = train_ratings(builder.build(ids.users.size(), ids.items.size()), method, {}, observer,
                              {.threads = 2, .init = nullptr, .min_rating = {}, .max_rating = {}})
                    .model;
  model.users.ids = ids.users;
  model.items.ids = ids.items;
  return model;
}

double rmse(const Model& model, const std::vector<RealRating>& test) {
  double squares = 0;
  for (const RealRating& rating : test) {
    squares += std::pow(double{rating.value} - predict(model, model.users.ids.find(rating.user), model.items.ids.find(rating.item)), 2);
  }
  return std::sqrt(squares / static_cast<double>(test.size()));
}

TEST_F(AlternatingAccuracy, AlsOnMovieLens1m) {
  const Split split = shuffled_split(read_real(data_folder() / "ml-1m/ratings.uirt.tsv.xz"));
  Ids ids;
  const double exact = rmse(trained(split.train, Als{}, ids), split.test);
  RecordProperty("rmse", std::to_string(exact));
  EXPECT_LE(exact, .8450);
  Als cg;
  cg.solver = Solver::cg;
  EXPECT_LE(rmse(trained(split.train, cg, ids), split.test), .8450);
}

TEST_F(AlternatingAccuracy, AlsOnMovieLens100k) {
  double sum = 0;
  for (int fold = 1; fold <= 5; ++fold) {
    const std::string name = "ml-100k/u" + std::to_string(fold);
    Ids ids;
    sum += rmse(trained(read_real(data_folder() / (name + ".base.gz")), Als{}, ids), read_real(data_folder() / (name + ".test.gz")));
  }
  RecordProperty("rmse", std::to_string(sum / 5));
  EXPECT_LE(sum / 5, .9130);
}

/// 500 users are solved from 80 % of their ratings, once as new users of a model that never saw them, once trained in.
TEST_F(AlternatingAccuracy, FoldedUsersAreNearlyAsGoodAsTrainedOnes) {
  const std::vector<RealRating> all = read_real(data_folder() / "ml-1m/ratings.uirt.tsv.xz");
  std::map<std::string, int> number;
  for (const RealRating& rating : all) number.emplace(rating.user, 0);
  int next = 0;
  for (auto& [user, n] : number) n = next++;
  RandomStream random(9, Purpose::split);
  std::vector<RealRating> others;
  std::vector<RealRating> given;
  std::vector<RealRating> hidden;
  for (const RealRating& rating : all) {
    if (number[rating.user] % 12 != 5 || number[rating.user] / 12 >= 500) {
      others.push_back(rating);
    } else {
      (random.below(5) == 0 ? hidden : given).push_back(rating);
    }
  }
  std::vector<RealRating> both = others;
  both.insert(both.end(), given.begin(), given.end());
  for (const Method& method : {Method{Sgd{}}, Method{Als{}}}) {
    Ids ids;
    const double trained_in = rmse(trained(both, method, ids), hidden);
    Ids other_ids;
    const Model model = trained(others, method, other_ids);
    Pairs pairs;
    pairs.known_users = model.users.ids.size();
    pairs.known_items = model.items.ids.size();
    for (const RealRating& rating : given) {
      const std::uint32_t item = model.items.ids.find(rating.item);
      if (item == Vocabulary::kUnknown) continue;
      pairs.users.push_back(pairs.known_users + pairs.unknown_users.add(rating.user));
      pairs.items.push_back(item);
      pairs.values.push_back(rating.value);
    }
    const double folded = rmse(fold_in(model, pairs, 2), hidden);
    RecordProperty(std::string(name_of(method)), std::to_string(folded) + " folded, " + std::to_string(trained_in) + " trained");
    EXPECT_NEAR(folded, trained_in, .01) << name_of(method);
  }
}

/// User and items of a line `user item item ...` each, as ratings of 1.
std::vector<RealRating> read_lists(const std::filesystem::path& path) {
  ReadOptions options;
  options.format = Format::adjacency;
  options.implicit_values = true;
  return read_real(path, options);
}

struct ListQuality {
  double recall = 0;
  double ndcg = 0;
};

/// Of the 20 items for every user of a test part, trained on the others.
ListQuality quality(const std::vector<std::string>& train_files, const std::string& test_file, const Implicit& options) {
  std::vector<RealRating> train;
  for (const std::string& file : train_files) {
    const std::vector<RealRating> more = read_lists(data_folder() / file);
    train.insert(train.end(), more.begin(), more.end());
  }
  Ids ids;
  RatingsBuilder seen;
  for (const RealRating& rating : train) seen.add(ids.users.add(rating.user), ids.items.add(rating.item), 1);
  Model model = trained(train, options, ids);
  model.history = History(seen.build(ids.users.size(), ids.items.size()));
  std::map<std::uint32_t, std::set<std::uint32_t>> test;
  for (const RealRating& rating : read_lists(data_folder() / test_file)) {
    test[ids.users.find(rating.user)].insert(ids.items.find(rating.item));
  }
  std::vector<std::uint32_t> users;
  for (const auto& [user, items] : test) users.push_back(user);
  double recall = 0;
  double ndcg = 0;
  recommend(model, users, {.top = 20, .include_seen = false, .threads = 2}, [&](std::size_t position, std::span<const Scored> list) {
    const std::set<std::uint32_t>& wanted = test[users[position]];
    double found = 0;
    double gain = 0;
    double best = 0;
    for (std::size_t place = 0; place < list.size(); ++place) {
      const double weight = 1 / std::log2(static_cast<double>(place) + 2);
      if (place < wanted.size()) best += weight;
      if (!wanted.contains(list[place].index)) continue;
      found += 1;
      gain += weight;
    }
    recall += found / static_cast<double>(wanted.size());
    ndcg += gain / best;
  });
  const auto count = static_cast<double>(users.size());
  return {recall / count, ndcg / count};
}

ListQuality quality_on_gowalla(const Implicit& options) {
  return quality({"lightgcn-gowalla/train.txt.gz", "lightgcn-gowalla/valid.txt.gz"}, "lightgcn-gowalla/test.txt.gz", options);
}

// Seventy times as dense as Gowalla.
TEST_F(AlternatingAccuracy, ImplicitRanksMovieLens1m) {
  const ListQuality quality = als_accuracy_test::quality({"ml-1m-implicit/train.txt.xz"}, "ml-1m-implicit/test.txt.xz", Implicit{});
  RecordProperty("recall", std::to_string(quality.recall));
  RecordProperty("ndcg", std::to_string(quality.ndcg));
  EXPECT_GE(quality.recall, .265);
  EXPECT_GE(quality.ndcg, .250);
}

TEST_F(AlternatingAccuracy, ImplicitRanksGowalla) {
  const ListQuality quality = quality_on_gowalla(Implicit{});
  RecordProperty("recall", std::to_string(quality.recall));
  RecordProperty("ndcg", std::to_string(quality.ndcg));
  EXPECT_GE(quality.recall, .157);
  EXPECT_GE(quality.ndcg, .134);
}

/// With options of docs/methods/implicit.md.
TEST_F(AlternatingAccuracy, ImplicitRanksGowallaByPopularity) {
  Implicit options;
  options.regularization_exponent = 0.75;
  options.solver = Solver::cg;
  options.epochs = 4;
  options.rank = 64;
  options.unobserved_weight = 0.0213;
  options.regularization = 0.0105;
  options.observed_item_exponent = -0.35;
  options.unobserved_item_exponent = -0.05;
  options.unobserved_user_exponent = 0.27;
  options.cg_steps = 2;
  const ListQuality small = quality_on_gowalla(options);
  EXPECT_GE(small.recall, .158);
  EXPECT_GE(small.ndcg, .136);
  options.rank = 256;
  options.unobserved_weight = 0.0548;
  options.regularization = 0.00811;
  options.observed_item_exponent = -0.46;
  options.unobserved_item_exponent = -0.34;
  options.unobserved_user_exponent = 0.37;
  options.cg_steps = 3;
  const ListQuality large = quality_on_gowalla(options);
  EXPECT_GE(large.recall, .179);
  EXPECT_GE(large.ndcg, .152);
}

}  // namespace
}  // namespace lowrank::als_accuracy_test
