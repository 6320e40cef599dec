#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/evaluate/user_figures.h"
#include "lowrank/model/history.h"
#include "lowrank/model/model.h"

namespace lowrank {

/// Pairs in the vocabularies of one of several models.
struct NumberedPairs {
  Pairs pairs;
  std::vector<std::uint32_t> common_users;  ///< for each pair the number of its user in the vocabulary of the first model

  /// Numbers the users of `figures`, which are of `pairs`, in the vocabulary of the first model, and puts them into that order.
  void restore_users(UserFigures& figures) const;
};

/// One test for several models, whose users and items are matched by name.
class CommonPairs {
 public:
  /// \param models  at least one; must outlive this object. \param test  numbered in the vocabularies of the first; must outlive it too
  CommonPairs(std::span<const Model* const> models, const Pairs& test);

  /// `pairs`, which are some of the test, for the model number `model`.
  [[nodiscard]] NumberedPairs of(std::size_t model, const Pairs& pairs) const;
  /// The pairs of the test that are in no model's training data.
  [[nodiscard]] Pairs unseen() const;
  /// The items that the users of `pairs` have in the training data of any model, as far as the model number `model` knows them, in its
  /// numbering. \param pairs  as of(model, ...) returns them
  [[nodiscard]] History seen_by(std::size_t model, const NumberedPairs& pairs) const;

 private:
  std::span<const Model* const> models_;
  const Pairs* test_;
  /// For each model, the number of each user (item) of the test's numbering; unknown ones as in Pairs.
  std::vector<std::vector<std::uint32_t>> users_;
  std::vector<std::vector<std::uint32_t>> items_;
};

}  // namespace lowrank
