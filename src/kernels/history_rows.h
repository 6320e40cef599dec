#pragma once

#include <cstddef>
#include <cstdint>

namespace lowrank {

/// Ratings of one user against fixed items, in the order in which they are visited. Rows are of `stride` floats (a multiple of 16, 0 for
/// rank 0), aligned to 64 bytes.
struct HistoryVisits {
  const std::uint32_t* order;  ///< positions of the ratings that are visited
  std::size_t count;
  const std::uint32_t* items;  ///< item of each position
  const float* values;         ///< value of each position
  const float* item_factors;
  const float* item_biases;
  std::size_t stride;
};

/// What a user learns by, per rating: rates, and what the bias keeps.
struct HistorySteps {
  float rate;
  float bias_rate;
  float bias_keep;
};

/// Adds `count` rows of a table to `sum`, one after another.
void add_rows(const float* table, std::size_t stride, const std::uint32_t* rows, std::size_t count, float* sum);

/// Visits ratings one by one; x are the user's factors, b the bias, and with e = value - b - b_i - <x, q_i> from the old values
///     x += rate e q_i,  b = bias_keep b + bias_rate e
/// \param[in,out] factors, bias \param[out] errors  e of each visited position \return the sum of e^2
double visit_history(const HistoryVisits& visits, const HistorySteps& steps, float* factors, float& bias, float* errors);

/// The items of one user, which learn from the user's errors. Tables as in HistoryVisits.
struct HistoryItems {
  const std::uint32_t* items;  ///< each once
  const float* errors;
  std::size_t count;
  float* item_factors;
  float* history_factors;
  float* item_biases;
  const float* item_keeps;     ///< by item, what regularisation leaves of a row: of item factors,
  const float* history_keeps;  ///< of history factors,
  const float* bias_keeps;     ///< and of a bias
  std::size_t stride;
};

/// For every item: q = keep q + rate e x,  w = keep w + move,  b = keep b + bias_rate e.
/// \param factors  x \param move  the user's step along their sum, as an item takes part in it
void learn_history(const HistoryItems& items, const HistorySteps& steps, const float* factors, const float* move);

}  // namespace lowrank
