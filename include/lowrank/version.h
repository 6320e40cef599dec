#pragma once

#include <string_view>

namespace [[gnu::visibility("default")]] lowrank {

/// The version of the library, `major.minor.patch`.
std::string_view version();

/// The SIMD level in use on this machine: `scalar`, `sse4`, `avx2` or `avx512`. The environment variable LOWRANK_SIMD caps it.
std::string_view simd_level();

}  // namespace lowrank
