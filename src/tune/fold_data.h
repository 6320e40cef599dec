#pragma once

#include <cstdint>
#include <functional>

#include "lowrank/data/folds.h"
#include "lowrank/data/lines.h"
#include "lowrank/data/ratings.h"

namespace lowrank {

/// The two parts of a fold, as if they had been read from files: ids are numbered in order of first appearance in the training part.
struct FoldData {
  Dataset train;
  Pairs test;
  std::vector<std::uint32_t> users;  ///< for each number of a user in `test`: the user's number in all ratings
};

/// \param fold  1, 2, ... \param rule  training rating to keep of a pair that is rated more than once. \param threads  0 for all; the
/// result does not depend on it. \param learn  if given, called with the training part before the test part is numbered; may add ids to it,
/// of users and items that are known by their features alone. O(n log m)
FoldData fold_data(const RatingLines& lines, const Folds& folds, std::uint32_t fold, Duplicates rule, int threads,
                   const std::function<void(Dataset&)>& learn = {});

}  // namespace lowrank
