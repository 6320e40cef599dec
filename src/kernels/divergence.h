#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lowrank {

/// \name The multiplicative update of a row under the generalised Kullback-Leibler divergence
/// A row x >= 0 of `rank` numbers, against fixed rows q_i >= 0 with values v_i >= 0, brings down
///
///     sum_i (v_i log(v_i / <x, q_i>) - v_i)  +  <x, down>  +  l2 |x|^2 / 2
///
/// where `down` is the sum of all q, observed or not, times their weights, plus l1. No update raises it (Lee and Seung: Algorithms for
/// non-negative matrix factorization, NIPS 2001; l1 and l2 are part of the same auxiliary function).
/// \{

/// A product below a value must not be 0.
inline constexpr double kLeastProduct = 1e-100;

/// up += sum of v_i / <x, q_i> q_i. \param table  fixed rows, `rank` doubles each \param rows  number of the fixed row of each rating
/// \param value  v_i = value(i). O(count rank)
template <class Value>
void add_divergence(const double* table, std::size_t rank, const std::uint32_t* rows, std::size_t count, const Value& value,
                    const double* x, double* up) {
  for (std::size_t i = 0; i < count; ++i) {
    const double v = value(i);
    if (!(v > 0)) continue;
    const double* q = table + rows[i] * rank;
    double product = 0;
    for (std::size_t k = 0; k < rank; ++k) product += x[k] * q[k];
    const double ratio = v / std::max(product, kLeastProduct);
    for (std::size_t k = 0; k < rank; ++k) up[k] += ratio * q[k];
  }
}

/// Replaces x by the minimum of the auxiliary function. \return the largest change of a coordinate
double update_divergence(const double* up, const double* down, double l2, std::size_t rank, double* x);

/// \}

}  // namespace lowrank
