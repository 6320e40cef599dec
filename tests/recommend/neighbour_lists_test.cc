#include <gtest/gtest.h>

#include <algorithm>

#include "lowrank/base/error.h"
#include "lowrank/recommend/recommender.h"
#include "model/models.h"

namespace lowrank::neighbour_lists_test {
namespace {

using testing_models::random_mean_model;
using testing_models::random_model;
using testing_models::random_neighbours;
using Lists = std::vector<std::vector<Scored>>;

Lists lists_of(const Recommender& recommender, const std::vector<std::uint32_t>& users, const RecommendOptions& options) {
  Lists lists;
  recommender.recommend(users, options, [&](std::size_t, std::span<const Scored> list) { lists.emplace_back(list.begin(), list.end()); });
  return lists;
}

/// By score() of every item, and a sort.
std::vector<Scored> slow_list(const Model& model, std::uint32_t user, const RecommendOptions& options) {
  const std::vector<std::uint32_t> seen = model.history.items_of(user);
  std::vector<Scored> list;
  for (std::uint32_t item = 0; item < model.items.size(); ++item) {
    if (!model.items.knows(item) || model.items.counts[item] < options.min_count) continue;
    if (!options.include_seen && std::ranges::binary_search(seen, item)) continue;
    if (options.items && std::ranges::find(*options.items, item) == options.items->end()) continue;
    if (std::ranges::find(options.excluded, item) != options.excluded.end()) continue;
    list.push_back({item, static_cast<float>(score(model, user, item))});
  }
  std::ranges::sort(list, [](const Scored& a, const Scored& b) { return a.score > b.score || (a.score == b.score && a.index < b.index); });
  list.resize(std::min(list.size(), options.top));
  return list;
}

std::vector<Model> many_models() {
  std::vector<Model> models;
  for (const std::size_t rank : {0U, 5U}) {
    for (const double density : {0.02, 0.3}) {
      for (const double scale : {0.0, 0.1, 5.0}) {
        Model model = random_model(40, 90, rank, 3 + rank, 0.1);
        const Neighbours drawn = random_neighbours(90, density, 7);
        std::vector<float> weights;
        for (const float weight : drawn.weights()) weights.push_back(static_cast<float>(scale) * weight);
        model.neighbours =
            Neighbours({drawn.offsets().begin(), drawn.offsets().end()}, {drawn.items().begin(), drawn.items().end()}, weights);
        model.items.counts[8] = 0;
        models.push_back(std::move(model));
      }
    }
    for (const NeighbourSide side : {NeighbourSide::items, NeighbourSide::users}) {
      for (const double density : {0.02, 0.3}) models.push_back(random_mean_model(40, 90, rank, side, density));
    }
  }
  return models;
}

TEST(NeighbourLists, AreThoseOfScoreAndASort) {
  RecommendOptions filtered{.top = 4, .items = std::vector<std::uint32_t>{1, 5, 70, 33, 34, 35, 36, 8}, .excluded = {34, 5}};
  const std::vector<RecommendOptions> many{
      {.top = 1}, {.top = 7}, {.top = 200, .include_seen = true}, filtered, {.top = 6, .min_count = 4}};
  std::vector<std::uint32_t> users(40);
  for (std::uint32_t user = 0; user < 40; ++user) users[user] = user;
  for (const Model& model : many_models()) {
    const Recommender recommender(model);
    for (RecommendOptions options : many) {
      Lists expected;
      for (const std::uint32_t user : users) {
        if (model.users.knows(user)) expected.push_back(slow_list(model, user, options));
      }
      for (const int threads : {1, 3}) {
        options.threads = threads;
        const std::vector<std::uint32_t> known = recommender.known_users();
        EXPECT_EQ(lists_of(recommender, known, options), expected) << "many at once";
        Lists single;
        for (const std::uint32_t user : known) single.push_back(lists_of(recommender, {user}, options).front());
        EXPECT_EQ(single, expected) << "one by one";
      }
    }
  }
}

TEST(NeighbourLists, ANewUserIsTheirHistory) {
  Model model = random_model(40, 90, 0, 3, 0.1);
  model.neighbours = random_neighbours(90, 0.2, 7);
  model.fold_in = NoFoldIn{};
  model.users.biases.assign(40, 0);
  const Recommender recommender(model);
  Pairs pairs;
  pairs.known_users = 40;
  pairs.known_items = 90;
  for (const std::uint32_t user : recommender.known_users()) {
    const std::vector<std::uint32_t> items = model.history.items_of(user);
    const FoldedRow row = recommender.fold_in_user(items, std::vector<float>(items.size(), 1));
    EXPECT_EQ(recommender.recommend(row, items, {.top = 8}), lists_of(recommender, {user}, {.top = 8}).front());
    for (const std::uint32_t item : items) {
      pairs.users.push_back(user);
      pairs.items.push_back(item);
    }
  }
  const Model folded = fold_in(model, pairs);
  const Recommender of_folded(folded);
  std::size_t number = 0;
  for (const std::uint32_t user : recommender.known_users())
    EXPECT_EQ(lists_of(of_folded, {static_cast<std::uint32_t>(number++)}, {.top = 8}), lists_of(recommender, {user}, {.top = 8}));
}

TEST(NeighbourLists, UsersForAnItemAreThoseOfScoreAndASort) {
  for (const Model& model : many_models()) {
    const Recommender recommender(model);
    const std::vector<std::uint32_t> items{0, 8, 33, 89};
    for (const bool include_seen : {false, true}) {
      Lists lists;
      recommender.recommend_users(items, {.top = 6, .include_seen = include_seen},
                                  [&](std::size_t, std::span<const Scored> list) { lists.emplace_back(list.begin(), list.end()); });
      ASSERT_EQ(lists.size(), items.size());
      for (std::size_t n = 0; n < items.size(); ++n) {
        std::vector<Scored> expected;
        for (const std::uint32_t user : recommender.known_users()) {
          const std::vector<std::uint32_t> seen = model.history.items_of(user);
          if (!include_seen && std::ranges::binary_search(seen, items[n])) continue;
          if (model.items.knows(items[n])) expected.push_back({user, static_cast<float>(score(model, user, items[n]))});
        }
        std::ranges::sort(expected,
                          [](const Scored& a, const Scored& b) { return a.score > b.score || (a.score == b.score && a.index < b.index); });
        expected.resize(std::min<std::size_t>(expected.size(), 6));
        EXPECT_EQ(lists[n], expected) << items[n];
      }
    }
  }
}

TEST(NeighbourLists, SimilarItemsAreTheGreatestWeights) {
  Model model = random_model(40, 90, 2, 3, 0.1);
  model.neighbours = random_neighbours(90, 0.2, 7);
  model.items.counts[11] = 1;
  const Recommender recommender(model);
  Lists lists;
  const std::vector<std::uint32_t> queries{4, 11, 200};
  recommender.similar_items(queries, {.top = 5, .by = Similarity::neighbours, .min_count = 2},
                            [&](std::size_t, std::span<const Scored> list) { lists.emplace_back(list.begin(), list.end()); });
  ASSERT_EQ(lists.size(), 3U);
  EXPECT_TRUE(lists[2].empty());
  std::vector<Scored> expected;
  for (std::uint32_t item = 0; item < 90; ++item) {
    const float weight = model.neighbours->weight(4, item);
    if (weight != 0 && model.items.counts[item] >= 2) expected.push_back({item, weight});
  }
  std::ranges::sort(expected, [](const Scored& a, const Scored& b) { return a.score > b.score; });
  expected.resize(5);
  EXPECT_EQ(lists[0], expected);
  const auto consume = [](std::size_t, std::span<const Scored>) {};
  EXPECT_THROW(recommender.similar_users(queries, {.by = Similarity::neighbours}, consume), OptionError);
  model.neighbours.reset();
  EXPECT_THROW(Recommender(model).similar_items(queries, {.by = Similarity::neighbours}, consume), OptionError);
}

/// Who folds in with the ratings that the model has of them scores as the model does, but for the solution of their row.
TEST(NeighbourLists, OfANewUserAreThoseOfTheFoldedModel) {
  for (const NeighbourSide side : {NeighbourSide::items, NeighbourSide::users}) {
    for (const std::size_t rank : {0U, 3U}) {
      const Model model = random_mean_model(40, 90, rank, side, 0.2);
      const Recommender recommender(model);
      Pairs pairs;
      pairs.known_users = 40;
      pairs.known_items = 90;
      for (std::uint32_t user = 0; user < 40; ++user) {
        const std::vector<float> values = model.history.values_of(user);
        pairs.values.insert(pairs.values.end(), values.begin(), values.end());
        for (const std::uint32_t item : model.history.items_of(user)) {
          pairs.users.push_back(user);
          pairs.items.push_back(item);
        }
      }
      const Model folded = fold_in(model, pairs);
      const Recommender of_folded(folded);
      for (std::uint32_t user = 0; user < 40; ++user) {
        const std::vector<std::uint32_t> items = model.history.items_of(user);
        const FoldedRow row = recommender.fold_in_user(items, model.history.values_of(user));
        EXPECT_EQ(recommender.recommend(row, items, {.top = 8}), lists_of(of_folded, {user}, {.top = 8}).front());
        EXPECT_EQ(row.residuals.size(), items.size());
      }
    }
  }
}

TEST(NeighbourLists, SimilarRowsOfMeansAreThoseThatSpeakForTheQuery) {
  for (const NeighbourSide side : {NeighbourSide::items, NeighbourSide::users}) {
    const bool of_users = side == NeighbourSide::users;
    const Model model = random_mean_model(40, 90, 2, side, 0.2);
    const Recommender recommender(model);
    std::vector<Scored> found;
    const std::vector<std::uint32_t> queries{4};
    const auto consume = [&](std::size_t, std::span<const Scored> list) { found.assign(list.begin(), list.end()); };
    const SimilarOptions options{.top = 5, .by = Similarity::neighbours};
    if (of_users) {
      recommender.similar_users(queries, options, consume);
    } else {
      recommender.similar_items(queries, options, consume);
    }
    std::vector<Scored> expected;
    for (std::uint32_t other = 0; other < model.neighbours->rows(); ++other) {
      const float weight = of_users ? model.neighbours->weight(4, other) : model.neighbours->weight(other, 4);
      if (weight != 0) expected.push_back({other, weight});
    }
    std::ranges::sort(expected, [](const Scored& a, const Scored& b) { return a.score > b.score; });
    expected.resize(5);
    EXPECT_EQ(found, expected);
    if (of_users) {
      EXPECT_THROW(recommender.similar_items(queries, options, consume), OptionError);
    } else {
      EXPECT_THROW(recommender.similar_users(queries, options, consume), OptionError);
    }
  }
}

}  // namespace
}  // namespace lowrank::neighbour_lists_test
