#pragma once

#include <hwy/targets.h>

#include <array>
#include <cstddef>

#include "kernels/simd_level.h"

/// \file
/// Picks the version of a kernel for the level in use. Highway compiles a kernel once per target into lowrank::N_<TARGET>; its plain twin
/// is in lowrank::scalar. The versions share no inline function.

#if HWY_ARCH_X86 && (HWY_TARGETS & HWY_AVX3) != 0
/// The version of kernel `name` for active_simd_level(): a pointer to a function. To be looked up once per block of work.
#define LOWRANK_KERNEL(name) \
  (std::array{&scalar::name, &N_SSE4::name, &N_AVX2::name, &N_AVX3::name}[static_cast<std::size_t>(active_simd_level())])
#elif HWY_ARCH_X86 && (HWY_TARGETS & HWY_AVX2) != 0
#define LOWRANK_KERNEL(name) (std::array{&scalar::name, &N_SSE4::name, &N_AVX2::name}[static_cast<std::size_t>(active_simd_level())])
#elif HWY_ARCH_X86
#define LOWRANK_KERNEL(name) (std::array{&scalar::name, &N_SSE4::name}[static_cast<std::size_t>(active_simd_level())])
#else
#define LOWRANK_KERNEL(name) (&scalar::name)
#endif
