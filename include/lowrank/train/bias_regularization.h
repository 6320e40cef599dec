#pragma once

#include <cstdint>

namespace [[gnu::visibility("default")]] lowrank {

/// How biases are regularised.
enum class BiasRegularization : std::uint8_t {
  estimated,  ///< ratio of the variance within rows to that between them, estimated from the ratings (default)
  rating,     ///< `regularization` at every rating, as in the article (sgd)
  factors,    ///< the regularization of the factors of the same row (als)
};

}  // namespace lowrank
