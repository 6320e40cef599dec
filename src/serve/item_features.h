#pragma once

/// \file
/// Features of items from what the store knows of them. Rules are described for users in docs/service.md.

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "lowrank/data/features.h"
#include "lowrank/data/vocabulary.h"
#include "lowrank/model/model.h"
#include "lowrank/recommend/fold_in.h"
#include "serve/store.h"

namespace lowrank::serve {

/// The texts of one item by the name of their column: `category`, and members of its metadata.
using ItemTexts = std::map<std::string, std::string, std::less<>>;

/// The most members of metadata that become columns of a table: those that most items have.
inline constexpr std::size_t kMostMembers = 64;
/// The most bytes of a name of a member, and of a text, that is read. Longer ones are prose.
inline constexpr std::size_t kMostNameBytes = 64;
inline constexpr std::size_t kMostWordBytes = 256;

/// What is read of an item. Words of a list are separated by `|`, of which there is none within them; true and false are 1 and 0; other
/// numbers are as JSON writes them. Control characters are blanks, and blanks at the ends are left out.
ItemTexts texts_of(const ItemFacts& item);

/// A table of texts: a row per item, a column per name.
struct ItemTable {
  std::vector<std::string> names;                 ///< of the columns; the first is `item`, the id
  std::vector<std::vector<std::string>> columns;  ///< the texts of each column, one per row; an empty text is missing

  [[nodiscard]] std::size_t rows() const noexcept { return columns.empty() ? 0 : columns.front().size(); }
};

/// The table of the items that have a text, in the order given; columns by name, `category` first.
ItemTable item_table(std::span<const ItemFacts> items);

/// How `lowrank train` is told what the columns of the table are: its option of that name.
inline constexpr const char* kFeatureColumns = "id=item";

/// The features of a table, with columns that are learned from it, as `lowrank train --item-features` learns them. \param[in,out] ids
/// as in learn_features() \param say  called with a sentence on the columns \throws DataError
Features learn_item_features(const ItemTable& table, Vocabulary& ids, const std::function<void(const std::string&)>& say);

/// Features of items in the columns of the model's, a row per item in the order given. Words and members that training did not know, and
/// texts that a column cannot read, are left out. \param model  must have features of items \param items  at least one
NewFeatures features_in_columns(const Model& model, std::span<const ItemFacts> items);

}  // namespace lowrank::serve
