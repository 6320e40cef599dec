#pragma once

/// \file
/// Non-negative matrix factorization.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "lowrank/train/option.h"

namespace lowrank {

/// What a cell without a rating stands for.
enum class Absent : std::uint8_t {
  missing,  ///< unknown: the loss runs over the observed cells, and the model predicts ratings (default)
  zero,     ///< the number 0: the loss runs over all cells of the sparse matrix, and the model finds its parts
};

/// How far a prediction s is from a value r.
enum class NmfObjective : std::uint8_t {
  frobenius,         ///< (1/2) (r - s)^2 (default)
  kullback_leibler,  ///< r log(r / s) - r + s, the generalised divergence (I-divergence); r at 0 contributes s
};

/// How the loss is brought down.
enum class NmfSolver : std::uint8_t {
  automatic,       ///< coordinate for frobenius, multiplicative for kullback_leibler (default)
  coordinate,      ///< coordinate descent (HALS), in float32
  multiplicative,  ///< Lee and Seung's updates, in double: the reference
};

/// Options of non-negative matrix factorization (Lee, Seung 2001). Users have factors P >= 0, items Q >= 0; ratings must not be negative.
/// The loss is
///
///     sum over cells of D(r, s)  +  sum over users and items of w ((1/2) regularization |row|^2 + l1_regularization |row|_1)
///                                +  (1/2) sum over users and items of d bias^2
///
///     s = mean + bu + bd + <p, q> over observed cells with frobenius and biases; else s = <p, q>
///
/// Over observed cells w is the row's number of ratings + prior_ratings; where absent cells are zeros it is the row's number of cells. d is
/// estimated from the ratings as for SGD. Training works on ratings divided by their spread (with biases the standard deviation, else the
/// root mean square), so that the weights mean the same for any scale; reported losses are in rating units.
///
/// Where absent cells are zeros scores rank items: such a model predicts no ratings, has no RMSE, and scores 0 for rows that it does not
/// know. The loss of every epoch is reported; with either solver it does not rise but for rounding.
struct Nmf {
  static constexpr std::string_view kName = "nmf";
  static constexpr std::string_view kSummary = "non-negative matrix factorization";

  std::uint32_t rank = 32;
  std::uint32_t epochs = 50;
  std::uint8_t absent = static_cast<std::uint8_t>(Absent::missing);
  std::uint8_t objective = static_cast<std::uint8_t>(NmfObjective::frobenius);
  std::uint8_t solver = static_cast<std::uint8_t>(NmfSolver::automatic);
  double regularization = -1;
  double l1_regularization = 0;
  double prior_ratings = -1;
  bool biases = true;
  double tolerance = 0;
  std::uint32_t patience = 5;
  std::uint64_t seed = 1;

  /// Where absent cells are zeros, scores are no ratings.
  [[nodiscard]] bool predicts_ratings() const { return absent == static_cast<std::uint8_t>(Absent::missing); }
  /// Factor tables that training holds beside its own and the model's.
  [[nodiscard]] std::size_t extra_tables() const { return predicts_ratings() ? 1 : 4; }
  /// The description of every option above: name, range, meaning.
  static std::span<const Option<Nmf>> options();
};

}  // namespace lowrank
