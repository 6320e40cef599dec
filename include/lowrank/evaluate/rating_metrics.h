#pragma once

/// \file
/// Metrics of predicted ratings.

#include <cstddef>

#include "lowrank/data/ratings.h"
#include "lowrank/evaluate/user_figures.h"
#include "lowrank/model/model.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Errors of predicted ratings over a list of pairs. Every pair counts, duplicates and unknown ids included.
struct RatingScores {
  double rmse = 0;          ///< root of the mean of squared errors of predict()
  double mae = 0;           ///< mean of absolute errors
  std::size_t ratings = 0;  ///< pairs scored
  std::size_t unknown = 0;  ///< number of these pairs whose user or item the model does not know
};

/// Scores `pairs`, which have values and are numbered in the vocabularies of the model. Sums are in double and in a fixed order: the result
/// does not depend on `threads` (0 for all). \throws DataError if there are no pairs, or no values. O(n rank)
/// \param[out] by_user  if given, receives `rmse` and `mae` of every user in `pairs`; takes 8 bytes per pair meanwhile
RatingScores score_ratings(const Model& model, const Pairs& pairs, int threads = 0, UserFigures* by_user = nullptr);

/// Scores the cells of `ratings`, for example the training ratings.
/// \param situations  of the ratings; null for none
RatingScores score_ratings(const Model& model, const Ratings& ratings, int threads = 0, const Situations* situations = nullptr);

}  // namespace lowrank
