#include "serve/item_features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "serve/service_fixture.h"

namespace lowrank::serve::item_features_test {
namespace {

using testing_service::ids_of;
using testing_service::Json;
using testing_service::Served;
using namespace std::chrono_literals;

ItemTexts texts(std::vector<std::string> categories, const std::string& metadata) {
  return texts_of({.id = "a", .categories = std::move(categories), .metadata = metadata});
}

TEST(ItemFeatures, TextsOfAnItem) {
  EXPECT_EQ(texts({}, ""), ItemTexts());
  EXPECT_EQ(texts({"War", "Comedy"}, ""), (ItemTexts{{"category", "Comedy|War"}}));
  EXPECT_EQ(texts({"a|b\n"}, ""), (ItemTexts{{"category", "a/b"}}));
  EXPECT_EQ(texts({" ", " a"}, R"({"x":" y ","z":"\t"})"), (ItemTexts{{"category", "a"}, {"x", "y"}}));
  EXPECT_EQ(texts({}, R"({"year":1999,"price":7.5,"new":true,"old":false,"by":"Ann","cast":["Bob","A|C"],"gone":null,"empty":[],"":1,
                          "mixed":["a",1],"deep":{"a":1},"item":"x","category":"y","a,b":1," blank":1,"inner blank":2})"),
            (ItemTexts{
                {"year", "1999"}, {"price", "7.5"}, {"new", "1"}, {"old", "0"}, {"by", "Ann"}, {"cast", "Bob|A/C"}, {"inner blank", "2"}}));
  EXPECT_EQ(texts({std::string(kMostWordBytes, 'a'), std::string(kMostWordBytes + 1, 'b')},
                  R"({"x":")" + std::string(kMostWordBytes + 1, 'c') + "\"}"),
            (ItemTexts{{"category", std::string(kMostWordBytes, 'a')}}))
      << "prose";
  EXPECT_EQ(texts({}, "[1]"), ItemTexts());
}

TEST(ItemFeatures, TheTableHasTheMembersThatMostItemsHave) {
  std::vector<ItemFacts> items;
  for (std::size_t item = 0; item < 2 * kMostMembers; ++item) {
    items.push_back({.id = "i" + std::to_string(item), .categories = {}, .metadata = R"({"each":1,"own)" + std::to_string(item) + "\":1}"});
  }
  items.push_back({.id = "nothing", .categories = {}, .metadata = ""});
  const ItemTable table = item_table(items);
  EXPECT_EQ(table.names.size(), 2 + kMostMembers);
  EXPECT_EQ(table.names[0], "item");
  EXPECT_EQ(table.names[1], "category");
  EXPECT_EQ(table.names[2], "each");
  EXPECT_TRUE(std::is_sorted(table.names.begin() + 2, table.names.end()));
  EXPECT_EQ(table.rows(), 2 * kMostMembers) << "an item of which nothing is known has no row";
}

/// A service whose even users like even items, and odd ones odd items, trained with features.
struct Shop : Served {
  explicit Shop(const std::string& method = "als", bool item_features = true) : Served({}, method, false) {
    Json ratings = Json::array();
    for (std::uint64_t user = 0; user < 60; ++user) {
      for (std::uint64_t item = 0; item < 40; ++item) {
        if (testing_store::Sequence::mixed(user * 1000 + item) % 3 != 0) continue;
        ratings.push_back(
            {{"user", "u" + std::to_string(user)}, {"item", "i" + std::to_string(item)}, {"value", user % 2 == item % 2 ? 5 : 1}});
      }
    }
    json("POST", "/v1/ratings", ratings.dump());
    json("PUT", "/v1/items/unrated", R"({"categories":["even"]})");
    learn(Json{{"item_features", item_features}});
  }
  void learn(const Json& request) {
    const auto& jobs = service->jobs();
    const std::uint64_t id = service->jobs().start(read_train_request(request.dump(), jobs.options().request));
    jobs.wait();
    EXPECT_EQ(jobs.job(id)->error, "");
  }
  /// The place of every item in a user's list.
  std::map<std::string, std::size_t> places(const std::string& user) {
    std::map<std::string, std::size_t> places;
    for (const std::string& id : ids_of(json("/v1/users/" + user + "/recommendations?limit=1000"))) places.emplace(id, places.size());
    return places;
  }
  std::map<std::string, double> scores(const std::string& user) {
    std::map<std::string, double> scores;
    const Json list = json("/v1/users/" + user + "/recommendations?limit=1000");
    for (const Json& item : list["items"]) scores.emplace(item["item"].get<std::string>(), item["score"].get<double>());
    return scores;
  }
};

