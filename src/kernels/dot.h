#pragma once

#include <cstddef>
#include <cstdint>

namespace lowrank {

/// Dot product of two rows of `stride` floats, a multiple of 16; both aligned to 64 bytes.
float dot(const float* a, const float* b, std::size_t stride);

/// Rows of `stride` floats (a multiple of 16), aligned to 64 bytes.
struct RowTable {
  const float* rows;
  std::size_t stride;
};

/// products[n] = <row a_index[n] of a, row b_index[n] of b> for `count` pairs, each the same to the last bit as dot(). Both tables have the
/// same stride.
void dot_pairs(RowTable a, const std::uint32_t* a_index, RowTable b, const std::uint32_t* b_index, std::size_t count, float* products);

/// dot() where it is finite. Where sums left the range of floats, though the product need not: the product in double, within that range.
float finite_dot(float product, const float* a, const float* b, std::size_t stride) noexcept;

}  // namespace lowrank
