#pragma once

#include "base/parallel.h"
#include "train/nmf_learner.h"

namespace lowrank {

/// The non-negative double singular value decomposition of the matrix of a problem, absent cells 0 (Boutsidis, Gallopoulos 2008): part k
/// has the stronger pair of the positive or the negative parts of the singular vectors k. The singular vectors are those of a block power
/// iteration (Halko, Martinsson, Tropp 2011); directions beyond the rank of the matrix are 0. It depends on no seed, nor on threads.
/// O(40 (n + users + items) K + (users + items) K^2) for n ratings and K factors
NmfStart nndsvd(const NmfProblem& problem, Workers& workers);

}  // namespace lowrank