TEST(ItemFeatures, ItemsThatComeStandByTheirCategory) {
  for (const char* method : {"als", "implicit"}) {
    Shop shop(method);
    EXPECT_TRUE(shop.places("u0").contains("unrated")) << "known at training";
    EXPECT_EQ(shop.service->add_new_items(), 0U) << "training has placed it";
    const auto before = shop.scores("u0");
    shop.json("PUT", "/v1/items/cold-even", R"({"categories":["even"]})");
    shop.json("POST", "/v1/items", R"([{"item":"cold-odd","categories":["odd","unheard"],"metadata":{"year":"never"}}])");
    EXPECT_EQ(shop.service->add_new_items(), 2U);
    EXPECT_EQ(shop.service->add_new_items(), 0U);
    auto even = shop.places("u0");
    auto odd = shop.places("u1");
    ASSERT_TRUE(even.contains("cold-even") && even.contains("cold-odd") && odd.contains("cold-even") && odd.contains("cold-odd"));
    if (std::string(method) == "als") {
      EXPECT_LT(even["cold-even"], even["cold-odd"]);
      EXPECT_LT(odd["cold-odd"], odd["cold-even"]);
    }
    const auto after = shop.scores("u0");
    // In `implicit` the regularization of a user counts the items.
    const double most = std::string(method) == "als" ? 1e-5 : 5e-3;
    for (const auto& [item, score] : before) EXPECT_NEAR(after.at(item), score, most) << item;
    EXPECT_NEAR(after.at("cold-even"), after.at("unrated"), 1e-6) << "equal features, equal places";
    EXPECT_EQ(shop.service->serving()->id(), 1);
    EXPECT_TRUE(shop.json("/v1/items/cold-even")["in_model"]);
  }
}

/// The field of a model's features of items.
const FeatureField& field_of(const Model& model, const std::string& name) {
  const auto& fields = model.items.features->description.fields;
  return *std::ranges::find(fields, name, &FeatureField::name);
}

TEST(ItemFeatures, ListsOfWordsWhereTrainingHadOneWordEach) {
  Shop shop;
  Json items = Json::array();
  for (int item = 0; item < 40; ++item) {
    items.push_back({{"item", "i" + std::to_string(item)}, {"categories", Json::array({item % 2 == 0 ? "even" : "odd"})}});
  }
  shop.json("POST", "/v1/items", items.dump());
  shop.learn({{"item_features", true}});
  ASSERT_EQ(field_of(shop.service->serving()->model(), "category").separator, '\0');
  shop.json("PUT", "/v1/items/both", R"({"categories":["odd","even"]})");
  EXPECT_EQ(shop.service->add_new_items(), 1U);
  auto scores = shop.scores("u0");
  ASSERT_TRUE(scores.contains("both"));
  EXPECT_LT(scores["both"], scores["unrated"]);
}

TEST(ItemFeatures, AnItemThatChangesMoves) {
  Shop shop;
  shop.json("PUT", "/v1/items/cold", R"({"categories":["even"]})");
  EXPECT_EQ(shop.service->add_new_items(), 1U);
  const double liked = shop.scores("u0").at("cold");
  shop.json("PATCH", "/v1/items/cold", R"({"categories":["odd"]})");
  EXPECT_EQ(shop.service->add_new_items(), 1U);
  EXPECT_LT(shop.scores("u0").at("cold"), liked - 0.5);
  shop.json("PATCH", "/v1/items/cold", R"({"title":"Another"})");
  EXPECT_EQ(shop.service->add_new_items(), 0U);
  shop.json("PATCH", "/v1/items/cold", R"({"categories":["unheard"]})");
  EXPECT_EQ(shop.service->add_new_items(), 1U) << "of an unknown word nothing is known";
  EXPECT_FALSE(shop.scores("u0").contains("cold"));
  shop.json("PATCH", "/v1/items/cold", R"({"categories":["even"]})");
  EXPECT_EQ(shop.service->add_new_items(), 1U);
  EXPECT_NEAR(shop.scores("u0").at("cold"), liked, 1e-6);
  // Removed, it is gone; rated again, nothing is known of it.
  shop.json("DELETE", "/v1/items/cold");
  shop.json("PUT", "/v1/users/u3/ratings/cold", R"({"value":5})");
  EXPECT_EQ(shop.service->add_new_items(), 1U);
  EXPECT_FALSE(shop.scores("u0").contains("cold"));
  // One with ratings stays.
  const double rated = shop.scores("u0").begin()->second;
  shop.json("PATCH", "/v1/items/" + shop.scores("u0").begin()->first, R"({"categories":["odd","even"]})");
  EXPECT_EQ(shop.service->add_new_items(), 0U);
  EXPECT_EQ(shop.scores("u0").begin()->second, rated);
}

