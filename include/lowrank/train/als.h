#pragma once

/// \file
/// Matrix factorization of ratings by alternating least squares.

#include <cstdint>
#include <optional>
#include <string_view>

#include "lowrank/train/bias_regularization.h"
#include "lowrank/train/correction.h"
#include "lowrank/train/solver.h"

namespace [[gnu::visibility("default")]] lowrank {

/// How the regularisation of a row follows its number of ratings.
enum class RegularizationScaling : std::uint8_t {
  count,     ///< times the number of ratings of the row, as if each rating were regularised (default; Zhou et al. 2008, Spark)
  constant,  ///< every row alike
};

/// Options of alternating least squares over the observed cells. With e = r - mean - b_u - b_i - <p, q>, n the ratings of a row and
/// lambda(n) = regularization (n + prior_ratings), or regularization alone with regularization_scaling `constant`, the loss is
///
///     sum over ratings of e^2  +  sum over users and items of lambda(n) |row|^2 + d bias^2
///
/// where d is estimated, or lambda(n). Every epoch minimises it over the users' rows and biases, then over the items', each row's bias
/// together with its factors. With features (TrainInput), rows and biases are regularised towards what their features let expect, which
/// docs/features.md defines. Regularisation is in scale-free units (ratings divided by their standard deviation). docs/methods/als.md has
/// the rest.
struct Als {
  static constexpr std::string_view kName = "als";
  static constexpr std::string_view kSummary = "matrix factorization of ratings by alternating least squares";
  static constexpr std::string_view kClassName = "ALS";
  static constexpr std::string_view kReference =
      "Zhou, Wilkinson, Schreiber and Pan, Large-scale parallel collaborative filtering for the Netflix prize, 2008.";

  std::uint32_t rank = 128;  ///< number of factors per user and item
  /// The most epochs, at least 1; each solves all user rows, then all item rows. Few are needed.
  std::uint32_t epochs = 7;
  /// Weight lambda of |p|^2 and |q|^2 in the loss, at least 0, in scale-free units (ratings divided by their standard deviation); raise it
  /// when the validation error rises from epoch to epoch.
  double regularization = 0.04;
  /// Scaling of a row's regularization: count multiplies lambda by the row's number of ratings (Zhou et al. 2008); constant treats all rows
  /// alike.
  RegularizationScaling regularization_scaling = RegularizationScaling::count;
  /// Number of ratings, at least 0, added to each row's own by scaling count; raise it to keep rows with few ratings small.
  /// auto is 150, or less where trials on a part of the ratings show little noise.
  std::optional<double> prior_ratings = {};
  /// Regularization of biases: estimated takes it from the variance within and between rows; factors is that of the factors of the same
  /// row.
  BiasRegularization bias_regularization = BiasRegularization::estimated;
  bool biases = true;  ///< whether the mean and a bias for every user and item are learned
  /// No factor below 0 (biases may be); every row is then solved exactly. For factors that are to be read as parts.
  bool non_negative = false;
  /// Solver of a row: exact finds the minimum; cg takes a few conjugate gradient steps from the last epoch's row, faster at large ranks.
  Solver solver = Solver::exact;
  std::uint32_t cg_steps = 3;  ///< conjugate gradient steps per row and epoch
  double initial_scale = 0.1;  ///< standard deviation of the initial factors, times sqrt(rank)
  double tolerance = 0;        ///< relative improvement per epoch below which training ends; 0: never
  /// Neighbours of every item, 0 to 100000, by which predictions are corrected after training: the ratings that a user gave to the
  /// neighbours of an item, less their predictions, move the item's own; 0 corrects nothing. Costs time and memory at each prediction.
  std::uint32_t neighbours = 0;
  /// Similarity of items: pearson of what mean and biases leave of the ratings; cosine or distance of the trained factors.
  CorrectionSimilarity neighbour_similarity = CorrectionSimilarity::pearson;
  /// Number of ratings in common, less one, at which a correlation is halved, at least 0; raise it where items have few ratings.
  double neighbour_shrinkage = 200;
  /// Power of the similarity, above 0: more trusts near neighbours more; auto is 2, with cosine 9, with distance 3.
  std::optional<double> neighbour_power = {};
  /// Sum of weights, at least 0, at which the correction is halved; auto is 0.1, with cosine 0.3, with distance 3.
  std::optional<double> neighbour_damping = {};
  /// Factor of the correction, 0 to 10; auto is what has the best validation figure of 0, 0.25, ..., 1.5, without validation data 1.
  std::optional<double> neighbour_weight = {};
  std::uint32_t patience = 5;  ///< epochs without improvement of the validation figure after which training ends
  std::uint64_t seed = 1;      ///< seed of every random choice
};

}  // namespace lowrank
