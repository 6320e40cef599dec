#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/model/model.h"

namespace lowrank {

/// A biased factorization that learns from one rating after another (assumed density filtering). With ratings in units of their standard
/// deviation, a rating of user u and item i is
///
///     mean + <x_u, (1, q_i)> + b_i + e,    x_u = (b_u, p_u),  y_i = (b_i, q_i),  e ~ N(0, noise a_u)
///
/// where every row x_u, y_i is normal, with a mean and a covariance: of all pairs of its numbers up to rank kMostFull, and above it of the
/// numbers alone. A rating moves both rows as a Kalman filter does whose noise holds the uncertainty of the other row. The variance of a
/// user's bias grows at each event by kDrift. From nothing, all rows are solved again from their whole history whenever the events are a
/// tenth more than at the last time, by one round of variational Bayes.
class RatingFilter {
 public:
  static constexpr std::size_t kMostFull = 16;

  /// From nothing. \param seed  of the factors of new items
  RatingFilter(std::size_t rank, std::uint64_t seed);
  /// From a model that predicts ratings, with the numbering of its rows.
  explicit RatingFilter(const Model& model);

  /// The rating that is expected, within the range of those so far. Rows may have any number. O(rank)
  [[nodiscard]] double predict(std::uint32_t user, std::uint32_t item) const;
  /// O(rank^2) up to rank kMostFull, else O(rank), and the rows that are solved again: O(rank^2) per event on average, from nothing.
  void learn(std::uint32_t user, std::uint32_t item, double rating);

 private:
  struct Past {
    std::uint32_t other = 0;
    double value = 0;
  };
  /// One side.
  struct Rows {
    std::vector<double> variance;  ///< of a row before its first rating, by number
    std::vector<double> mean;
    std::vector<double> covariance;
    std::vector<std::uint32_t> counts;
    std::vector<std::vector<Past>> history;
  };
  static constexpr std::size_t kEffects = 6;
  using Effects = std::array<double, kEffects>;

  [[nodiscard]] std::size_t covariance_size() const noexcept { return full_ ? size_ * size_ : size_; }
  [[nodiscard]] double base(std::uint32_t user, std::uint32_t item) const;
  /// What the effects are read from: whether rows are new, their numbers of ratings, and the score of the rows.
  [[nodiscard]] Effects effects_of(std::uint32_t user, std::uint32_t item, double score) const;
  [[nodiscard]] double noise_of(std::uint32_t user) const { return noise_ * user_squares_[user] / user_counts_[user]; }
  void open(Rows& rows, std::uint32_t row, bool random);
  void learn_effects(const Effects& effects, double error);
  void learn_full(double* x, double* y, double* s, double* t, double error, double noise);
  void learn_diagonal(double* x, double* y, double* s, double* t, double error, double noise);
  void count(double rating);
  void start_from(const Model& model);
  void solve_again(Rows& own, const Rows& others, bool users);
  void solve_row(Rows& own, std::uint32_t row, const Rows& others, bool users);

  std::size_t size_ = 1;  ///< numbers of a row: its bias and its factors
  bool full_ = true;
  bool remembers_ = false;  ///< whether rows are solved again
  bool cold_ = true;        ///< whether it started from nothing
  bool biased_ = true;
  bool clips_ = true;
  std::uint64_t seed_ = 1;
  Rows users_;
  Rows items_;
  std::vector<double> user_squares_;  ///< sum of squared errors of each user, each in units of what was expected of it
  std::vector<double> user_counts_;
  Effects weights_ = {};
  std::array<double, kEffects* kEffects> effect_covariance_ = {};

  double mean_ = 0;
  double squares_ = 0;  ///< sum of squared distances of the ratings from their mean
  double unit_ = 1;     ///< standard deviation of the ratings
  double events_ = 0;
  double next_ = 0;  ///< events at which all rows are solved again
  double lowest_ = 0;
  double highest_ = 0;
  double expected_ = 0;  ///< mean rating where nothing is known
  double noise_ = 1;
  double noise_sum_ = 0;
  double noise_count_ = 0;
  double last_error_ = 0;

  std::vector<double> gain_user_;
  std::vector<double> gain_item_;
  std::vector<double> equations_;
  std::vector<double> inverse_;
  std::vector<double> right_;
};

}  // namespace lowrank
