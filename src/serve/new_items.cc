#include "serve/new_items.h"

#include <span>
#include <vector>

#include "lowrank/pipeline/update.h"

namespace lowrank::serve {

NewItems find_new_items(const Serving& serving, const Catalogue& catalogue, std::uint32_t least) {
  const Model& model = serving.model();
  NewItems found;
  found.ratings.known_users = model.users.ids.size();
  found.ratings.known_items = model.items.ids.size();
  const Catalogue::View view = catalogue.view();
  const std::span<const ItemRecord> items = view.items();
  const auto may_be_new = [&](std::uint32_t item) { return items[item].ratings >= least && !model.items.knows(serving.model_item(item)); };
  // Mostly there is none, and the ratings need not be looked at.
  bool any = false;
  for (std::uint32_t item = 0; item < items.size() && !any; ++item) any = may_be_new(item);
  if (!any) return found;
  std::vector<std::uint32_t> counts(items.size());
  // First what there is enough of, then the ratings.
  const auto each = [&](const auto& take) {
    for (std::uint32_t user = 0; user < view.user_slots(); ++user) {
      if (!view.row_at(user)) continue;
      std::uint32_t number = Vocabulary::kUnknown;
      for (const RatedItem& rating : view.row_at(user)->ratings) {
        if (!may_be_new(rating.item)) continue;
        if (number == Vocabulary::kUnknown) number = model.users.ids.find(view.user_id(user));
        if (!model.users.rated(number)) break;
        take(number, rating);
      }
    }
  };
  each([&](std::uint32_t, const RatedItem& rating) { ++counts[rating.item]; });
  for (const std::uint32_t count : counts) found.count += count >= least ? 1U : 0U;
  if (found.count == 0) return found;
  Pairs& pairs = found.ratings;
  each([&](std::uint32_t user, const RatedItem& rating) {
    if (counts[rating.item] < least) return;
    pairs.users.push_back(user);
    const std::uint32_t known = model.items.ids.find(view.item_id(rating.item));
    pairs.items.push_back(known != Vocabulary::kUnknown ? known : pairs.known_items + pairs.unknown_items.add(view.item_id(rating.item)));
    pairs.values.push_back(rating.value);
  });
  return found;
}

Model with_new_items(const Model& model, const NewItems& items) {
  UpdateInput input;
  input.ratings = items.ratings;
  return update(model, input, {.sweeps = 1, .threads = 1}).model;
}

}  // namespace lowrank::serve