/// A service on the same store, as after a restart.
void restart(Served& served) {
  served.service.reset();
  ServiceOptions options;
  options.threads = 1;
  options.new_item_interval = std::chrono::hours(1);
  served.service = std::make_unique<Service>(*served.store, std::move(options), JobOptions{});
}

TEST(ItemFeatures, FeaturesThatAreGoneStayGoneAfterARestart) {
  Shop shop;
  shop.json("PUT", "/v1/items/removed", R"({"categories":["even"]})");
  shop.learn({{"item_features", true}});
  shop.json("PATCH", "/v1/items/unrated", R"({"categories":[]})");
  shop.json("DELETE", "/v1/items/removed");
  EXPECT_EQ(shop.service->add_new_items(), 2U);
  restart(shop);
  EXPECT_EQ(shop.service->add_new_items(), 2U);
  shop.json("PUT", "/v1/users/u3/ratings/removed", R"({"value":5})");
  EXPECT_FALSE(shop.scores("u0").contains("unrated"));
  EXPECT_FALSE(shop.scores("u0").contains("removed"));
}

TEST(ItemFeatures, ByFeaturesThenByRatings) {
  Shop shop;
  shop.json("PUT", "/v1/items/cold", R"({"categories":["even"]})");
  EXPECT_EQ(shop.service->add_new_items(), 1U);
  const double by_features = shop.scores("u0").at("cold");
  // Those who like even items dislike it: two ratings are not enough.
  shop.json("PUT", "/v1/users/u2/ratings/cold", R"({"value":1})");
  shop.json("PUT", "/v1/users/u4/ratings/cold", R"({"value":1})");
  EXPECT_EQ(shop.service->add_new_items(), 0U);
  shop.json("PUT", "/v1/users/u6/ratings/cold", R"({"value":1})");
  shop.json("PUT", "/v1/items/other", R"({"categories":["odd"]})");
  EXPECT_EQ(shop.service->add_new_items(), 2U) << "one by ratings, one by features, together";
  const double by_both = shop.scores("u0").at("cold");
  EXPECT_LT(by_both, by_features - 0.2);
  EXPECT_TRUE(shop.scores("u0").contains("other"));
  const Model& model = shop.service->serving()->model();
  EXPECT_EQ(model.items.counts[model.items.ids.find("cold")], 3U);
  // Without its category the same ratings place an item elsewhere.
  for (const char* user : {"u2", "u4", "u6"}) shop.json("PUT", std::string("/v1/users/") + user + "/ratings/bare", R"({"value":1})");
  EXPECT_EQ(shop.service->add_new_items(), 1U);
  EXPECT_LT(shop.scores("u0").at("bare"), by_both);
  // Neither do categories that come later.
  shop.json("PUT", "/v1/items/bare", R"({"categories":["even"]})");
  EXPECT_EQ(shop.service->add_new_items(), 0U);
  // What it was known by is gone when its ratings come.
  shop.json("PUT", "/v1/items/gone", R"({"categories":["even"]})");
  EXPECT_EQ(shop.service->add_new_items(), 1U);
  shop.json("PATCH", "/v1/items/gone", R"({"categories":[]})");
  for (const char* user : {"u2", "u4", "u6"}) shop.json("PUT", std::string("/v1/users/") + user + "/ratings/gone", R"({"value":1})");
  EXPECT_EQ(shop.service->add_new_items(), 1U);
  EXPECT_NEAR(shop.scores("u0").at("gone"), shop.scores("u0").at("bare"), 0.2);
}

