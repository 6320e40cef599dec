#pragma once

/// \file
/// A service on a small store, for tests.

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "serve/service.h"
#include "serve/store_fixture.h"

namespace lowrank::serve::testing_service {

using Json = nlohmann::json;
using testing_store::Folder;

/// Ratings of 60 users and 40 items that few factors explain; about every third pair. User u rates by the name `u7`, item i is called `i7`.
inline std::vector<Operation> planted_ratings(std::uint64_t users = 60, std::uint64_t items = 40) {
  std::vector<Operation> operations;
  for (std::uint64_t user = 0; user < users; ++user) {
    for (std::uint64_t item = 0; item < items; ++item) {
      if (testing_store::Sequence::mixed(user * 1000 + item) % 3 != 0) continue;
      const double taste = std::sin(0.7 * static_cast<double>(user)) * std::cos(0.9 * static_cast<double>(item));
      operations.emplace_back(PutRating{.user = "u" + std::to_string(user),
                                        .item = "i" + std::to_string(item),
                                        .value = static_cast<float>(std::round(2 * (3 + 2 * taste)) / 2),
                                        .time = 1'600'000'000 + static_cast<std::int64_t>(user * items + item)});
    }
  }
  return operations;
}

/// Titles and categories: item i is of `even` or `odd`, and every fifth of `fifth` too.
inline std::vector<Operation> planted_items(std::uint64_t items = 40) {
  std::vector<Operation> operations;
  for (std::uint64_t item = 0; item < items; ++item) {
    PutItem put{.item = "i" + std::to_string(item), .title = "Film Numéro " + std::to_string(item), .categories = {}, .metadata = {}};
    put.categories.emplace_back(item % 2 == 0 ? "even" : "odd");
    if (item % 5 == 0) put.categories.emplace_back("fifth");
    operations.emplace_back(std::move(put));
  }
  return operations;
}

/// A store and a service on it.
class Served {
 public:
  explicit Served(ServiceOptions options = {}, const std::string& method = "als", bool trains = true) {
    store = std::make_unique<Store>(StoreOptions{.folder = folder.state(), .vfs = {}, .on_log = {}});
    store->write(planted_ratings());
    store->write(planted_items());
    JobOptions jobs;
    jobs.request.run.method = method_by_name(method);
    if (method == "als" || method == "implicit") set_option(jobs.request.run.method, "rank", "8");
    options.threads = 2;
    options.new_item_interval = std::chrono::hours(1);
    service = std::make_unique<Service>(*store, std::move(options), std::move(jobs));
    if (trains) train();
  }
  ~Served() {
    service.reset();
    store.reset();
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  void train() {
    service->jobs().start(service->jobs().options().request);
    service->jobs().wait();
  }

  Response ask(const std::string& method, const std::string& target, const std::string& body = {}, std::vector<Field> fields = {}) {
    Request request{.method = method, .target = target, .fields = std::move(fields), .body = body};
    if (!request.field("host")) request.fields.push_back({"host", "localhost:8090"});
    if (!body.empty() && !request.field("content-type")) request.fields.push_back({"content-type", "application/json"});
    return service->handle(std::move(request));
  }
  Response get(const std::string& target, std::vector<Field> fields = {}) { return ask("GET", target, {}, std::move(fields)); }

  /// The document of an answer that must have this status.
  Json json(const std::string& method, const std::string& target, const std::string& body = {}, unsigned status = 200) {
    const Response response = ask(method, target, body);
    EXPECT_EQ(response.status, status) << method << " " << target << " " << response.text();
    return Json::parse(response.text(), nullptr, false);
  }
  Json json(const std::string& target) { return json("GET", target); }

  Folder folder;
  std::unique_ptr<Store> store;
  std::unique_ptr<Service> service;
};

/// The ids of a list.
inline std::vector<std::string> ids_of(const Json& list) {
  std::vector<std::string> ids;
  for (const Json& item : list["items"]) ids.push_back(item["item"].get<std::string>());
  return ids;
}

}  // namespace lowrank::serve::testing_service
