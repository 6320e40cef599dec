#pragma once

#include <cstddef>

namespace lowrank {

/// \name Vectors of `columns` floats, a multiple of 16, aligned to 64 bytes
/// What preconditioned conjugate gradients and the dual solve do to whole vectors.
/// \{

/// roots[k] = 1 / sqrt(diagonal[k] + ridge).
void inverse_roots(const float* diagonal, float ridge, std::size_t columns, float* roots);

/// product += D p for D = roots^-2. \return <p, product>
double add_diagonal(const float* roots, const float* p, std::size_t columns, float* product);

/// x += step * p, residual -= step * product. \return <residual, D^-1 residual>
double step_along(float step, const float* p, const float* product, const float* roots, std::size_t columns, float* x, float* residual);

/// p = D^-1 residual + keep * p.
void turn(const float* residual, const float* roots, float keep, std::size_t columns, float* p);

/// \}

}  // namespace lowrank