TEST(ItemFeatures, AModelWithoutFeaturesTakesNone) {
  Shop shop("als", false);
  EXPECT_FALSE(shop.places("u0").contains("unrated"));
  shop.json("PUT", "/v1/items/cold", R"({"categories":["even"]})");
  EXPECT_EQ(shop.service->add_new_items(), 0U);
  EXPECT_FALSE(shop.places("u0").contains("cold"));
  for (const char* user : {"u2", "u4", "u6"}) shop.json("PUT", std::string("/v1/users/") + user + "/ratings/cold", R"({"value":5})");
  EXPECT_EQ(shop.service->add_new_items(), 1U);
  EXPECT_TRUE(shop.places("u0").contains("cold"));
}

TEST(ItemFeatures, WhatTrainingHasPlacedStaysUpToRounding) {
  Shop shop;
  const auto word = [](const char* kind, std::uint64_t n) { return kind + std::to_string(testing_store::Sequence::mixed(n) % 11); };
  Json items = Json::array();
  for (std::uint64_t item = 0; item < 300; ++item) {
    Json tags = Json::array();
    for (std::uint64_t n = 0; n < 8; ++n) tags.push_back(word("tag", 100 * item + n));
    items.push_back({{"item", "i" + std::to_string(item)},
                     {"categories", {word("a", item), word("b", 2 * item)}},
                     {"metadata", {{"tags", tags}, {"price", testing_store::Sequence::mixed(item) % 1000}}}});
  }
  shop.json("POST", "/v1/items", items.dump());
  shop.learn({{"item_features", true}});
  EXPECT_GT(shop.places("u0").size(), 250U);
  EXPECT_EQ(shop.service->add_new_items(), 0U);
}

TEST(ItemFeatures, TextsThatAColumnCannotReadAreLeftOut) {
  Shop shop;
  Json items = Json::array();
  for (int item = 0; item < 40; ++item) {
    items.push_back({{"item", "i" + std::to_string(item)},
                     {"metadata", {{"weight", 100 + 7 * (item % 37)}, {"day", "200" + std::to_string(item % 9) + "-02-03"}}}});
  }
  shop.json("POST", "/v1/items", items.dump());
  shop.learn({{"item_features", true}});
  const Model& trained = shop.service->serving()->model();
  EXPECT_EQ(field_of(trained, "weight").form, FeatureForm::standardized);
  EXPECT_EQ(field_of(trained, "day").form, FeatureForm::standardized);
  EXPECT_EQ(field_of(trained, "day").number, FeatureNumber::date);
  shop.json("PUT", "/v1/items/bad", R"({"metadata":{"weight":"heavy","day":"soon"}})");
  shop.json("PUT", "/v1/items/half", R"({"metadata":{"weight":"heavy","day":"2008-02-03"}})");
  shop.json("PUT", "/v1/items/good", R"({"metadata":{"weight":150}})");
  shop.service->add_new_items();
  const auto places = shop.places("u0");
  EXPECT_FALSE(places.contains("bad"));
  EXPECT_TRUE(places.contains("half"));
  EXPECT_TRUE(places.contains("good"));
}

TEST(ItemFeatures, TheExportIsTheTable) {
  Shop shop;
  shop.json("PUT", "/v1/items/a,b", R"({"categories":["x y"],"metadata":{"year":1999}})");
  const Response response = shop.get("/v1/export/items");
  EXPECT_EQ(response.content_type, "text/csv; charset=utf-8");
  std::string text;
  while (response.source->next(text)) {
  }
  EXPECT_TRUE(text.starts_with("item,category,year\n\"a,b\",\"x y\",1999\ni0,\"even|fifth\",\ni1,odd,\n")) << text.substr(0, 200);
  EXPECT_EQ(shop.json("/v1/models/1")["training"]["item_features"], true);
  EXPECT_EQ(shop.json("POST", "/v1/train", R"({"method":"sgd","item_features":true})", 422)["detail"],
            "item_features: is not an option of method sgd, which does not read features");
}

