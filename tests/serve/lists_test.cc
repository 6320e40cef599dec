#include "serve/lists.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lowrank/model/model_file.h"
#include "lowrank/recommend/fold_in.h"
#include "lowrank/train/context_als.h"
#include "lowrank/train/train.h"
#include "serve/service_fixture.h"

namespace lowrank::serve::lists_test {
namespace {

using testing_service::ids_of;
using testing_service::Json;
using testing_service::Served;

/// The list of a user by a loop of its own: fold-in of what the store has now, and the score of every item.
std::vector<std::pair<std::string, double>> expected_list(Served& served, const std::string& user) {
  const auto serving = served.service->serving();
  const Model& model = serving->model();
  std::vector<std::uint32_t> items;
  std::vector<float> values;
  std::set<std::string> seen;
  const auto ratings = served.store->ratings_of(user);
  for (const StoredRating& rating : *ratings) {
    seen.insert(rating.item);
    const std::uint32_t item = model.items.ids.find(rating.item);
    if (!model.items.knows(item)) continue;
    items.push_back(item);
    values.push_back(rating.value);
  }
  const FoldedRow row = fold_in_user(model, items, values);
  std::vector<std::pair<std::string, double>> scores;
  for (std::uint32_t item = 0; item < model.items.size(); ++item) {
    const std::string id(model.items.ids.id(item));
    if (!model.items.knows(item) || seen.contains(id)) continue;
    double score = model.centre.mean + static_cast<double>(row.bias) + static_cast<double>(model.items.biases[item]);
    for (std::size_t k = 0; k < model.rank(); ++k)
      score += static_cast<double>(row.factors[k]) * static_cast<double>(model.items.factors.row(item)[k]);
    scores.emplace_back(id, score);
  }
  std::ranges::stable_sort(scores, [](const auto& a, const auto& b) { return a.second > b.second; });
  return scores;
}

void expect_list(Served& served, const std::string& user) {
  const auto expected = expected_list(served, user);
  const Json list = served.json("/v1/users/" + user + "/recommendations?limit=1000");
  ASSERT_EQ(list["items"].size(), expected.size()) << user;
  for (std::size_t n = 0; n < expected.size(); ++n) {
    EXPECT_NEAR(list["items"][n]["score"].get<double>(), expected[n].second, 1e-4) << user << " at " << n;
  }
  EXPECT_EQ(list["source"], "personal");
}

TEST(Lists, AreThoseOfAnIndependentLoop) {
  for (const char* method : {"als", "sgd", "implicit", "nmf"}) {
    Served served({}, method);
    for (const char* user : {"u0", "u7", "u59"}) expect_list(served, user);
  }
}

TEST(Lists, CountARatingFromTheNextRequestOn) {
  Served served;
  const Json before = served.json("/v1/users/u3/recommendations?limit=40");
  const std::string best = ids_of(before).front();
  const auto start = std::chrono::steady_clock::now();
  served.json("PUT", "/v1/users/u3/ratings/" + best, R"({"value":1})");
  const Json after = served.json("/v1/users/u3/recommendations?limit=40");
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto ids = ids_of(after);
  EXPECT_EQ(std::ranges::find(ids, best), ids.end()) << "a rated item is seen";
  EXPECT_NE(before["items"][1]["score"], after["items"][0]["score"]) << "the rating changes the scores of the others";
  expect_list(served, "u3");
  served.json("DELETE", "/v1/users/u3/ratings/" + best);
  EXPECT_EQ(served.json("/v1/users/u3/recommendations?limit=40")["items"], before["items"]) << "taking it back gives the list of before";
  RecordProperty("put_and_get_ms", std::to_string(1000 * seconds));
}

TEST(Lists, OfOneRequestAndOfManyAreTheSame) {
  Served served;
  Json requests = Json::array();
  for (int user = 0; user < 60; ++user) requests.push_back({{"user", "u" + std::to_string(user)}, {"limit", 7}});
  requests.push_back({{"ratings", {{{"item", "i1"}, {"value", 5}}}}, {"filter", {{"categories", {"odd"}}}}});
  const Json answers = served.json("POST", "/v1/recommend", Json{{"requests", requests}}.dump())["answers"];
  ASSERT_EQ(answers.size(), requests.size());
  for (std::size_t n = 0; n < requests.size(); ++n) {
    EXPECT_EQ(answers[n]["items"], served.json("POST", "/v1/recommend", requests[n].dump())["items"]) << n;
  }
  EXPECT_EQ(answers[5]["items"], served.json("/v1/users/u5/recommendations?limit=7")["items"]);
}

TEST(Lists, OfRatingsThatAreStoredNowhereAreThoseOfAUserWhoHasThem) {
  Served served;
  const auto stored = served.store->ratings_of("u8");
  Json ratings = Json::array();
  for (const StoredRating& rating : *stored) ratings.push_back({{"item", rating.item}, {"value", rating.value}});
  const Json anonymous = served.json("POST", "/v1/recommend", Json{{"ratings", ratings}, {"limit", 20}}.dump());
  EXPECT_EQ(anonymous["items"], served.json("/v1/users/u8/recommendations?limit=20")["items"]);
  EXPECT_FALSE(anonymous.contains("user"));
  EXPECT_EQ(served.store->counts().users, 60U);
}

TEST(Lists, ReasonsAddUpToTheScore) {
  for (const char* method : {"als", "sgd", "implicit"}) {
    Served served({}, method);
    const Json list = served.json("/v1/users/u11/recommendations?explain=3&limit=20");
    ASSERT_FALSE(list["items"].empty());
    for (const Json& item : list["items"]) {
      ASSERT_EQ(item["reasons_kind"], "sum") << method;
      double sum = item["base"].get<double>() + item["others"].get<double>();
      EXPECT_LE(item["reasons"].size(), 3U);
      for (const Json& reason : item["reasons"]) sum += reason["amount"].get<double>();
      EXPECT_NEAR(sum, item["score"].get<double>(), 2e-4) << method;
    }
  }
}

TEST(Lists, ClimbDownTheLadder) {
  Served served;
  EXPECT_EQ(served.json("/v1/users/u1/recommendations")["source"], "personal");
  const Json similar = served.json("/v1/users/nobody/recommendations?item=i4");
  EXPECT_EQ(similar["source"], "similar");
  EXPECT_EQ(ids_of(similar), ids_of(served.json("/v1/items/i4/similar")));
  const Json popular = served.json("/v1/users/nobody/recommendations");
  EXPECT_EQ(popular["source"], "popular");
  EXPECT_EQ(popular["items"], served.json("/v1/popular")["items"]);
  for (std::size_t n = 1; n < popular["items"].size(); ++n) EXPECT_GE(popular["items"][n - 1]["score"], popular["items"][n]["score"]);
  // A user with ratings of items alone that the model does not know.
  served.json("PUT", "/v1/users/new/ratings/unheard", R"({"value":5})");
  EXPECT_EQ(served.json("/v1/users/new/recommendations")["source"], "popular");
  served.json("PUT", "/v1/users/new/ratings/i2", R"({"value":5})");
  EXPECT_EQ(served.json("/v1/users/new/recommendations")["source"], "personal");
}

TEST(Lists, ArePopularWithoutAModel) {
  Served served({}, "als", false);
  const Json list = served.json("/v1/users/u1/recommendations");
  EXPECT_EQ(list["source"], "popular");
  EXPECT_FALSE(list.contains("model"));
  EXPECT_EQ(list["items"].size(), 10U);
  EXPECT_EQ(served.get("/readyz").status, 503U);
  served.train();
  EXPECT_EQ(served.json("/v1/users/u1/recommendations")["source"], "personal");
  EXPECT_EQ(served.get("/readyz").status, 200U);
}

TEST(Lists, PopularItemsSinceATime) {
  Served served;
  served.json("PUT", "/v1/users/late/ratings/i39", R"({"value":3,"time":1900000000})");
  const Json list = served.json("/v1/popular?since=1800000000");
  EXPECT_EQ(ids_of(list), std::vector<std::string>{"i39"});
  EXPECT_EQ(list["items"][0]["score"], 1);
}

TEST(Lists, PagesAreTheWholeListInPieces) {
  Served served;
  const auto whole = ids_of(served.json("/v1/users/u2/recommendations?limit=1000"));
  std::vector<std::string> pages;
  std::string cursor;
  do {
    const Json page = served.json("/v1/users/u2/recommendations?limit=4" + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const std::string& id : ids_of(page)) pages.push_back(id);
    cursor = page.value("cursor", "");
  } while (!cursor.empty());
  EXPECT_EQ(pages, whole);
}

TEST(Lists, ACursorOfAnotherStateIsStale) {
  Served served;
  const auto cursor = [&](const std::string& query) {
    return served.json("/v1/users/u2/recommendations?limit=4" + query)["cursor"].get<std::string>();
  };
  const auto status = [&](const std::string& query) { return served.get("/v1/users/u2/recommendations?limit=4" + query).status; };
  const std::string first = cursor("");
  EXPECT_EQ(status("&cursor=" + first), 200U);
  EXPECT_EQ(status("&cursor=" + first + "&category=odd"), 409U) << "another filter";
  served.json("PUT", "/v1/users/u9/ratings/i1", R"({"value":4})");
  EXPECT_EQ(status("&cursor=" + first), 200U) << "another user's rating does not count";
  served.json("PUT", "/v1/users/u2/ratings/i1", R"({"value":4})");
  EXPECT_EQ(status("&cursor=" + first), 409U) << "a rating";
  const std::string second = cursor("");
  served.json("PATCH", "/v1/items/i30", R"({"available":false})");
  EXPECT_EQ(status("&cursor=" + second), 409U) << "an item";
  const std::string third = cursor("");
  served.train();
  EXPECT_EQ(status("&cursor=" + third), 409U) << "a model";
  EXPECT_EQ(status("&cursor=junk"), 400U);
  EXPECT_EQ(status("&cursor=12-"), 400U);
}

TEST(Lists, ATagHoldsWhileTheListDoes) {
  Served served;
  const std::string target = "/v1/users/u2/recommendations?limit=4";
  const auto tag = [&] { return std::string(served.get(target).field("ETag").value()); };
  const auto status = [&](const std::string& known) { return served.get(target, {{"if-none-match", known}}).status; };
  const std::string first = tag();
  EXPECT_EQ(status(first), 304U);
  EXPECT_TRUE(served.get(target, {{"if-none-match", first}}).body.empty());
  EXPECT_EQ(status("\"other\""), 200U);
  served.json("PUT", "/v1/users/u2/ratings/i1", R"({"value":4})");
  EXPECT_EQ(status(first), 200U);
  const std::string second = tag();
  served.json("PATCH", "/v1/items/i3", R"({"title":"Another"})");
  EXPECT_EQ(status(second), 200U) << "titles are part of a list";
}

TEST(Lists, HoldTheirFilters) {
  Served served;
  const auto number = [](const std::string& id) { return std::stoi(id.substr(1)); };
  for (const std::string& id : ids_of(served.json("/v1/users/u4/recommendations?limit=1000&category=odd"))) EXPECT_EQ(number(id) % 2, 1);
  std::set<std::string> either;
  for (const std::string& id : ids_of(served.json("/v1/users/u4/recommendations?limit=1000&category=odd&category=fifth"))) {
    EXPECT_TRUE(number(id) % 2 == 1 || number(id) % 5 == 0);
    either.insert(id);
  }
  EXPECT_GT(either.size(), ids_of(served.json("/v1/users/u4/recommendations?limit=1000&category=odd")).size());
  EXPECT_TRUE(ids_of(served.json("/v1/users/u4/recommendations?category=none")).empty());
  const auto all = ids_of(served.json("/v1/users/u4/recommendations?limit=1000"));
  const auto less = ids_of(served.json("/v1/users/u4/recommendations?limit=1000&exclude=" + all[0] + "&exclude=" + all[2]));
  EXPECT_EQ(less.size() + 2, all.size());
  EXPECT_EQ(less[0], all[1]);
  EXPECT_EQ(less[1], all[3]);
  served.json("PATCH", "/v1/items/" + all[0], R"({"available":false})");
  EXPECT_EQ(ids_of(served.json("/v1/users/u4/recommendations")).front(), all[1]);
  served.json("PATCH", "/v1/items/" + all[0], R"({"available":true})");
  EXPECT_EQ(ids_of(served.json("/v1/users/u4/recommendations")).front(), all[0]);
  served.json("DELETE", "/v1/items/" + all[0]);
  EXPECT_EQ(ids_of(served.json("/v1/users/u4/recommendations")).front(), all[1]);
  const Json named =
      served.json("POST", "/v1/recommend", Json{{"user", "u4"}, {"filter", {{"items", {all[3], all[1], "unheard"}}}}}.dump());
  EXPECT_EQ(ids_of(named), (std::vector<std::string>{all[1], all[3]}));
  const Json seen = served.json("/v1/users/u4/recommendations?limit=1000&include_seen=true");
  EXPECT_GT(seen["items"].size(), all.size());
  EXPECT_TRUE(ids_of(served.json("/v1/users/u4/recommendations?min_count=1000")).empty());
}

TEST(Lists, OfModelsWithNeighboursAreThoseOfTheRecommender) {
  Served served({}, "neighbours");
  const auto serving = served.service->serving();
  const Model& model = serving->model();
  std::vector<std::uint32_t> items;
  std::vector<float> values;
  const auto ratings = served.store->ratings_of("u6");
  for (const StoredRating& rating : *ratings) {
    items.push_back(model.items.ids.find(rating.item));
    values.push_back(rating.value);
  }
  std::vector<std::uint32_t> seen = items;
  std::ranges::sort(seen);
  const Recommender recommender(model);
  const auto expected = recommender.recommend(recommender.fold_in_user(items, values), seen, {.top = 10});
  const Json list = served.json("/v1/users/u6/recommendations");
  ASSERT_EQ(list["items"].size(), expected.size());
  for (std::size_t n = 0; n < expected.size(); ++n) EXPECT_EQ(list["items"][n]["item"], model.items.ids.id(expected[n].index));
}

TEST(Lists, SwapUnderLoadWithoutALostRequest) {
  Served served;
  std::atomic<bool> ends{false};
  std::atomic<int> wrong{0};
  std::atomic<int> asked{0};
  std::vector<std::thread> clients;
  for (int client = 0; client < 2; ++client) {
    clients.emplace_back([&, client] {
      for (int n = 0; !ends; ++n) {
        const std::string user = "u" + std::to_string((n * 7 + client) % 60);
        const Response response = n % 5 == 0
                                      ? served.ask("PUT", "/v1/users/" + user + "/ratings/i" + std::to_string(n % 40), R"({"value":4})")
                                      : served.get("/v1/users/" + user + "/recommendations");
        if (response.status != 200) ++wrong;
        ++asked;
      }
    });
  }
  for (int swap = 0; swap < 20; ++swap) served.train();
  ends = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(asked, 20);
  EXPECT_EQ(served.service->serving()->id(), 21);
}

TEST(Lists, PopularItemsFollowEveryWrite) {
  Served served({}, "als", false);
  const auto expect_in_order = [&served] {
    std::vector<std::string> rated;
    const Json items = served.json("/v1/items?limit=1000");
    for (const Json& item : items["items"]) {
      if (item["ratings"] != 0) rated.push_back(item["item"]);
    }
    EXPECT_EQ(ids_of(served.json("/v1/popular?limit=1000")), rated);
  };
  expect_in_order();
  for (int user = 0; user < 40; ++user)
    served.json("PUT", "/v1/users/new" + std::to_string(user) + "/ratings/i" + std::to_string(user % 7), R"({"value":4})");
  served.json("PUT", "/v1/users/new0/ratings/fresh", R"({"value":4})");
  expect_in_order();
  served.json("PUT", "/v1/users/new0/ratings/i0", R"({"value":1})");
  served.json("DELETE", "/v1/users/new1/ratings/i1");
  served.json("DELETE", "/v1/users/new2");
  served.json("DELETE", "/v1/items/i3");
  expect_in_order();
  EXPECT_EQ(ids_of(served.json("/v1/popular?limit=1000")).size(), 40U) << "40 items, one more and one less";
}

TEST(Lists, TakeInItemsThatCameAfterTheTraining) {
  Served served;
  const std::string target = "/v1/users/u0/recommendations?limit=1000";
  for (int user = 1; user < 12; ++user) served.json("PUT", "/v1/users/u" + std::to_string(user) + "/ratings/fresh", R"({"value":5})");
  const auto before = ids_of(served.json(target));
  EXPECT_EQ(std::ranges::find(before, "fresh"), before.end());
  const Json old = served.json(target);
  EXPECT_EQ(served.service->add_new_items(), 1U);
  const Json list = served.json(target);
  const auto after = ids_of(list);
  EXPECT_NE(std::ranges::find(after, "fresh"), after.end());
  EXPECT_EQ(after.size(), before.size() + 1);
  // Nothing else has moved: the other items have the scores that they had.
  for (const Json& item : old["items"]) {
    const auto same = std::ranges::find_if(list["items"], [&](const Json& own) { return own["item"] == item["item"]; });
    ASSERT_NE(same, list["items"].end());
    EXPECT_NEAR((*same)["score"].get<double>(), item["score"].get<double>(), 1e-5);
  }
  EXPECT_EQ(served.service->add_new_items(), 0U);
  EXPECT_EQ(list["model"], 1);
}

/// A model of a context that turns all tastes around: odd items are liked when calm, even ones when gay.
void save_moody_model(const std::string& path) {
  TrainInput input;
  input.data.situations.columns.resize(1);
  ContextColumn& mood = input.data.situations.columns.front();
  mood.name = "mood";
  mood.levels.add("calm");
  mood.levels.add("gay");
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < 30; ++user) {
    input.data.users.add("u" + std::to_string(user));
    for (std::uint32_t item = 0; item < 12; ++item) {
      if (user == 0) input.data.items.add("i" + std::to_string(item));
      for (std::uint16_t level = 0; level < 2; ++level) {
        if ((user * 7 + item * 3 + level) % 4 == 0) continue;
        const float value = (item + level) % 2 == 1 ? 4.0F : 2.0F;
        builder.add_in_situation(user, item, value, input.data.situations.number(std::vector<std::uint16_t>{level}));
      }
    }
  }
  input.data.ratings = builder.build(30, 12);
  ContextAls options;
  options.rank = 4;
  options.prior_ratings = 0;
  options.context_regularization = 0.01;
  save_model(train(std::move(input), options).model, path);
}

TEST(Lists, AreMadeForAContext) {
  Served served({}, "als", false);
  const std::string path = served.folder.state() + ".mood.safetensors";
  save_moody_model(path);
  served.service->jobs().adopt(path);
  const auto odd_items = [](const Json& list) {
    int odd = 0;
    for (const std::string& id : ids_of(list)) odd += std::stoi(id.substr(1)) % 2;
    return odd;
  };
  // A user whose ratings say nothing of odd and even.
  for (const char* item : {"i0", "i1", "i2", "i3", "i4", "i5"}) {
    served.json("PUT", std::string("/v1/users/fresh/ratings/") + item, R"({"value":3})");
  }
  const std::string target = "/v1/users/fresh/recommendations?limit=6&include_seen=true";
  const Json calm = served.json(target + "&context=mood%3Dcalm");
  EXPECT_EQ(odd_items(calm), 6);
  EXPECT_EQ(odd_items(served.json(target + "&context=mood%3Dgay")), 0);
  EXPECT_EQ(served.json(target + "&context=mood%3Dcalm"), calm);
  const Json both = served.json("POST", "/v1/recommend",
                                R"({"requests":[{"user":"fresh","limit":6,"include_seen":true,"context":{"mood":"calm"}},)"
                                R"({"user":"fresh","limit":6,"include_seen":true,"context":{"mood":"gay"}}]})");
  EXPECT_EQ(both["answers"][0]["items"], calm["items"]);
  EXPECT_EQ(odd_items(both["answers"][1]), 0);
  const auto score = [&](const char* context) {
    return served.json("POST", "/v1/predict", std::string(R"({"pairs":[{"user":"fresh","item":"i1"}])") + context + "}");
  };
  EXPECT_GT(score(R"(,"context":{"mood":"calm"})")["predictions"][0]["score"], 3.4);
  EXPECT_LT(score(R"(,"context":{"mood":"gay"})")["predictions"][0]["score"], 2.6);
  const Json explained = served.json(target + "&context=mood%3Dcalm&explain=100")["items"][0];
  double sum = explained["base"].get<double>() + explained["others"].get<double>();
  for (const Json& reason : explained["reasons"]) sum += reason["amount"].get<double>();
  EXPECT_NEAR(sum, explained["score"].get<double>(), 1e-4);
  // What is not known adds nothing, and is said.
  const Json unknown = served.json(target + "&context=mood%3Dsad");
  EXPECT_EQ(unknown["items"], served.json(target)["items"]);
  EXPECT_EQ(unknown["warning"], R"("sad" is no level of mood, and adds nothing: there are "calm", "gay")");
  EXPECT_EQ(score(R"(,"context":{"mood":"sad"})")["warning"], unknown["warning"]);
  EXPECT_FALSE(calm.contains("warning"));
  EXPECT_EQ(served.get(target + "&context=weather%3Drain").status, 422U);
  EXPECT_EQ(served.get(target + "&context=mood").status, 400U);
  EXPECT_EQ(served.get(target + "&context=mood%3Dcalm&context=mood%3Dgay").status, 422U);
  // A user whose ratings change is solved anew in every context.
  served.json("PUT", "/v1/users/fresh/ratings/i1", R"({"value":1})");
  EXPECT_NE(served.json(target + "&context=mood%3Dcalm")["items"], calm["items"]);
}

TEST(Lists, FiguresAddUp) {
  Served served;
  const std::vector<ListQuery> queries{{.user = "u1"}};
  ListRoom room;
  ListFigures figures{.personal = 5, .fold_in_seconds = 1000, .rank_seconds = 2000, .write_seconds = 3000};
  make_lists(served.service->serving(), served.service->catalogue(), 1, queries, room, figures);
  EXPECT_EQ(figures.personal, 6U);
  EXPECT_GE(figures.fold_in_seconds, 1000);
  EXPECT_GE(figures.rank_seconds, 2000);
  EXPECT_GE(figures.write_seconds, 3000);
}

}  // namespace
}  // namespace lowrank::serve::lists_test
