#pragma once

/// \file
/// The peak of a machine: independent multiply-adds in registers, enough of them to keep a processor busy.

#include <cstddef>

#include "kernels/simd_level.h"

/// Floating-point operations of one round of multiply_add().
std::size_t flop_of_round(lowrank::SimdLevel level);

/// Does `rounds` rounds of independent multiply-adds on vectors of the width of `level`. The returned value depends on all of them, so that
/// the compiler keeps them.
float multiply_add(lowrank::SimdLevel level, std::size_t rounds);
