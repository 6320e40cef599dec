#include "lowrank/recommend/recommender.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <thread>

#include "lowrank/base/error.h"
#include "model/models.h"

namespace lowrank::recommender_test {
namespace {

using testing_models::random_model;
using Lists = std::vector<std::vector<Scored>>;

template <class Ask>
Lists lists_of(const Ask& ask) {
  Lists lists;
  ask([&](std::size_t, std::span<const Scored> list) { lists.emplace_back(list.begin(), list.end()); });
  return lists;
}

std::vector<RecommendOptions> many_options() {
  RecommendOptions filtered{.top = 6, .items = std::vector<std::uint32_t>{3, 1, 19, 7, 12, 400}, .excluded = {7}};
  RecommendOptions counted{.top = 6, .min_count = 3};
  return {{.top = 6}, {.top = 50, .include_seen = true}, filtered, counted};
}

TEST(Recommender, AnswersManyQuestionsAsOneByOne) {
  const Model model = random_model(30, 25, 5, 3);
  const Recommender recommender(model);
  const std::vector<std::uint32_t> users{0, 7, 29, 31, Vocabulary::kUnknown};
  for (int time = 0; time < 2; ++time) {
    for (const RecommendOptions& options : many_options()) {
      EXPECT_EQ(lists_of([&](const auto& consume) { recommender.recommend(users, options, consume); }),
                lists_of([&](const auto& consume) { recommend(model, users, options, consume); }));
    }
    for (const Similarity by : {Similarity::cosine, Similarity::dot}) {
      const SimilarOptions options{.top = 4, .by = by};
      EXPECT_EQ(lists_of([&](const auto& consume) { recommender.similar_items(users, options, consume); }),
                lists_of([&](const auto& consume) { similar_items(model, users, options, consume); }));
      EXPECT_EQ(lists_of([&](const auto& consume) { recommender.similar_users(users, options, consume); }),
                lists_of([&](const auto& consume) { similar_users(model, users, options, consume); }));
    }
  }
}

TEST(Recommender, AVectorGetsTheListOfTheUserWhoHasIt) {
  const Model model = random_model(30, 25, 5, 3);
  const Recommender recommender(model);
  for (const RecommendOptions& options : many_options()) {
    for (const std::uint32_t user : recommender.known_users()) {
      const auto factors = model.users.factors.row(user);
      const FoldedRow vector{.factors = {factors.begin(), factors.end()}, .bias = model.users.biases[user]};
      const std::vector<std::uint32_t> seen = options.include_seen ? std::vector<std::uint32_t>() : model.history.items_of(user);
      EXPECT_EQ(recommender.recommend(vector, seen, options),
                lists_of([&](const auto& consume) { recommend(model, std::vector{user}, options, consume); }).front());
    }
  }
  EXPECT_THROW(static_cast<void>(recommender.recommend(FoldedRow{.factors = {1, 2}}, {}, {})), DataError);
}

TEST(Recommender, ExclusionsPerUserJoinWhatTheUserHasSeen) {
  const Model model = random_model(30, 25, 5, 3);
  const Recommender recommender(model);
  const std::vector<std::uint32_t> users{4, 0, Vocabulary::kUnknown, 17};
  const auto own = [](std::size_t position) {
    const auto first = static_cast<std::uint32_t>(2 * position);
    return std::vector<std::uint32_t>{first, first + 1, 20};
  };
  for (RecommendOptions options : many_options()) {
    Lists expected;
    for (std::size_t position = 0; position < users.size(); ++position) {
      RecommendOptions one = options;
      for (const std::uint32_t item : own(position)) one.excluded.push_back(item);
      expected.push_back(lists_of([&](const auto& consume) { recommend(model, std::vector{users[position]}, one, consume); }).front());
    }
    options.excluded_for = [&](std::size_t position, std::vector<std::uint32_t>& items) { items = own(position); };
    EXPECT_EQ(lists_of([&](const auto& consume) { recommender.recommend(users, options, consume); }), expected);
  }
}

/// The best `top` of `rows` by `score`, ties by number: a slow loop.
std::vector<Scored> best_of(std::vector<std::uint32_t> rows, std::size_t top, const std::function<double(std::uint32_t)>& score) {
  std::vector<Scored> list;
  for (const std::uint32_t row : rows) list.push_back({row, static_cast<float>(score(row))});
  std::ranges::stable_sort(list, [](const Scored& a, const Scored& b) { return a.score > b.score; });
  list.resize(std::min(top, list.size()));
  return list;
}

TEST(Recommender, NamesTheUsersForAnItem) {
  for (const std::size_t rank : {0U, 5U}) {
    const Model model = random_model(60, 25, rank, 3, 0.1);
    const Recommender recommender(model);
    std::vector<std::uint32_t> items(25);
    std::iota(items.begin(), items.end(), 0);
    items.push_back(Vocabulary::kUnknown);
    const std::vector<std::uint32_t> only{3, 1, 59, 7, 12, 400};
    for (const bool include_seen : {false, true}) {
      for (const bool among_few : {false, true}) {
        for (const std::uint32_t min_count : {0U, 3U}) {
          RecommendUsersOptions options{.top = 8, .include_seen = include_seen, .excluded = {7, 20}, .min_count = min_count};
          if (among_few) options.users = only;
          options.excluded_for = [](std::size_t position, std::vector<std::uint32_t>& users) {
            users = {static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position) + 2};
          };
          Lists expected;
          for (std::size_t position = 0; position < items.size(); ++position) {
            const std::uint32_t item = items[position];
            std::vector<std::uint32_t> users;
            for (std::uint32_t user = 0; user < 60 && model.items.knows(item); ++user) {
              const std::vector<std::uint32_t> seen = model.history.items_of(user);
              const bool listed = model.users.knows(user) && model.users.counts[user] >= min_count && user != 7 && user != 20 &&
                                  user != position && user != position + 2 && (!among_few || std::ranges::count(only, user) > 0) &&
                                  (include_seen || !std::ranges::binary_search(seen, item));
              if (listed) users.push_back(user);
            }
            expected.push_back(best_of(users, 8, [&](std::uint32_t user) { return score(model, user, item); }));
          }
          for (const int threads : {1, 3}) {
            options.threads = threads;
            EXPECT_EQ(lists_of([&](const auto& consume) { recommender.recommend_users(items, options, consume); }), expected);
          }
          EXPECT_EQ(lists_of([&](const auto& consume) { recommend_users(model, std::vector{items[4]}, {}, consume); }),
                    lists_of([&](const auto& consume) { recommender.recommend_users(std::vector{items[4]}, {}, consume); }));
        }
      }
    }
  }
}

TEST(Recommender, SimilarRowsAmongSomeAndWithoutOthers) {
  const Model model = random_model(30, 40, 5, 3);
  const Recommender recommender(model);
  std::vector<std::uint32_t> queries(40);
  std::iota(queries.begin(), queries.end(), 0);
  const std::vector<std::uint32_t> only{3, 1, 39, 7, 12, 400, 8};
  for (const Similarity by : {Similarity::cosine, Similarity::dot}) {
    Lists all = lists_of([&](const auto& consume) { recommender.similar_items(queries, {.top = 40, .by = by}, consume); });
    for (std::size_t position = 0; position < all.size(); ++position) {
      std::erase_if(all[position], [&](const Scored& item) {
        return std::ranges::count(only, item.index) == 0 || item.index == 7 || item.index == position + 1;
      });
    }
    const auto own = [](std::size_t position, std::vector<std::uint32_t>& rows) { rows = {static_cast<std::uint32_t>(position) + 1}; };
    const SimilarOptions options{.top = 40, .by = by, .rows = only, .excluded = {7}, .excluded_for = own};
    EXPECT_EQ(lists_of([&](const auto& consume) { recommender.similar_items(queries, options, consume); }), all);
  }
}

TEST(Recommender, NamesEveryUnknownIdOnce) {
  const Model model = random_model(30, 25, 5, 3);
  try {
    static_cast<void>(Recommender(model).users_of(std::vector<std::string>{"b", "user 3", "a", "b"}));
    FAIL();
  } catch (const UnknownIdError& error) {
    EXPECT_STREQ(error.what(), "the model does not know users \"b\", \"a\"");
  }
}

TEST(Recommender, SolvesNewRowsAsTheFunctionsDo) {
  Model model = random_model(30, 25, 5, 3);
  const std::vector<FoldIn> kinds{model.fold_in,
                                  WeightedLeastSquares{.users = {.l2 = 0.3}, .items = {.l2 = 0.2}, .unobserved_weight = 0.1}};
  for (const FoldIn& kind : kinds) {
    model.fold_in = kind;
    const Recommender recommender(model);
    const std::vector<std::uint32_t> others{11, 3, 400, 7};
    for (const std::vector<float>& values : {std::vector<float>{1, 2, 3, 4}, std::vector<float>{4, 1, 1, 1}}) {
      const FoldedRow user = recommender.fold_in_user(others, values);
      EXPECT_EQ(user.factors, fold_in_user(model, others, values).factors);
      EXPECT_EQ(user.bias, fold_in_user(model, others, values).bias);
      const FoldedRow item = recommender.fold_in_item(others, values);
      EXPECT_EQ(item.factors, fold_in_item(model, others, values).factors);
      EXPECT_EQ(item.bias, fold_in_item(model, others, values).bias);
    }
  }
}

TEST(Recommender, PredictsAsPredictPairs) {
  const Model model = random_model(30, 25, 5, 3);
  const std::vector<std::uint32_t> users{0, 29, 31, 5};
  const std::vector<std::uint32_t> items{3, 24, 2, 60};
  std::vector<double> scores(4);
  Recommender(model).predict(users, items, scores);
  for (std::size_t n = 0; n < 4; ++n) EXPECT_EQ(scores[n], predict(model, users[n], items[n]));
}

TEST(Recommender, FindsIdsAndNamesUnknownOnes) {
  Model model = random_model(30, 25, 5, 3);
  model.users.counts[4] = 0;
  model.items.counts[2] = 0;
  const Recommender recommender(model);
  const std::vector<std::string> known{std::string(model.users.ids.id(3)), std::string(model.users.ids.id(0))};
  EXPECT_EQ(recommender.users_of(known), (std::vector<std::uint32_t>{3, 0}));
  EXPECT_FALSE(std::ranges::binary_search(recommender.known_users(), 4U));
  EXPECT_FALSE(std::ranges::binary_search(recommender.known_items(), 2U));
  const std::vector<std::string> mixed{known[0], "nobody", std::string(model.users.ids.id(4))};
  EXPECT_EQ(recommender.users_of(mixed, UnknownIds::popular), (std::vector<std::uint32_t>{3, Vocabulary::kUnknown, 4}));
  const auto refusal = [&](const std::vector<std::string>& ids) {
    try {
      static_cast<void>(recommender.users_of(ids));
    } catch (const UnknownIdError& error) {
      return std::string(error.what());
    }
    return std::string("found");
  };
  EXPECT_EQ(refusal(mixed), "the model does not know users \"nobody\", \"" + mixed[2] + "\"");
  EXPECT_EQ(refusal({"x"}), "the model does not know user \"x\"");
  std::vector<std::string> many;
  for (int n = 0; n < 12; ++n) many.push_back("y" + std::to_string(n));
  EXPECT_EQ(refusal(many).substr(0, 35), "the model does not know users \"y0\",");
  EXPECT_TRUE(refusal(many).ends_with("\"y9\" and 2 more"));
  EXPECT_THROW(static_cast<void>(recommender.items_of(std::vector<std::string>{std::string(model.items.ids.id(2))})), UnknownIdError);
  EXPECT_EQ(parse_unknown_ids("popular"), UnknownIds::popular);
  EXPECT_EQ(parse_unknown_ids("error"), UnknownIds::refused);
  EXPECT_THROW(parse_unknown_ids("maybe"), OptionError);
}

TEST(Recommender, IsAskedFromManyThreads) {
  const Model model = random_model(30, 25, 5, 3);
  const Recommender recommender(model);
  const std::vector<std::uint32_t> queries{0, 5, 40};
  const auto ask = [&] {
    Lists all = lists_of([&](const auto& consume) { recommender.similar_items(queries, {.top = 5, .threads = 1}, consume); });
    const Lists more = lists_of([&](const auto& consume) { recommender.recommend(queries, {.top = 5, .threads = 1}, consume); });
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  std::vector<Lists> answers(4);
  std::vector<std::thread> threads;
  for (Lists& answer : answers) threads.emplace_back([&] { answer = ask(); });
  for (std::thread& thread : threads) thread.join();
  for (const Lists& answer : answers) EXPECT_EQ(answer, ask());
}

}  // namespace
}  // namespace lowrank::recommender_test
