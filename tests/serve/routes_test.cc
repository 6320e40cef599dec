#include "serve/routes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <set>
#include <stdexcept>
#include <string>

#include "serve/service_fixture.h"

namespace lowrank::serve::routes_test {
namespace {

using testing_service::ids_of;
using testing_service::Json;
using testing_service::Served;

/// Whether a value fits a schema of the description, references included.
void expect_fits(const Json& value, const Json& schema, const std::string& where) {
  if (schema.contains("$ref")) {
    const auto name = schema["$ref"].get<std::string>();
    expect_fits(value, schemas().at(name.substr(name.rfind('/') + 1)), where);
    return;
  }
  EXPECT_NO_THROW(check_schema(value, schema, where)) << where << " " << value.dump();
  if (value.is_object() && schema.contains("properties")) {
    for (const auto& [name, own] : schema["properties"].items()) {
      if (value.contains(name)) expect_fits(value[name], own, where + "." + name);
    }
  }
  if (value.is_array() && schema.contains("items")) {
    for (const Json& own : value) expect_fits(own, schema["items"], where + "[]");
  }
}

TEST(Routes, AreAllDocumentedAndAnswerAsDocumented) {
  Served served;
  const Json document = served.json("/openapi.json");
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::size_t documented = 0;
  for (const auto& [path, methods] : document["paths"].items()) documented += methods.size();
  EXPECT_EQ(documented, routes().size());
  // A request that each route can answer.
  struct Example {
    std::string method;
    std::string path;  ///< template
    std::string target;
    std::string body;
  };
  const std::vector<Example> examples{
      {"GET", "/v1/users/{user}/recommendations", "/v1/users/u1/recommendations?explain=2", ""},
      {"POST", "/v1/recommend", "/v1/recommend", R"({"user":"u1","filter":{"exclude":["i1"]}})"},
      {"GET", "/v1/items/{item}/similar", "/v1/items/i1/similar?by=dot", ""},
      {"GET", "/v1/users/{user}/similar", "/v1/users/u1/similar", ""},
      {"GET", "/v1/popular", "/v1/popular", ""},
      {"POST", "/v1/predict", "/v1/predict", R"({"pairs":[{"user":"u1","item":"i1"},{"user":"x","item":"y"}]})"},
      {"PUT", "/v1/users/{user}/ratings/{item}", "/v1/users/u1/ratings/i1", R"({"value":3.5})"},
      {"DELETE", "/v1/users/{user}/ratings/{item}", "/v1/users/u1/ratings/i1", ""},
      {"POST", "/v1/ratings", "/v1/ratings", R"([{"user":"a","item":"b","value":1}])"},
      {"GET", "/v1/users/{user}/ratings", "/v1/users/u1/ratings", ""},
      {"GET", "/v1/users", "/v1/users?limit=3", ""},
      {"GET", "/v1/users/{user}", "/v1/users/u1", ""},
      {"DELETE", "/v1/users/{user}", "/v1/users/a", ""},
      {"GET", "/v1/items", "/v1/items?search=numero%201&available=true", ""},
      {"GET", "/v1/items/{item}", "/v1/items/i1", ""},
      {"PUT", "/v1/items/{item}", "/v1/items/new", R"({"title":"New","categories":["even"],"metadata":{"year":1999}})"},
      {"PATCH", "/v1/items/{item}", "/v1/items/new", R"({"title":null})"},
      {"DELETE", "/v1/items/{item}", "/v1/items/new", ""},
      {"POST", "/v1/items", "/v1/items", R"([{"item":"c","title":"C"}])"},
      {"GET", "/v1/categories", "/v1/categories", ""},
      {"POST", "/v1/train", "/v1/train", R"({"method":"als","options":{"rank":4,"epochs":3},"holdout":0.2})"},
      {"GET", "/v1/jobs", "/v1/jobs", ""},
      {"GET", "/v1/jobs/{id}", "/v1/jobs/1", ""},
      {"DELETE", "/v1/jobs/{id}", "/v1/jobs/1", ""},
      {"GET", "/v1/models", "/v1/models", ""},
      {"GET", "/v1/models/{id}", "/v1/models/1", ""},
      {"POST", "/v1/models/{id}/activate", "/v1/models/1/activate", "{}"},
      {"GET", "/v1/map", "/v1/map?limit=7", ""},
      {"GET", "/v1/stats", "/v1/stats", ""},
      {"GET", "/v1/export/ratings", "/v1/export/ratings", ""},
      {"GET", "/v1/export/items", "/v1/export/items", ""},
      {"POST", "/v1/backup", "/v1/backup", "{}"},
      {"GET", "/livez", "/livez", ""},
      {"GET", "/readyz", "/readyz", ""},
      {"GET", "/metrics", "/metrics", ""},
      {"GET", "/openapi.json", "/openapi.json", ""},
      {"GET", "/{file}", "/index.html", ""},
  };
  std::set<std::string> asked;
  for (const Example& example : examples) {
    asked.insert(example.method + example.path);
    const Response response = served.ask(example.method, example.target, example.body);
    if (example.path == "/v1/train") served.service->jobs().wait();
    std::string method = example.method;
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    ASSERT_TRUE(document["paths"].contains(example.path) && document["paths"][example.path].contains(method)) << example.path;
    const Json& responses = document["paths"][example.path][method]["responses"];
    const std::string status = std::to_string(response.status);
    ASSERT_TRUE(responses.contains(status)) << example.method << " " << example.target << " answered " << status << " " << response.text();
    EXPECT_STREQ(response.route, example.path.c_str());
    const bool ended = example.method == "DELETE" && example.path == "/v1/jobs/{id}";
    EXPECT_EQ(response.status < 400U, !ended) << example.target << response.text();
    if (response.content_type != "application/json") continue;
    const Json answer = Json::parse(response.text());
    expect_fits(answer, responses[status]["content"]["application/json"]["schema"], example.method + " " + example.path);
  }
  EXPECT_EQ(asked.size(), routes().size()) << "every route has an example here";
}

TEST(Routes, RefuseWhatTheyDoNotKnow) {
  Served served;
  const auto status = [&](const std::string& method, const std::string& target, const std::string& body = {}) {
    return served.ask(method, target, body).status;
  };
  EXPECT_EQ(status("GET", "/v1/nothing"), 404U);
  EXPECT_EQ(status("GET", "/nothing.html"), 404U);
  EXPECT_EQ(status("GET", "/../../etc/passwd"), 404U);
  EXPECT_EQ(status("GET", "/%2e%2e%2fetc%2fpasswd"), 404U);
  EXPECT_EQ(status("DELETE", "/v1/popular"), 405U);
  EXPECT_EQ(served.ask("DELETE", "/v1/users/a/ratings").field("Allow").value(), "GET");
  EXPECT_EQ(status("GET", "/v1/popular?limit=0"), 400U);
  EXPECT_EQ(status("GET", "/v1/popular?limit=1001"), 400U);
  EXPECT_EQ(status("GET", "/v1/popular?limit=ten"), 400U);
  EXPECT_EQ(status("GET", "/v1/popular?limit=1&limit=2"), 400U);
  EXPECT_EQ(status("GET", "/v1/popular?unknown=1"), 400U);
  EXPECT_EQ(status("GET", "/v1/popular?limit=%zz"), 400U);
  EXPECT_EQ(status("GET", "/v1/users/%00/recommendations"), 400U);
  EXPECT_EQ(status("GET", "/v1/users/%ff/recommendations"), 400U);
  EXPECT_EQ(status("GET", "/v1/users//recommendations"), 400U);
  EXPECT_EQ(status("GET", "/v1/users/" + std::string(513, 'a') + "/recommendations"), 400U);
  EXPECT_EQ(status("GET", "/v1/users/u1/recommendations?include_seen=yes"), 400U);
  EXPECT_EQ(status("GET", "/v1/items/unheard/similar"), 404U);
  EXPECT_EQ(status("GET", "/v1/items/i1/similar?by=taste"), 400U);
  const std::string rating = "/v1/users/u1/ratings/i1";
  for (const char* body : {"{", "[]", "{}", R"({"value":"5"})", R"({"value":5,"other":1})", R"({"value":1e39})",
                           R"({"value":5,"time":1.5})", R"({"value":null})", "5", "\"x\""}) {
    EXPECT_EQ(status("PUT", rating, body), 400U) << body;
  }
  EXPECT_EQ(status("PUT", rating, std::string(100, '[') + std::string(100, ']')), 400U) << "too deep";
  EXPECT_EQ(served.ask("PUT", rating, R"({"value":5})", {{"content-type", "text/plain"}}).status, 415U);
  EXPECT_EQ(served.ask("PUT", rating).status, 415U);
  EXPECT_EQ(status("POST", "/v1/train", R"({"method":"als","options":{"rank":-1}})"), 422U);
  EXPECT_EQ(status("POST", "/v1/train", R"({"method":"magic"})"), 400U);
  EXPECT_EQ(status("POST", "/v1/models/77/activate", "{}"), 404U);
  const Response problem = served.get("/v1/popular?limit=0");
  EXPECT_EQ(problem.content_type, "application/problem+json");
  EXPECT_EQ(Json::parse(problem.text())["title"], "Bad Request");
  EXPECT_EQ(served.store->counts().ratings, served.service->catalogue().view().rating_count());
}

TEST(Routes, TakeIdsWithEveryCharacter) {
  Served served;
  const std::string id = "a/b c?d&e=\"<img onerror>\"é\\";
  served.json("PUT", "/v1/users/" + percent_encoded(id) + "/ratings/" + percent_encoded(id), R"({"value":5})");
  const Json ratings = served.json("/v1/users/" + percent_encoded(id) + "/ratings");
  EXPECT_EQ(ratings["user"], id);
  EXPECT_EQ(ratings["ratings"][0]["item"], id);
  served.json("PUT", "/v1/items/" + percent_encoded(id), Json{{"title", id}}.dump());
  EXPECT_EQ(served.json("/v1/items?search=" + percent_encoded("<IMG"))["items"][0]["title"], id);
}

/// Whatever a client puts into names, filters of others stay what they are.
TEST(Routes, FiltersAreToldApart) {
  Served served;
  const auto both = [&] { return ids_of(served.json("/v1/users/u2/recommendations?category=fifth&category=odd")); };
  for (const char separator : {'\x1f', '\x1e', '|', ':', ' '}) {
    const Json body{{"user", "u2"}, {"filter", {{"categories", {std::string("fifth") + separator + "odd"}}}}};
    EXPECT_TRUE(served.json("POST", "/v1/recommend", body.dump())["items"].empty());
  }
  EXPECT_FALSE(both().empty());
}

TEST(Routes, BackupsOfOneSecondHaveFoldersOfTheirOwn) {
  Served served;
  std::set<std::string> folders;
  for (int n = 0; n < 3; ++n) folders.insert(served.json("POST", "/v1/backup", "{}")["folder"].get<std::string>());
  EXPECT_EQ(folders.size(), 3U);
}

TEST(Routes, TrainingsKeepTheServedModelWhereAsked) {
  Served served;
  const std::int64_t before = served.json("/v1/models")["active"];
  served.json("POST", "/v1/train", R"({"options":{"rank":3},"activate":false,"history":"dropped"})", 202);
  served.service->jobs().wait();
  const Json models = served.json("/v1/models");
  EXPECT_EQ(models["active"], before);
  EXPECT_EQ(models["models"].size(), 2U);
  EXPECT_EQ(models["models"][0]["state"], "ready");
}

/// A store that a later version wrote may hold models of methods that this one does not know.
TEST(Routes, ModelsOfUnknownMethodsAreListed) {
  Served served({}, "als", false);
  served.service.reset();
  served.store->write({PutModel{{.id = 1,
                                 .file = "000001.safetensors",
                                 .state = "ready",
                                 .method = "later",
                                 .options = R"({"method":"later","options":{"rank":2}})",
                                 .fingerprint = {}}}});
  ServiceOptions options;
  options.threads = 1;
  served.service = std::make_unique<Service>(*served.store, std::move(options), JobOptions{});
  const Json models = served.json("/v1/models")["models"];
  ASSERT_EQ(models.size(), 1U);
  EXPECT_EQ(models[0]["method"], "later");
  EXPECT_EQ(models[0]["rank"], 2);
  EXPECT_FALSE(models[0].contains("command"));
}

TEST(Routes, CursorsAreWholeNumbersThatFit) {
  Served served;
  for (const char* const path : {"/v1/items", "/v1/users", "/v1/users/u2/ratings", "/v1/users/u2/recommendations"}) {
    for (const char* const cursor : {"99999999999999999999999", "-1", "1x", "5-", "-", "1-99999999999999999999999"}) {
      const unsigned status = served.get(std::string(path) + "?cursor=" + cursor).status;
      EXPECT_TRUE(status == 400 || status == 409) << path << " " << cursor << " " << status;
    }
  }
}

/// A removed item stays out of lists when the service starts again, although the model knows it, until somebody rates it again.
TEST(Routes, RemovedItemsStayRemoved) {
  Served served;
  const std::string item = ids_of(served.json("/v1/users/u2/recommendations")).front();
  served.json("DELETE", "/v1/items/" + item);
  const auto listed = [&] {
    const std::vector<std::string> ids = ids_of(served.json("/v1/users/u2/recommendations?limit=40"));
    return std::ranges::find(ids, item) != ids.end();
  };
  EXPECT_FALSE(listed());
  JobOptions jobs = served.service->jobs().options();
  served.service.reset();
  ServiceOptions options;
  options.threads = 1;
  served.service = std::make_unique<Service>(*served.store, std::move(options), std::move(jobs));
  EXPECT_FALSE(listed());
  EXPECT_EQ(served.get("/v1/items/" + item).status, 404U);
  served.json("PUT", "/v1/users/u9/ratings/" + item, R"({"value":4})");
  EXPECT_TRUE(listed());
}

TEST(Routes, WriteInBulk) {
  Served served;
  std::string lines;
  for (int n = 0; n < 2500; ++n)
    lines += Json{{"user", "b" + std::to_string(n % 50)}, {"item", "i" + std::to_string(n / 50)}, {"value", 4}, {"time", n}}.dump() + "\n";
  const std::vector<Field> ndjson{{"content-type", "application/x-ndjson"}};
  EXPECT_EQ(Json::parse(served.ask("POST", "/v1/ratings", lines, ndjson).text())["accepted"], 2500);
  EXPECT_EQ(served.json("/v1/users/b7/ratings")["total"], 50);
  EXPECT_EQ(served.json("/v1/users/b7/recommendations")["source"], "personal");
  const std::string good = R"({"user":"c","item":"i1","value":1})";
  const std::string wrong = R"({"user":"c","item":"i2"})";
  const Response stopped = served.ask("POST", "/v1/ratings", good + "\n\n" + wrong + "\n" + good, ndjson);
  EXPECT_EQ(stopped.status, 400U);
  EXPECT_EQ(Json::parse(stopped.text())["line"], 3);
  EXPECT_EQ(Json::parse(stopped.text())["accepted"], 1);
  const Response skipped =
      served.ask("POST", "/v1/ratings?on_error=skip", good + "\n" + wrong + "\n{\n" + R"({"user":"","item":"i3","value":1})", ndjson);
  EXPECT_EQ(skipped.status, 200U);
  EXPECT_EQ(Json::parse(skipped.text())["accepted"], 1);
  ASSERT_EQ(Json::parse(skipped.text())["rejected"].size(), 3U);
  EXPECT_EQ(Json::parse(skipped.text())["rejected"][1]["line"], 3);
  EXPECT_EQ(served.json("/v1/users/c/ratings")["total"], 1);
  // What the store would refuse is one entry's problem, not that of its chunk.
  const Json large{{"item", "large"}, {"metadata", {{"text", std::string(70'000, 'x')}}}};
  const Json partly = served.json("POST", "/v1/items?on_error=skip", Json::array({Json{{"item", "y"}}, large, Json{{"item", "x"}}}).dump());
  EXPECT_EQ(partly["accepted"], 2);
  EXPECT_EQ(partly["rejected"][0]["line"], 2);
  served.json("POST", "/v1/items", R"([{"item":"z","title":"Z","categories":["last"],"available":false}])");
  EXPECT_EQ(served.json("/v1/items/z")["available"], false);
  EXPECT_EQ(served.json("/v1/categories")["categories"].back()["category"], "last");
}

TEST(Routes, WorkThatFailsIsLogged) {
  std::promise<std::string> logged;
  ServiceOptions options;
  options.on_log = [&logged](std::string_view /*level*/, std::string_view event, std::string_view members) {
    if (event == "failed") logged.set_value(std::string(members));
  };
  Served served(std::move(options), "als", false);
  served.service->post([] { throw std::runtime_error("out of \"luck\""); });
  EXPECT_EQ(logged.get_future().get(), R"(,"detail":"out of \"luck\"")");
}

/// What the store would call back is gone: a sanitizer finds it where it is not.
TEST(Routes, AServiceThatCannotBeginLeavesItsStore) {
  Served served({}, "als", false);
  served.service.reset();
  EXPECT_THROW(Service(*served.store, ServiceOptions{}, JobOptions{}, served.folder.path("missing")), FileError);
  EXPECT_EQ(served.store->write({RemoveItem{"i1"}}).size(), 1U);
}

/// Each lane has a queue of its own.
TEST(Routes, AreNotReadyWhereOneQueueIsFull) {
  std::promise<void> begun;
  std::promise<void> ends;
  const std::shared_future<void> end = ends.get_future().share();
  ServiceOptions options;
  options.limits.queue = 2;
  options.threads = 1;
  Served served({}, "als", false);
  served.service.reset();
  served.service = std::make_unique<Service>(*served.store, std::move(options), JobOptions{});
  const auto is_full = [&] { return served.get("/readyz").text().find("the queue is full") != std::string::npos; };
  const Request popular{.method = "GET", .target = "/v1/popular", .fields = {{"host", "localhost"}}, .body = {}};
  const Route& route = *served.service->admit(popular).route;
  // One of each lane runs, and one waits.
  served.service->answer(popular, route, [&begun, end](const Response&) {
    begun.set_value();
    end.wait();
  });
  begun.get_future().wait();
  served.service->answer(popular, route, [](const Response&) {});
  std::promise<void> works;
  served.service->post([&works, end] {
    works.set_value();
    end.wait();
  });
  works.get_future().wait();
  served.service->post([] {});
  EXPECT_FALSE(is_full());
  served.service->post([] {});
  EXPECT_TRUE(is_full());
  ends.set_value();
}

TEST(Routes, EraseUsers) {
  Served served;
  const auto before = served.json("/v1/items/i3")["ratings"].get<int>();
  served.json("PUT", "/v1/users/gone/ratings/i3", R"({"value":5})");
  EXPECT_EQ(served.json("/v1/items/i3")["ratings"], before + 1);
  EXPECT_EQ(served.json("DELETE", "/v1/users/gone")["ratings"], 1);
  EXPECT_EQ(served.get("/v1/users/gone").status, 404U);
  EXPECT_EQ(served.ask("DELETE", "/v1/users/gone").status, 404U);
  EXPECT_EQ(served.json("/v1/items/i3")["ratings"], before);
  EXPECT_EQ(served.json("/v1/users/gone/recommendations")["source"], "popular");
  // Of the training they were part of, but nobody is told so any more.
  served.json("DELETE", "/v1/users/u1");
  const Json similar = served.json("/v1/users/u2/similar?limit=100");
  for (const Json& user : similar["users"]) EXPECT_NE(user["user"], "u1");
}

TEST(Routes, ListUsersAndRatingsByPages) {
  Served served;
  std::vector<std::string> users;
  std::string cursor;
  do {
    const Json page = served.json("/v1/users?limit=7" + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const Json& user : page["users"]) users.push_back(user["user"]);
    cursor = page.value("cursor", "");
  } while (!cursor.empty());
  EXPECT_EQ(users.size(), 60U);
  EXPECT_EQ(std::set<std::string>(users.begin(), users.end()).size(), 60U);
  const Json first = served.json("/v1/users/u1/ratings?limit=2");
  const Json second = served.json("/v1/users/u1/ratings?limit=2&cursor=" + first["cursor"].get<std::string>());
  EXPECT_GT(first["ratings"][1]["time"], second["ratings"][0]["time"]);
  served.json("PUT", "/v1/users/u1/ratings/i0", R"({"value":1})");
  EXPECT_EQ(served.get("/v1/users/u1/ratings?limit=2&cursor=" + first["cursor"].get<std::string>()).status, 409U);
}

TEST(Routes, RollModelsBackAndForward) {
  Served served;
  const Json first = served.json("/v1/users/u1/recommendations");
  served.json("POST", "/v1/train", R"({"method":"als","options":{"rank":3}})", 202);
  served.service->jobs().wait();
  EXPECT_EQ(served.json("/v1/models")["active"], 2);
  EXPECT_NE(served.json("/v1/users/u1/recommendations")["items"], first["items"]);
  served.json("POST", "/v1/models/1/activate", "{}");
  EXPECT_EQ(served.json("/v1/users/u1/recommendations")["items"], first["items"]);
  EXPECT_EQ(served.json("/v1/stats")["model"]["id"], 1);
  served.json("POST", "/v1/models/2/activate", "{}");
  EXPECT_EQ(served.json("/v1/stats")["model"]["id"], 2);
}

TEST(Routes, AskForKeys) {
  const testing_store::Folder folder;
  const std::string path = folder.path("keys");
  std::ofstream(path) << "# keys\nshop read reader-0123456789\ncart write writer-0123456789\n ops  admin  admin-01234567890 # night\n";
  EXPECT_THROW(Keys::read(path), FileError) << "others may read it";
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  ServiceOptions options;
  options.keys = Keys::read(path);
  Served served(std::move(options));
  const auto status = [&](const std::string& method, const std::string& target, const std::string& key, const std::string& body = {}) {
    std::vector<Field> fields;
    if (!key.empty()) fields.push_back({"authorization", "Bearer " + key});
    return served.ask(method, target, body, fields).status;
  };
  EXPECT_EQ(status("GET", "/livez", ""), 200U);
  EXPECT_EQ(status("GET", "/readyz", ""), 200U);
  EXPECT_EQ(status("GET", "/", ""), 200U);
  for (const Route& route : routes()) {
    if (route.scope == Scope::open) continue;
    std::string target = route.path;
    for (std::size_t at = target.find('{'); at != std::string::npos; at = target.find('{'))
      target.replace(at, target.find('}') - at + 1, "x");
    EXPECT_EQ(status(route.method, target, ""), 401U) << route.path;
    EXPECT_EQ(status(route.method, target, "reader-0123456780"), 401U) << route.path;
    const unsigned by_reader = status(route.method, target, "reader-0123456789");
    EXPECT_EQ(by_reader == 403U, route.scope > Scope::read) << route.path << " " << by_reader;
    const unsigned by_writer = status(route.method, target, "writer-0123456789");
    EXPECT_EQ(by_writer == 403U, route.scope > Scope::write) << route.path;
  }
  EXPECT_EQ(served.get("/v1/popular", {{"x-api-key", "reader-0123456789"}}).status, 200U);
  EXPECT_EQ(served.get("/v1/popular", {{"authorization", "Basic reader-0123456789"}}).status, 401U);
  EXPECT_EQ(served.get("/v1/popular").field("WWW-Authenticate").value(), "Bearer");
  EXPECT_EQ(status("POST", "/v1/backup", "admin-01234567890", "{}"), 200U);
  served.service->renew_keys(Keys::read(path));
  EXPECT_EQ(status("GET", "/v1/popular", "reader-0123456789"), 200U);
}

TEST(Routes, ReadOnlyServicesRefuseWrites) {
  ServiceOptions options;
  options.read_only = true;
  Served served(std::move(options));
  for (const Route& route : routes()) {
    std::string target = route.path;
    for (std::size_t at = target.find('{'); at != std::string::npos; at = target.find('{'))
      target.replace(at, target.find('}') - at + 1, "x");
    const unsigned status = served.ask(route.method, target, "{}").status;
    EXPECT_EQ(status == 403U, route.writes) << route.method << " " << route.path << " " << status;
    EXPECT_EQ(route.writes, route.scope >= Scope::write && std::string_view(route.method) != "GET") << route.path;
  }
}

TEST(Routes, LimitTheRequestsOfAKey) {
  ServiceOptions options;
  options.limits.requests_per_second = 5;
  Served served(std::move(options));
  int refused = 0;
  for (int n = 0; n < 20; ++n) refused += served.get("/v1/popular").status == 429U ? 1 : 0;
  EXPECT_GE(refused, 10);
  EXPECT_EQ(served.get("/livez").status, 200U);
}

TEST(Routes, AnswerTrustedPagesOfOtherOrigins) {
  ServiceOptions options;
  options.origins = {"https://shop.example"};
  Served served(std::move(options));
  const std::vector<Field> shop{{"origin", "https://shop.example"}, {"sec-fetch-site", "cross-site"}};
  EXPECT_EQ(served.get("/v1/popular", shop).field("Access-Control-Allow-Origin").value(), "https://shop.example");
  EXPECT_FALSE(served.get("/v1/popular", {{"origin", "https://evil.example"}}).field("Access-Control-Allow-Origin").has_value());
  EXPECT_EQ(served.ask("OPTIONS", "/v1/users/a/ratings/b", "", shop).status, 204U);
  EXPECT_EQ(served.ask("PUT", "/v1/users/a/ratings/i1", R"({"value":5})", shop).status, 200U);
  EXPECT_EQ(served.ask("PUT", "/v1/users/a/ratings/i1", R"({"value":5})", {{"origin", "https://shop.example.evil"}}).status, 403U);
}

TEST(Routes, ShowThePage) {
  Served served;
  const Response page = served.get("/");
  EXPECT_EQ(page.status, 200U);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_NE(page.field("Content-Security-Policy").value().find("default-src 'none'"), std::string_view::npos);
  EXPECT_EQ(page.field("Cache-Control").value(), "no-cache");
  const std::string tag(page.field("ETag").value());
  EXPECT_EQ(served.get("/", {{"if-none-match", tag}}).status, 304U);
  const Response packed = served.get("/", {{"accept-encoding", "gzip, br"}});
  EXPECT_EQ(packed.field("Content-Encoding").value(), "gzip");
  EXPECT_EQ(packed.body.substr(0, 2), "\x1f\x8b");
  EXPECT_LT(packed.body.size(), page.body.size());
  EXPECT_EQ(served.get("/", {{"accept-encoding", "gzip;q=0"}}).field("Content-Encoding"), std::nullopt);
}

TEST(Routes, WriteMetrics) {
  Served served;
  served.get("/v1/users/u1/recommendations");
  served.get("/v1/users/u1/recommendations?limit=0");
  const std::string text = served.get("/metrics").text();
  const auto has = [&](const std::string& line) { return text.find(line + "\n") != std::string::npos; };
  EXPECT_TRUE(has("lowrank_http_requests_total{route=\"/v1/users/{user}/recommendations\",method=\"GET\",status=\"200\"} 1"));
  EXPECT_TRUE(has("lowrank_http_requests_total{route=\"/v1/users/{user}/recommendations\",method=\"GET\",status=\"400\"} 1"));
  EXPECT_TRUE(has("lowrank_http_request_duration_seconds_count{route=\"/v1/users/{user}/recommendations\",method=\"GET\"} 2"));
  EXPECT_TRUE(has("lowrank_lists_total{source=\"personal\"} 1"));
  EXPECT_TRUE(has("lowrank_model_info{id=\"1\",method=\"als\",rank=\"8\"} 1"));
  EXPECT_TRUE(has("lowrank_users 60"));
  EXPECT_TRUE(has("lowrank_trainings_total{result=\"done\"} 1"));
  EXPECT_EQ(text.find("u1\""), std::string::npos) << "no ids in labels";
}

}  // namespace
}  // namespace lowrank::serve::routes_test
