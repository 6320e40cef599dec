#pragma once

/// \file
/// Users and items that training did not have.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lowrank/data/feature_table.h"
#include "lowrank/data/features.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"

namespace [[gnu::visibility("default")]] lowrank {

/// The features of one row, in the columns of a model.
struct FeatureRow {
  std::span<const std::uint32_t> columns = {};
  std::span<const float> values = {};  ///< one per column
};

/// New users or items with their features, in the columns of a model (see apply_features()). Row r is that of id r.
struct NewFeatures {
  Vocabulary ids;
  Features features;
};

/// How the columns of a model's features came about. \throws OptionError("user_features" or "item_features") where it has none of that side
const FeatureDescription& description_of(FeatureSide side, const Model& model);

/// Reads a file of features of new users or items, in the columns of the model's features. \param encoding  as in ReadOptions
/// \param[out] gaps  what the file has that the columns do not
/// \throws as read_feature_table() and description_of()
NewFeatures read_new_features(const std::string& path, FeatureSide side, const Model& model, const std::string& encoding,
                              FeatureGaps& gaps);
/// The same from a table in memory.
NewFeatures new_features(const FeatureTable& table, FeatureSide side, const Model& model, FeatureGaps& gaps);

/// Factors and bias of a user or item that training did not have.
struct FoldedRow {
  std::vector<float> factors;  ///< rank floats
  float bias = 0;
  /// Of a user, where the model has neighbours: the items that these speak from, ascending. They are the known items that the user was
  /// given by, in the sum form those with a value above 0.
  std::vector<std::uint32_t> history = {};
  /// In the mean form one per item of the history, its value less its score without neighbours; else empty.
  std::vector<float> residuals = {};
};

/// Solves the problem that the model states (see FoldIn) for a user given by ratings, against the fixed item factors. Items that the model
/// does not know are left out; of repeats of an item the last counts, or their mean where the model was trained in contexts. Without any
/// known item: zero factors, zero bias. Where the ratings do not pin the row down (no regularisation, fewer ratings than factors) it is the
/// shortest solution. A divergence is brought down by multiplicative updates, until a factor changes by less than 1e-7 of the largest, 2000
/// at most; there, any of its minima. O(n rank^2 + rank^3), and O(items rank^2) more where unobserved cells have weight; for a divergence
/// O(n rank) per update, and O(items rank). fold_in() solves many users at the price of one such sum over the items. \param items, values
/// one value per item \param features  of the user, where the model has features of users: the row is then solved around what they let
/// expect (see FeatureVectors), and is that where no item is known \throws DataError for different numbers of items and values, and for
/// ratings so extreme that no finite factors fit them; OptionError for features where the model has none of that side
FoldedRow fold_in_user(const Model& model, std::span<const std::uint32_t> items, std::span<const float> values,
                       const FeatureRow& features = {});

/// The same with the sides exchanged: an item given by the ratings of users, against the fixed user factors.
/// \param users, values  one value per user. \throws as fold_in_user()
FoldedRow fold_in_item(const Model& model, std::span<const std::uint32_t> users, std::span<const float> values,
                       const FeatureRow& features = {});

/// `model` with its users replaced by those of `pairs` (numbered in the model's vocabularies), in order of first appearance. All are solved
/// anew from the pairs given, also those that the model knows; without values every pair counts as a rating of 1, and repeats as in
/// fold_in_user(). Their given items count as seen, and their number of known items as their ratings: a user without any is unknown to the
/// result. The ids of the users have the kind of `pairs.unknown_users`. Where the model has an uncertainty, the result has one with the
/// variances of the users given their ratings: O(n rank^2 + rank^3) more per user of n ratings.
/// \param threads 0 for all; no influence on the result \param features  of users, if given; those without pairs are users too, known by
/// their features alone
/// \throws DataError for ratings so extreme that no finite factors fit them, and for pairs whose parts do not fit together; OptionError
/// for features where the model has none of users
Model fold_in(const Model& model, const Pairs& pairs, int threads = 0, const NewFeatures* features = nullptr);

/// `model` with items that are known by their features alone: new ones, and those that it has no rating of; items with ratings stay as they
/// are. \throws OptionError where the model has no features of items
Model add_items(Model model, const NewFeatures& items);
/// The same of users, who have rated nothing. \throws OptionError where the model has no features of users
Model add_users(Model model, const NewFeatures& users);

}  // namespace lowrank
