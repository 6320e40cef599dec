#include "train/sgd_retrain.h"

#include <algorithm>
#include <vector>

#include "kernels/half_step.h"
#include "train/row_weights.h"

namespace lowrank {

void solve_users(const Ratings& ratings, const LeastSquares& problem, Model& model, Workers& workers) {
  Side& users = model.users;
  const FactorMatrix& items = model.items.factors;
  // Keeps equations solvable without regularisation: less than float32 resolves.
  constexpr double kLeastRidge = 1e-9;
  std::vector<double> ridges;
  std::vector<double> bias_dampings;
  for (const double count : row_weights(ratings.row_offsets(), ratings.weights())) {
    ridges.push_back(std::max(problem.users.l2 * count + problem.users.l2_constant, kLeastRidge));
    bias_dampings.push_back(std::max(problem.users.bias * count + problem.users.bias_constant, kLeastRidge));
  }
  AlignedFloats diagonal(items.stride());
  std::fill_n(diagonal.data() + model.rank(), items.stride() - model.rank(), 1.0F);
  HalfStep step;
  step.offsets = ratings.row_offsets();
  step.others = ratings.items().data();
  step.fixed = {items.data(), items.stride()};
  step.diagonal = diagonal.data();
  step.ridges = ridges;
  step.least_ridge = kLeastRidge;
  step.valued = true;
  step.cells = [&](std::size_t /*row*/, std::size_t begin, std::size_t end, float* /*weights*/, float* values) {
    for (std::size_t at = begin; at < end; ++at) {
      const double offset = model.centre.mean + static_cast<double>(model.items.biases[ratings.items()[at]]);
      values[at - begin] = static_cast<float>(static_cast<double>(ratings.value(at)) - offset);
    }
  };
  if (ratings.has_weights()) {
    step.weighted = true;
    step.cells = [&, values_of = step.cells](std::size_t row, std::size_t begin, std::size_t end, float* weights, float* values) {
      values_of(row, begin, end, nullptr, values);
      for (std::size_t at = begin; at < end; ++at) {
        weights[at - begin] = ratings.weights()[at];
        values[at - begin] *= ratings.weights()[at];
      }
    };
  }
  if (problem.solves_bias) step.bias_dampings = bias_dampings;
  HalfSteps(model.rank(), workers).run(step, users.factors.data(), problem.solves_bias ? users.biases.data() : nullptr);
}

}  // namespace lowrank
