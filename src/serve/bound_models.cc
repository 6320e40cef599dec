#include "serve/bound_models.h"

#include <algorithm>
#include <new>
#include <utility>

#include "lowrank/base/error.h"
#include "serve/request.h"

namespace lowrank::serve {

BoundModels::Bound BoundModels::in_context(const std::shared_ptr<const Serving>& serving, std::span<const ContextValue> context) {
  if (context.empty() || !serving) return {serving, {}};
  std::string warning;
  std::vector<KnownLevel> levels;
  try {
    levels = known_levels(serving->model(), context);
    warning = unknown_levels_text(serving->model(), context);
  } catch (const OptionError& error) {
    throw Problem{.status = 422, .detail = error.what()};
  }
  if (levels.empty()) return {serving, std::move(warning)};
  if (auto known = find(*serving, levels)) return {std::move(known), std::move(warning)};
  // Lists in contexts that are kept go on meanwhile.
  const std::lock_guard<std::mutex> lock(making_);
  if (auto known = find(*serving, levels)) return {std::move(known), std::move(warning)};
  try {
    auto made = std::make_shared<const Serving>(serving, context, catalogue_);
    keep(*serving, levels, made);
    return {std::move(made), std::move(warning)};
  } catch (const std::bad_alloc&) {
    throw Problem{.status = 503, .detail = "there is not enough memory for the model in this context"};
  }
}

void BoundModels::keep_those_of(const Serving& serving) {
  const std::lock_guard<std::mutex> lock(mutex_);
  generation_ = serving.generation();
  kept_.clear();
}

std::shared_ptr<const Serving> BoundModels::find(const Serving& base, const std::vector<KnownLevel>& levels) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (base.generation() != generation_) return nullptr;
  const auto found = std::ranges::find(kept_, levels, &Kept::levels);
  if (found == kept_.end()) return nullptr;
  found->used = ++clock_;
  return found->serving;
}

void BoundModels::keep(const Serving& base, const std::vector<KnownLevel>& levels, const std::shared_ptr<const Serving>& made) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // Another model may be in service now, or this one only be compared with it.
  if (base.generation() != generation_) return;
  if (kept_.size() == kMost) kept_.erase(std::ranges::min_element(kept_, {}, &Kept::used));
  kept_.push_back({levels, made, ++clock_});
}

}  // namespace lowrank::serve
