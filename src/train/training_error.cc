#include "train/training_error.h"

#include <cmath>
#include <optional>

#include "model/score_users.h"
#include "train/row_weights.h"

namespace lowrank {

double training_rmse(const Model& model, const Ratings& ratings, Workers& workers, const Situations* situations) {
  const std::optional<Neighbours> by_item = neighbours_by_item(model, ratings.size());
  const ContextScores contexts(model, ratings.times(), situations);
  const auto sum = [&](const auto& weight) {
    return workers.sum_rows(ratings.user_count(), [&](std::size_t first, std::size_t last, int) {
      double squared = 0;
      const auto add = [&](std::uint32_t /*user*/, std::size_t position, double prediction) {
        const double error = static_cast<double>(ratings.value(position)) - prediction;
        squared += weight(position) * error * error;
      };
      score_users(model, ratings, first, last, contexts, add, by_item ? &*by_item : nullptr);
      return squared;
    });
  };
  const float* weights = ratings.weights().data();
  const double total = ratings.has_weights() ? sum([weights](std::size_t position) { return static_cast<double>(weights[position]); })
                                             : sum([](std::size_t) { return 1.0; });
  return std::sqrt(total / total_weight(ratings, workers));
}

}  // namespace lowrank
