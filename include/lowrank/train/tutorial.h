#pragma once

/// \file
/// The update of the article's program, for those who hold its arrays themselves.

#include <cstddef>
#include <cstdint>
#include <span>

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

/// Visits the ratings in the order given, each with the article's step on its error e = value - prediction: the biases by
/// rate * (e - beta * bias), then the user's vector by rate * (e q - beta p), then the item's by rate * (e p - beta q) with the new p.
/// \param users, items, values  the ratings, of equal length; every index within the arrays
/// \param order                 positions in them
/// \return the sum of the squared errors, each before its step. Numbers may run away: looking is the caller's part. O(ratings * rank)
double tutorial_pass(const TutorialState& state, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                     std::span<const double> values, std::span<const std::uint32_t> order, const TutorialStep& step);

}  // namespace lowrank
