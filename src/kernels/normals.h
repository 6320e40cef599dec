#pragma once

#include <span>

#include "base/random.h"

namespace lowrank {

/// Fills `to` with standard normal draws, a pair from each word of the stream (Box and Muller 1958), in float: none is above 6.7. Which
/// draw stands where does not depend on the SIMD level, but its last bits do. O(size), some ten times faster than RandomStream::normal()
void draw_normals(RandomStream& stream, std::span<float> to);

}  // namespace lowrank
