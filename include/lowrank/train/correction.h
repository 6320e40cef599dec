#pragma once

/// \file
/// The correction of factors by neighbours: what methods that predict ratings may add once they are trained.

#include <cstdint>

namespace [[gnu::visibility("default")]] lowrank {

/// What the neighbours of items are found by. With power a:
enum class CorrectionSimilarity : std::uint8_t {
  pearson,   ///< max(0, shrunk Pearson correlation of what mean and biases leave of the ratings)^a (default)
  cosine,    ///< max(0, cosine of the items' factors)^a: S1 of Takacs, Pilaszy, Nemeth and Tikk, 2008
  distance,  ///< |q_i - q_j|^-2a of the items' factors, in units of their mean square: S2 of the same
};

}  // namespace lowrank
