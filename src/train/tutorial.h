#pragma once

/// \file
/// The article's program over arrays of the caller.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace lowrank {

/// The arrays of the article's program (Albert Au Yeung, 2017), in double as there; lent by the caller. Row-major, `rank` numbers a row:
///
///     prediction(i, j) = mean + user_biases[i] + item_biases[j] + <user_factors[i], item_factors[j]>
struct TutorialState {
  std::size_t rank = 0;
  double mean = 0;
  std::span<double> user_factors;  ///< users * rank
  std::span<double> item_factors;  ///< items * rank
  std::span<double> user_biases;
  std::span<double> item_biases;

  /// O(rank).
  [[nodiscard]] double predict(std::size_t user, std::size_t item) const noexcept;
};

/// Which steps the program takes.
struct TutorialStep {
  double rate = 0;  ///< alpha
  double beta = 0;
  bool biases = true;  ///< false: biases stay as they are
};

/// Entries of the matrix of ratings: columns of equal length, lent by the caller; every index within the arrays of the state.
struct TutorialEntries {
  std::span<const std::uint32_t> users;
  std::span<const std::uint32_t> items;
  std::span<const double> values;
};

/// Visits the ratings in the order given, each with the article's step on its error e = value - prediction: the biases by
/// rate * (e - beta * bias), then the user's vector by rate * (e q - beta p), then the item's by rate * (e p - beta q) with the new p.
/// \param order  positions in `entries`
/// \return the sum of the squared errors, each before its step. The caller checks that the numbers stay finite. O(ratings * rank)
double tutorial_pass(const TutorialState& state, const TutorialEntries& entries, std::span<const std::uint32_t> order,
                     const TutorialStep& step);

/// Root of the SUM of squared errors over `entries`, what the article's `mse()` returns.
double tutorial_error(const TutorialState& state, const TutorialEntries& entries);

/// The article's program over a caller's arrays, with a smaller step where its numbers run away.
class TutorialProgram {
 public:
  /// Tells that the program goes on from the start with a smaller rate.
  using Cut = std::function<void(double old_rate, double new_rate)>;

  /// The arrays of `state` hold the start. \param learned  the ratings to learn from \param counted  the entries of the error
  TutorialProgram(const TutorialState& state, const TutorialEntries& learned, const TutorialEntries& counted, const TutorialStep& step);

  /// One pass over the ratings in `order`. Where the numbers run away (a number that is not finite, or an error 10^6 times that of the
  /// start) it goes back to the start, and tries again with a tenth of the rate. \return the error after the pass. \throws TrainingError
  /// when no rate is small enough
  double iterate(std::span<const std::uint32_t> order, const Cut& on_cut);

 private:
  [[nodiscard]] bool finite() const;

  TutorialState state_;
  TutorialEntries learned_;
  TutorialEntries counted_;
  TutorialStep step_;
  std::vector<double> start_;
  double most_;  ///< error above which the numbers count as running away
};

}  // namespace lowrank
