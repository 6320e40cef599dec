#pragma once

#include <hwy/targets.h>

#include <array>
#include <cstddef>

#include "kernels/simd_level.h"

/// \file
/// Picks a kernel's version for the level in use. A kernel is compiled by Highway once per target into lowrank::N_<TARGET>, and its plain
/// twin stands in lowrank::scalar; they share no inline function with each other.

#if HWY_ARCH_X86
/// The version of kernel `name` for active_simd_level(): a pointer to a function. To be asked once per block of work.
#define LOWRANK_KERNEL(name) \
  (std::array{&scalar::name, &N_SSE4::name, &N_AVX2::name, &N_AVX3::name}[static_cast<std::size_t>(active_simd_level())])
#else
#define LOWRANK_KERNEL(name) (&scalar::name)
#endif
