#pragma once

/// \file
/// Items that came after the training of a model, or changed since.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/recommend/fold_in.h"
#include "serve/catalogue.h"
#include "serve/serving.h"

namespace lowrank::serve {

/// Which items get their place in a model.
struct NewItemRules {
  std::uint32_t least_ratings = 3;  ///< ratings by users of the model that place an item which the model has no rating of
  bool by_ratings = true;           ///< whether ratings place items
  /// ItemRecord::facts up to this one are in the model. Items with later ones are placed by their features, where the model has some.
  std::uint64_t facts = 0;
  /// Items that the model knows by features alone move where their ItemRecord::facts are later than this: 0 for a model that learned its
  /// places from the store.
  std::uint64_t moved_after = 0;
};

/// Items that the model does not know but could, or that belong elsewhere.
struct NewItems {
  std::size_t rated = 0;                   ///< items that are placed by their ratings
  Pairs ratings;                           ///< of these items, by users that the model knows, numbered in the model's vocabularies
  std::size_t described = 0;               ///< items that are placed by their features alone
  NewFeatures features;                    ///< of all these items, in the columns of the model's; empty where the model has none
  std::vector<std::uint32_t> undescribed;  ///< items of the model that it knew by features which are gone
  std::uint64_t facts = 0;                 ///< greatest ItemRecord::facts that was looked at

  [[nodiscard]] std::size_t count() const noexcept { return rated + described + undescribed.size(); }
};

/// Looks for such items. O(ratings) where an item has enough ratings, else O(items)
NewItems find_new_items(const Serving& serving, const Catalogue& catalogue, const NewItemRules& rules);

/// `model` with the items of `items` that have enough ratings: an update of it by their ratings (see update()), so that nothing else of the
/// items changes. They are solved around what their features let expect, where the model has features. \throws as update()
Model with_rated_items(Model model, const NewItems& items);

/// `model` with the other items at what their features let expect, and without the places of those whose features are gone.
Model with_described_items(Model model, const NewItems& items);

}  // namespace lowrank::serve
