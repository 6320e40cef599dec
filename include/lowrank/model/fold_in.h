#pragma once

/// \file
/// What a method states about a row that training did not have: the problem by which it is solved against the fixed rows of the other side.
/// Written for a user over the items; an item over the users is the same with the sides exchanged.

#include <cstdint>
#include <variant>

namespace [[gnu::visibility("default")]] lowrank {

/// Regularisation of one row with factors p and bias b. With s the size of the row, which each problem below defines:
///
///     (l2 s + l2_constant) |p|^2 + 2 (l1 s + l1_constant) |p|_1 + (bias s + bias_constant) b^2
///
/// In the units of the ratings. All are finite and not negative; l1 and l1_constant are 0 unless factors are not negative.
struct RowPenalty {
  double l2 = 0;
  double l2_constant = 0;
  double l1 = 0;
  double l1_constant = 0;
  double bias = 0;
  double bias_constant = 0;
  friend bool operator==(const RowPenalty&, const RowPenalty&) = default;
};

/// A new row has nothing to solve: zero factors and no bias.
struct NoFoldIn {
  static constexpr const char* kKind = "none";
  friend bool operator==(const NoFoldIn&, const NoFoldIn&) = default;
};

/// Least squares over the observed cells. For a user with ratings r_j, j in S, items q_j with biases b_j, and mean m:
///
///     minimise over p, b:  sum_{j in S} (r_j - m - b - b_j - <p, q_j>)^2 + penalty,    size s = |S|
struct LeastSquares {
  static constexpr const char* kKind = "least_squares";
  RowPenalty users = {};
  RowPenalty items = {};
  bool solves_bias = true;    ///< false: b is 0
  bool non_negative = false;  ///< p >= 0
  friend bool operator==(const LeastSquares&, const LeastSquares&) = default;
};

/// A weight that follows popularity or activity: scale * n^exponent for a row of n > 0 training ratings, 0 for one without; 1 where the
/// exponent is 0. The scale is that of the training data: the weight has mean 1 there, and does not change when users are folded in.
struct PowerWeight {
  double exponent = 0;  ///< -2 to 2
  double scale = 1;
  friend bool operator==(const PowerWeight&, const PowerWeight&) = default;
};

/// Weighted least squares over all cells: implicit feedback, and sparse matrices whose absent cells are zeros. No biases.
///
///     minimise over p:  sum_{j in S} w_j (t_j - <p, q_j>)^2 + sum_{all j, or j not in S} u_j <p, q_j>^2 + penalty
///
///         w_j = (observed_weight + alpha |r_j|) observed_item(n_j),  t_j = 1 for r_j > 0 and 0 for r_j < 0 with binary_target, else r_j
///         u_j = unobserved_weight unobserved_item(n_j) unobserved_user(|S|)
///         size s = (|S| + sum of u_j over all items)^size_exponent
///
/// with n_j the training ratings of item j. For an item, observed_item and unobserved_item are taken of its own ratings, unobserved_user
/// of each user's.
struct WeightedLeastSquares {
  static constexpr const char* kKind = "weighted_least_squares";
  RowPenalty users = {};
  RowPenalty items = {};
  double observed_weight = 1;
  double alpha = 0;  ///< confidence per unit of the rating
  double unobserved_weight = 0;
  bool unobserved_includes_seen = true;  ///< the unobserved term runs over all cells (true) or over the missing ones
  bool binary_target = true;
  bool non_negative = false;  ///< p >= 0
  double size_exponent = 0;   ///< 0 to 2
  PowerWeight observed_item = {};
  PowerWeight unobserved_item = {};
  PowerWeight unobserved_user = {};
  friend bool operator==(const WeightedLeastSquares&, const WeightedLeastSquares&) = default;
};

/// The generalised Kullback-Leibler divergence, p >= 0 and no biases:
///
///     minimise over p:  2 sum_{j in S} (r_j log(r_j / s_j) - r_j + s_j) + 2 absent_weight sum_{j not in S} s_j + penalty,    s_j = <p,
///     q_j>
///
/// with size s = |S|.
struct Divergence {
  static constexpr const char* kKind = "divergence";
  RowPenalty users = {};
  RowPenalty items = {};
  double absent_weight = 0;  ///< 1 where absent cells are zeros, 0 where they are missing
  friend bool operator==(const Divergence&, const Divergence&) = default;
};

/// Pairwise logistic loss: a user's items should score higher than drawn items that they do not have. For a user whose ratings above 0 are
/// of the items S, and scores s_j = b_j + <p, q_j>:
///
///     minimise over p:  2 sum_{i in S} mean over draws of log(1 + exp(s_j - s_i)) + penalty,    size s = |S|
///
/// A draw is of `negatives` items outside S, each with a probability that follows n_j^negative_exponent for an item of n_j training
/// ratings; j is the one of the highest score (`hardest`; as the soft maximum .1 log(sum of exp(10 s_j))), or the mean runs over all of
/// them. A new item takes the place of i for its users, against drawn items that they do not have, and one of the places of a draw for the
/// ratings of others, as often as its number of users lets it be drawn. Draws are functions of the seed in the model's record.
struct PairwiseLogistic {
  static constexpr const char* kKind = "pairwise_logistic";
  static constexpr std::uint32_t kMostNegatives = 1000;
  RowPenalty users = {};
  RowPenalty items = {};
  std::uint32_t negatives = 1;  ///< items per draw, 1 to kMostNegatives
  bool hardest = false;
  double negative_exponent = 0;  ///< 0 to 2
  bool solves_bias = true;       ///< items have biases; users never do
  friend bool operator==(const PairwiseLogistic&, const PairwiseLogistic&) = default;
};

/// Users who are sums of what they have rated. For a user with ratings r_j, j in S, items q_j with biases b_j and history factors w_j (see
/// Model::history_factors), and mean m, the factors are
///
///     x = |S|^-exponent sum_{j in S} w_j + p
///
/// where p is 0, and the bias b minimises sum_{j in S} (r_j - m - b - b_j - <x, q_j>)^2 + penalty; or, with `solves_factors`, p and b do so
/// together. The size is s = |S|. A new item is one of LeastSquares, against the users' factors x.
struct HistorySum {
  static constexpr const char* kKind = "history_sum";
  RowPenalty users = {};
  RowPenalty items = {};
  double exponent = 0.5;        ///< 0 to 2
  bool solves_bias = true;      ///< false: b is 0
  bool solves_factors = false;  ///< false: p is 0
  friend bool operator==(const HistorySum&, const HistorySum&) = default;
};

/// The mean of a row given its ratings and its prior (see RowPrior), of Bayesian models. For a user with ratings r_j, j in S, items q_j
/// with biases b_j, and mean m, the row x = (p, b) minimises
///
///     sum_{j in S} (r_j - m - b - b_j - <p, q_j>)^2 + noise (x - expected)^T precision (x - expected)
///
/// where `expected` is what the user's features and the items S let expect.
struct PosteriorMean {
  static constexpr const char* kKind = "posterior_mean";
  double noise = 1;  ///< variance of a rating, above 0
  friend bool operator==(const PosteriorMean&, const PosteriorMean&) = default;
};

/// One struct per kind of loss; every method states one.
using FoldIn = std::variant<NoFoldIn, LeastSquares, WeightedLeastSquares, Divergence, PairwiseLogistic, HistorySum, PosteriorMean>;

}  // namespace lowrank
