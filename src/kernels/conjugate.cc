#include "kernels/conjugate.h"

#include <cmath>

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conjugate.cc"
#include <hwy/foreach_target.h>
// Highway wants its main header after foreach_target.
#include <hwy/highway.h>

#include "kernels/block_product-inl.h"

#if HWY_TARGET != HWY_SCALAR

HWY_BEFORE_NAMESPACE();
namespace lowrank::HWY_NAMESPACE {

HWY_ATTR void inverse_roots(const float* diagonal, float ridge, size_t columns, float* roots) {
  const hn::ScalableTag<float> d;
  for (size_t k = 0; k < columns; k += kLanes) {
    hn::Store(hn::Div(hn::Set(d, 1.0F), hn::Sqrt(hn::Add(hn::Load(d, diagonal + k), hn::Set(d, ridge)))), d, roots + k);
  }
}

HWY_ATTR void inverses_of(const float* diagonal, float ridge, size_t columns, float* inverses) {
  const hn::ScalableTag<float> d;
  for (size_t k = 0; k < columns; k += kLanes) {
    hn::Store(hn::Div(hn::Set(d, 1.0F), hn::Add(hn::Load(d, diagonal + k), hn::Set(d, ridge))), d, inverses + k);
  }
}

HWY_ATTR double add_diagonal(const float* diagonal, float ridge, const float* p, size_t columns, float* product) {
  const hn::ScalableTag<float> d;
  auto sum = hn::Zero(d);
  for (size_t k = 0; k < columns; k += kLanes) {
    const auto v = hn::Load(d, p + k);
    const auto total = hn::MulAdd(hn::Add(hn::Load(d, diagonal + k), hn::Set(d, ridge)), v, hn::Load(d, product + k));
    hn::Store(total, d, product + k);
    sum = hn::MulAdd(v, total, sum);
  }
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
}

HWY_ATTR double axpy(float step, const float* p, const float* product, const float* inverses, size_t columns, float* x, float* residual) {
  const hn::ScalableTag<float> d;
  const auto s = hn::Set(d, step);
  auto sum = hn::Zero(d);
  for (size_t k = 0; k < columns; k += kLanes) {
    hn::Store(hn::MulAdd(s, hn::Load(d, p + k), hn::Load(d, x + k)), d, x + k);
    const auto r = hn::NegMulAdd(s, hn::Load(d, product + k), hn::Load(d, residual + k));
    hn::Store(r, d, residual + k);
    sum = hn::MulAdd(hn::Mul(r, hn::Load(d, inverses + k)), r, sum);
  }
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
}

HWY_ATTR void xpby(const float* residual, const float* inverses, float keep, size_t columns, float* p) {
  const hn::ScalableTag<float> d;
  const auto kept = hn::Set(d, keep);
  for (size_t k = 0; k < columns; k += kLanes) {
    const auto z = hn::Mul(hn::Load(d, inverses + k), hn::Load(d, residual + k));
    hn::Store(hn::MulAdd(kept, hn::Load(d, p + k), z), d, p + k);
  }
}

}  // namespace lowrank::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#if HWY_ONCE

namespace lowrank {

namespace scalar {

void inverse_roots(const float* diagonal, float ridge, std::size_t columns, float* roots) {
  for (std::size_t k = 0; k < columns; ++k) roots[k] = 1 / std::sqrt(diagonal[k] + ridge);
}

void inverses_of(const float* diagonal, float ridge, std::size_t columns, float* inverses) {
  for (std::size_t k = 0; k < columns; ++k) inverses[k] = 1 / (diagonal[k] + ridge);
}

double add_diagonal(const float* diagonal, float ridge, const float* p, std::size_t columns, float* product) {
  float sum = 0;
  for (std::size_t k = 0; k < columns; ++k) {
    product[k] += (diagonal[k] + ridge) * p[k];
    sum += p[k] * product[k];
  }
  return static_cast<double>(sum);
}

double axpy(float step, const float* p, const float* product, const float* inverses, std::size_t columns, float* x, float* residual) {
  float sum = 0;
  for (std::size_t k = 0; k < columns; ++k) {
    x[k] += step * p[k];
    residual[k] -= step * product[k];
    sum += residual[k] * residual[k] * inverses[k];
  }
  return static_cast<double>(sum);
}

void xpby(const float* residual, const float* inverses, float keep, std::size_t columns, float* p) {
  for (std::size_t k = 0; k < columns; ++k) p[k] = inverses[k] * residual[k] + keep * p[k];
}

}  // namespace scalar

void inverse_roots(const float* diagonal, float ridge, std::size_t columns, float* roots) {
  LOWRANK_KERNEL(inverse_roots)(diagonal, ridge, columns, roots);
}

void inverses_of(const float* diagonal, float ridge, std::size_t columns, float* inverses) {
  LOWRANK_KERNEL(inverses_of)(diagonal, ridge, columns, inverses);
}

double add_diagonal(const float* diagonal, float ridge, const float* p, std::size_t columns, float* product) {
  return LOWRANK_KERNEL(add_diagonal)(diagonal, ridge, p, columns, product);
}

double axpy(float step, const float* p, const float* product, const float* inverses, std::size_t columns, float* x, float* residual) {
  return LOWRANK_KERNEL(axpy)(step, p, product, inverses, columns, x, residual);
}

void xpby(const float* residual, const float* inverses, float keep, std::size_t columns, float* p) {
  LOWRANK_KERNEL(xpby)(residual, inverses, keep, columns, p);
}

}  // namespace lowrank

#endif
