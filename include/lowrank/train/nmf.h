#pragma once

/// \file
/// Non-negative matrix factorization.

#include <cstdint>
#include <optional>
#include <string_view>

#include "lowrank/train/correction.h"

namespace [[gnu::visibility("default")]] lowrank {

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

/// Start of the factors.
enum class NmfInitialization : std::uint8_t {
  random,  ///< absolute values of normal draws (default)
  nndsvd,  ///< the positive parts of the leading singular vectors (Boutsidis, Gallopoulos 2008)
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
  static constexpr std::string_view kClassName = "NMF";
  static constexpr std::string_view kReference = "Lee and Seung, Nature 401, 1999; Lee and Seung, NIPS 2001.";

  std::uint32_t rank = 32;  ///< number of factors (parts) per user and item
  /// The most epochs, at least 1, each a round over users and items; raise it for an exact decomposition.
  std::uint32_t epochs = 50;
  /// Meaning of cells without a rating: missing leaves them out of the loss, to predict ratings; zero takes them as zeros of a sparse
  /// matrix, without biases, to find its parts.
  Absent absent = Absent::missing;
  /// Distance between values and scores: frobenius is half the squared error; kullback-leibler, for counts, is the generalised divergence,
  /// without biases.
  NmfObjective objective = NmfObjective::frobenius;
  /// Solver: coordinate is coordinate descent (HALS), for frobenius only; multiplicative is Lee and Seung's updates in double precision;
  /// auto is the first that can minimise the objective.
  NmfSolver solver = NmfSolver::automatic;
  /// Weight of |row|^2 / 2, at least 0, times the row's ratings + prior_ratings (absent zero: times its cells), in scale-free units; auto
  /// is 0.04, and 0 with absent zero.
  std::optional<double> regularization = {};
  /// Weight of the sum of a row's factors, at least 0, scaled as regularization is; raise it to make factors sparse.
  double l1_regularization = 0;
  /// Number of ratings, at least 0, added to each row's own when it is regularised (absent missing); auto is 0 without biases; with
  /// them 70, or less where trials on a part of the ratings show little noise.
  std::optional<double> prior_ratings = {};
  bool biases = true;  ///< whether the mean and biases are learned (absent missing with frobenius; there are none otherwise)
  /// Start of the factors: random draws; nndsvd, with absent zero, takes the positive parts of the leading singular vectors, depends on no
  /// seed, and finds the parts of exact data more often.
  NmfInitialization initialization = NmfInitialization::random;
  double tolerance = 0;  ///< relative improvement per epoch below which training ends; 0: never
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

  /// With absent zero, scores only rank.
  [[nodiscard]] bool predicts_ratings() const { return absent == Absent::missing; }
};

}  // namespace lowrank
