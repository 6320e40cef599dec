#pragma once

#include "lowrank/data/ratings.h"
#include "train/units.h"

namespace lowrank {

/// The weight d of bias^2 in a sum of squared errors, for users and for items: a row of n ratings shrinks its mean residual by n / (n + d).
struct BiasDamping {
  double user = 0;
  double item = 0;
};

/// Estimates d as the ratio of the variance within rows to the variance between them (the method of moments for a one-way random-effects
/// model, Searle, Casella, McCulloch, "Variance components", 1992, section 3.6), items and users in turn, each on what the other side's
/// biases leave; a rating of weight w counts as w ratings. Data of more than a million ratings are estimated on that many, of users evenly
/// spaced. O(min(n, 10^6))
BiasDamping estimate_bias_damping(const Ratings& ratings, const Units& units);

}  // namespace lowrank