TEST(ItemFeatures, AModelFromElsewhereKeepsThePlacesThatItHas) {
  Shop shop;
  const std::string file = shop.store->models_folder() + "/" + shop.service->jobs().model(1)->file;
  Served other({}, "als", false);
  other.service->jobs().adopt(file);
  const Model& trained = other.service->serving()->model();
  const std::vector<float> place(trained.items.factors.row(trained.items.ids.find("unrated")).begin(),
                                 trained.items.factors.row(trained.items.ids.find("unrated")).end());
  // Its store knows something else of the item, or nothing: that comes too late.
  EXPECT_EQ(other.service->add_new_items(), 0U);
  other.json("PUT", "/v1/items/cold", R"({"categories":["odd"]})");
  EXPECT_EQ(other.service->add_new_items(), 1U);
  const Model& model = other.service->serving()->model();
  EXPECT_TRUE(std::ranges::equal(model.items.factors.row(model.items.ids.find("unrated")), place));
  other.json("PUT", "/v1/items/unrated", R"({"title":"A title"})");
  EXPECT_EQ(other.service->add_new_items(), 0U);
  // Unless it changes.
  other.json("PUT", "/v1/items/unrated", R"({"categories":["odd"]})");
  EXPECT_EQ(other.service->add_new_items(), 1U);
}

TEST(ItemFeatures, AChangeBeforeTheFirstLookAtAModelFromElsewhereCounts) {
  Shop shop;
  Served other({}, "als", false);
  other.json("PUT", "/v1/items/unrated", R"({"categories":["odd"]})");
  other.service->jobs().adopt(shop.store->models_folder() + "/" + shop.service->jobs().model(1)->file);
  other.json("PUT", "/v1/items/unrated", R"({"categories":["odd","fifth"]})");
  EXPECT_EQ(other.service->add_new_items(), 1U);
}

TEST(ItemFeatures, AModelOfALaterVersionTakesNewItems) {
  Shop shop;
  ModelEntry entry = shop.service->jobs().model(1).value();
  Json request = Json::parse(entry.options);
  request["later"] = true;
  entry.options = request.dump();
  shop.store->write({PutModel{entry}});
  restart(shop);
  shop.json("PUT", "/v1/items/cold", R"({"categories":["even"]})");
  EXPECT_EQ(shop.service->add_new_items(), 1U);
}

TEST(ItemFeatures, TheServiceLooksByItself) {
  Shop shop;
  shop.service.reset();
  ServiceOptions options;
  options.threads = 1;
  options.new_item_interval = 20ms;
  shop.service = std::make_unique<Service>(*shop.store, options, JobOptions{});
  shop.json("PUT", "/v1/items/cold", R"({"categories":["even"]})");
  bool there = false;
  for (int n = 0; n < 500 && !there; ++n) {
    std::this_thread::sleep_for(20ms);
    there = shop.places("u0").contains("cold");
  }
  EXPECT_TRUE(there);
}

TEST(ItemFeatures, FactsOfTheStore) {
  const testing_store::Folder folder;
  Store store(testing_store::options(folder));
  std::vector<Operation> many;
  for (int item = 0; item < 4500; ++item) {
    many.emplace_back(PutItem{.item = "i" + std::to_string(item), .title = {}, .categories = {}, .metadata = {}});
    auto& put = std::get<PutItem>(many.back());
    if (item % 2 == 0) put.categories = {"even", "all"};
    if (item % 3 == 0) put.metadata = "{\"n\":" + std::to_string(item) + "}";
  }
  store.write(std::move(many));
  store.write({RemoveItem{"i2"}, RemoveItem{"i4"}});
  store.write({PutItem{.item = "i4", .title = {}, .categories = {"again"}, .metadata = {}}});
  const std::vector<ItemFacts> facts = store.item_facts();
  ASSERT_EQ(facts.size(), 4499U);
  EXPECT_TRUE(std::ranges::is_sorted(facts, {}, &ItemFacts::id));
  for (const ItemFacts& own : facts) {
    const int item = std::stoi(own.id.substr(1));
    EXPECT_EQ(own.categories.size(), item == 4 ? 1U : item % 2 == 0 ? 2U : 0U) << own.id;
    EXPECT_EQ(own.metadata, item % 3 == 0 ? "{\"n\":" + std::to_string(item) + "}" : "") << own.id;
  }
}

}  // namespace
}  // namespace lowrank::serve::item_features_test
