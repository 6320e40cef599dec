#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dot.h"

namespace lowrank {

/// \name Operations on rows gathered from a table
/// `rows` are the numbers of `count` rows of `table`. `columns` floats of each are used, a multiple of 16. All arrays of `columns` floats,
/// and tiles, start at multiples of 64 bytes. `weights` and `values` may be null for ones.
/// \{

/// tile[i][k] = row_scale[i] * table[rows[i]][k] * column_scale[k], rows `ld` floats apart; either scale may be null. The rows of the tile
/// from `count` to the next multiple of 4 become zero.
void gather_rows(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* row_scale,
                 const float* column_scale, float* tile, std::size_t ld);

/// out[i] = table[rows[i]] o factors[others[i]] + addends[others[i]], rows `ld` floats apart; factors or addends may be without rows, for
/// ones and zeros. O(count columns)
void combine_rows(const RowTable& table, const std::uint32_t* rows, const RowTable& factors, const RowTable& addends,
                  const std::uint32_t* others, std::size_t count, std::size_t columns, float* out, std::size_t ld);

/// products[i] = <row i, x>. O(count columns)
void gather_dots(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* x, float* products);

/// out += sum of weights[i] * row i. O(count columns)
void gather_axpy(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                 float* out);

/// out += sum of weights[i] * (<row i, x> + shift) * row i: the product of a normal equation's matrix and a vector, in one pass.
/// \return the sum of weights[i] * (<row i, x> + shift). O(count columns)
double add_normal_product(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                          const float* x, float shift, float* out);

struct ErrorSums {
  double errors = 0;     ///< sum of the e_i
  double objective = 0;  ///< sum of the weights[i] * s_i^2 - 2 * values[i] * s_i
};

/// out += sum of e_i * row i for e_i = values[i] - weights[i] * s_i and s_i = <row i, x> + bias, in one pass. O(count columns)
ErrorSums add_errors(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                     const float* values, const float* x, float bias, float* out);

/// sum of weights[i] * (<row i, x> + shift)^2. O(count columns)
double normal_square(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                     const float* x, float shift);

/// As add_errors(), with all sums in double. \return the sum of the e_i
double add_residual(const RowTable& table, const std::uint32_t* rows, std::size_t count, std::size_t columns, const float* weights,
                    const float* values, const float* x, float bias, double* out);

/// \}

}  // namespace lowrank
