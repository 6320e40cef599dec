#pragma once

#include <cstdint>
#include <optional>

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/train/neighbours.h"

namespace lowrank {

/// What neighbours that predict ratings are found by.
struct ResidualNeighbourOptions {
  std::uint32_t neighbours = 0;  ///< weights that each item, or user, keeps
  double shrinkage = 0;
  double power = 1;
  NeighbourRule rule = {.form = NeighbourForm::mean};
};

/// For each item (user, where the rule says so) the others with the greatest weights, by shrunk Pearson correlation. With e the ratings
/// less their scores by `baseline`, a model of rank 0, and sums over the m users (items) that two rows have in common:
///
///     weight = max(0, rho (m - 1) / (m - 1 + shrinkage))^power,   rho = sum e_i e_j / sqrt(sum e_i^2 sum e_j^2)
///
/// Only correlations above 0 are kept; ties go to the lower number. The same for any number of threads. O(sum over users of n_u^2), for
/// users over items; memory O(n), 10 bytes per weight, and of the rows of a side 20 bytes per thread
Neighbours pearson_neighbours(const Ratings& ratings, const Model& baseline, const ResidualNeighbourOptions& options, Workers& workers);

/// For each item the others with the greatest weights by their vectors: max(0, cosine)^power, or distance^(-2 power) with the
/// square of a distance in units of the mean square of a vector.
/// O(items^2 rank)
Neighbours factor_neighbours(const FactorMatrix& factors, bool by_distance, const ResidualNeighbourOptions& options, Workers& workers);

/// Mean and biases of the ratings, as method baseline learns them. \param frame  with the numbers of ratings
Model baseline_of(const Ratings& ratings, const Model& frame, int threads);

}  // namespace lowrank
