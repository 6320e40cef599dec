#pragma once

#include <cstddef>

namespace lowrank {

/// \name Vectors of `columns` floats, a multiple of 16, aligned to 64 bytes
/// Operations of preconditioned conjugate gradients and of the dual solve.
/// \{

/// roots[k] = 1 / sqrt(diagonal[k] + ridge).
void inverse_roots(const float* diagonal, float ridge, std::size_t columns, float* roots);

/// inverses[k] = 1 / (diagonal[k] + ridge).
void inverses_of(const float* diagonal, float ridge, std::size_t columns, float* inverses);

/// product += (diagonal + ridge) p. \return <p, product>
double add_diagonal(const float* diagonal, float ridge, const float* p, std::size_t columns, float* product);

/// x += step * p, residual -= step * product. \return <residual, inverses residual>
double axpy(float step, const float* p, const float* product, const float* inverses, std::size_t columns, float* x, float* residual);

/// p = inverses residual + keep * p.
void xpby(const float* residual, const float* inverses, float keep, std::size_t columns, float* p);

/// \}

}  // namespace lowrank
