#include "train/training_error.h"

#include <cmath>

#include "model/score_users.h"

namespace lowrank {

double training_rmse(const Model& model, const Ratings& ratings, Workers& workers) {
  const double total = workers.sum_rows(ratings.user_count(), [&](std::size_t first, std::size_t last, int) {
    double sum = 0;
    score_users(model, ratings, first, last, [&](std::uint32_t /*user*/, std::size_t position, double prediction) {
      const double error = static_cast<double>(ratings.value(position)) - prediction;
      sum += error * error;
    });
    return sum;
  });
  return std::sqrt(total / static_cast<double>(ratings.size()));
}

}  // namespace lowrank
