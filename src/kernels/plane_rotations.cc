#include "kernels/plane_rotations.h"

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/plane_rotations.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/highway.h>

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Columns of kVectors vectors from `column` on. The row that the next rotation shares stays in registers.
template <size_t kVectors>
HWY_INLINE HWY_ATTR void rotate_strip(double* column, size_t ld, std::span<const RotationSweep> sweeps) {
  const hn::ScalableTag<double> d;
  const size_t lanes = hn::Lanes(d);
  for (const RotationSweep& sweep : sweeps) {
    double* row = column + sweep.first * ld;
    hn::Vec<decltype(d)> kept[kVectors];
    for (size_t v = 0; v < kVectors; ++v) kept[v] = hn::Load(d, row + v * lanes);
    for (const PlaneRotation& rotation : sweep.rotations) {
      const auto c = hn::Set(d, rotation.c);
      const auto s = hn::Set(d, rotation.s);
      for (size_t v = 0; v < kVectors; ++v) {
        const auto next = hn::Load(d, row + ld + v * lanes);
        hn::Store(hn::MulAdd(c, kept[v], hn::Mul(s, next)), d, row + v * lanes);
        kept[v] = hn::NegMulAdd(s, kept[v], hn::Mul(c, next));
      }
      row += ld;
    }
    for (size_t v = 0; v < kVectors; ++v) hn::Store(kept[v], d, row + v * lanes);
  }
}

HWY_ATTR void rotate_rows(double* matrix, size_t ld, size_t begin, size_t end, std::span<const RotationSweep> sweeps) {
  const size_t lanes = hn::Lanes(hn::ScalableTag<double>());
  size_t column = begin;
  for (; column + 4 * lanes <= end; column += 4 * lanes) rotate_strip<4>(matrix + column, ld, sweeps);
  for (; column < end; column += lanes) rotate_strip<1>(matrix + column, ld, sweeps);
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#if HWY_ONCE

namespace lowrank {

namespace scalar {

void rotate_rows(double* matrix, std::size_t ld, std::size_t begin, std::size_t end, std::span<const RotationSweep> sweeps) {
  for (const RotationSweep& sweep : sweeps) {
    double* row = matrix + sweep.first * ld;
    for (const PlaneRotation& rotation : sweep.rotations) {
      for (std::size_t column = begin; column < end; ++column) {
        const double old = row[column];
        const double next = row[ld + column];
        row[column] = rotation.c * old + rotation.s * next;
        row[ld + column] = rotation.c * next - rotation.s * old;
      }
      row += ld;
    }
  }
}

}  // namespace scalar

void rotate_rows(double* matrix, std::size_t ld, std::size_t begin, std::size_t end, std::span<const RotationSweep> sweeps) {
  LOWRANK_KERNEL(rotate_rows)(matrix, ld, begin, end, sweeps);
}

}  // namespace lowrank

#endif
