#pragma once

/// \file
/// Items that came after the training of a model.

#include <cstddef>
#include <cstdint>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "serve/catalogue.h"
#include "serve/serving.h"

namespace lowrank::serve {

/// Items that the model does not know but could.
struct NewItems {
  std::size_t count = 0;
  Pairs ratings;  ///< of these items, by users that the model knows, numbered in the model's vocabularies
};

/// The items with at least `least` ratings by users of the model. O(ratings)
NewItems find_new_items(const Serving& serving, const Catalogue& catalogue, std::uint32_t least);

/// `model` with these items: an update of it by their ratings (see update()), so that nothing else of the items changes. \throws as
/// update()
Model with_new_items(const Model& model, const NewItems& items);

}  // namespace lowrank::serve
