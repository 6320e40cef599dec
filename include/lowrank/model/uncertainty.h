#pragma once

/// \file
/// How far ratings lie from a model's scores: variances and intervals.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/model/factor_matrix.h"

namespace [[gnu::visibility("default")]] lowrank {

struct Model;

/// What is not known of the rows of one side. All members have one row more than the side: the last is that of a row which the model does
/// not know.
struct RowVariances {
  FactorMatrix factors;       ///< (rows + 1) x rank: variance of each factor, at least 0
  std::vector<float> biases;  ///< variance of each bias, at least 0
  std::vector<float> noise;   ///< by what the noise of a row's ratings differs from the common one, above 0; empty for ones
  friend bool operator==(const RowVariances&, const RowVariances&) = default;
};

/// How far ratings lie from scores, of models that average samples. The rating of user u and item i has the variance
///
///     noise n_u n_i + scale (b_u + b_i + sum over factors k of p_uk^2 v_ik + q_ik^2 v_uk + v_uk v_ik)
///
/// around its score, with the variances v of the factors p and q, those b of the biases, and the rows' shares n in the noise.
struct Uncertainty {
  double noise = 1;  ///< variance of a rating where everything else is known, above 0
  double scale = 1;  ///< of the variance of scores, which are not independent as the sum has it; at least 0
  RowVariances users;
  RowVariances items;
  /// Of ratings that were held out, how many standard deviations they lie from their scores: the least number that a share of k / 100 of
  /// them does not exceed, for k = 1 ... 99, ascending. Empty: intervals are those of the normal distribution.
  std::vector<float> quantiles;
  friend bool operator==(const Uncertainty&, const Uncertainty&) = default;
};

/// Ratings on a scale of few steps. A rating is level l where the score and a normal draw of the model's noise together lie between the
/// cutpoints l - 1 and l: score and ratings agree in order alone. The prediction of a rating is the mean of the levels by their
/// probabilities.
struct OrdinalScale {
  static constexpr std::size_t kMostLevels = 32;
  std::vector<float> levels;      ///< 2 to kMostLevels ratings, ascending
  std::vector<double> cutpoints;  ///< one less, ascending, in the units of scores
  double deviation = 1;           ///< standard deviation of the draw that predictions are made with, above 0

  /// The mean rating of pairs of a score. O(levels)
  [[nodiscard]] double rating(double score) const noexcept;
  /// The probability of each level. \param variance  of the draw, above 0 \param[out] probabilities  one per level; they sum to 1
  void probabilities(double score, double variance, std::span<double> probabilities) const noexcept;
  friend bool operator==(const OrdinalScale&, const OrdinalScale&) = default;
};

/// Variances of the ratings of many pairs around their scores, `users`, `items` and `variances` of equal length. Rows that the model does
/// not know are as far from zero as such rows are. O(n rank). \param threads 0 for all; no influence on the result
/// \throws DataError for a model without uncertainty
void predict_variances(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                       std::span<double> variances, int threads = 0);

/// Where a rating lies.
struct RatingInterval {
  double low = 0;
  double high = 0;
  friend bool operator==(const RatingInterval&, const RatingInterval&) = default;
};

/// The interval around a prediction that holds the rating with the probability `level`, within the model's range of ratings where it clips.
/// On an ordinal scale its ends are levels, which hold as much or more.
/// \param score  unclipped \param variance  as of predict_variances() \param level  above 0 and below 1 \throws OptionError("interval") for
/// another level; DataError for a model without uncertainty
RatingInterval rating_interval(const Model& model, double score, double variance, double level);

/// The variance of a rating: `variance` itself, or on an ordinal scale that of its levels by their probabilities. At least 0. O(levels)
/// \param score, variance  as of rating_interval()
double rating_variance(const Model& model, double score, double variance);

}  // namespace lowrank
