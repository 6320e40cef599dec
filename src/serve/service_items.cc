/// \file
/// The search of the service for items that came after the training.

#include <optional>
#include <utility>

#include "lowrank/base/error.h"
#include "serve/json.h"
#include "serve/new_items.h"
#include "serve/service.h"

namespace lowrank::serve {

std::size_t Service::add_new_items() {
  const std::lock_guard<std::mutex> lock(serving_mutex_);
  const std::shared_ptr<const Serving> serving = slot_.get();
  if (!serving) return 0;
  NewItemRules rules{.least_ratings = options_.new_item_ratings};
  // The rows of users with features cannot be solved again: the store knows no features of users.
  rules.by_ratings = !serving->model().users.features && serving->id() != closed_model_;
  const bool looked = placed_generation_ == serving->generation();
  if (looked) rules.facts = placed_facts_;
  if (!learned_from_store(*serving)) rules.moved_after = served_facts_;
  NewItems found = find_new_items(*serving, catalogue_, rules);
  std::optional<Model> model;
  if (found.rated != 0) {
    try {
      model = with_rated_items(serving->model(), found);
    } catch (const Error& error) {
      // A model that cannot take new ratings is not asked again.
      closed_model_ = serving->id();
      rules.by_ratings = false;
      found = find_new_items(*serving, catalogue_, rules);
      std::string members = ",\"stage\":\"new items\",\"detail\":";
      append_string(members, error.what());
      log("warning", "model", members);
    }
  }
  std::shared_ptr<const Serving> next = serving;
  if (found.count() != 0) {
    if (!model) model = serving->model();
    next =
        std::make_shared<const Serving>(serving->id(), serving->revision() + 1, with_described_items(*std::move(model), found), catalogue_);
    put(next);
    log("info", "model",
        ",\"stage\":\"new items\",\"model\":" + std::to_string(serving->id()) + ",\"items\":" + std::to_string(found.count()));
  }
  placed_generation_ = next->generation();
  placed_facts_ = found.facts;
  return found.count();
}

bool Service::learned_from_store(const Serving& serving) const {
  if (!serving.model().items.features) return false;
  const auto entry = jobs_->model(serving.id());
  if (!entry) return false;
  // Not as a request: a later version may have trained the model, with options that this one does not know.
  const Json request = Json::parse(entry->options, nullptr, false);
  const auto flag = request.find("item_features");
  return flag != request.end() && *flag == true;
}

void Service::look_for_items() {
  std::uint64_t failed_generation = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ending_.wait_for(lock, options_.new_item_interval, [this] { return ends_; })) {
    lock.unlock();
    const auto serving = slot_.get();
    // A model that cannot take new items is not asked again.
    if (serving && serving->generation() != failed_generation) {
      try {
        add_new_items();
      } catch (const std::exception& error) {
        failed_generation = serving->generation();
        std::string members = ",\"stage\":\"new items\",\"detail\":";
        append_string(members, error.what());
        log("warning", "model", members);
      }
    }
    lock.lock();
  }
}

}  // namespace lowrank::serve
