#include "serve/bound_models.h"

#include <algorithm>
#include <utility>

#include "lowrank/base/error.h"
#include "serve/request.h"

namespace lowrank::serve {

BoundModels::Bound BoundModels::in_context(const std::shared_ptr<const Serving>& serving, std::vector<ContextValue> context) {
  if (context.empty() || !serving) return {serving, {}};
  std::ranges::sort(context);
  const auto known = [&]() -> const Bound* {
    const auto found =
        std::ranges::find_if(kept_, [&](const Kept& kept) { return kept.generation == serving->generation() && kept.context == context; });
    if (found == kept_.end()) return nullptr;
    found->used = ++clock_;
    return &found->bound;
  };
  std::unique_lock<std::mutex> lock(mutex_);
  if (const Bound* bound = known()) return *bound;
  // Requests of other contexts go on meanwhile.
  lock.unlock();
  Bound made;
  try {
    made.warning = unknown_levels_text(serving->model(), context);
    made.serving = std::make_shared<const Serving>(serving, context, catalogue_);
  } catch (const OptionError& error) {
    throw Problem{.status = 422, .detail = error.what()};
  }
  lock.lock();
  if (const Bound* bound = known()) return *bound;
  if (kept_.size() == kMost) kept_.erase(std::ranges::min_element(kept_, {}, &Kept::used));
  kept_.push_back({serving->generation(), std::move(context), made, ++clock_});
  return made;
}

void BoundModels::clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  kept_.clear();
}

}  // namespace lowrank::serve
