#include "kernels/divergence.h"

#include <cmath>

namespace lowrank {

double update_divergence(const double* up, const double* down, double l2, std::size_t rank, double* x) {
  double change = 0;
  for (std::size_t k = 0; k < rank; ++k) {
    // The root of l2 x^2 + down x = x_old up, without cancellation.
    const double lifted = x[k] * up[k];
    const double sum = down[k] + std::sqrt(down[k] * down[k] + 4 * l2 * lifted);
    const double next = sum > 0 ? 2 * lifted / sum : 0;
    change = std::max(change, std::abs(next - x[k]));
    x[k] = next;
  }
  return change;
}

}  // namespace lowrank
