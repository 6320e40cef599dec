#pragma once

/// \file
/// Matrix factorization of implicit feedback: counts, clicks, purchases.

#include <cstdint>
#include <optional>
#include <string_view>

#include "lowrank/train/solver.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Which cells the unobserved weight falls on.
enum class Unobserved : std::uint8_t {
  all,      ///< every cell, the observed ones too (default; Rendle et al. 2022)
  missing,  ///< the cells without a rating (Hu, Koren, Volinsky 2008)
};

/// Options of alternating least squares for implicit feedback. With s = <p, q> the score of a cell, w = observed_weight + alpha |r| the
/// weight of an observed one, t its target, 1 for r > 0 and 0 for r < 0, alpha0 = unobserved_weight, |I_u| the number of items that user u
/// has and |I| of all items, the loss is
///
///     sum over observed cells of w (t - s)^2  +  alpha0 * sum over all (or all missing) cells of s^2
///       +  sum over users of lambda (|I_u| + alpha0 |I|)^nu |p_u|^2  +  the same over items, with |U_i| and |U|
///
/// for lambda = regularization and nu = regularization_exponent. Every epoch minimises it over the users' rows, then over the items', and
/// reports it as train_loss. Three exponents make the weights follow popularity and activity: w is multiplied by
/// |U_i|^observed_item_exponent, alpha0 by |U_i|^unobserved_item_exponent |I_u|^unobserved_user_exponent, each power scaled to a mean of 1
/// (over the ratings; over the items or users with ratings), and alpha0 |I|, alpha0 |U| above are a row's own sums. Rendle's
/// parametrisation has no exponents; Hu's is unobserved `missing`, unobserved_weight 1, alpha 40 and regularization_exponent 0. Scores rank
/// items; they predict no ratings. With features (TrainInput), rows are regularised towards what their features let expect, which
/// docs/features.md defines. docs/methods/implicit.md has the rest.
///
/// A rating of 0 is left out, as if it were not there. A rating whose weight w is 0 still counts in |I_u| and |U_i|.
struct Implicit {
  static constexpr std::string_view kName = "implicit";
  static constexpr std::string_view kSummary = "matrix factorization of implicit feedback by alternating least squares";
  static constexpr std::string_view kClassName = "ImplicitALS";
  static constexpr std::string_view kReference =
      "Hu, Koren and Volinsky, ICDM 2008; Rendle, Krichene, Zhang and Koren, Revisiting the performance of iALS, RecSys 2022.";

  std::uint32_t rank = 64;  ///< number of factors per user and item
  /// The most epochs, at least 1; each solves all user rows, then all item rows. Sparse data at large ranks gain from more.
  std::uint32_t epochs = 5;
  /// Weight alpha0 of an unobserved cell, at least 0, whose target is 0; the first option to search, by factors of 2. auto follows the
  /// density of the data: 3 (observed share of the cells)^(2/3) times the mean weight of an observed cell.
  std::optional<double> unobserved_weight = {};
  /// Cells that bear the unobserved weight: all includes the observed ones (Rendle et al. 2022); missing leaves them out (Hu et al. 2008).
  Unobserved unobserved = Unobserved::all;
  /// Weight of an observed cell, at least 0, whose target is 1, before its value counts; 0 with alpha 1 takes the values as weights.
  double observed_weight = 1;
  /// Weight added to an observed cell per unit of its value, at least 0 (the confidence of Hu et al.); raise it where larger values mean
  /// more.
  double alpha = 0;
  /// Exponent x, -2 to 2: the weight of an observed cell is multiplied by (its item's number of ratings)^x, normalised to a mean of 1;
  /// below 0 popular items count less. auto is -0.25, and 0 where unobserved_weight is given.
  std::optional<double> observed_item_exponent = {};
  /// Exponent x, -2 to 2: the unobserved weight is multiplied by (the item's number of ratings)^x, normalised to a mean of 1; above 0 a
  /// popular item that a user skipped counts more against it (He et al. 2016).
  double unobserved_item_exponent = 0;
  /// Exponent x, -2 to 2: the unobserved weight is multiplied by (the user's number of ratings)^x, normalised to a mean of 1; above 0 what
  /// active users skipped counts more. auto is 0.4, and 0 where unobserved_weight is given.
  std::optional<double> unobserved_user_exponent = {};
  /// Weight lambda of |p|^2 and |q|^2, at least 0, before it is scaled by regularization_exponent; search it together with
  /// unobserved_weight.
  double regularization = 0.02;
  /// Exponent nu, 0 to 2: a row of n ratings, with m rows on the other side, is regularised by lambda (n + alpha0 m)^nu; 0 treats all rows
  /// alike.
  double regularization_exponent = 0.75;
  double initial_scale = 0.1;  ///< standard deviation of the initial factors, times sqrt(rank)
  /// Solver of a row: exact finds the minimum; cg takes a few conjugate gradient steps from the last epoch's row; subspace sweeps over
  /// blocks of coordinates (iALS++), fastest at large ranks.
  Solver solver = Solver::exact;
  std::uint32_t cg_steps = 3;  ///< conjugate gradient steps per row and epoch
  /// Coordinates per block of the subspace solver, 1 to 4096, rounded up to a multiple of 16; rarely worth a change.
  std::uint32_t block_size = 16;
  /// Sweeps of the subspace solver per row and epoch, 1 to 1000; those after the first cost little.
  std::uint32_t sweeps = 2;
  /// Items that each item speaks for besides the factors, 0 to 100000, by method neighbours with its defaults; 0 for factors alone.
  std::uint32_t neighbours = 0;
  /// Weight of the neighbours, at least 0, where both parts of the scores have a standard deviation of 1 over the items, on average over
  /// the users. auto is 0.4, or with validation the best of 0, 0.1, 0.2, 0.4, 0.8 and 1.6.
  std::optional<double> neighbour_weight = {};
  double tolerance = 0;        ///< relative improvement per epoch below which training ends; 0: never
  std::uint32_t patience = 5;  ///< epochs without improvement of the validation figure after which training ends
  std::uint64_t seed = 1;      ///< seed of every random choice

  /// Scores only rank.
  static bool predicts_ratings() { return false; }
};

}  // namespace lowrank
