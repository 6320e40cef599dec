#include "serve/new_items.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "lowrank/pipeline/update.h"
#include "serve/item_features.h"

namespace lowrank::serve {

namespace {

/// Finds the items with enough ratings. \return their numbers in the catalogue
std::vector<std::uint32_t> find_rated(const Serving& serving, const Catalogue::View& view, std::uint32_t least, NewItems& found) {
  const Model& model = serving.model();
  const std::span<const ItemRecord> items = view.items();
  const auto may_be_new = [&](std::uint32_t item) { return items[item].ratings >= least && !model.items.rated(serving.model_item(item)); };
  // Mostly there is none, and the ratings need not be looked at.
  bool any = false;
  for (std::uint32_t item = 0; item < items.size() && !any; ++item) any = may_be_new(item);
  if (!any) return {};
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
  std::vector<std::uint32_t> rated;
  for (std::uint32_t item = 0; item < counts.size(); ++item) {
    if (counts[item] >= least) rated.push_back(item);
  }
  if (rated.empty()) return rated;
  Pairs& pairs = found.ratings;
  each([&](std::uint32_t user, const RatedItem& rating) {
    if (counts[rating.item] < least) return;
    pairs.users.push_back(user);
    const std::uint32_t known = model.items.ids.find(view.item_id(rating.item));
    pairs.items.push_back(known != Vocabulary::kUnknown ? known : pairs.known_items + pairs.unknown_items.add(view.item_id(rating.item)));
    pairs.values.push_back(rating.value);
  });
  return rated;
}

/// Whether an item of the model is where these features put it, up to rounding.
bool is_placed(const Model& model, std::uint32_t item, std::span<const std::uint32_t> columns, std::span<const float> values) {
  constexpr float kRounding = 1e-4F;
  if (!model.items.knows(item)) return false;
  FactorMatrix place(1, model.rank());
  const float expected = model.items.features->expect(columns, values, place.row(0));
  const float bias = model.centre.has_biases ? expected : 0.0F;
  float size = std::abs(bias);
  float away = std::abs(bias - model.items.biases[item]);
  for (std::size_t k = 0; k < model.rank(); ++k) {
    size = std::max(size, std::abs(place.row(0)[k]));
    away = std::max(away, std::abs(place.row(0)[k] - model.items.factors.row(item)[k]));
  }
  return away <= kRounding * size;
}

/// Decides on the items that ratings do not place. \param from  position of the first of them in `facts`
void find_described(const Model& model, std::span<const ItemFacts> facts, std::size_t from, NewItems& found) {
  found.features = features_in_columns(model, facts);
  const Features& features = found.features.features;
  for (auto row = static_cast<std::uint32_t>(from); row < facts.size(); ++row) {
    const std::uint32_t item = model.items.ids.find(facts[row].id);
    if (features.entries(row) != 0) {
      found.described += is_placed(model, item, features.columns_of(row), features.values_of(row)) ? 0U : 1U;
    } else if (model.items.knows(item)) {
      found.undescribed.push_back(item);
    }
  }
}

}  // namespace

NewItems find_new_items(const Serving& serving, const Catalogue& catalogue, const NewItemRules& rules) {
  const Model& model = serving.model();
  NewItems found;
  found.ratings.known_users = model.users.ids.size();
  found.ratings.known_items = model.items.ids.size();
  std::vector<ItemFacts> facts;
  {
    const Catalogue::View view = catalogue.view();
    std::vector<std::uint32_t> rated;
    if (rules.by_ratings) rated = find_rated(serving, view, rules.least_ratings, found);
    found.rated = rated.size();
    found.facts = view.facts_version();
    if (!model.items.features) return found;
    for (const std::uint32_t item : rated) facts.push_back(view.facts_of(item));
    if (rules.facts < found.facts) {
      for (std::uint32_t item = 0; item < view.items().size(); ++item) {
        const std::uint32_t own = serving.model_item(item);
        if (view.items()[item].facts <= rules.facts || model.items.rated(own) || std::ranges::binary_search(rated, item)) continue;
        if (view.items()[item].facts > rules.moved_after || !model.items.knows(own)) facts.push_back(view.facts_of(item));
      }
    }
  }
  // Writes go on while texts become features.
  if (!facts.empty()) find_described(model, facts, found.rated, found);
  return found;
}

Model with_rated_items(Model model, const NewItems& items) {
  UpdateInput input;
  input.ratings = items.ratings;
  if (model.items.features) {
    input.item_features = &items.features;
    // What they were known by is gone, or never was in the store: their ratings alone count.
    for (std::uint32_t row = 0; row < items.rated; ++row) {
      const std::uint32_t item = model.items.ids.find(items.features.ids.id(row));
      if (item != Vocabulary::kUnknown && items.features.features.entries(row) == 0) model.items.features->rows[item] = 0;
    }
  }
  return update(std::move(model), input, {.sweeps = 1, .threads = 1}).model;
}

Model with_described_items(Model model, const NewItems& items) {
  if (items.described != 0) model = add_items(std::move(model), items.features);
  for (const std::uint32_t item : items.undescribed) {
    model.items.features->rows[item] = 0;
    model.items.biases[item] = 0;
    std::ranges::fill(model.items.factors.row(item), 0.0F);
  }
  return model;
}

}  // namespace lowrank::serve
