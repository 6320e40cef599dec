#pragma once

/// \file
/// The speed limit: multiply-adds in registers, as many side by side as a processor needs to be busy, nothing else.

#include <cstddef>

#include "kernels/simd_level.h"

/// Floating-point operations of one round of multiply_add().
std::size_t flop_of_round(lowrank::SimdLevel level);

/// `rounds` rounds of a few independent multiply-adds of vectors as wide as `level` has them. Something that depends on all of them comes
/// back.
float multiply_add(lowrank::SimdLevel level, std::size_t rounds);
