#pragma once

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/fold_in.h"
#include "lowrank/model/model.h"

namespace lowrank {

/// Solves the factors and the bias of every user that has ratings against the items of `model`, exactly, by the problem of its fold-in: a
/// user of training then has the row that fold-in would give them. The same for any number of threads. O(n rank^2 + users rank^3)
void solve_users(const Ratings& ratings, const LeastSquares& problem, Model& model, Workers& workers);

}  // namespace lowrank
