#pragma once

/// \file
/// Factorization of implicit feedback with contexts: tensors of users, items and the levels of contexts, in which every cell counts.

#include <cstdint>
#include <optional>
#include <string_view>

#include "lowrank/train/context_als.h"
#include "lowrank/train/solver.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Options of alternating least squares for implicit feedback with contexts. With the levels c of the contexts of a cell, one per column,
/// its score is
///
///     s = sum_k p_uk q_ik prod_c t_ck  +  sum_c <d_c, p_u + q_i>
///
/// where form `pairwise` (iTALSx) has the vectors d and no scales t, `cp` (iTALS) the scales and no vectors, and `both` both. With the
/// weights w, alpha0 and the targets t of method implicit, the loss is
///
///     sum over observed cells of w (t - s)^2  +  alpha0 * sum over all cells (u, i, c) of prod_c share(c) s^2
///       +  the regularization of users and items as of method implicit
///       +  sum over levels of (n + m)^nu (context_regularization |d|^2 + scale_regularization |t - 1|^2)
///
/// for nu = regularization_exponent, the n ratings of a level, and m the sum of the weights of all cells in it. The share of a level is its
/// part of the ratings that have a level in its column, so that the shares of all combinations of levels add up to 1: where contexts change
/// nothing, the loss is that of method implicit with the same options. No cell is enumerated: the sum over all of them follows from moments
/// of users, items and levels. Every epoch minimises the loss over the rows of users, of items, and of the levels of each column in turn,
/// and reports it as train_loss. A missing level has the mean of its column's. Scores rank items; they predict no ratings.
///
/// The model is the mean over the contexts of training where no context is given (see bind_context()). Without contexts it is that of
/// method implicit. A rating of 0 is left out. docs/methods/implicit-context.md has the rest.
struct ImplicitContext {
  static constexpr std::string_view kName = "implicit-context";
  static constexpr std::string_view kSummary = "factorization of implicit feedback with contexts, such as daytime or place";
  static constexpr std::string_view kClassName = "ImplicitContextALS";
  static constexpr std::string_view kReference =
      "Hidasi and Tikk, Fast ALS-based tensor factorization for context-aware recommendation from implicit feedback, ECML PKDD 2012; "
      "Hidasi, "
      "Factorization models for context-aware recommendations, 2014.";

  std::uint32_t rank = 64;  ///< number of factors per user, item and level
  /// The most epochs, at least 1; each solves all user rows, all item rows, and the levels of each context.
  std::uint32_t epochs = 5;
  /// What a level has: pairwise is a vector, multiplied with those of users and items; cp is a factor for each term of the dot product of
  /// user and item; both has both.
  ContextForm form = ContextForm::pairwise;
  /// Weight alpha0 of an unobserved cell, at least 0, whose target is 0; the first option to search, by factors of 2. auto follows the
  /// density of the data, as method implicit has it.
  std::optional<double> unobserved_weight = {};
  /// Weight of an observed cell, at least 0, whose target is 1, before its value counts; 0 with alpha 1 takes the values as weights.
  double observed_weight = 1;
  /// Weight added to an observed cell per unit of its value, at least 0 (the confidence of Hu et al.); raise it where larger values mean
  /// more.
  double alpha = 0;
  /// Exponent x, -2 to 2: the weight of an observed cell is multiplied by (its item's number of ratings)^x, normalised to a mean of 1;
  /// below 0 popular items count less. auto is -0.25, and 0 where unobserved_weight is given.
  std::optional<double> observed_item_exponent = {};
  /// Exponent x, -2 to 2: the unobserved weight is multiplied by (the item's number of ratings)^x, normalised to a mean of 1; above 0 a
  /// popular item that a user skipped counts more against it.
  double unobserved_item_exponent = 0;
  /// Exponent x, -2 to 2: the unobserved weight is multiplied by (the user's number of ratings)^x, normalised to a mean of 1; above 0 what
  /// active users skipped counts more. auto is 0.4, and 0 where unobserved_weight is given.
  std::optional<double> unobserved_user_exponent = {};
  /// Weight lambda of |p|^2 and |q|^2, at least 0, before it is scaled by regularization_exponent; search it together with
  /// unobserved_weight.
  double regularization = 0.02;
  /// Exponent nu, 0 to 2: a row of n ratings, with m cells of weight alpha0, is regularised by lambda (n + alpha0 m)^nu; 0 treats all rows
  /// alike.
  double regularization_exponent = 0.75;
  /// Weight of |d|^2, squares of the vectors of levels, at least 0, scaled as regularization is; raise it to let contexts matter less.
  double context_regularization = 0.03;
  /// Weight of |t - 1|^2, squares of how far scales of levels are from 1, at least 0, scaled as regularization is; raise it to let contexts
  /// matter less.
  double scale_regularization = 0.03;
  /// Spread of the initial factors of rows and levels, above 0: normal draws of standard deviation initial_scale / sqrt(rank), and for
  /// scales of initial_scale around 1; rarely worth a change.
  double initial_scale = 0.1;
  /// Solver of a row: exact finds the minimum; cg takes a few conjugate gradient steps from the last epoch's row.
  Solver solver = Solver::exact;
  std::uint32_t cg_steps = 3;  ///< conjugate gradient steps per row and epoch
  double tolerance = 0;        ///< relative improvement per epoch below which training ends; 0: never
  std::uint32_t patience = 5;  ///< epochs without improvement of the validation figure after which training ends
  std::uint64_t seed = 1;      ///< seed of every random choice

  /// Scores only rank.
  static bool predicts_ratings() { return false; }
};

}  // namespace lowrank
