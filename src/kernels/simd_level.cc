#include "kernels/simd_level.h"

#include <hwy/targets.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <string>

#include "lowrank/base/error.h"
#include "lowrank/version.h"

namespace lowrank {

namespace {

constexpr std::array<std::string_view, 4> kNames = {"scalar", "sse4", "avx2", "avx512"};

SimdLevel best_level() {
  const auto targets = hwy::SupportedTargets() & HWY_TARGETS;
  if ((targets & HWY_AVX3) != 0) return SimdLevel::avx512;
  if ((targets & HWY_AVX2) != 0) return SimdLevel::avx2;
  if ((targets & HWY_SSE4) != 0) return SimdLevel::sse4;
  return SimdLevel::scalar;
}

SimdLevel capped_level() {
  const SimdLevel best = best_level();
  const char* cap = std::getenv("LOWRANK_SIMD");
  if (cap == nullptr || *cap == '\0') return best;
  for (std::size_t level = 0; level < kNames.size(); ++level) {
    if (kNames[level] == cap) return std::min(best, static_cast<SimdLevel>(level));
  }
  throw OptionError("", std::string("LOWRANK_SIMD must be scalar, sse4, avx2 or avx512, got \"") + cap + "\"");
}

std::atomic<SimdLevel>& level_in_use() {
  static std::atomic<SimdLevel> level{capped_level()};
  return level;
}

}  // namespace

std::string_view name_of(SimdLevel level) { return kNames[static_cast<std::size_t>(level)]; }

std::vector<SimdLevel> available_simd_levels() {
  std::vector<SimdLevel> levels;
  for (auto level = 0; level <= static_cast<int>(best_level()); ++level) levels.push_back(static_cast<SimdLevel>(level));
  return levels;
}

SimdLevel active_simd_level() { return level_in_use().load(std::memory_order_relaxed); }

void set_simd_level(SimdLevel level) { level_in_use().store(level, std::memory_order_relaxed); }

std::string_view simd_level() { return name_of(active_simd_level()); }

std::string_view version() { return LOWRANK_VERSION; }

}  // namespace lowrank
