#pragma once

/// \file
/// Matrix factorization of implicit feedback: counts, clicks, purchases.

#include <cstdint>
#include <span>
#include <string_view>

#include "lowrank/train/option.h"
#include "lowrank/train/solver.h"

namespace lowrank {

/// Which cells the unobserved weight falls on.
enum class Unobserved : std::uint8_t {
  all,      ///< every cell, the observed ones too (default; Rendle et al. 2022)
  missing,  ///< the cells without a rating (Hu, Koren, Volinsky 2008)
};

/// Options of alternating least squares for implicit feedback. With s = <p, q> the score of a cell, w = observed_weight + alpha r the
/// weight of an observed one, alpha0 = unobserved_weight, |I_u| the number of items that user u has and |I| of all items, the loss is
///
///     sum over observed cells of w (1 - s)^2  +  alpha0 * sum over all (or all missing) cells of s^2
///       +  sum over users of lambda (|I_u| + alpha0 |I|)^nu |p_u|^2  +  the same over items, with |U_i| and |U|
///
/// for lambda = regularization and nu = regularization_exponent. Every epoch minimises it over the users' rows, then over the items', and
/// reports it as train_loss. Three exponents, 0 by default, make the weights follow popularity and activity: w is multiplied by
/// |U_i|^observed_item_exponent, alpha0 by |U_i|^unobserved_item_exponent |I_u|^unobserved_user_exponent, each power scaled to a mean of 1
/// (over the ratings; over the items or users with ratings), and alpha0 |I|, alpha0 |U| above are a row's own sums. The defaults are
/// Rendle's parametrisation; Hu's is unobserved `missing`, unobserved_weight 1, alpha 40 and regularization_exponent 0. Scores rank items;
/// they predict no ratings. docs/methods/implicit.md has the rest.
///
/// Ratings that give a negative weight are a DataError; a rating of weight 0 counts in |I_u| alone.
struct Implicit {
  static constexpr std::string_view kName = "implicit";
  static constexpr std::string_view kSummary = "matrix factorization of implicit feedback by alternating least squares";

  std::uint32_t rank = 64;
  std::uint32_t epochs = 5;
  double unobserved_weight = 0.01;
  std::uint8_t unobserved = static_cast<std::uint8_t>(Unobserved::all);
  double observed_weight = 1;
  double alpha = 0;
  double observed_item_exponent = 0;
  double unobserved_item_exponent = 0;
  double unobserved_user_exponent = 0;
  double regularization = 0.02;
  double regularization_exponent = 0.75;
  double initial_scale = 0.1;
  std::uint8_t solver = static_cast<std::uint8_t>(Solver::exact);
  std::uint32_t cg_steps = 3;
  std::uint32_t block_size = 16;
  std::uint32_t sweeps = 2;
  double tolerance = 0;
  std::uint32_t patience = 5;
  std::uint64_t seed = 1;

  /// The description of every option above: name, range, meaning.
  static std::span<const Option<Implicit>> options();
  /// Scores only rank.
  static bool predicts_ratings() { return false; }
};

}  // namespace lowrank
