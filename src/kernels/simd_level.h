#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace lowrank {

/// The instructions that the kernels use. `scalar` is the plain C++ twin of each kernel.
enum class SimdLevel : std::uint8_t { scalar, sse4, avx2, avx512 };

/// `scalar`, `sse4`, `avx2`, `avx512`.
std::string_view name_of(SimdLevel level);

/// The levels that this machine has, ascending.
std::vector<SimdLevel> available_simd_levels();

/// The level in use: the best of the machine, capped by the environment variable LOWRANK_SIMD as of the first call.
/// \throws OptionError when the variable holds no level's name
SimdLevel active_simd_level();

/// Uses `level` from now on, in every thread (for tests). It must be available.
void set_simd_level(SimdLevel level);

}  // namespace lowrank
