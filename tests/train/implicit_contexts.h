#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "lowrank/train/implicit_context.h"
#include "train/tensor.h"

namespace lowrank::testing_implicit_context {

/// random_tensor() with likes, dislikes, and no zeros.
inline Tensor feedback(const std::vector<std::uint32_t>& levels) {
  Tensor tensor = random_tensor(5, levels);
  for (TensorCell& cell : tensor.cells) {
    cell.value -= 2;
    if (std::abs(cell.value) < 0.05F) cell.value = 1;
  }
  return tensor;
}

inline constexpr std::array kForms{ContextForm::pairwise, ContextForm::cp, ContextForm::both};

/// Sets the regularization of vectors and of scales, as far as the form has them, to `by`.
inline void regularize_levels(ImplicitContext& options, double by) {
  if (options.form != ContextForm::cp) options.context_regularization = by;
  if (options.form != ContextForm::pairwise) options.scale_regularization = by;
}

/// Every form: with all defaults, with weights of all kinds, and with no weight of unobserved cells.
inline std::vector<ImplicitContext> all_options() {
  std::vector<ImplicitContext> all;
  for (const ContextForm form : kForms) {
    ImplicitContext options;
    options.form = form;
    options.rank = 3;
    regularize_levels(options, 0.1);
    options.initial_scale = 1;
    all.push_back(options);
    options.unobserved_weight = 0.3;
    options.alpha = 0.5;
    options.observed_item_exponent = -0.3;
    options.unobserved_item_exponent = 0.2;
    options.unobserved_user_exponent = 0.4;
    all.push_back(options);
    options.unobserved_weight = 0;
    options.unobserved_item_exponent = 0;
    options.unobserved_user_exponent = {};
    all.push_back(options);
  }
  return all;
}

}  // namespace lowrank::testing_implicit_context
