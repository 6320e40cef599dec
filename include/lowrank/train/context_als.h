#pragma once

/// \file
/// Factorization of ratings with contexts: tensors of users, items and the levels of contexts.

#include <cstdint>
#include <optional>
#include <string_view>

#include "lowrank/train/als.h"
#include "lowrank/train/solver.h"

namespace [[gnu::visibility("default")]] lowrank {

/// The terms that a level has besides its bias.
enum class ContextForm : std::uint8_t {
  pairwise,  ///< a vector per level, multiplied with those of users and items (Rendle 2010)
  cp,        ///< a factor per level for each term of the dot product of user and item (PARAFAC)
  both,      ///< both of them
  biases,    ///< nothing: a level has a bias alone
};

/// Whose biases differ from level to level.
enum class ContextBiases : std::uint8_t {
  none,   ///< nobody's: a level has one bias for all
  items,  ///< items' (CAMF-CI)
  users,  ///< users' (CAMF-CU)
  both,   ///< items' and users'
};

/// Options of alternating least squares over the observed cells of a tensor of users, items and contexts. With the levels c of the contexts
/// of a rating, its score is
///
///     mean + b_u + b_i + sum_c [ b_c + <d_c, p_u + q_i> ]  +  sum_k p_uk q_ik prod_c t_ck  [+ sum_c b_ic] [+ sum_c b_uc]
///
/// where form `pairwise` has the vectors d, `cp` the scales t, `both` both and `biases` none. The loss is that of method als with this
/// score, and in addition
///
///     sum over levels of mu(n) |d|^2  +  nu(n) |t - 1|^2  +  damped squares of their biases
///
/// with mu(n) = context_regularization (n + prior_ratings) and nu(n) = scale_regularization (n + prior_ratings), or without the factor
/// where regularization_scaling is `constant`. Every epoch minimises it over the rows of users, of items, and of the levels of each context
/// in turn. A missing level has the mean of the column's levels. The model is the mean over the contexts of training where no context is
/// given (see bind_context()). Without contexts the model is that of method als. docs/methods/context.md has the rest.
struct ContextAls {
  static constexpr std::string_view kName = "context";
  static constexpr std::string_view kSummary =
      "factorization of ratings with contexts, such as daytime or company, by alternating least squares";
  static constexpr std::string_view kClassName = "ContextALS";
  static constexpr std::string_view kReference =
      "Rendle, Factorization machines, 2010; Karatzoglou, Amatriain, Baltrunas and Oliver, Multiverse recommendation, 2010; Baltrunas, "
      "Ludwig "
      "and Ricci, Matrix factorization techniques for context aware recommendation, 2011.";

  std::uint32_t rank = 128;  ///< number of factors per user, item and level
  /// The most epochs, at least 1; each solves all user rows, all item rows, and the levels of each context. Few are needed, but for forms
  /// with scales.
  std::uint32_t epochs = 7;
  /// Terms that a level has besides its bias: pairwise is a vector, multiplied with those of users and items; cp is a factor for each term
  /// of the dot product; both has both, biases none.
  ContextForm form = ContextForm::pairwise;
  /// Whose biases differ from level to level: none (nobody's), items, users, or both. Takes many ratings per pair of row and level.
  ContextBiases context_biases = ContextBiases::none;
  /// Weight lambda of |p|^2 and |q|^2 in the loss, at least 0, in scale-free units (ratings divided by their standard deviation); raise it
  /// when the validation error rises from epoch to epoch.
  double regularization = 0.04;
  /// Scaling of the regularization of a row or level: count multiplies lambda by its number of ratings (Zhou et al. 2008); constant treats
  /// all alike.
  RegularizationScaling regularization_scaling = RegularizationScaling::count;
  /// Number of ratings, at least 0, added to each row's own by scaling count; raise it to keep rows with few ratings small.
  /// auto is 150, or less where trials on a part of the ratings show little noise.
  std::optional<double> prior_ratings = {};
  /// Weight of |d|^2, squares of the vectors of levels, in the loss, at least 0, scaled as regularization is; raise it to let contexts
  /// matter less.
  double context_regularization = 0.25;
  /// Weight of |t - 1|^2, squares of how far scales of levels are from 1, in the loss, at least 0, scaled as regularization is; raise it to
  /// let contexts matter less.
  double scale_regularization = 0.5;
  /// Regularization of biases: estimated takes it from the variance within and between rows; factors is that of the factors of the same
  /// row. Biases of levels are always estimated.
  BiasRegularization bias_regularization = BiasRegularization::estimated;
  bool biases = true;  ///< whether the mean and a bias for every user, item and level are learned
  /// Solver of a row: exact finds the minimum; cg takes a few conjugate gradient steps from the last epoch's row, faster at large ranks.
  Solver solver = Solver::exact;
  std::uint32_t cg_steps = 3;  ///< conjugate gradient steps per row and epoch
  /// Random starts, 1 to 1000, each with scales of any sign and 20 epochs, of which the one of least loss is trained on. 1 starts once,
  /// from scales of 1, which suits contexts that change ratings a little; take 10 or more for tensors that no context leaves alike.
  std::uint32_t starts = 1;
  double initial_scale = 0.1;  ///< standard deviation of the initial factors, times sqrt(rank)
  double tolerance = 0;        ///< relative improvement per epoch below which training ends; 0: never
  std::uint32_t patience = 5;  ///< epochs without improvement of the validation figure after which training ends
  std::uint64_t seed = 1;      ///< seed of every random choice
};

}  // namespace lowrank
