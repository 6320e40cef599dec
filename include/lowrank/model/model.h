#pragma once

/// \file
/// What training ends in, whatever the method.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lowrank/data/vocabulary.h"
#include "lowrank/model/factor_matrix.h"
#include "lowrank/model/seen_items.h"

namespace [[gnu::visibility("default")]] lowrank {

/// The problem by which a new row (a user given by ratings) is solved against the fixed factors of the other side: what
/// fold-in must know of the learning, in terms that no method owns. For a row with observed ratings r_j, j in S, over item factors q_j,
/// biases b_j and mean m:
///
///     minimise over p, b:  sum_{j in S} w_j (r_j - m - b - b_j - <p, q_j>)^2 + sum_{all j or j not in S} u_j <p, q_j>^2
///                          + (regularization * scale(|S|) + damping) |p|^2 + (bias_regularization * scale(|S|) + bias_damping) b^2
///                          + 2 (l1_regularization * scale(|S|) + l1_damping) |p|_1,
///         w_j = (observed_weight + weight_per_rating * r_j) n_j^observed_item_exponent
///         u_j = unobserved_weight * n_j^unobserved_item_exponent |S|^unobserved_user_exponent
///
/// with n_j the ratings that item j was trained on, scale(|S|) = (|S| + the sum of u_j over all items)^regularization_exponent. Each power
/// is scaled so that its mean is 1: the first over the ratings trained on, the others over the items or users that have any. Units are
/// those of the ratings. With `divergence` the two sums over items are replaced by twice the generalised Kullback-Leibler divergence, where
/// s_j = <p, q_j>:
///
///     2 (sum_{j in S} (r_j log(r_j / s_j) - r_j + s_j) + unobserved_weight * sum_{j not in S} s_j)
struct RowProblem {
  double observed_weight = 1;
  double weight_per_rating = 0;          ///< alpha of implicit feedback; then the target of every observed cell is 1 instead of r
  double unobserved_weight = 0;          ///< alpha0; 0 for methods that look at observed cells only
  bool unobserved_includes_seen = true;  ///< the unobserved term runs over all cells (true) or the missing ones only
  double observed_item_exponent = 0;     ///< of the item's ratings, in the weight of an observed cell
  double unobserved_item_exponent = 0;   ///< of the item's ratings, in the unobserved weight
  double unobserved_user_exponent = 0;   ///< of the row's own ratings, in the unobserved weight
  double regularization = 0;             ///< lambda of p
  double bias_regularization = 0;        ///< lambda of b
  double damping = 0;                    ///< added to the weight of |p|^2, whatever the row's count
  double bias_damping = 0;               ///< added to the weight of b^2
  double l1_regularization = 0;          ///< lambda of |p|_1; not 0 only with non_negative
  double l1_damping = 0;                 ///< added to the weight of |p|_1, whatever the row's count
  double regularization_exponent = 0;    ///< 1 for regularisation per rating, 0 for a constant one
  bool solves_bias = true;               ///< b is solved, else 0
  bool non_negative = false;             ///< p >= 0
  bool binary_target = false;            ///< target 1 for every observed cell
  bool divergence = false;               ///< Kullback-Leibler instead of squares; then no bias, and p, q >= 0

  friend bool operator==(const RowProblem&, const RowProblem&) = default;
};

/// A named figure of a model, e.g. {"validation_rmse", 0.93}.
struct Metric {
  std::string name;
  double value = 0;
  friend bool operator==(const Metric&, const Metric&) = default;
};

/// Where a model comes from. Depends on data, options and seed alone: no time, host, path or thread count.
struct TrainingRecord {
  std::string method = "sgd";  ///< the method's name
  std::string options = "{}";  ///< its options, a JSON object, every option in the order of its description
  std::uint64_t seed = 0;
  std::uint64_t ratings = 0;    ///< number of ratings trained on
  std::uint64_t epochs = 0;     ///< epochs that the kept model had
  std::string fingerprint;      ///< of the training data: 16 hex digits (see fingerprint())
  std::vector<Metric> metrics;  ///< figures known when the model was made, in a fixed order
  friend bool operator==(const TrainingRecord&, const TrainingRecord&) = default;
};

/// One side of a model: its users, or its items. Row r of every member is the user or item with number r.
struct Side {
  Vocabulary ids;
  FactorMatrix factors;               ///< rows x rank
  std::vector<float> biases;          ///< one per row; zeros for a model without biases
  std::vector<std::uint32_t> counts;  ///< training ratings of each row; 0 means that the row is unknown to the model

  /// Number of rows.
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(counts.size()); }
  /// True when `row` is one of this side with at least one training rating.
  [[nodiscard]] bool knows(std::uint32_t row) const noexcept { return row < counts.size() && counts[row] != 0; }

  friend bool operator==(const Side&, const Side&) = default;
};

/// What the scores of a model are relative to, and what they mean.
struct Centre {
  double mean = 0;         ///< added to every score; 0 for a model without biases
  double rating_mean = 0;  ///< mean of the training ratings: the answer where neither user nor item is known
  float min_rating = 0;    ///< predictions of ratings are clipped to [min_rating, max_rating]
  float max_rating = 0;
  bool clips = true;             ///< false: predictions of ratings are not clipped
  bool has_biases = true;        ///< mean and biases are part of the model
  bool predicts_ratings = true;  ///< false: scores only rank items, and have no error as ratings

  /// `score` as a prediction of a rating: within the range, where the model clips.
  [[nodiscard]] double clip(double score) const noexcept {
    return clips ? std::min(std::max(score, static_cast<double>(min_rating)), static_cast<double>(max_rating)) : score;
  }

  friend bool operator==(const Centre&, const Centre&) = default;
};

/// A trained factorization: a biased dot product,
///
///     score(user, item) = centre.mean + users.biases[user] + items.biases[item] + <users.factors[user], items.factors[item]>
///
/// A plain value: copying copies everything. Const use is safe from many threads.
struct Model {
  Side users;
  Side items;
  Centre centre;
  SeenItems seen;  ///< items that each user rated, held-out ones included
  RowProblem row_problem;
  TrainingRecord record;

  [[nodiscard]] std::size_t rank() const noexcept { return users.factors.rank(); }

  friend bool operator==(const Model&, const Model&) = default;
};

/// Score of (user, item), unclipped, from what is known: an unknown user or item (index out of range, or without a training rating)
/// contributes nothing; where neither is known, or where the model has no biases and one is unknown, it is rating_mean. O(rank).
double score(const Model& model, std::uint32_t user, std::uint32_t item);

/// The same for many pairs at once, `users`, `items` and `scores` of equal length, several times faster. The scores are those of score() to
/// the last bit.
void score_pairs(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> scores);

/// The score as a prediction of a rating: clipped to [min_rating, max_rating] when the model clips. O(rank).
double predict(const Model& model, std::uint32_t user, std::uint32_t item);
/// The same for many pairs at once, as score_pairs. \param threads 0 for all; no influence on the result
void predict_pairs(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> scores,
                   int threads = 0);

/// A 64-bit fingerprint of training data, as 16 hex digits: of the ids in their order and of indices and values as kept. Timestamps do not
/// count. Equal data give equal digits on every machine and for any number of threads.
std::string fingerprint(const Vocabulary& users, const Vocabulary& items, const Ratings& ratings, int threads = 0);

}  // namespace lowrank
