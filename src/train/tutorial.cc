#include "train/tutorial.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// Below this no step size is worth a try.
constexpr double kLeastRate = 1e-70;
/// An error this many times that of the start is that of numbers that run away.
constexpr double kRunaway = 1e6;

std::array<std::span<double>, 4> arrays_of(const TutorialState& state) {
  return {state.user_factors, state.item_factors, state.user_biases, state.item_biases};
}

}  // namespace

double TutorialState::predict(std::size_t user, std::size_t item) const noexcept {
  double score = mean + user_biases[user] + item_biases[item];
  for (std::size_t k = 0; k < rank; ++k) score += user_factors[user * rank + k] * item_factors[item * rank + k];
  return score;
}

double tutorial_pass(const TutorialState& state, const TutorialEntries& entries, std::span<const std::uint32_t> order,
                     const TutorialStep& step) {
  const double rate = step.rate;
  const double beta = step.beta;
  double squared = 0;
  for (const std::uint32_t n : order) {
    const std::size_t user = entries.users[n];
    const std::size_t item = entries.items[n];
    const double error = entries.values[n] - state.predict(user, item);
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

double tutorial_error(const TutorialState& state, const TutorialEntries& entries) {
  double squared = 0;
  for (std::size_t n = 0; n < entries.values.size(); ++n) {
    squared += std::pow(entries.values[n] - state.predict(entries.users[n], entries.items[n]), 2);
  }
  return std::sqrt(squared);
}

TutorialProgram::TutorialProgram(const TutorialState& state, const TutorialEntries& learned, const TutorialEntries& counted,
                                 const TutorialStep& step)
    : state_(state), learned_(learned), counted_(counted), step_(step), most_(kRunaway * std::max(tutorial_error(state, counted), 1.0)) {
  for (const std::span<double> array : arrays_of(state_)) start_.insert(start_.end(), array.begin(), array.end());
}

bool TutorialProgram::finite() const {
  const auto arrays = arrays_of(state_);
  return std::all_of(arrays.begin(), arrays.end(), [](std::span<const double> array) {
    return std::all_of(array.begin(), array.end(), [](double x) { return std::isfinite(x); });
  });
}

double TutorialProgram::iterate(std::span<const std::uint32_t> order, const Cut& on_cut) {
  while (true) {
    tutorial_pass(state_, learned_, order, step_);
    const double error = tutorial_error(state_, counted_);
    if (finite() && error <= most_) return error;
    if (step_.rate < kLeastRate)
      throw TrainingError("training diverged (non-finite values) at every learning rate tried: check the ratings");
    on_cut(step_.rate, step_.rate * 0.1);
    step_.rate *= 0.1;
    auto from = start_.cbegin();
    for (const std::span<double> array : arrays_of(state_)) {
      std::copy_n(from, array.size(), array.begin());
      from += static_cast<std::ptrdiff_t>(array.size());
    }
  }
}

}  // namespace lowrank
