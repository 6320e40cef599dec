#include "peak.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

/// Number of independent sums: at least the latency of a multiply-add times the number of its units, on any processor so far.
constexpr std::size_t kChains = 12;
constexpr std::size_t kMostLanes = 16;

#if defined(__x86_64__)
__attribute__((target("avx512f"))) void multiply_add_avx512(std::size_t rounds, float start, float* results) {
  __m512 sums[kChains];
  const __m512 factor = _mm512_set1_ps(start);
  for (__m512& sum : sums) sum = factor;
  for (std::size_t n = 0; n < rounds; ++n) {
#pragma GCC unroll 12
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, factor, factor);
  }
  for (std::size_t chain = 0; chain < kChains; ++chain) _mm512_storeu_ps(results + chain * 16, sums[chain]);
}

__attribute__((target("avx2,fma"))) void multiply_add_avx2(std::size_t rounds, float start, float* results) {
  __m256 sums[kChains];
  const __m256 factor = _mm256_set1_ps(start);
  for (__m256& sum : sums) sum = factor;
  for (std::size_t n = 0; n < rounds; ++n) {
#pragma GCC unroll 12
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, factor, factor);
  }
  for (std::size_t chain = 0; chain < kChains; ++chain) _mm256_storeu_ps(results + chain * 8, sums[chain]);
}

void multiply_add_sse4(std::size_t rounds, float start, float* results) {
  __m128 sums[kChains];
  const __m128 factor = _mm_set1_ps(start);
  for (__m128& sum : sums) sum = factor;
  for (std::size_t n = 0; n < rounds; ++n) {
#pragma GCC unroll 12
    for (__m128& sum : sums) sum = _mm_add_ps(_mm_mul_ps(sum, factor), factor);
  }
  for (std::size_t chain = 0; chain < kChains; ++chain) _mm_storeu_ps(results + chain * 4, sums[chain]);
}
#endif

void multiply_add_scalar(std::size_t rounds, float start, float* results) {
  float sums[kChains] = {};
  for (std::size_t n = 0; n < rounds; ++n) {
#pragma GCC unroll 12
    for (float& sum : sums) sum = sum * start + start;
  }
  for (std::size_t chain = 0; chain < kChains; ++chain) results[chain] = sums[chain];
}

}  // namespace

std::size_t flop_of_round(lowrank::SimdLevel level) {
  const std::size_t lanes[] = {1, 4, 8, 16};
  return 2 * kChains * lanes[static_cast<std::size_t>(level)];
}

float multiply_add(lowrank::SimdLevel level, std::size_t rounds) {
  volatile float start = 0.5F;
  float results[kChains * kMostLanes] = {};
  switch (level) {
#if defined(__x86_64__)
    case lowrank::SimdLevel::avx512:
      multiply_add_avx512(rounds, start, results);
      break;
    case lowrank::SimdLevel::avx2:
      multiply_add_avx2(rounds, start, results);
      break;
    case lowrank::SimdLevel::sse4:
      multiply_add_sse4(rounds, start, results);
      break;
#endif
    default:
      multiply_add_scalar(rounds, start, results);
  }
  float sum = 0;
  for (const float result : results) sum += result;
  return sum;
}
