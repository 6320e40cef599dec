#pragma once

/// \file
/// Matrix factorization of ratings by alternating least squares.

#include <cstdint>
#include <span>
#include <string_view>

#include "lowrank/train/option.h"
#include "lowrank/train/solver.h"

namespace lowrank {

/// How the regularisation of a row follows its number of ratings.
enum class RegularizationScaling : std::uint8_t {
  count,     ///< times the number of ratings of the row, as if each rating were regularised (default; Zhou et al. 2008, Spark)
  constant,  ///< every row alike
};

/// How als regularises biases.
enum class AlsBias : std::uint8_t {
  estimated,  ///< by the ratio of the variance within rows to that between them, estimated from the ratings (default)
  factors,    ///< as the factors of the same row
};

/// Options of alternating least squares over the observed cells. With e = r - mean - b_u - b_i - <p, q>, n the ratings of a row and
/// lambda(n) = regularization (n + prior_ratings), or regularization alone with regularization_scaling `constant`, the loss is
///
///     sum over ratings of e^2  +  sum over users and items of lambda(n) |row|^2 + d bias^2
///
/// where d is estimated, or lambda(n). Every epoch minimises it over the users' rows and biases, then over the items', each row's bias
/// together with its factors. Regularisation is in scale-free units (ratings divided by their standard deviation). docs/methods/als.md has
/// the rest.
struct Als {
  static constexpr std::string_view kName = "als";
  static constexpr std::string_view kSummary = "matrix factorization of ratings by alternating least squares";

  std::uint32_t rank = 128;
  std::uint32_t epochs = 7;
  double regularization = 0.04;
  std::uint8_t regularization_scaling = static_cast<std::uint8_t>(RegularizationScaling::count);
  double prior_ratings = 150;
  std::uint8_t bias_regularization = static_cast<std::uint8_t>(AlsBias::estimated);
  bool biases = true;
  bool non_negative = false;
  std::uint8_t solver = static_cast<std::uint8_t>(Solver::exact);
  std::uint32_t cg_steps = 3;
  double initial_scale = 0.1;
  double tolerance = 0;
  std::uint32_t patience = 5;
  std::uint64_t seed = 1;

  /// The description of every option above: name, range, meaning.
  static std::span<const Option<Als>> options();
};

}  // namespace lowrank
