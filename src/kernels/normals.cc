#include "kernels/normals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/normals.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Of each pair of words, `count` of them, a multiple of 16: cosines[i] = r cos a and sines[i] = r sin a for r = sqrt(-2 log u) with u in
/// (0, 1] of the first, and a in [0, 2 pi) of the second.
HWY_ATTR void pairs_of_normals(const uint32_t* radii, const uint32_t* angles, size_t count, float* cosines, float* sines) {
  const hn::CappedTag<float, 16> d;
  const hn::RebindToSigned<decltype(d)> di;
  // In 31 bits, which are never taken for negative ones.
  const auto unit = hn::Set(d, 0x1p-31F);
  const auto turn = hn::Set(d, 0x1p-31F * 2 * std::numbers::pi_v<float>);
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto number = [&](const uint32_t* words) HWY_ATTR {
      return hn::ConvertTo(d, hn::BitCast(di, hn::ShiftRight<1>(hn::Load(hn::RebindToUnsigned<decltype(d)>(), words + i))));
    };
    const auto u = hn::Mul(hn::Add(number(radii), hn::Set(d, 0.5F)), unit);
    const auto radius = hn::Sqrt(hn::Max(hn::Mul(hn::Set(d, -2.0F), hn::Log(d, u)), hn::Zero(d)));
    const auto angle = hn::Mul(number(angles), turn);
    hn::Store(hn::Mul(radius, hn::Cos(d, angle)), d, cosines + i);
    hn::Store(hn::Mul(radius, hn::Sin(d, angle)), d, sines + i);
  }
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lowrank {

namespace scalar {

void pairs_of_normals(const std::uint32_t* radii, const std::uint32_t* angles, std::size_t count, float* cosines, float* sines) {
  for (std::size_t i = 0; i < count; ++i) {
    const float u = (static_cast<float>(radii[i] >> 1U) + 0.5F) * 0x1p-31F;
    const float radius = std::sqrt(std::max(-2 * std::log(u), 0.0F));
    const float angle = static_cast<float>(angles[i] >> 1U) * (0x1p-31F * 2 * std::numbers::pi_v<float>);
    cosines[i] = radius * std::cos(angle);
    sines[i] = radius * std::sin(angle);
  }
}

}  // namespace scalar

void draw_normals(RandomStream& stream, std::span<float> to) {
  constexpr std::size_t kPairs = 64;
  constexpr std::size_t kMostLanes = 16;
  const auto kernel = LOWRANK_KERNEL(pairs_of_normals);
  alignas(64) std::array<std::uint32_t, kPairs> radii{};
  alignas(64) std::array<std::uint32_t, kPairs> angles{};
  alignas(64) std::array<float, kPairs> cosines{};
  alignas(64) std::array<float, kPairs> sines{};
  while (!to.empty()) {
    const std::size_t pairs = std::min(kPairs, (to.size() + 1) / 2);
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const std::uint64_t word = stream.bits();
      radii[pair] = static_cast<std::uint32_t>(word >> 32U);
      angles[pair] = static_cast<std::uint32_t>(word);
    }
    kernel(radii.data(), angles.data(), (pairs + kMostLanes - 1) / kMostLanes * kMostLanes, cosines.data(), sines.data());
    const std::size_t second = std::min(pairs, to.size() - pairs);
    std::copy_n(cosines.begin(), pairs, to.begin());
    std::copy_n(sines.begin(), second, to.begin() + static_cast<std::ptrdiff_t>(pairs));
    to = to.subspan(pairs + second);
  }
}

}  // namespace lowrank

#endif
