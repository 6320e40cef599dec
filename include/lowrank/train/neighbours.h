#pragma once

/// \file
/// Neighbours: lists from what was chosen together, and ratings from what was rated alike, without factors.

#include <cstdint>
#include <optional>
#include <string_view>

#include "lowrank/model/neighbours.h"

namespace [[gnu::visibility("default")]] lowrank {

/// A named choice of exponents, as item, target and user exponent; or a weighting of terms.
enum class NeighbourSimilarity : std::uint8_t {
  discounted,              ///< .75, .35, .5: found on training data
  cosine,                  ///< .5, .5, 0
  asymmetric_cosine,       ///< .8, .2, 0 (Aiolli, RecSys 2013)
  inverse_user_frequency,  ///< .5, .5, .5 (after Breese, Heckerman and Kadie, UAI 1998)
  rp3beta,                 ///< 1, .6, 1: random walks of three steps (Paudel et al., 2017)
  tf_idf,                  ///< cosine of items as documents, whose terms are their users
  bm25,                    ///< the same with the weighting of Robertson and others, not divided by lengths
  pearson,                 ///< no exponents: correlation of ratings, by which ratings are predicted
  automatic,               ///< rp3beta where users have 16 items and a thirtieth of all, on the average; else discounted
};

/// Options of item-item neighbours for lists. With U_j the users who have item j (a rating above 0) and I_u the items of user u, item j
/// speaks for item i with the weight
///
///     w_ji = |U_j|^-a |U_i|^-c (sum over users u in U_j and U_i of |I_u|^-b) m / (m + h),   m = |U_j and U_i|
///
/// for a = item_exponent, c = target_exponent, b = user_exponent and h = shrinkage. Each item keeps its `neighbours` greatest weights, ties
/// in the order of the items, and a user's score of item i is the sum of w_ji over the items j that they have. There are no factors and
/// nothing is iterated: one epoch. Scores rank items; they predict no ratings.
///
/// The similarities tf-idf and bm25 read the values of the ratings r_ui too. With f_u = ln(items / (1 + |I_u|))
///
///     tf-idf: w_ji = L_j^-a L_i^-c (sum over the same users of f_u^2 (r_uj r_ui)^1/2) m / (m + h),  L_i = sum over users of f_u^2 r_ui
///     bm25:   w_ji = (sum over the same users of f_u^2 t_uj t_ui) m / (m + h)
///             t_ui = r_ui (k1 + 1) / (k1 (1 - b + b R_i / mean R) + r_ui)
///
/// with R_i the sum of the ratings of item i.
///
/// With similarity pearson the method predicts ratings. A baseline b_ui of mean and biases is learned first (see Baseline), and with e its
/// residuals, sums over the m users that two items have in common, h = shrinkage, a = power and d = damping:
///
///     w_ji = max(0, rho (m - 1) / (m - 1 + h))^a,   rho = sum e_uj e_ui / sqrt(sum e_uj^2 sum e_ui^2)
///     prediction(u, i) = b_ui + sum w_ji e_uj / (d + sum w_ji)   over the items j of u that are among the `neighbours` nearest of i
///
/// With side users, the same with users in the place of items. docs/methods/neighbours.md has the rest.
///
/// Ratings of which none is above 0 are a DataError, but with pearson.
struct ItemNeighbours {
  static constexpr std::string_view kName = "neighbours";
  static constexpr std::string_view kSummary = "lists or ratings from items that were chosen or rated alike, without factors";
  static constexpr std::string_view kClassName = "ItemNeighbours";
  static constexpr std::string_view kReference =
      "Deshpande and Karypis, TOIS 2004; Aiolli, RecSys 2013; Paudel, Christoffel, Newell and Bernstein, TiiS 2017.";

  /// Weights that an item keeps, 1 to 100000; more cost memory and time at each list.
  std::uint32_t neighbours = 200;
  /// Exponents by name, each of which its own option replaces: discounted, cosine, asymmetric-cosine, inverse-user-frequency, rp3beta or
  /// tf-idf; or bm25, which has none. They give lists; pearson predicts ratings, from how alike items are rated. auto is rp3beta where
  /// users have at least 16 items and a thirtieth of all on the average, else discounted.
  NeighbourSimilarity similarity = NeighbourSimilarity::automatic;
  /// Exponent a, 0 to 2, of the number of users of the item that speaks; by default that of the similarity.
  std::optional<double> item_exponent = {};
  /// Exponent c, 0 to 2, of the number of users of the item that is spoken for: more favours rare items; by default that of the similarity.
  std::optional<double> target_exponent = {};
  /// Exponent b, 0 to 2, of the number of items of the users in common: more trusts active users less; by default that of the similarity.
  std::optional<double> user_exponent = {};
  /// BM25's k1, at least 0: the greater, the more a greater rating counts; 0 makes all alike.
  double bm25_k1 = 1.2;
  /// BM25's b, 0 to 1: how much an item with many ratings counts less.
  double bm25_b = 0.75;
  /// Users in common at which a weight is halved, at least 0; auto is 0, with pearson 100.
  std::optional<double> shrinkage = {};
  /// Whose neighbours predict a rating: items, by what the user thought of similar items; users, by what similar users thought of the item.
  NeighbourSide side = NeighbourSide::items;
  /// Power of a correlation, above 0; more trusts near neighbours more.
  double power = 2;
  /// Sum of weights, at least 0, at which the neighbours and the baseline count alike.
  double damping = 0.05;
  std::uint64_t seed = 1;  ///< seed of a holdout; training draws nothing

  /// Scores only rank, but with pearson.
  [[nodiscard]] bool predicts_ratings() const { return similarity == NeighbourSimilarity::pearson; }
};

}  // namespace lowrank
