#pragma once

#include <cstddef>
#include <span>

namespace lowrank {

/// A rotation in the plane of rows k and k + 1: (row k, row k + 1) becomes (c row k + s row k + 1, c row k + 1 - s row k).
struct PlaneRotation {
  double c;
  double s;
};

/// Rotations in the planes of rows first and first + 1, then first + 1 and first + 2, and so on.
struct RotationSweep {
  std::size_t first;
  std::span<const PlaneRotation> rotations;
};

/// Applies sweeps, one after another, to columns [begin, end) of a matrix of rows of `ld` doubles. All three are multiples of 8; rows are
/// aligned to 64 bytes. O((end - begin) rotations)
void rotate_rows(double* matrix, std::size_t ld, std::size_t begin, std::size_t end, std::span<const RotationSweep> sweeps);

}  // namespace lowrank
