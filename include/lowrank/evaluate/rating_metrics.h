#pragma once

/// \file
/// How well a model predicts ratings.

#include <cstddef>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"

namespace lowrank {

/// Errors of predicted ratings over a list of pairs. Every pair counts, repeats and unknown ids included.
struct RatingScores {
  double rmse = 0;          ///< root of the mean of squared errors of predict()
  double mae = 0;           ///< mean of absolute errors
  std::size_t ratings = 0;  ///< pairs scored
  std::size_t unknown = 0;  ///< of them, pairs whose user or item the model does not know
};

/// Scores `pairs` (which have values and are expressed in the model's vocabularies). Sums in double in a fixed order: the result does not
/// depend on `threads` (0 for all). \throws DataError when there are no pairs, or no values. O(n rank)
RatingScores score_ratings(const Model& model, const Pairs& pairs, int threads = 0);

/// The same over the ratings themselves, e.g. those trained on.
RatingScores score_ratings(const Model& model, const Ratings& ratings, int threads = 0);

}  // namespace lowrank
