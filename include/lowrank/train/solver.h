#pragma once

#include <cstdint>

namespace [[gnu::visibility("default")]] lowrank {

/// How an alternating method solves a row's least-squares problem.
enum class Solver : std::uint8_t {
  exact,     ///< to the minimum
  cg,        ///< some steps of conjugate gradients from the last epoch's row
  subspace,  ///< one sweep over blocks of coordinates, each to its minimum
};

}  // namespace lowrank
