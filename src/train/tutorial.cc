#include "lowrank/train/tutorial.h"

namespace lowrank {

double TutorialState::predict(std::size_t user, std::size_t item) const noexcept {
  double score = mean + user_biases[user] + item_biases[item];
  for (std::size_t k = 0; k < rank; ++k) score += user_factors[user * rank + k] * item_factors[item * rank + k];
  return score;
}

double tutorial_pass(const TutorialState& state, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                     std::span<const double> values, std::span<const std::uint32_t> order, const TutorialStep& step) {
  const double rate = step.rate;
  const double beta = step.beta;
  double squared = 0;
  for (const std::uint32_t n : order) {
    const std::size_t user = users[n];
    const std::size_t item = items[n];
    const double error = values[n] - state.predict(user, item);
    squared += error * error;
    if (step.biases) {
      state.user_biases[user] += rate * (error - beta * state.user_biases[user]);
      state.item_biases[item] += rate * (error - beta * state.item_biases[item]);
    }
    double* p = state.user_factors.data() + user * state.rank;
    double* q = state.item_factors.data() + item * state.rank;
    for (std::size_t k = 0; k < state.rank; ++k) p[k] += rate * (error * q[k] - beta * p[k]);
    for (std::size_t k = 0; k < state.rank; ++k) q[k] += rate * (error * p[k] - beta * q[k]);
  }
  return squared;
}

}  // namespace lowrank
