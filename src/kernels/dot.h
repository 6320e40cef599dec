#pragma once

#include <cstddef>

namespace lowrank {

/// Dot product of two rows of `stride` floats, a multiple of 16; both aligned to 64 bytes.
float dot(const float* a, const float* b, std::size_t stride);

/// scores[r] = <query, row r> for `rows` rows of `stride` floats each (a multiple of 16), all aligned to 64 bytes. scores[r] is the same to
/// the last bit as dot(query, row r) whatever the other rows are.
void dot_rows(const float* query, const float* rows, std::size_t row_count, std::size_t stride, float* scores);

}  // namespace lowrank
